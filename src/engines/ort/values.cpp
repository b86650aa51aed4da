#include "engines/ort/values.h"

#include <cstring>
#include <utility>
#include <vector>

namespace laneway::engines_ort {
namespace {

// Visits what a value holds.
struct ToOrt {
  const ort::Environment& environment;

  Expected<ort::Value> operator()(std::monostate) const { return Error(ErrorCode::invalid_argument, "no value given"); }

  Expected<ort::Value> operator()(const TensorValue& tensor) const {
    auto* data = const_cast<std::byte*>(tensor.bytes.data());  // of an input: ONNX Runtime only reads it
    return ort::Value::borrow(environment.host_memory(), data, tensor.bytes.size(), tensor.dtype, tensor.shape);
  }

  Expected<ort::Value> operator()(const StringTensorValue& strings) const {
    return ort::Value::strings(environment.host_allocator(), strings.elements, strings.shape);
  }

  Expected<ort::Value> operator()(const SequenceValue& sequence) const {
    std::vector<ort::Value> elements;
    for (const Value& element : sequence.elements) {
      LANEWAY_TRY_ASSIGN(ort::Value made, to_ort(environment, element));
      elements.push_back(std::move(made));
    }
    return ort::Value::sequence(elements);
  }

  Expected<ort::Value> operator()(const MapValue& map) const {
    LANEWAY_TRY_ASSIGN(const ort::Value keys, to_ort(environment, *map.keys));
    LANEWAY_TRY_ASSIGN(const ort::Value values, to_ort(environment, *map.values));
    return ort::Value::map(keys, values);
  }

  Expected<ort::Value> operator()(const OptionalValue& optional) const {
    if (optional.held) return to_ort(environment, *optional.held);
    return Error(ErrorCode::unimplemented, "an optional that holds nothing: the C API of ONNX Runtime cannot take one");
  }

  Expected<ort::Value> operator()(const SparseValue& sparse) const {
    return ort::Value::sparse(environment.host_allocator(), ort::CooTensor{.dense_shape = sparse.dense_shape,
                                                                           .dtype = sparse.values.dtype,
                                                                           .values = sparse.values.bytes,
                                                                           .indices = sparse.indices});
  }
};

Expected<Value> tensor_from(const ort::Value& value) {
  LANEWAY_TRY_ASSIGN(const DType dtype, value.dtype());
  if (dtype == DType::string) {
    StringTensorValue strings;
    LANEWAY_TRY_ASSIGN(strings.shape, value.shape());
    LANEWAY_TRY_ASSIGN(strings.elements, value.string_elements());
    return Value(std::move(strings));
  }
  LANEWAY_TRY_ASSIGN(const ort::TensorView view, value.tensor());
  TensorValue tensor{.dtype = dtype, .shape = view.shape, .bytes = std::vector<std::byte>(view.bytes)};
  if (view.bytes != 0) std::memcpy(tensor.bytes.data(), view.data, view.bytes);
  return Value(std::move(tensor));
}

Expected<Value> sequence_from(const ort::Value& value) {
  SequenceValue sequence;
  LANEWAY_TRY_ASSIGN(const std::size_t count, value.child_count());
  for (std::size_t i = 0; i < count; ++i) {
    LANEWAY_TRY_ASSIGN(const ort::Value child, value.child(i));
    LANEWAY_TRY_ASSIGN(const PortKind kind, child.kind());
    LANEWAY_TRY_ASSIGN(Value element, from_ort(child, kind));
    sequence.elements.push_back(std::move(element));
  }
  return Value(std::move(sequence));
}

Expected<Value> map_from(const ort::Value& value) {
  LANEWAY_TRY_ASSIGN(const ort::Value ort_keys, value.child(0));
  LANEWAY_TRY_ASSIGN(const ort::Value ort_values, value.child(1));
  LANEWAY_TRY_ASSIGN(Value keys, tensor_from(ort_keys));
  LANEWAY_TRY_ASSIGN(Value values, tensor_from(ort_values));
  return Value(MapValue{std::make_shared<const Value>(std::move(keys)), std::make_shared<const Value>(std::move(values))});
}

Expected<Value> sparse_from(const ort::Value& value) {
  LANEWAY_TRY_ASSIGN(ort::CooTensor coo, value.coo());
  LANEWAY_TRY_ASSIGN(const std::size_t rank_elements, element_count(Shape{coo.indices.size()}));
  const std::size_t rank = coo.dense_shape.rank();
  const auto elements = static_cast<std::int64_t>(rank == 0 ? 0 : rank_elements / rank);
  return Value(SparseValue{.dense_shape = coo.dense_shape,
                           .values = {.dtype = coo.dtype, .shape = Shape{elements}, .bytes = std::move(coo.values)},
                           .indices = std::move(coo.indices)});
}

}  // namespace

Expected<ort::Value> to_ort(const ort::Environment& environment, const Value& value) {
  return std::visit(ToOrt{environment}, value.data());
}

Expected<Value> from_ort(const ort::Value& value, PortKind port) {
  if (port == PortKind::optional) {
    LANEWAY_TRY_ASSIGN(const bool full, value.holds_anything());
    if (!full) return Value(OptionalValue{});
    LANEWAY_TRY_ASSIGN(const PortKind kind, value.kind());
    LANEWAY_TRY_ASSIGN(Value held, from_ort(value, kind));
    return Value(OptionalValue{std::make_shared<const Value>(std::move(held))});
  }
  LANEWAY_TRY_ASSIGN(const PortKind kind, value.kind());
  switch (kind) {
    case PortKind::tensor: return tensor_from(value);
    case PortKind::sequence: return sequence_from(value);
    case PortKind::map: return map_from(value);
    case PortKind::sparse_tensor: return sparse_from(value);
    case PortKind::optional: break;  // what is in one has its own kind
  }
  return Error(ErrorCode::internal, "ONNX Runtime: an optional inside an optional");
}

}  // namespace laneway::engines_ort
