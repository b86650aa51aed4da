#pragma once
#include <onnxruntime_c_api.h>

#include <memory>
#include <optional>
#include <vector>

#include "laneway/ort/session.h"
#include "ort/attach.h"
#include "ort/workers.h"

namespace laneway::ort {

/// What is wrong with a spec that can be seen without opening anything. Errors: see Session::open().
Expected<> validate(const SessionSpec& spec);

/// What a native session, or the opening of one, uses without owning it. It stays where it is.
struct UsedBySession {
  UsedBySession(const SessionSpec& spec, const std::shared_ptr<const Environment>& environment);

  /// An error of the caller's own functions, which says more than what ONNX Runtime made of it.
  std::optional<Error> failure() const;

  std::vector<std::shared_ptr<const OperatorDomain>> operators;
  std::shared_ptr<const void> model_owner;
  std::vector<Initializer> initializers;
  std::shared_ptr<PrepackedWeights> prepacked;
  std::vector<std::shared_ptr<const SharedAllocator>> allocators;
  std::vector<Device> devices;
  std::optional<Chooser> chooser;
  LogSink log_sink;
  Workers workers;
};

/// The spec as ONNX Runtime's options, which refer to `used`.
Expected<Handle<OrtSessionOptions>> make_options(const std::shared_ptr<const Environment>& environment, const SessionSpec& spec,
                                                 UsedBySession& used);

}  // namespace laneway::ort
