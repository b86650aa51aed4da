#pragma once
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "laneway/core/float_state.h"
#include "laneway/ort/run.h"
#include "ort/call.h"
#include "ort/handle.h"

/// What all ways to run a session share.
namespace laneway::ort {

inline Expected<> check_options(const RunOptions& options) {
  if (options.native()) return {};
  return Error(ErrorCode::invalid_argument, "run options: moved away: expected some that were not");
}

/// RunWithBinding and RunAsync compute without them, and succeed.
inline Expected<> check_no_adapters(const RunOptions& options) {
  if (options.adapters().empty()) return {};
  return Error(ErrorCode::unimplemented, "run options: adapters: expected none, got " +
                                             std::to_string(options.adapters().size()) +
                                             " (ONNX Runtime applies them in run() and in PreparedRun only)");
}

/// Why a run failed: what the caller asked for comes first. Takes the status.
inline Error run_failed(const Library& library, OrtStatus* status, const RunOptions& options) noexcept {
  if (!options.terminated()) return to_error(library, status);
  release(library, status);
  return Error::cancelled();
}

/// Each port once, each value of its port's kind, an output or more.
Expected<> check_ports(const Session& session, std::span<const RunInput> inputs, std::span<const RunOutput> outputs);
/// Errors: failed_precondition, where `given` says false for a required input.
Expected<> check_required(const Session& session, const std::function<bool(std::size_t input)>& given);
Expected<> check_required(const Session& session, std::span<const RunInput> inputs);

/// Who makes values of what a run leaves.
struct Runner {
  static Value value(const Session& session, OrtValue* native) noexcept {
    return Value(Handle<OrtValue>(native, Release<OrtValue>{session.library()}), session.shared_from_this());
  }
};

}  // namespace laneway::ort
