#pragma once
#include <onnxruntime_c_api.h>

#include <memory>

#include "laneway/ort/attribute.h"
#include "laneway/ort/handle.h"
#include "laneway/ort/value.h"

namespace laneway::ort {

/// With the address, but of strings. Always as if on the host.
Expected<TensorView> view_of_tensor(const std::shared_ptr<const Library>& library, const OrtValue* value);
Expected<std::vector<std::string>> strings_of(const std::shared_ptr<const Library>& library, const OrtValue* value);

/// A tensor of ONNX Runtime's, on the host, as ours: over its memory, which `owner` keeps.
Expected<Tensor> to_tensor(const std::shared_ptr<const Library>& library, const OrtValue* value,
                           std::shared_ptr<const void> owner);
/// Over the tensor's memory, or a copy of it; of strings always a copy.
Expected<Handle<OrtValue>> to_native(const std::shared_ptr<const Library>& library, const Tensor& tensor, bool copied);

/// Errors: unimplemented (tensors and graphs, which the C API cannot make attributes of).
Expected<Handle<OrtOpAttr>> to_native(const std::shared_ptr<const Library>& library, const Attribute& attribute);
/// Errors: unimplemented (a graph: those are read from nodes).
Expected<Attribute> to_attribute(const std::shared_ptr<const Library>& library, const OrtOpAttr* attribute);

}  // namespace laneway::ort
