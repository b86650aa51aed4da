#include "laneway/ort/value.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "ort/call.h"
#include "ort/dtype.h"
#include "ort/memory_spec.h"
#include "ort/type_info.h"
#include "ort/value_parts.h"

namespace laneway::ort {

Error wrong_kind(std::string_view expected, std::string_view got) {
  return Error(ErrorCode::invalid_argument, "value: kind: expected " + std::string(expected) + ", got " + std::string(got));
}

namespace {

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

Error too_small(DType dtype, const Shape& shape, std::size_t needed, std::size_t bytes) {
  return Error(ErrorCode::invalid_argument, "value: memory too small for " + std::string(name(dtype)) + " " + to_string(shape) +
                                                ": expected " + std::to_string(needed) + " bytes, got " + std::to_string(bytes));
}

/// How many bytes a tensor over this memory uses of it.
Expected<std::size_t> bytes_needed(const void* data, std::size_t bytes, DType dtype, const Shape& shape) {
  LANEWAY_TRY_ASSIGN(const std::size_t needed, byte_count(dtype, shape));
  if (bytes < needed) return too_small(dtype, shape, needed, bytes);
  if (!data && needed != 0) return too_small(dtype, shape, needed, 0);
  return needed;
}

/// Keeps what a tensor's memory belongs to: an allocator that only gives back, and with that itself.
class OwnerAllocator : public OrtAllocator {
 public:
  OwnerAllocator(const OrtMemoryInfo* where, std::shared_ptr<const void> owner) noexcept
      : OrtAllocator{}, where_(where), owner_(std::move(owner)) {
    version = ORT_API_VERSION;
    Info = [](const OrtAllocator* self) noexcept { return static_cast<const OwnerAllocator*>(self)->where_; };
    Free = [](OrtAllocator* self, void*) noexcept { delete static_cast<OwnerAllocator*>(self); };
  }

 private:
  const OrtMemoryInfo* where_;  // ONNX Runtime copies it while it makes the tensor
  std::shared_ptr<const void> owner_;
};

// What ONNX Runtime can make a sequence of.
Expected<> check_element(const Type& type) {
  if (type.kind == PortKind::tensor) return {};
  if (type.kind == PortKind::map && type.held.front().dtype == DType::f32) return {};
  return Error(ErrorCode::unimplemented,
               "value: sequence: of " + to_string(type) + ": expected tensors or maps to f32 (the C API cannot make others)");
}

Expected<> check_alike(const Type& first, const Type& other) {
  const std::string expected = to_string(first), got = to_string(other);
  if (expected == got) return {};
  return Error(ErrorCode::invalid_argument, "value: sequence: mixed: expected " + expected + " as the first element, got " + got);
}

// One-dimensional, of a dtype that ONNX Runtime makes maps of; how many elements.
Expected<std::int64_t> check_map_part(std::string_view part, const Value& value, std::initializer_list<DType> dtypes) {
  LANEWAY_TRY_ASSIGN(const DType dtype, value.dtype());
  LANEWAY_TRY_ASSIGN(const Shape shape, value.shape());
  LANEWAY_TRY_ASSIGN(const PortKind kind, value.kind());
  if (kind != PortKind::tensor) return wrong_kind("tensor", name(kind));
  if (std::find(dtypes.begin(), dtypes.end(), dtype) == dtypes.end()) {
    std::string expected;
    for (const DType one : dtypes) expected += (expected.empty() ? "" : ", ") + std::string(name(one));
    return Error(ErrorCode::unimplemented, "value: map: " + std::string(part) + ": expected one of " + expected + ", got " +
                                               std::string(name(dtype)) + " (the C API cannot make others)");
  }
  if (shape.rank() == 1) return shape[0];
  return Error(ErrorCode::invalid_argument,
               "value: map: " + std::string(part) + ": expected one dimension, got " + to_string(shape));
}

}  // namespace

// ---- making ---------------------------------------------------------------------------------------------------------------

Expected<Value> Value::borrow(const MemoryInfo& where, void* data, std::size_t bytes, DType dtype, const Shape& shape) {
  LANEWAY_TRY_ASSIGN(const std::size_t needed, bytes_needed(data, bytes, dtype, shape));
  const std::span extents = shape.extents();
  LANEWAY_TRY_ASSIGN(auto handle, make<OrtValue>(where.library(), LANEWAY_ORT_FN(CreateTensorWithDataAsOrtValue), where.native(),
                                                 data, needed, extents.data(), extents.size(), to_native(dtype)));
  return Value(std::move(handle));
}

Expected<Value> Value::own(const MemoryInfo& where, void* data, std::size_t bytes, DType dtype, const Shape& shape,
                           std::shared_ptr<const void> owner) {
  LANEWAY_TRY_ASSIGN(const std::size_t needed, bytes_needed(data, bytes, dtype, shape));
  const std::span extents = shape.extents();
  auto allocator = std::make_unique<OwnerAllocator>(where.native(), std::move(owner));
  OrtAllocator* const deleter = allocator.get();
  LANEWAY_TRY_ASSIGN(auto handle, make<OrtValue>(where.library(), LANEWAY_ORT_FN(CreateTensorWithDataAndDeleterAsOrtValue),
                                                 deleter, data, needed, extents.data(), extents.size(), to_native(dtype)));
  static_cast<void>(allocator.release());  // the tensor's now
  return Value(std::move(handle));
}

Expected<Value> Value::copy(const Allocator& allocator, std::span<const std::byte> bytes, DType dtype, const Shape& shape) {
  LANEWAY_TRY_ASSIGN(const std::size_t needed, byte_count(dtype, shape));
  if (bytes.size() != needed) {
    return Error(ErrorCode::invalid_argument, "value: bytes for " + std::string(name(dtype)) + " " + to_string(shape) +
                                                  ": expected " + std::to_string(needed) + ", got " +
                                                  std::to_string(bytes.size()));
  }
  LANEWAY_TRY_ASSIGN(Value value, allocate(allocator, dtype, shape));
  LANEWAY_TRY_ASSIGN(const TensorView view, value.tensor());
  LANEWAY_TRY_ASSIGN(const std::span memory, view.host_bytes());
  std::copy(bytes.begin(), bytes.end(), memory.begin());
  return value;
}

Expected<Value> Value::allocate(const Allocator& allocator, DType dtype, const Shape& shape) {
  if (is_numeric(dtype)) LANEWAY_TRY(byte_count(dtype, shape));
  LANEWAY_TRY(element_count(shape));
  const std::span extents = shape.extents();
  LANEWAY_TRY_ASSIGN(auto handle, make<OrtValue>(allocator.library(), LANEWAY_ORT_FN(CreateTensorAsOrtValue), allocator.native(),
                                                 extents.data(), extents.size(), to_native(dtype)));
  return Value(std::move(handle), allocator.native_);
}

Expected<Value> Value::sequence(std::span<const Value> elements) {
  if (elements.empty()) {
    return Error(ErrorCode::unimplemented,
                 "value: sequence: expected one element or more, got 0 (the C API cannot make an empty one)");
  }
  std::vector<const OrtValue*> parts;
  std::vector<std::shared_ptr<const void>> keep;
  LANEWAY_TRY_ASSIGN(const Type first, elements.front().type());
  LANEWAY_TRY(check_element(first));
  for (const Value& element : elements) {
    LANEWAY_TRY_ASSIGN(const Type type, element.type());
    LANEWAY_TRY(check_alike(first, type));
    parts.push_back(element.native());
    if (element.keep_) keep.push_back(element.keep_);
  }
  LANEWAY_TRY_ASSIGN(auto handle, make<OrtValue>(elements.front().library(), LANEWAY_ORT_FN(CreateValue), parts.data(),
                                                 parts.size(), ONNX_TYPE_SEQUENCE));
  return Value(std::move(handle), std::make_shared<decltype(keep)>(std::move(keep)));
}

Expected<Value> Value::map(const Value& keys, const Value& values) {
  LANEWAY_TRY_ASSIGN(const std::int64_t count, check_map_part("keys", keys, {DType::i64, DType::string}));
  LANEWAY_TRY_ASSIGN(const std::int64_t others,
                     check_map_part("values", values, {DType::i64, DType::f32, DType::f64, DType::string}));
  if (others != count) {
    return Error(ErrorCode::invalid_argument,
                 "value: map: expected as many values as keys, " + std::to_string(count) + ", got " + std::to_string(others));
  }
  const OrtValue* const parts[] = {keys.native(), values.native()};
  LANEWAY_TRY_ASSIGN(auto handle,
                     make<OrtValue>(keys.library(), LANEWAY_ORT_FN(CreateValue), +parts, std::size_t{2}, ONNX_TYPE_MAP));
  Value map(std::move(handle));
  LANEWAY_TRY_ASSIGN(const Value held, map.child(0));
  LANEWAY_TRY_ASSIGN(const Shape different, held.shape());
  if (different[0] == count) return map;
  return Error(ErrorCode::invalid_argument, "value: map: keys: expected " + std::to_string(count) + " different ones, got " +
                                                std::to_string(different[0]) + " (ONNX Runtime would keep one value of each)");
}

// ---- reading --------------------------------------------------------------------------------------------------------------

Expected<> TensorView::expect(DType expected) const {
  if (dtype == expected) return {};
  return Error(ErrorCode::invalid_argument,
               "tensor: dtype: expected " + std::string(name(expected)) + ", got " + std::string(name(dtype)));
}

Expected<std::span<std::byte>> TensorView::host_bytes() const {
  if (placement != Placement::device) return std::span(static_cast<std::byte*>(data), bytes);
  return Error(ErrorCode::failed_precondition, "tensor: memory of device " + std::to_string(device) +
                                                   ": expected memory of the host (copy_tensor() brings it there)");
}

Expected<bool> Value::holds_anything() const {
  int holds = 0;
  if (handle_) LANEWAY_TRY(call(*library(), LANEWAY_ORT_FN(HasValue), native(), &holds));
  return holds != 0;
}

// ONNX Runtime crashes where an empty optional is asked for anything else.
Expected<> Value::present() const {
  if (!handle_) return Error(ErrorCode::invalid_argument, "value: moved away: expected one that owns something");
  LANEWAY_TRY_ASSIGN(const bool full, holds_anything());
  if (!full)
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

Expected<Type> Value::type() const {
  LANEWAY_TRY(present());
  LANEWAY_TRY_ASSIGN(const auto info, make<OrtTypeInfo>(library(), LANEWAY_ORT_FN(GetTypeInfo), native()));
  return type_of(library(), *info);
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

Expected<MemorySpec> Value::memory() const {
  LANEWAY_TRY(expect(PortKind::tensor));
  const OrtMemoryInfo* memory = nullptr;
  LANEWAY_TRY(call(*library(), LANEWAY_ORT_FN(GetTensorMemoryInfo), native(), &memory));
  return read_memory(*library(), memory);
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

}  // namespace laneway::ort
