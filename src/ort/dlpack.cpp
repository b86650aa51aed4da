#include "laneway/ort/dlpack.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "ort/dlpack_abi.h"

namespace laneway::ort {
namespace {

// DLPack's numbers.
constexpr std::int32_t on_cpu = 1, on_cuda = 2, on_cuda_host = 3;
constexpr std::uint64_t read_only = 1, subbyte_padded = 4;
constexpr DLPackVersion version_made = {1, 1};

struct Kind {
  DType dtype;
  std::uint8_t code, bits;
};
constexpr std::array<Kind, 25> kinds = {
    {{DType::f32, 2, 32},        {DType::f64, 2, 64},       {DType::f16, 2, 16},         {DType::bf16, 4, 16},
     {DType::i64, 0, 64},        {DType::i32, 0, 32},       {DType::i16, 0, 16},         {DType::i8, 0, 8},
     {DType::u64, 1, 64},        {DType::u32, 1, 32},       {DType::u16, 1, 16},         {DType::u8, 1, 8},
     {DType::boolean, 6, 8},     {DType::complex64, 5, 64}, {DType::complex128, 5, 128}, {DType::f8e4m3fn, 10, 8},
     {DType::f8e4m3fnuz, 11, 8}, {DType::f8e5m2, 12, 8},    {DType::f8e5m2fnuz, 13, 8},  {DType::f8e8m0, 14, 8},
     {DType::f4e2m1, 17, 4},     {DType::i4, 0, 4},         {DType::u4, 1, 4},           {DType::i2, 0, 2},
     {DType::u2, 1, 2}}};

Error refuse(ErrorCode code, const std::string& what) { return Error(code, "dlpack: " + what); }

// What a tensor made here owns.
template <class Managed>
struct Made {
  explicit Made(Value held) noexcept : value(std::move(held)) {}

  Value value;
  std::array<std::int64_t, Shape::rank_max> extents{}, strides{};
  Managed managed{};
};

void set_strides(const Shape& shape, std::span<std::int64_t> strides) noexcept {
  std::int64_t stride = 1;
  for (std::size_t axis = shape.rank(); axis-- > 0;) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
}

// Of a kind of memory, where DLPack has a name for it.
Expected<std::int32_t> device_of(Placement placement, const MemorySpec& memory) {
  if (memory.device_kind == DeviceKind::cpu) return on_cpu;
  const bool cuda = memory.name == "Cuda" || memory.name == "CudaPinned";
  if (cuda) return placement == Placement::device ? on_cuda : on_cuda_host;
  return refuse(ErrorCode::unimplemented, "memory " + memory.name + ": expected the host's or CUDA's");
}

template <class Managed>
Expected<std::unique_ptr<Managed, DlpackDeleter>> make_managed(Value value) {
  LANEWAY_TRY_ASSIGN(const TensorView view, value.tensor());
  LANEWAY_TRY_ASSIGN(const MemorySpec memory, value.memory());
  LANEWAY_TRY_ASSIGN(const std::int32_t device, device_of(view.placement, memory));
  const auto kind = std::ranges::find(kinds, view.dtype, &Kind::dtype);
  auto made = std::make_unique<Made<Managed>>(std::move(value));
  std::ranges::copy(view.shape.extents(), made->extents.begin());
  set_strides(view.shape, made->strides);
  Managed& managed = made->managed;
  managed.dl_tensor = {.data = view.data,
                       .device = {device, memory.device},
                       .ndim = static_cast<std::int32_t>(view.shape.rank()),
                       .dtype = {kind->code, kind->bits, 1},
                       .shape = made->extents.data(),
                       .strides = made->strides.data(),
                       .byte_offset = 0};
  if constexpr (std::is_same_v<Managed, DLManagedTensorVersioned>) managed.version = version_made;
  managed.manager_ctx = made.get();
  managed.deleter = [](Managed* self) { delete static_cast<Made<Managed>*>(self->manager_ctx); };
  return std::unique_ptr<Managed, DlpackDeleter>(&made.release()->managed);
}

Expected<DType> dtype_of_dlpack(const DLDataType& type) {
  const auto kind =
      std::ranges::find_if(kinds, [&](const Kind& each) { return each.code == type.code && each.bits == type.bits; });
  if (kind != kinds.end() && type.lanes == 1) return kind->dtype;
  return refuse(ErrorCode::unimplemented, "dtype: expected one this build knows, got code " + std::to_string(type.code) + ", " +
                                              std::to_string(type.bits) + " bits, " + std::to_string(type.lanes) + " lanes");
}

Expected<Shape> shape_of_dlpack(const DLTensor& tensor) {
  if (tensor.ndim < 0 || (tensor.ndim > 0 && !tensor.shape)) {
    return refuse(ErrorCode::invalid_argument, "shape: expected one, got " + std::to_string(tensor.ndim) + " dimensions of none");
  }
  return Shape::of({tensor.shape, static_cast<std::size_t>(tensor.ndim)});
}

// An axis of one element has no stride that matters, and a tensor without elements none at all.
Expected<> check_contiguous(const DLTensor& tensor, const Shape& shape) {
  LANEWAY_TRY_ASSIGN(const std::size_t count, element_count(shape));
  if (!tensor.strides || count == 0) return {};
  std::array<std::int64_t, Shape::rank_max> expected{};
  set_strides(shape, expected);
  for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] == 1 || tensor.strides[axis] == expected[axis]) continue;
    return refuse(ErrorCode::invalid_argument, "strides: expected contiguous elements, " + std::to_string(expected[axis]) +
                                                   " for axis " + std::to_string(axis) + ", got " +
                                                   std::to_string(tensor.strides[axis]) + " (copy it first)");
  }
  return {};
}

Expected<> check_device(const DLDevice& device, const MemorySpec& where) {
  const bool on_host = device.device_type == on_cpu && where.device_kind == DeviceKind::cpu;
  const bool pinned = device.device_type == on_cuda_host && (where.device_kind == DeviceKind::cpu || where.host_accessible);
  const bool on_device = device.device_type == on_cuda && where.device_kind == DeviceKind::gpu && !where.host_accessible &&
                         device.device_id == where.device;
  if (on_host || pinned || on_device) return {};
  return refuse(ErrorCode::invalid_argument,
                "device: expected memory " + where.name + " of device " + std::to_string(where.device) + ", got DLPack's type " +
                    std::to_string(device.device_type) + " of device " + std::to_string(device.device_id));
}

Expected<> check_version(const DLManagedTensor&, DType) { return {}; }
Expected<> check_version(const DLManagedTensorVersioned& managed, DType dtype) {
  if ((managed.flags & read_only) != 0) {
    return refuse(ErrorCode::invalid_argument, "read-only: expected a tensor that may be written (copy it first)");
  }
  if ((managed.flags & subbyte_padded) != 0 && is_packed(dtype)) {
    return refuse(ErrorCode::unimplemented, "elements of less than a byte: expected them packed, got a byte each");
  }
  return {};
}

template <class Managed>
Expected<Value> take_managed(const MemoryInfo& where, std::unique_ptr<Managed, DlpackDeleter> managed) {
  if (!managed) return refuse(ErrorCode::invalid_argument, "null: expected a tensor");
  if constexpr (std::is_same_v<Managed, DLManagedTensorVersioned>) {
    if (managed->version.major != version_made.major) {
      return refuse(ErrorCode::unimplemented, "version: expected 1, got " + std::to_string(managed->version.major));
    }
  }
  const DLTensor& tensor = managed->dl_tensor;
  LANEWAY_TRY_ASSIGN(const MemorySpec memory, where.spec());
  LANEWAY_TRY(check_device(tensor.device, memory));
  LANEWAY_TRY_ASSIGN(const DType dtype, dtype_of_dlpack(tensor.dtype));
  LANEWAY_TRY(check_version(*managed, dtype));
  LANEWAY_TRY_ASSIGN(const Shape shape, shape_of_dlpack(tensor));
  LANEWAY_TRY(check_contiguous(tensor, shape));
  LANEWAY_TRY_ASSIGN(const std::size_t bytes, byte_count(dtype, shape));
  void* const data = tensor.data ? static_cast<std::byte*>(tensor.data) + tensor.byte_offset : nullptr;
  return Value::own(where, data, bytes, dtype, shape, std::shared_ptr<const void>(std::move(managed)));
}

}  // namespace

void DlpackDeleter::operator()(DLManagedTensor* tensor) const noexcept {
  if (tensor->deleter) tensor->deleter(tensor);
}
void DlpackDeleter::operator()(DLManagedTensorVersioned* tensor) const noexcept {
  if (tensor->deleter) tensor->deleter(tensor);
}

Expected<Dlpack> to_dlpack(Value value) { return make_managed<DLManagedTensor>(std::move(value)); }
Expected<DlpackVersioned> to_dlpack_versioned(Value value) { return make_managed<DLManagedTensorVersioned>(std::move(value)); }

Expected<Value> from_dlpack(const MemoryInfo& where, Dlpack tensor) { return take_managed(where, std::move(tensor)); }
Expected<Value> from_dlpack(const MemoryInfo& where, DlpackVersioned tensor) { return take_managed(where, std::move(tensor)); }

}  // namespace laneway::ort
