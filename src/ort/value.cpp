#include "laneway/ort/value.h"

#include <utility>

#include "ort/call.h"
#include "ort/dtype.h"
#include "ort/text.h"
#include "ort/type_info.h"

namespace laneway::ort {
namespace {

Error wrong_kind(std::string_view expected, std::string_view got) {
  return Error(ErrorCode::invalid_argument, "value: kind: expected " + std::string(expected) + ", got " + std::string(got));
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
  return Error(ErrorCode::unimplemented,
               "value: kind: expected one this build knows, got ONNX Runtime's number " + std::to_string(static_cast<int>(type)));
}

Expected<> read_placement(const Library& library, const OrtValue* value, TensorView& view) {
  const OrtMemoryInfo* memory = nullptr;
  OrtMemoryInfoDeviceType device{};
  OrtMemType type{};
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(GetTensorMemoryInfo), value, &memory));
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(MemoryInfoGetDeviceType), memory, &device));
  if (device == OrtMemoryInfoDeviceType_CPU) return {};
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(MemoryInfoGetMemType), memory, &type));
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(MemoryInfoGetId), memory, &view.device));
  view.placement = type == OrtMemTypeDefault ? Placement::device : Placement::pinned_host;
  return {};
}

Expected<> check_alike(const Value& first, const Value& other) {
  LANEWAY_TRY_ASSIGN(const PortKind expected, first.kind());
  LANEWAY_TRY_ASSIGN(const PortKind got, other.kind());
  if (expected != got) return wrong_kind(std::string(name(expected)) + " as in the first element", name(got));
  if (expected != PortKind::tensor) return {};
  LANEWAY_TRY_ASSIGN(const DType expected_dtype, first.dtype());
  LANEWAY_TRY_ASSIGN(const DType got_dtype, other.dtype());
  if (expected_dtype == got_dtype) return {};
  return Error(ErrorCode::invalid_argument, "value: sequence: dtype: expected " + std::string(name(expected_dtype)) +
                                                " as in the first element, got " + std::string(name(got_dtype)));
}

// Row by row, as long as the whole: [non-zeros, rank] as the C API wants them, which knows two ranks only and counts the
// elements of others from 0.
Expected<std::vector<std::int64_t>> to_native_indices(const CooTensor& tensor) {
  const std::size_t rank = tensor.dense_shape.rank();
  std::vector<std::int64_t> linear;
  for (std::size_t i = 0; i < tensor.indices.size(); i += rank) {
    std::int64_t position = 0;
    for (std::size_t axis = 0; axis < rank; ++axis) {
      const std::int64_t index = tensor.indices[i + axis];
      if (index < 0 || index >= tensor.dense_shape[axis]) {
        return Error(ErrorCode::invalid_argument, "value: sparse: index out of range: expected 0 to " +
                                                      std::to_string(tensor.dense_shape[axis] - 1) + " for axis " +
                                                      std::to_string(axis) + ", got " + std::to_string(index));
      }
      position = position * tensor.dense_shape[axis] + index;
    }
    linear.push_back(position);
  }
  return rank == 2 ? tensor.indices : linear;
}

// The inverse. ONNX Runtime's own values may have either form, whatever their rank.
std::vector<std::int64_t> from_native_indices(std::span<const std::int64_t> indices, std::size_t elements,
                                              const Shape& dense_shape) {
  const std::size_t rank = dense_shape.rank();
  if (indices.size() == elements * rank) return {indices.begin(), indices.end()};
  std::vector<std::int64_t> rows(elements * rank);
  for (std::size_t i = 0; i < elements; ++i) {
    std::int64_t position = indices[i];
    for (std::size_t axis = rank; axis-- > 0;) {
      rows[i * rank + axis] = position % dense_shape[axis];
      position /= dense_shape[axis];
    }
  }
  return rows;
}

Expected<> check_coo(const CooTensor& tensor) {
  LANEWAY_TRY(element_count(tensor.dense_shape));
  const std::size_t rank = tensor.dense_shape.rank();
  if (rank == 0 || tensor.indices.size() % rank != 0) {
    return Error(ErrorCode::invalid_argument, "value: sparse: expected indices [elements, " + std::to_string(rank) + "], got " +
                                                  std::to_string(tensor.indices.size()) + " numbers");
  }
  LANEWAY_TRY_ASSIGN(const std::size_t bytes, byte_count(tensor.dtype, Shape{tensor.indices.size() / rank}));
  if (tensor.values.size() == bytes) return {};
  return Error(ErrorCode::invalid_argument, "value: sparse: values: expected " + std::to_string(bytes) + " bytes, got " +
                                                std::to_string(tensor.values.size()));
}

}  // namespace

// ---- making ---------------------------------------------------------------------------------------------------------------

Expected<Value> Value::borrow(const MemoryInfo& where, void* data, std::size_t bytes, DType dtype, const Shape& shape) {
  LANEWAY_TRY_ASSIGN(const std::size_t needed, byte_count(dtype, shape));
  if (bytes < needed || (!data && needed != 0)) {
    return Error(ErrorCode::invalid_argument, "value: memory too small for " + std::string(name(dtype)) + " " + to_string(shape) +
                                                  ": expected " + std::to_string(needed) + " bytes, got " +
                                                  std::to_string(data ? bytes : 0));
  }
  const std::span extents = shape.extents();
  LANEWAY_TRY_ASSIGN(auto handle, make<OrtValue>(where.library(), LANEWAY_ORT_FN(CreateTensorWithDataAsOrtValue), where.native(),
                                                 data, needed, extents.data(), extents.size(), to_native(dtype)));
  return Value(std::move(handle));
}

Expected<Value> Value::allocate(const Allocator& allocator, DType dtype, const Shape& shape) {
  if (is_numeric(dtype)) LANEWAY_TRY(byte_count(dtype, shape));
  LANEWAY_TRY(element_count(shape));
  const std::span extents = shape.extents();
  LANEWAY_TRY_ASSIGN(auto handle, make<OrtValue>(allocator.library(), LANEWAY_ORT_FN(CreateTensorAsOrtValue), allocator.native(),
                                                 extents.data(), extents.size(), to_native(dtype)));
  return Value(std::move(handle), allocator.native_);
}

Expected<Value> Value::strings(const Allocator& allocator, std::span<const std::string> elements, const Shape& shape) {
  LANEWAY_TRY_ASSIGN(const std::size_t count, element_count(shape));
  if (elements.size() != count) {
    return Error(ErrorCode::invalid_argument, "value: strings: expected " + std::to_string(count) + " for shape " +
                                                  to_string(shape) + ", got " + std::to_string(elements.size()));
  }
  std::vector<const char*> texts;
  for (const std::string& element : elements) {
    LANEWAY_TRY(no_nul("value: string " + std::to_string(texts.size()), element));
    texts.push_back(element.c_str());
  }
  LANEWAY_TRY_ASSIGN(Value value, allocate(allocator, DType::string, shape));
  LANEWAY_TRY(call(*allocator.library(), LANEWAY_ORT_FN(FillStringTensor), value.native(), texts.data(), texts.size()));
  return value;
}

Expected<Value> Value::sequence(std::span<const Value> elements) {
  if (elements.empty()) {
    return Error(ErrorCode::unimplemented,
                 "value: sequence: expected one element or more, got 0 (the C API cannot make an empty one)");
  }
  std::vector<const OrtValue*> parts;
  std::vector<std::shared_ptr<const void>> keep;
  for (const Value& element : elements) {
    LANEWAY_TRY(element.present());
    LANEWAY_TRY(check_alike(elements.front(), element));
    parts.push_back(element.native());
    if (element.keep_) keep.push_back(element.keep_);
  }
  LANEWAY_TRY_ASSIGN(auto handle, make<OrtValue>(elements.front().library(), LANEWAY_ORT_FN(CreateValue), parts.data(),
                                                 parts.size(), ONNX_TYPE_SEQUENCE));
  return Value(std::move(handle), std::make_shared<decltype(keep)>(std::move(keep)));
}

Expected<Value> Value::map(const Value& keys, const Value& values) {
  for (const Value* part : {&keys, &values}) {
    LANEWAY_TRY_ASSIGN(const PortKind kind, part->kind());
    if (kind != PortKind::tensor) return wrong_kind("tensor", name(kind));
  }
  const OrtValue* const parts[] = {keys.native(), values.native()};
  LANEWAY_TRY_ASSIGN(auto handle,
                     make<OrtValue>(keys.library(), LANEWAY_ORT_FN(CreateValue), +parts, std::size_t{2}, ONNX_TYPE_MAP));
  return Value(std::move(handle));
}

Expected<Value> Value::sparse(const Allocator& allocator, const CooTensor& tensor) {
  LANEWAY_TRY(check_coo(tensor));
  LANEWAY_TRY_ASSIGN(const auto indices, to_native_indices(tensor));
  const std::shared_ptr<const Library>& library = allocator.library();
  const std::span dense = tensor.dense_shape.extents();
  const auto elements = static_cast<std::int64_t>(tensor.indices.size() / dense.size());
  LANEWAY_TRY_ASSIGN(const MemoryInfo memory, MemoryInfo::host(library));
  LANEWAY_TRY_ASSIGN(auto handle, make<OrtValue>(library, LANEWAY_ORT_FN(CreateSparseTensorAsOrtValue), allocator.native(),
                                                 dense.data(), dense.size(), to_native(tensor.dtype)));
  const void* const values = tensor.values.data();
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(FillSparseTensorCoo), handle.get(), memory.native(), &elements, std::size_t{1},
                   values, indices.data(), indices.size()));
  return Value(std::move(handle), allocator.native_);
}

// ---- reading --------------------------------------------------------------------------------------------------------------

bool Value::holds_anything() const noexcept {
  int holds = 0;
  if (!handle_) return false;
  const auto asked = call(*library(), LANEWAY_ORT_FN(HasValue), native(), &holds);
  return asked && holds != 0;
}

// ONNX Runtime crashes where an empty optional is asked for anything else.
Expected<> Value::present() const {
  if (!handle_) return Error(ErrorCode::invalid_argument, "value: moved away: expected one that owns something");
  if (!holds_anything())
    return Error(ErrorCode::invalid_argument, "value: an optional that holds nothing: expected something in it");
  return {};
}

Expected<PortKind> Value::kind() const {
  LANEWAY_TRY(present());
  int tensor = 0;
  LANEWAY_TRY(call(*library(), LANEWAY_ORT_FN(IsTensor), native(), &tensor));
  if (tensor != 0) return PortKind::tensor;  // the question below allocates
  ONNXType type{};
  LANEWAY_TRY(call(*library(), LANEWAY_ORT_FN(GetValueType), native(), &type));
  return kind_of(type);
}

Expected<> Value::expect(PortKind expected) const {
  LANEWAY_TRY_ASSIGN(const PortKind kind, this->kind());
  if (kind != expected) return wrong_kind(name(expected), name(kind));
  return {};
}

Expected<DType> Value::dtype() const {
  LANEWAY_TRY_ASSIGN(const PortKind kind, this->kind());
  if (kind != PortKind::sparse_tensor) LANEWAY_TRY(expect(PortKind::tensor));
  LANEWAY_TRY_ASSIGN(const auto type, tensor_type(library(), native()));
  return type.dtype;
}

Expected<Shape> Value::shape() const {
  LANEWAY_TRY_ASSIGN(const PortKind kind, this->kind());
  if (kind != PortKind::sparse_tensor) LANEWAY_TRY(expect(PortKind::tensor));
  LANEWAY_TRY_ASSIGN(const auto type, tensor_type(library(), native()));
  return type.shape;
}

Expected<TensorView> Value::tensor() const {
  LANEWAY_TRY(expect(PortKind::tensor));
  LANEWAY_TRY_ASSIGN(const auto type, tensor_type(library(), native()));
  if (!is_numeric(type.dtype)) return wrong_kind("tensor of numbers", "tensor of strings");
  TensorView view{.dtype = type.dtype, .shape = type.shape};
  LANEWAY_TRY_ASSIGN(view.bytes, byte_count(type.dtype, type.shape));
  LANEWAY_TRY(call(*library(), LANEWAY_ORT_FN(GetTensorMutableData), native(), &view.data));
  LANEWAY_TRY(read_placement(*library(), native(), view));
  return view;
}

Expected<std::vector<std::string>> Value::string_elements() const {
  LANEWAY_TRY(expect(PortKind::tensor));
  LANEWAY_TRY_ASSIGN(const auto type, tensor_type(library(), native()));
  if (type.dtype != DType::string) return wrong_kind("tensor of strings", "tensor of " + std::string(name(type.dtype)));
  LANEWAY_TRY_ASSIGN(const std::size_t count, element_count(type.shape));
  std::size_t bytes = 0;
  LANEWAY_TRY(call(*library(), LANEWAY_ORT_FN(GetStringTensorDataLength), native(), &bytes));
  std::string content(bytes, '\0');
  std::vector<std::size_t> ends(count);
  void* const into = content.data();
  LANEWAY_TRY(call(*library(), LANEWAY_ORT_FN(GetStringTensorContent), native(), into, bytes, ends.data(), count));
  ends.push_back(bytes);  // offsets of the beginnings, and now one past the last
  std::vector<std::string> elements;
  for (std::size_t i = 0; i < count; ++i) elements.push_back(content.substr(ends[i], ends[i + 1] - ends[i]));
  return elements;
}

Expected<std::size_t> Value::child_count() const {
  LANEWAY_TRY_ASSIGN(const PortKind kind, this->kind());
  if (kind != PortKind::map) LANEWAY_TRY(expect(PortKind::sequence));
  std::size_t count = 0;
  LANEWAY_TRY(call(*library(), LANEWAY_ORT_FN(GetValueCount), native(), &count));
  return count;
}

Expected<Value> Value::child(std::size_t index) const {
  LANEWAY_TRY_ASSIGN(const std::size_t count, child_count());
  if (index >= count) {
    return Error(ErrorCode::out_of_range,
                 "value: child " + std::to_string(index) + ": expected an index below " + std::to_string(count));
  }
  LANEWAY_TRY_ASSIGN(const Allocator allocator, Allocator::host(library()));
  LANEWAY_TRY_ASSIGN(auto handle,
                     make<OrtValue>(library(), LANEWAY_ORT_FN(GetValue), native(), static_cast<int>(index), allocator.native()));
  return Value(std::move(handle), keep_);
}

Expected<CooTensor> Value::coo() const {
  LANEWAY_TRY(expect(PortKind::sparse_tensor));
  OrtSparseFormat format{};
  LANEWAY_TRY(call(*library(), LANEWAY_ORT_FN(GetSparseTensorFormat), native(), &format));
  if (format != ORT_SPARSE_COO) {
    return Error(ErrorCode::unimplemented,
                 "value: sparse: expected coordinate form, got ONNX Runtime's format " + std::to_string(format));
  }
  LANEWAY_TRY_ASSIGN(const auto type, tensor_type(library(), native()));
  LANEWAY_TRY_ASSIGN(const auto info,
                     make<OrtTensorTypeAndShapeInfo>(library(), LANEWAY_ORT_FN(GetSparseTensorValuesTypeAndShape), native()));
  LANEWAY_TRY_ASSIGN(const auto held, elements_and_shape(*library(), *info));
  LANEWAY_TRY_ASSIGN(const std::size_t elements, element_count(held.shape));
  LANEWAY_TRY_ASSIGN(const std::size_t bytes, byte_count(held.dtype, held.shape));
  const void* values = nullptr;
  const void* indices = nullptr;
  std::size_t count = 0;
  LANEWAY_TRY(call(*library(), LANEWAY_ORT_FN(GetSparseTensorValues), native(), &values));
  LANEWAY_TRY(call(*library(), LANEWAY_ORT_FN(GetSparseTensorIndices), native(), ORT_SPARSE_COO_INDICES, &count, &indices));
  const auto* first = static_cast<const std::byte*>(values);
  return CooTensor{.dense_shape = type.shape,
                   .dtype = held.dtype,
                   .values = std::vector<std::byte>(first, first + bytes),
                   .indices = from_native_indices({static_cast<const std::int64_t*>(indices), count}, elements, type.shape)};
}

}  // namespace laneway::ort
