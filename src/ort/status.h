#pragma once
#include <onnxruntime_c_api.h>

#include "laneway/core/expected.h"
#include "laneway/ort/library.h"

namespace laneway::ort {

/// The one place where a status of ONNX Runtime becomes an Error. Takes the status, which is none of success.
Error to_error(const Library& library, OrtStatus* status) noexcept;

/// The inverse, for what ONNX Runtime calls: null for success, else a status that becomes ONNX Runtime's.
OrtStatus* to_status(const OrtApi& api, const Expected<>& result) noexcept;

}  // namespace laneway::ort
