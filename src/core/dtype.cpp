#include "laneway/core/dtype.h"

#include <array>
#include <bit>

namespace laneway {
namespace {

struct Names {
  DType dtype;
  std::string_view ours, onnx, numpy;
};

constexpr std::array<Names, 26> names = {{
    {DType::f32, "f32", "float", "float32"},
    {DType::f64, "f64", "double", "float64"},
    {DType::f16, "f16", "float16", "float16"},
    {DType::bf16, "bf16", "bfloat16", "bfloat16"},
    {DType::i64, "i64", "int64", "int64"},
    {DType::i32, "i32", "int32", "int32"},
    {DType::i16, "i16", "int16", "int16"},
    {DType::i8, "i8", "int8", "int8"},
    {DType::u64, "u64", "uint64", "uint64"},
    {DType::u32, "u32", "uint32", "uint32"},
    {DType::u16, "u16", "uint16", "uint16"},
    {DType::u8, "u8", "uint8", "uint8"},
    {DType::boolean, "boolean", "bool", "bool"},
    {DType::string, "string", "string", "str"},
    {DType::complex64, "complex64", "complex64", "complex64"},
    {DType::complex128, "complex128", "complex128", "complex128"},
    {DType::f8e4m3fn, "f8e4m3fn", "float8e4m3fn", "float8_e4m3fn"},
    {DType::f8e4m3fnuz, "f8e4m3fnuz", "float8e4m3fnuz", "float8_e4m3fnuz"},
    {DType::f8e5m2, "f8e5m2", "float8e5m2", "float8_e5m2"},
    {DType::f8e5m2fnuz, "f8e5m2fnuz", "float8e5m2fnuz", "float8_e5m2fnuz"},
    {DType::f8e8m0, "f8e8m0", "float8e8m0", "float8_e8m0fnu"},
    {DType::f4e2m1, "f4e2m1", "float4e2m1", "float4_e2m1fn"},
    {DType::i4, "i4", "int4", "int4"},
    {DType::u4, "u4", "uint4", "uint4"},
    {DType::i2, "i2", "int2", "int2"},
    {DType::u2, "u2", "uint2", "uint2"},
}};

}  // namespace

std::string_view name(DType dtype) noexcept {
  const auto index = static_cast<std::size_t>(dtype);
  return index < names.size() ? names[index].ours : "unknown";
}

std::optional<DType> dtype_named(std::string_view text) noexcept {
  for (const Names& entry : names) {
    if (text == entry.ours || text == entry.onnx || text == entry.numpy) return entry.dtype;
  }
  return std::nullopt;
}

Float16 Float16::from(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  const auto with_sign = [sign](std::uint32_t low) { return Float16{static_cast<std::uint16_t>(sign | low)}; };
  if (magnitude > 0x7f800000u) return with_sign(0x7e00u | ((magnitude >> 13) & 0x1ffu));  // NaN keeps its top payload bits
  if (magnitude >= 0x477ff000u) return with_sign(0x7c00u);                                // rounds to infinity
  if (magnitude < 0x38800000u) {  // subnormal: a count of 2^-24. Not left to the FPU, whose mode is the caller's
    const std::uint32_t shift = 126u - (magnitude >> 23);
    if (shift > 24) return with_sign(0);
    const std::uint32_t significand = (magnitude & 0x7fffffu) | 0x800000u;
    const std::uint32_t odd = (significand >> shift) & 1u;
    return with_sign((significand + (1u << (shift - 1)) - 1u + odd) >> shift);
  }
  const std::uint32_t odd = (magnitude >> 13) & 1u;
  return with_sign((magnitude - 0x38000000u + 0xfffu + odd) >> 13);
}

float Float16::to_float() const noexcept {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16;
  const std::uint32_t magnitude = bits & 0x7fffu;
  if (magnitude >= 0x7c00u) return std::bit_cast<float>(sign | 0x7f800000u | (magnitude & 0x3ffu) << 13);
  if (magnitude >= 0x0400u) return std::bit_cast<float>(sign | ((magnitude << 13) + 0x38000000u));
  const float subnormal = static_cast<float>(magnitude) * 0x1p-24f;
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(subnormal));
}

BFloat16 BFloat16::from(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return {static_cast<std::uint16_t>((bits >> 16) | 0x40u)};
  return {static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16)};
}

float BFloat16::to_float() const noexcept { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

}  // namespace laneway
