#pragma once
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "laneway/core/dtype.h"
#include "laneway/core/expected.h"

namespace laneway LANEWAY_PUBLIC {

/// Elements per dimension; never negative. Held inline: making and copying one never allocates. Tensors are dense, row-major,
/// at their exact extents. A scalar has rank 0; an extent of 0 makes a tensor without elements.
class Shape {
 public:
  static constexpr std::size_t rank_max = 12;

  Shape() = default;
  /// For shapes written in code. A negative extent is caught by of() and by whoever is given the shape, not here.
  template <class... Extents>
  requires(sizeof...(Extents) <= rank_max && (std::integral<Extents> && ...)) explicit(false) Shape(Extents... extents)
      : extents_{static_cast<std::int64_t>(extents)...}, rank_(sizeof...(Extents)) {}

  /// Errors: invalid_argument (a negative extent), unimplemented (rank over rank_max).
  static Expected<Shape> of(std::span<const std::int64_t> extents);

  std::size_t rank() const noexcept { return rank_; }
  std::int64_t operator[](std::size_t axis) const noexcept { return extents_[axis]; }
  std::span<const std::int64_t> extents() const noexcept { return {extents_.data(), rank_}; }
  /// `extent` must not be negative, `axis` below rank().
  void set(std::size_t axis, std::int64_t extent) noexcept { extents_[axis] = extent; }

  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  std::array<std::int64_t, rank_max> extents_{};
  std::size_t rank_ = 0;
};

/// Product of the extents, 1 for a scalar. Errors: invalid_argument (a negative extent, an overflow of int64).
Expected<std::size_t> element_count(std::span<const std::int64_t> extents);
inline Expected<std::size_t> element_count(const Shape& shape) { return element_count(shape.extents()); }

/// Bytes of a dense tensor; packed elements are rounded up to whole bytes once, at the end.
/// Errors: as element_count(), and invalid_argument for strings.
Expected<std::size_t> byte_count(DType dtype, std::span<const std::int64_t> extents);
inline Expected<std::size_t> byte_count(DType dtype, const Shape& shape) { return byte_count(dtype, shape.extents()); }

/// "[1, 3, 224, 224]"; "[]" for a scalar.
std::string to_string(std::span<const std::int64_t> extents);
inline std::string to_string(const Shape& shape) { return to_string(shape.extents()); }

}  // namespace laneway
