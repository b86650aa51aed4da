#pragma once
#include <cstddef>
#include <span>

#include "laneway/core/dtype.h"
#include "laneway/core/shape.h"

namespace laneway {

/// Copies the corner `extent` of a dense tensor laid out as `from` to the same corner of one laid out as `to`. Both shapes have
/// the rank of `extent` and are nowhere smaller. Packed dtypes: only where every row of `extent` is whole bytes.
/// Cost: no allocation; one memcpy per run of elements that is contiguous in both.
void copy_corner(const void* source, const Shape& from, void* target, const Shape& to, const Shape& extent, DType dtype) noexcept;

/// Writes `value`, converted, to every element. Packed dtypes take 0 only.
void fill(std::span<std::byte> tensor, DType dtype, double value) noexcept;

}  // namespace laneway
