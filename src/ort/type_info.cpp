#include "ort/type_info.h"

#include <utility>
#include <vector>

#include "laneway/ort/session.h"
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

// `described`: a Type or a Port.
template <class Described>
Expected<> describe_tensor(const Library& library, const OrtTensorTypeAndShapeInfo& tensor, Described& described) {
  ONNXTensorElementDataType dtype{};
  std::size_t rank = 0;
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(GetTensorElementType), &tensor, &dtype));
  LANEWAY_TRY_ASSIGN(described.dtype, from_native(dtype));
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(GetDimensionsCount), &tensor, &rank));
  described.rank_known = rank_known(library, tensor, rank);
  if (rank == 0) return {};
  std::vector<std::int64_t> extents(rank);
  std::vector<const char*> symbols(rank);
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(GetDimensions), &tensor, extents.data(), rank));
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(GetSymbolicDimensions), &tensor, symbols.data(), rank));
  for (std::size_t axis = 0; axis < rank; ++axis) {
    Dimension dimension;
    if (extents[axis] >= 0) {
      dimension.extent = extents[axis];
    } else if (symbols[axis]) {
      dimension.symbol = symbols[axis];  // "" where it has no name
    }
    described.shape.push_back(std::move(dimension));
  }
  return {};
}

Expected<> read_tensor_type(const Library& library, const OrtTypeInfo& info, Type& type) {
  const OrtTensorTypeAndShapeInfo* tensor = nullptr;
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(CastTypeInfoToTensorInfo), &info, &tensor));
  return describe_tensor(library, *tensor, type);
}

Expected<> read_held(const std::shared_ptr<const Library>& library, const OrtTypeInfo& held, Type& type) {
  LANEWAY_TRY_ASSIGN(Type inner, type_of(library, held));
  type.held.push_back(std::move(inner));
  return {};
}

using TypeInfo = Handle<OrtTypeInfo>;

Expected<> read_sequence(const std::shared_ptr<const Library>& library, const OrtTypeInfo& info, Type& type) {
  const OrtSequenceTypeInfo* sequence = nullptr;
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(CastTypeInfoToSequenceTypeInfo), &info, &sequence));
  LANEWAY_TRY_ASSIGN(const TypeInfo held, make<OrtTypeInfo>(library, LANEWAY_ORT_FN(GetSequenceElementType), sequence));
  return read_held(library, *held, type);
}

Expected<> read_map(const std::shared_ptr<const Library>& library, const OrtTypeInfo& info, Type& type) {
  const OrtMapTypeInfo* map = nullptr;
  ONNXTensorElementDataType key{};
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(CastTypeInfoToMapTypeInfo), &info, &map));
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(GetMapKeyType), map, &key));
  LANEWAY_TRY_ASSIGN(type.key, from_native(key));
  LANEWAY_TRY_ASSIGN(const TypeInfo held, make<OrtTypeInfo>(library, LANEWAY_ORT_FN(GetMapValueType), map));
  return read_held(library, *held, type);
}

Expected<> read_optional(const std::shared_ptr<const Library>& library, const OrtTypeInfo& info, Type& type) {
  const OrtOptionalTypeInfo* optional = nullptr;
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(CastTypeInfoToOptionalTypeInfo), &info, &optional));
  LANEWAY_TRY_ASSIGN(const TypeInfo held, make<OrtTypeInfo>(library, LANEWAY_ORT_FN(GetOptionalContainedTypeInfo), optional));
  return read_held(library, *held, type);
}

template <class Find>
Expected<Type> type_of_port(const Session& session, const Entry<Find>& function, std::size_t position) {
  LANEWAY_TRY_ASSIGN(const TypeInfo info, make<OrtTypeInfo>(session.library(), function, session.native(), position));
  return type_of(session.library(), *info);
}

Error no_port(std::string_view direction, std::size_t position, std::size_t count) {
  return Error(ErrorCode::out_of_range,
               std::string(direction) + " " + std::to_string(position) + ": expected one below " + std::to_string(count));
}

}  // namespace

Expected<Type> type_of(const std::shared_ptr<const Library>& library, const OrtTypeInfo& info) {
  ONNXType kind{};
  const char* denotation = nullptr;
  std::size_t length = 0;
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(GetOnnxTypeFromTypeInfo), &info, &kind));
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(GetDenotationFromTypeInfo), &info, &denotation, &length));
  LANEWAY_TRY_ASSIGN(const PortKind known, kind_of(kind));
  Type type{.kind = known, .denotation = std::string(denotation ? denotation : "", length)};
  switch (known) {
    case PortKind::tensor:
    case PortKind::sparse_tensor: LANEWAY_TRY(read_tensor_type(*library, info, type)); break;
    case PortKind::sequence: LANEWAY_TRY(read_sequence(library, info, type)); break;
    case PortKind::map: LANEWAY_TRY(read_map(library, info, type)); break;
    case PortKind::optional: LANEWAY_TRY(read_optional(library, info, type)); break;
  }
  return type;
}

Expected<PortKind> kind_of(ONNXType type) {
  switch (type) {
    case ONNX_TYPE_TENSOR: return PortKind::tensor;
    case ONNX_TYPE_SEQUENCE: return PortKind::sequence;
    case ONNX_TYPE_MAP: return PortKind::map;
    case ONNX_TYPE_SPARSETENSOR: return PortKind::sparse_tensor;
    case ONNX_TYPE_OPTIONAL: return PortKind::optional;
    default: break;
  }
  return Error(ErrorCode::unimplemented, "type: expected tensor, sequence, map, optional or sparse, got ONNX Runtime's number " +
                                             std::to_string(static_cast<int>(type)));
}

std::string to_string(const Type& type) {
  const std::string held = type.held.empty() ? std::string(name(type.dtype)) : to_string(type.held.front());
  const std::string key = type.kind == PortKind::map ? std::string(name(type.key)) + ", " : "";
  return std::string(name(type.kind)) + "(" + key + held + ")";
}

Expected<Type> input_type(const Session& session, std::size_t input) {
  std::size_t required = 0;
  if (input >= session.inputs().size()) return no_port("input", input, session.inputs().size());
  LANEWAY_TRY(call(*session.library(), LANEWAY_ORT_FN(SessionGetInputCount), session.native(), &required));
  if (input < required) return type_of_port(session, LANEWAY_ORT_FN(SessionGetInputTypeInfo), input);
  return type_of_port(session, LANEWAY_ORT_FN(SessionGetOverridableInitializerTypeInfo), input - required);
}

Expected<Type> output_type(const Session& session, std::size_t output) {
  if (output >= session.outputs().size()) return no_port("output", output, session.outputs().size());
  return type_of_port(session, LANEWAY_ORT_FN(SessionGetOutputTypeInfo), output);
}

Expected<> read_tensor(const Library& library, const OrtTensorTypeAndShapeInfo& info, Port& port) {
  return describe_tensor(library, info, port);
}

Expected<Port> port_of(const std::shared_ptr<const Library>& library, std::string name, const OrtTypeInfo& info) {
  auto type = type_of(library, info);
  if (!type) return std::move(type).error().with_context("port " + name);
  Port port{.name = std::move(name), .kind = type->kind};
  const bool plain = type->held.empty();
  const Type& inner = plain ? *type : type->held.front();
  const bool is_tensor = inner.held.empty();
  if (is_tensor) port.dtype = inner.dtype;
  port.rank_known = is_tensor && (plain || port.kind == PortKind::optional) && inner.rank_known;
  if (port.rank_known) port.shape = inner.shape;
  return port;
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
