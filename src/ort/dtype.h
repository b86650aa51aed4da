#pragma once
#include <onnxruntime_c_api.h>

#include "laneway/core/dtype.h"
#include "laneway/core/expected.h"

namespace laneway::ort {

ONNXTensorElementDataType to_native(DType dtype) noexcept;
/// Errors: unimplemented (one that came after this build).
Expected<DType> from_native(ONNXTensorElementDataType type);

}  // namespace laneway::ort
