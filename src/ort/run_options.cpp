#include "laneway/ort/run_options.h"

#include <utility>

#include "laneway/ort/lora.h"
#include "laneway/ort/stream.h"
#include "ort/call.h"
#include "ort/handle.h"
#include "ort/key_values.h"
#include "ort/text.h"

namespace laneway::ort {
namespace {

// What ONNX Runtime has where nobody set one.
constexpr int no_severity = -1;

// Neither of the two calls this serves can fail in a library there is; a status must be given back all the same.
bool succeeded(const Library& library, OrtStatus* status) noexcept {
  if (status) release(library, status);
  return !status;
}

}  // namespace

Expected<RunOptions> RunOptions::make(const std::shared_ptr<const Library>& library, const RunSpec& spec) {
  LANEWAY_TRY(no_nul("tag", spec.tag));
  LANEWAY_TRY(validate_key_values("config", spec.config));
  LANEWAY_TRY_ASSIGN(auto handle, ort::make<OrtRunOptions>(library, LANEWAY_ORT_FN(CreateRunOptions)));
  if (!spec.tag.empty()) LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(RunOptionsSetRunTag), handle.get(), spec.tag.c_str()));
  if (spec.log_severity) {
    const int severity = static_cast<int>(*spec.log_severity);
    LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(RunOptionsSetRunLogSeverityLevel), handle.get(), severity));
  }
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(RunOptionsSetRunLogVerbosityLevel), handle.get(), spec.log_verbosity));
  RunOptions options(std::move(handle));
  for (const auto& [key, value] : spec.config) LANEWAY_TRY(options.set_config(key, value));
  if (!spec.synchronise) LANEWAY_TRY(options.set_config("disable_synchronize_execution_providers", "1"));
  return options;
}

RunOptions::RunOptions(RunOptions&& other) noexcept
    : kept_(std::move(other.kept_)), handle_(std::move(other.handle_)), terminated_(other.terminated()) {}

RunOptions& RunOptions::operator=(RunOptions&& other) noexcept {
  handle_ = std::move(other.handle_);
  kept_ = std::move(other.kept_);
  terminated_.store(other.terminated(), std::memory_order_release);
  return *this;
}

RunOptions::Kept& RunOptions::kept() {
  if (!kept_) kept_ = std::make_unique<Kept>();
  return *kept_;
}

Expected<> RunOptions::present() const {
  if (handle_) return {};
  return Error(ErrorCode::invalid_argument, "run options: moved away: expected some that were not");
}

Expected<RunSpec> RunOptions::spec() const {
  LANEWAY_TRY(present());
  const OrtRunOptions* const native = handle_.get();
  RunSpec spec;
  const char* tag = nullptr;
  int severity = no_severity;
  LANEWAY_TRY(call(library(), LANEWAY_ORT_FN(RunOptionsGetRunTag), native, &tag));
  LANEWAY_TRY(call(library(), LANEWAY_ORT_FN(RunOptionsGetRunLogSeverityLevel), native, &severity));
  LANEWAY_TRY(call(library(), LANEWAY_ORT_FN(RunOptionsGetRunLogVerbosityLevel), native, &spec.log_verbosity));
  LANEWAY_TRY_ASSIGN(const auto unsynchronised, config("disable_synchronize_execution_providers"));
  spec.tag = tag ? tag : "";
  if (severity != no_severity) spec.log_severity = static_cast<Severity>(severity);
  spec.synchronise = unsynchronised != "1";
  return spec;
}

Expected<std::optional<std::string>> RunOptions::config(std::string_view key) const {
  LANEWAY_TRY(present());
  LANEWAY_TRY(no_nul("config", key));
  const std::string text(key);
  const OrtRunOptions* const native = handle_.get();
  LANEWAY_TRY_ASSIGN(const char* const value,
                     call<const char*>(library(), LANEWAY_ORT_FN(GetRunConfigEntry), native, text.c_str()));
  return value ? std::optional<std::string>(value) : std::nullopt;
}

Expected<> RunOptions::set_config(const std::string& key, const std::string& value) {
  LANEWAY_TRY(present());
  LANEWAY_TRY(validate_key_values("config", {{key, value}}));
  return call(library(), LANEWAY_ORT_FN(AddRunConfigEntry), native(), key.c_str(), value.c_str());
}

void RunOptions::terminate() noexcept {
  if (!handle_) return;
  terminated_.store(true, std::memory_order_release);
  static_cast<void>(succeeded(library(), library().api()->RunOptionsSetTerminate(native())));
}

void RunOptions::resume() noexcept {
  if (!handle_) return;
  if (succeeded(library(), library().api()->RunOptionsUnsetTerminate(native()))) terminated_.store(false, std::memory_order_release);
}

Expected<> RunOptions::enable_profiling(const std::filesystem::path& prefix) {
  LANEWAY_TRY(present());
  LANEWAY_TRY(no_nul("profile prefix", prefix.native()));
  return call(library(), LANEWAY_ORT_FN(RunOptionsEnableProfiling), native(), prefix.c_str());
}

Expected<> RunOptions::disable_profiling() {
  LANEWAY_TRY(present());
  return call(library(), LANEWAY_ORT_FN(RunOptionsDisableProfiling), native());
}

Expected<> RunOptions::add_adapter(std::shared_ptr<const LoraAdapter> adapter) {
  LANEWAY_TRY(present());
  if (!adapter) return Error(ErrorCode::invalid_argument, "run options: adapter: null: expected one");
  const OrtLoraAdapter* const native_adapter = adapter->native();
  kept().adapters.push_back(std::move(adapter));
  return call(library(), LANEWAY_ORT_FN(RunOptionsAddActiveLoraAdapter), native(), native_adapter);
}

Expected<> RunOptions::use_stream(std::shared_ptr<const Stream> stream) {
  LANEWAY_TRY(present());
  LANEWAY_TRY(call(library(), LANEWAY_ORT_FN(RunOptionsSetSyncStream), native(), stream ? stream->native() : nullptr));
  kept().stream = std::move(stream);
  return {};
}

}  // namespace laneway::ort
