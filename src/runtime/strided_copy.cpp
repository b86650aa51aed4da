#include "runtime/strided_copy.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace laneway {
namespace {

// Of one axis, in units of elements.
using Strides = std::array<std::size_t, Shape::rank_max>;

Strides strides_of(const Shape& shape) noexcept {
  Strides strides{};
  std::size_t stride = 1;
  for (std::size_t axis = shape.rank(); axis-- > 0;) {
    strides[axis] = stride;
    stride *= static_cast<std::size_t>(shape[axis]);
  }
  return strides;
}

template <class T>
void fill_as(std::span<std::byte> tensor, T value) noexcept {
  for (std::size_t at = 0; at + sizeof value <= tensor.size(); at += sizeof value)
    std::memcpy(tensor.data() + at, &value, sizeof value);
}

}  // namespace

void copy_corner(const void* source, const Shape& from, void* target, const Shape& to, const Shape& extent,
                 DType dtype) noexcept {
  // The axes after `split` are whole in both layouts, so that the elements from `split` on lie together.
  std::size_t split = extent.rank();
  std::size_t together = 1;
  while (split > 0) {
    --split;
    together *= static_cast<std::size_t>(extent[split]);
    if (extent[split] != from[split] || extent[split] != to[split]) break;
  }
  if (together == 0 || std::ranges::find(extent.extents(), 0) != extent.extents().end()) return;
  const Strides from_strides = strides_of(from), to_strides = strides_of(to);
  const std::size_t bits = bits_of(dtype);
  std::array<std::int64_t, Shape::rank_max> index{};
  for (;;) {
    std::size_t read = 0, written = 0;
    for (std::size_t axis = 0; axis < split; ++axis) {
      read += static_cast<std::size_t>(index[axis]) * from_strides[axis];
      written += static_cast<std::size_t>(index[axis]) * to_strides[axis];
    }
    std::memcpy(static_cast<std::byte*>(target) + written * bits / 8, static_cast<const std::byte*>(source) + read * bits / 8,
                (together * bits + 7) / 8);
    std::size_t axis = split;
    while (axis > 0 && ++index[axis - 1] == extent[axis - 1]) index[--axis] = 0;
    if (axis == 0) return;
  }
}

void fill(std::span<std::byte> tensor, DType dtype, double value) noexcept {
  switch (dtype) {
    case DType::f32: return fill_as(tensor, static_cast<float>(value));
    case DType::f64: return fill_as(tensor, value);
    case DType::f16: return fill_as(tensor, Float16::from(static_cast<float>(value)));
    case DType::bf16: return fill_as(tensor, BFloat16::from(static_cast<float>(value)));
    case DType::i64: return fill_as(tensor, static_cast<std::int64_t>(value));
    case DType::u64: return fill_as(tensor, static_cast<std::uint64_t>(value));
    case DType::i32: return fill_as(tensor, static_cast<std::int32_t>(value));
    case DType::u32: return fill_as(tensor, static_cast<std::uint32_t>(value));
    case DType::i16: return fill_as(tensor, static_cast<std::int16_t>(value));
    case DType::u16: return fill_as(tensor, static_cast<std::uint16_t>(value));
    case DType::i8: return fill_as(tensor, static_cast<std::int8_t>(value));
    case DType::u8: return fill_as(tensor, static_cast<std::uint8_t>(value));
    case DType::boolean: return fill_as(tensor, static_cast<std::uint8_t>(value != 0));
    default: std::ranges::fill(tensor, std::byte{0});
  }
}

}  // namespace laneway
