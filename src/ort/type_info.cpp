#include "ort/type_info.h"

#include <utility>
#include <vector>

#include "ort/call.h"
#include "ort/dtype.h"

namespace laneway::ort {
namespace {

// A library before level 24 shows a scalar and a tensor of any rank alike: then nothing is claimed.
bool rank_known(const Library& library, const OrtTensorTypeAndShapeInfo& info, std::size_t rank) {
  if (rank != 0) return true;
  const auto known = call<bool>(library, LANEWAY_ORT_FN(TensorTypeAndShape_HasShape), &info);
  return known && *known;
}

using TypeInfo = Handle<OrtTypeInfo>;

// Of a sequence or a map: what it holds, where that is a tensor.
Expected<> read_held(const std::shared_ptr<const Library>& library, const OrtTypeInfo& held, Port& port) {
  const OrtTensorTypeAndShapeInfo* tensor = nullptr;
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(CastTypeInfoToTensorInfo), &held, &tensor));
  port.rank_known = false;
  if (!tensor) return {};
  ONNXTensorElementDataType type{};
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(GetTensorElementType), tensor, &type));
  LANEWAY_TRY_ASSIGN(port.dtype, from_native(type));
  return {};
}

Expected<> read_sequence(const std::shared_ptr<const Library>& library, const OrtTypeInfo& type, Port& port) {
  port.kind = PortKind::sequence;
  const OrtSequenceTypeInfo* sequence = nullptr;
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(CastTypeInfoToSequenceTypeInfo), &type, &sequence));
  LANEWAY_TRY_ASSIGN(const TypeInfo held, make<OrtTypeInfo>(library, LANEWAY_ORT_FN(GetSequenceElementType), sequence));
  return read_held(library, *held, port);
}

Expected<> read_map(const std::shared_ptr<const Library>& library, const OrtTypeInfo& type, Port& port) {
  port.kind = PortKind::map;
  const OrtMapTypeInfo* map = nullptr;
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(CastTypeInfoToMapTypeInfo), &type, &map));
  LANEWAY_TRY_ASSIGN(const TypeInfo held, make<OrtTypeInfo>(library, LANEWAY_ORT_FN(GetMapValueType), map));
  return read_held(library, *held, port);
}

Expected<> read_optional(const std::shared_ptr<const Library>& library, const OrtTypeInfo& type, Port& port) {
  port.kind = PortKind::optional;
  const OrtOptionalTypeInfo* optional = nullptr;
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(CastTypeInfoToOptionalTypeInfo), &type, &optional));
  LANEWAY_TRY_ASSIGN(const TypeInfo held, make<OrtTypeInfo>(library, LANEWAY_ORT_FN(GetOptionalContainedTypeInfo), optional));
  const OrtTensorTypeAndShapeInfo* tensor = nullptr;
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(CastTypeInfoToTensorInfo), held.get(), &tensor));
  if (tensor) return read_tensor(*library, *tensor, port);
  port.rank_known = false;
  return {};
}

}  // namespace

Expected<> read_tensor(const Library& library, const OrtTensorTypeAndShapeInfo& info, Port& port) {
  ONNXTensorElementDataType type{};
  std::size_t rank = 0;
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(GetTensorElementType), &info, &type));
  LANEWAY_TRY_ASSIGN(port.dtype, from_native(type));
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(GetDimensionsCount), &info, &rank));
  port.rank_known = rank_known(library, info, rank);
  if (rank == 0) return {};
  std::vector<std::int64_t> extents(rank);
  std::vector<const char*> symbols(rank);
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(GetDimensions), &info, extents.data(), rank));
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(GetSymbolicDimensions), &info, symbols.data(), rank));
  for (std::size_t axis = 0; axis < rank; ++axis) {
    Dimension dimension;
    if (extents[axis] >= 0) {
      dimension.extent = extents[axis];
    } else if (symbols[axis]) {
      dimension.symbol = symbols[axis];  // "" where it has no name
    }
    port.shape.push_back(std::move(dimension));
  }
  return {};
}

Expected<Port> port_of(const std::shared_ptr<const Library>& library, std::string name, const OrtTypeInfo& type) {
  Port port{.name = std::move(name)};
  ONNXType kind{};
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(GetOnnxTypeFromTypeInfo), &type, &kind));
  switch (kind) {
    case ONNX_TYPE_TENSOR:
    case ONNX_TYPE_SPARSETENSOR: {
      port.kind = kind == ONNX_TYPE_TENSOR ? PortKind::tensor : PortKind::sparse_tensor;
      const OrtTensorTypeAndShapeInfo* tensor = nullptr;
      LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(CastTypeInfoToTensorInfo), &type, &tensor));
      LANEWAY_TRY(read_tensor(*library, *tensor, port));
      return port;
    }
    case ONNX_TYPE_SEQUENCE: LANEWAY_TRY(read_sequence(library, type, port)); return port;
    case ONNX_TYPE_MAP: LANEWAY_TRY(read_map(library, type, port)); return port;
    case ONNX_TYPE_OPTIONAL: LANEWAY_TRY(read_optional(library, type, port)); return port;
    default: break;
  }
  return Error(ErrorCode::unimplemented,
               "port " + port.name + ": type: expected tensor, sequence, map, optional or sparse, got ONNX Runtime's number " +
                   std::to_string(static_cast<int>(kind)));
}

Expected<ElementsAndShape> elements_and_shape(const Library& library, const OrtTensorTypeAndShapeInfo& info) {
  ONNXTensorElementDataType type{};
  std::size_t rank = 0;
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(GetTensorElementType), &info, &type));
  LANEWAY_TRY_ASSIGN(const DType dtype, from_native(type));
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(GetDimensionsCount), &info, &rank));
  std::vector<std::int64_t> extents(rank);
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(GetDimensions), &info, extents.data(), rank));
  LANEWAY_TRY_ASSIGN(const Shape shape, Shape::of(extents));
  return ElementsAndShape{dtype, shape};
}

Expected<ElementsAndShape> tensor_type(const std::shared_ptr<const Library>& library, const OrtValue* value) {
  constexpr int level_of_reference = 24;
  if (library->level() < level_of_reference) {
    LANEWAY_TRY_ASSIGN(const auto info, make<OrtTensorTypeAndShapeInfo>(library, LANEWAY_ORT_FN(GetTensorTypeAndShape), value));
    return elements_and_shape(*library, *info);
  }
  ONNXTensorElementDataType type{};
  const std::int64_t* extents = nullptr;
  std::size_t rank = 0;
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(GetTensorElementTypeAndShapeDataReference), value, &type, &extents, &rank));
  LANEWAY_TRY_ASSIGN(const DType dtype, from_native(type));
  LANEWAY_TRY_ASSIGN(const Shape shape, Shape::of({extents, rank}));
  return ElementsAndShape{dtype, shape};
}

}  // namespace laneway::ort
