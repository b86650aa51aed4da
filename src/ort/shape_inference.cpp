#include "laneway/ort/shape_inference.h"

#include <atomic>

#include "ort/attribute.h"
#include "ort/call.h"
#include "ort/native_type.h"
#include "ort/text.h"
#include "ort/type_info.h"

namespace laneway::ort {

Expected<std::size_t> ShapeInference::input_count() const {
  std::size_t count = 0;
  LANEWAY_TRY(call(*library_, LANEWAY_ORT_FN(ShapeInferContext_GetInputCount), native_, &count));
  return count;
}

Expected<Port> ShapeInference::input(std::size_t index) const {
  LANEWAY_TRY_ASSIGN(const std::size_t count, input_count());
  if (index >= count) {
    return Error(ErrorCode::out_of_range,
                 "input " + std::to_string(index) + ": expected an index below " + std::to_string(count));
  }
  OrtTensorTypeAndShapeInfo* info = nullptr;  // the context's
  LANEWAY_TRY(call(*library_, LANEWAY_ORT_FN(ShapeInferContext_GetInputTypeShape), native_, index, &info));
  Port port;
  LANEWAY_TRY(read_tensor(*library_, *info, port));
  return port;
}

Expected<Attribute> ShapeInference::attribute(const std::string& name) const {
  LANEWAY_TRY(no_nul("attribute", name));
  const OrtOpAttr* attribute = nullptr;
  const auto found = call(*library_, LANEWAY_ORT_FN(ShapeInferContext_GetAttribute), native_, name.c_str(), &attribute);
  if (!found) {  // for whatever reason: ONNX Runtime has one code for all of them
    return Error(ErrorCode::not_found,
                 "attribute " + name + ": the node has none of that name (" + std::string(found.error().message()) + ")");
  }
  return to_attribute(library_, attribute);
}

Expected<> ShapeInference::set_output(std::size_t index, const std::vector<Dimension>& shape) const {
  // ONNX Runtime knows an unknown dimension by a name of its own alone.
  static std::atomic<std::uint64_t> unknown{0};
  Port port{.name = {}, .shape = shape};
  for (Dimension& dimension : port.shape) {
    if (!dimension.extent && dimension.symbol.empty()) {
      dimension.symbol = "laneway_unknown_" + std::to_string(unknown.fetch_add(1, std::memory_order_relaxed));
    }
  }
  LANEWAY_TRY_ASSIGN(const auto info, tensor_info(library_, port));
  const OrtTensorTypeAndShapeInfo* const native = info.get();
  return call(*library_, LANEWAY_ORT_FN(ShapeInferContext_SetOutputTypeShape), native_, index, native);
}

}  // namespace laneway::ort
