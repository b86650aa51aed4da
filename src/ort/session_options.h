#pragma once
#include <onnxruntime_c_api.h>

#include <memory>

#include "laneway/ort/session.h"
#include "ort/workers.h"

namespace laneway::ort {

/// What is wrong with a spec that can be seen without opening anything. Errors: see Session::open().
Expected<> validate(const SessionSpec& spec);

/// The spec as ONNX Runtime's options. `workers` make the session's threads and must outlive it.
Expected<Handle<OrtSessionOptions>> make_options(const std::shared_ptr<const Library>& library, const SessionSpec& spec,
                                                 Workers& workers);

}  // namespace laneway::ort
