#pragma once
#include <onnxruntime_c_api.h>

#include "laneway/core/error.h"
#include "laneway/ort/library.h"

namespace laneway::ort {

/// The one place where a status of ONNX Runtime becomes an Error. Takes the status, which is none of success.
Error to_error(const Library& library, OrtStatus* status) noexcept;

}  // namespace laneway::ort
