#pragma once
#include <onnxruntime_c_api.h>

#include <memory>

#include "laneway/core/port.h"
#include "laneway/ort/handle.h"

namespace laneway::ort {

/// The dtype and shape of a port in ONNX Runtime's terms.
Expected<Handle<OrtTensorTypeAndShapeInfo>> tensor_info(const std::shared_ptr<const Library>& library, const Port& port);

}  // namespace laneway::ort
