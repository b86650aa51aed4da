#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "laneway/core/visibility.h"

namespace laneway LANEWAY_PUBLIC {

/// Element type of a tensor. The last five are packed: several elements share a byte, the first in the low bits.
enum class DType : std::uint8_t {
  f32,
  f64,
  f16,
  bf16,
  i64,
  i32,
  i16,
  i8,
  u64,
  u32,
  u16,
  u8,
  boolean,
  string,
  complex64,
  complex128,
  f8e4m3fn,
  f8e4m3fnuz,
  f8e5m2,
  f8e5m2fnuz,
  f8e8m0,
  f4e2m1,
  i4,
  u4,
  i2,
  u2
};

/// "f32", "boolean", "i4".
std::string_view name(DType dtype) noexcept;
/// The inverse. ONNX's and NumPy's spellings ("float", "float32", "int64") are understood too.
std::optional<DType> dtype_named(std::string_view text) noexcept;

/// Bits of one element; 0 for strings, whose elements have no fixed size.
constexpr std::size_t bits_of(DType dtype) noexcept {
  switch (dtype) {
    case DType::complex128: return 128;
    case DType::f64:
    case DType::i64:
    case DType::u64:
    case DType::complex64: return 64;
    case DType::f32:
    case DType::i32:
    case DType::u32: return 32;
    case DType::f16:
    case DType::bf16:
    case DType::i16:
    case DType::u16: return 16;
    case DType::f4e2m1:
    case DType::i4:
    case DType::u4: return 4;
    case DType::i2:
    case DType::u2: return 2;
    case DType::string: return 0;
    default: return 8;
  }
}
constexpr bool is_packed(DType dtype) noexcept { return bits_of(dtype) != 0 && bits_of(dtype) < 8; }
/// Dense numeric elements, which live as bytes at an address. Everything but strings.
constexpr bool is_numeric(DType dtype) noexcept { return dtype != DType::string; }

/// IEEE binary16 and bfloat16 as storage: 16 bits, converted with round to nearest even.
struct Float16 {
  std::uint16_t bits = 0;
  static Float16 from(float value) noexcept;
  float to_float() const noexcept;
  friend bool operator==(Float16, Float16) = default;
};
struct BFloat16 {
  std::uint16_t bits = 0;
  static BFloat16 from(float value) noexcept;
  float to_float() const noexcept;
  friend bool operator==(BFloat16, BFloat16) = default;
};

/// The dtype of a C++ element type, for typed views: dtype_of<float>::value is DType::f32.
template <class T>
struct dtype_of;
template <>
struct dtype_of<float> : std::integral_constant<DType, DType::f32> {};
template <>
struct dtype_of<double> : std::integral_constant<DType, DType::f64> {};
template <>
struct dtype_of<Float16> : std::integral_constant<DType, DType::f16> {};
template <>
struct dtype_of<BFloat16> : std::integral_constant<DType, DType::bf16> {};
template <>
struct dtype_of<std::int64_t> : std::integral_constant<DType, DType::i64> {};
template <>
struct dtype_of<std::int32_t> : std::integral_constant<DType, DType::i32> {};
template <>
struct dtype_of<std::int16_t> : std::integral_constant<DType, DType::i16> {};
template <>
struct dtype_of<std::int8_t> : std::integral_constant<DType, DType::i8> {};
template <>
struct dtype_of<std::uint64_t> : std::integral_constant<DType, DType::u64> {};
template <>
struct dtype_of<std::uint32_t> : std::integral_constant<DType, DType::u32> {};
template <>
struct dtype_of<std::uint16_t> : std::integral_constant<DType, DType::u16> {};
template <>
struct dtype_of<std::uint8_t> : std::integral_constant<DType, DType::u8> {};
template <>
struct dtype_of<bool> : std::integral_constant<DType, DType::boolean> {};

}  // namespace laneway
