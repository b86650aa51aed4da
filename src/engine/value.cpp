#include "laneway/engine/value.h"

#include <utility>

namespace laneway {
namespace {

bool equal(const std::shared_ptr<const Value>& a, const std::shared_ptr<const Value>& b) {
  return a == b || (a && b && *a == *b);
}

Error wrong(const Port& port, std::string problem) {
  return Error(ErrorCode::invalid_argument, "port " + port.name + ": " + std::move(problem));
}

Expected<> check_tensor(const TensorValue& tensor, const Port& port) {
  LANEWAY_TRY_ASSIGN(const std::size_t bytes, byte_count(tensor.dtype, tensor.shape));
  if (bytes == tensor.bytes.size()) return {};
  return wrong(port, "tensor " + std::string(name(tensor.dtype)) + to_string(tensor.shape) + ": wrong length: expected " +
                         std::to_string(bytes) + " bytes, got " + std::to_string(tensor.bytes.size()));
}

Expected<> check_strings(const StringTensorValue& tensor, const Port& port) {
  LANEWAY_TRY_ASSIGN(const std::size_t elements, element_count(tensor.shape));
  if (elements == tensor.elements.size()) return {};
  return wrong(port, "strings " + to_string(tensor.shape) + ": wrong count: expected " + std::to_string(elements) + ", got " +
                         std::to_string(tensor.elements.size()));
}

Expected<> check_sparse(const SparseValue& sparse, const Port& port) {
  LANEWAY_TRY(check_tensor(sparse.values, port));
  LANEWAY_TRY_ASSIGN(const std::size_t non_zeros, element_count(sparse.values.shape));
  const std::size_t rank = sparse.dense_shape.rank();
  if (sparse.values.shape.rank() != 1 || sparse.indices.size() != non_zeros * rank) {
    return wrong(port, "sparse tensor: wrong number of indices: expected " + std::to_string(non_zeros * rank) + ", got " +
                           std::to_string(sparse.indices.size()));
  }
  for (std::size_t i = 0; i < sparse.indices.size(); ++i) {
    const std::int64_t extent = sparse.dense_shape[i % rank];
    if (sparse.indices[i] >= 0 && sparse.indices[i] < extent) continue;
    return wrong(port, "sparse tensor: index out of range: expected 0 to " + std::to_string(extent - 1) + ", got " +
                           std::to_string(sparse.indices[i]));
  }
  return {};
}

Expected<> check_map(const MapValue& map, const Port& port) {
  if (!map.keys || !map.values) return wrong(port, "map: expected keys and values, got none");
  std::size_t keys = 0;
  if (const auto* text = map.keys->get<StringTensorValue>()) {
    LANEWAY_TRY(check_strings(*text, port));
    keys = text->elements.size();
  } else if (const auto* numbers = map.keys->get<TensorValue>(); numbers && numbers->dtype == DType::i64) {
    LANEWAY_TRY(check_tensor(*numbers, port));
    keys = numbers->bytes.size() / sizeof(std::int64_t);
  } else {
    return wrong(port, "map: wrong keys: expected i64 or strings");
  }
  std::size_t values = keys;
  if (const auto* numbers = map.values->get<TensorValue>()) {
    LANEWAY_TRY(check_tensor(*numbers, port));
    LANEWAY_TRY_ASSIGN(values, element_count(numbers->shape));
  } else if (const auto* text = map.values->get<StringTensorValue>()) {
    LANEWAY_TRY(check_strings(*text, port));
    values = text->elements.size();
  }
  if (values == keys) return {};
  return wrong(port, "map: counts differ: expected " + std::to_string(keys) + " values, got " + std::to_string(values));
}

// What is inside a sequence or optional may be of any kind: the engine knows which it takes.
Expected<> check_inside(const Value& value, const Port& port, int depth) {
  constexpr int depth_max = 16;
  if (depth > depth_max)
    return wrong(port, "value: nested too deeply: expected at most " + std::to_string(depth_max) + " levels");
  if (const auto* tensor = value.get<TensorValue>()) return check_tensor(*tensor, port);
  if (const auto* text = value.get<StringTensorValue>()) return check_strings(*text, port);
  if (const auto* sparse = value.get<SparseValue>()) return check_sparse(*sparse, port);
  if (const auto* map = value.get<MapValue>()) return check_map(*map, port);
  if (const auto* optional = value.get<OptionalValue>()) {
    return optional->held ? check_inside(*optional->held, port, depth + 1) : Expected<>();
  }
  if (const auto* sequence = value.get<SequenceValue>()) {
    for (const Value& element : sequence->elements) LANEWAY_TRY(check_inside(element, port, depth + 1));
    return {};
  }
  return wrong(port, "nothing inside a sequence or optional: expected a value");
}

std::string_view kind_of(const Value& value) {
  constexpr std::string_view kinds[] = {"nothing", "tensor", "string tensor", "sequence", "map", "optional", "sparse tensor"};
  return kinds[value.data().index()];
}

bool fits(const Value& value, const Port& port) {
  switch (port.kind) {
    case PortKind::tensor: {
      if (port.dtype == DType::string) return value.get<StringTensorValue>() != nullptr;
      const auto* tensor = value.get<TensorValue>();
      return tensor && tensor->dtype == port.dtype;
    }
    case PortKind::sparse_tensor: return value.get<SparseValue>() && value.get<SparseValue>()->values.dtype == port.dtype;
    case PortKind::sequence: return value.get<SequenceValue>() != nullptr;
    case PortKind::map: return value.get<MapValue>() != nullptr;
    case PortKind::optional: return value.get<OptionalValue>() != nullptr;
  }
  return false;
}

}  // namespace

bool operator==(const Value& a, const Value& b) {
  if (a.data_.index() != b.data_.index()) return false;
  if (const auto* map = a.get<MapValue>())
    return equal(map->keys, b.get<MapValue>()->keys) && equal(map->values, b.get<MapValue>()->values);
  if (const auto* optional = a.get<OptionalValue>()) return equal(optional->held, b.get<OptionalValue>()->held);
  if (const auto* sequence = a.get<SequenceValue>()) return sequence->elements == b.get<SequenceValue>()->elements;
  if (const auto* tensor = a.get<TensorValue>()) return *tensor == *b.get<TensorValue>();
  if (const auto* text = a.get<StringTensorValue>()) return *text == *b.get<StringTensorValue>();
  if (const auto* sparse = a.get<SparseValue>()) return *sparse == *b.get<SparseValue>();
  return true;
}

Value strings(std::vector<std::string> elements) {
  const auto count = static_cast<std::int64_t>(elements.size());
  return StringTensorValue{Shape{count}, std::move(elements)};
}

Expected<> validate(const Value& value, const Port& port) {
  if (value.empty()) {
    return Error(ErrorCode::failed_precondition,
                 "port " + port.name + ": no value given (write Lane::input_value before the run)");
  }
  if (!fits(value, port)) {
    return wrong(port, "wrong kind of value: expected " + std::string(name(port.kind)) + " of " + std::string(name(port.dtype)) +
                           ", got " + std::string(kind_of(value)));
  }
  return check_inside(value, port, 0);
}

}  // namespace laneway
