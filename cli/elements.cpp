#include "cli/elements.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

namespace laneway::cli {
namespace {

template <class T>
T load(const void* data, std::size_t index) {
  T value;
  std::memcpy(&value, static_cast<const std::byte*>(data) + index * sizeof(T), sizeof(T));
  return value;
}
template <class T>
void store(void* data, std::size_t index, T value) {
  std::memcpy(static_cast<std::byte*>(data) + index * sizeof(T), &value, sizeof(T));
}

unsigned load_packed(unsigned bits, const void* data, std::size_t index) {
  const unsigned byte = load<std::uint8_t>(data, index * bits / 8);
  return byte >> (index * bits % 8) & ((1u << bits) - 1);
}
void store_packed(unsigned bits, void* data, std::size_t index, unsigned code) {
  const unsigned shift = static_cast<unsigned>(index * bits % 8), mask = ((1u << bits) - 1) << shift;
  const unsigned byte = load<std::uint8_t>(data, index * bits / 8);
  store(data, index * bits / 8, static_cast<std::uint8_t>((byte & ~mask) | (code << shift & mask)));
}

// A binary floating format of at most 8 bits: a sign, an exponent, a mantissa.
struct SmallFloat {
  unsigned bits, mantissa_bits;
  int bias;
  unsigned nan_code;  // without the sign; beyond the codes: there is none
  bool infinities;
};
constexpr unsigned no_code = 256;

SmallFloat small_float(DType dtype) {
  switch (dtype) {
    case DType::f8e4m3fn: return {8, 3, 7, 0x7f, false};
    case DType::f8e4m3fnuz: return {8, 3, 8, no_code, false};
    case DType::f8e5m2: return {8, 2, 15, no_code, true};
    case DType::f8e5m2fnuz: return {8, 2, 16, no_code, false};
    default: return {4, 1, 1, no_code, false};  // f4e2m1
  }
}

double decode(DType dtype, unsigned code) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  if (dtype == DType::f8e8m0) return code == 255 ? nan : std::ldexp(1.0, static_cast<int>(code) - 127);
  const SmallFloat format = small_float(dtype);
  const unsigned sign = code >> (format.bits - 1), magnitude = code & ((1u << (format.bits - 1)) - 1);
  const bool unsigned_zero = dtype == DType::f8e4m3fnuz || dtype == DType::f8e5m2fnuz;
  if (magnitude == format.nan_code || (unsigned_zero && sign == 1 && magnitude == 0)) return nan;
  const unsigned exponent = magnitude >> format.mantissa_bits, fraction = magnitude & ((1u << format.mantissa_bits) - 1);
  const unsigned exponent_max = (1u << (format.bits - 1 - format.mantissa_bits)) - 1;
  const double factor = sign == 1 ? -1 : 1;
  if (format.infinities && exponent == exponent_max)
    return fraction == 0 ? factor * std::numeric_limits<double>::infinity() : nan;
  const double whole =
      std::ldexp(static_cast<double>(fraction), -static_cast<int>(format.mantissa_bits)) + (exponent > 0 ? 1 : 0);
  return factor * std::ldexp(whole, std::max(static_cast<int>(exponent), 1) - format.bias);
}

// The code of the finite value that is nearest; the lower code of two.
unsigned encode(DType dtype, double value) {
  unsigned best = 0;
  double best_distance = std::numeric_limits<double>::infinity();
  const unsigned codes = 1u << bits_of(dtype);
  for (unsigned code = 0; code < codes; ++code) {
    const double distance = std::abs(decode(dtype, code) - value);
    if (distance < best_distance) {
      best = code;
      best_distance = distance;
    }
  }
  return best;
}

template <class T, class Number>
void store_cut(void* data, std::size_t index, Number value) {
  if constexpr (std::is_same_v<Number, double>) {
    const double low = static_cast<double>(std::numeric_limits<T>::min()),
                 high = static_cast<double>(std::numeric_limits<T>::max());
    store(data, index,
          value >= high  ? std::numeric_limits<T>::max()
          : value <= low ? std::numeric_limits<T>::min()
                         : static_cast<T>(value));
  } else {
    store(data, index,
          std::in_range<T>(value) ? static_cast<T>(value)
          : value > 0             ? std::numeric_limits<T>::max()
                                  : std::numeric_limits<T>::min());
  }
}

template <class Number>
void set(DType dtype, void* data, std::size_t index, Number value) {
  const auto cut = [&](int low, int high) { return std::clamp(static_cast<double>(value), double(low), double(high)); };
  const auto real = static_cast<double>(value);
  switch (dtype) {
    case DType::f32: return store(data, index, static_cast<float>(value));
    case DType::f64: return store(data, index, real);
    case DType::f16: return store(data, index, Float16::from(static_cast<float>(value)));
    case DType::bf16: return store(data, index, BFloat16::from(static_cast<float>(value)));
    case DType::i64: return store_cut<std::int64_t>(data, index, value);
    case DType::i32: return store_cut<std::int32_t>(data, index, value);
    case DType::i16: return store_cut<std::int16_t>(data, index, value);
    case DType::i8: return store_cut<std::int8_t>(data, index, value);
    case DType::u64: return store_cut<std::uint64_t>(data, index, value);
    case DType::u32: return store_cut<std::uint32_t>(data, index, value);
    case DType::u16: return store_cut<std::uint16_t>(data, index, value);
    case DType::u8: return store_cut<std::uint8_t>(data, index, value);
    case DType::boolean: return store(data, index, static_cast<std::uint8_t>(value != 0 ? 1 : 0));
    case DType::complex64: return store(data, index, std::complex<float>(static_cast<float>(value)));
    case DType::complex128: return store(data, index, std::complex<double>(real));
    case DType::i4: return store_packed(4, data, index, static_cast<unsigned>(static_cast<int>(cut(-8, 7))));
    case DType::u4: return store_packed(4, data, index, static_cast<unsigned>(cut(0, 15)));
    case DType::i2: return store_packed(2, data, index, static_cast<unsigned>(static_cast<int>(cut(-2, 1))));
    case DType::u2: return store_packed(2, data, index, static_cast<unsigned>(cut(0, 3)));
    case DType::f4e2m1: return store_packed(4, data, index, encode(dtype, real));
    case DType::f8e4m3fn:
    case DType::f8e4m3fnuz:
    case DType::f8e5m2:
    case DType::f8e5m2fnuz:
    case DType::f8e8m0: return store(data, index, static_cast<std::uint8_t>(encode(dtype, real)));
    case DType::string: return;
  }
}

// The two's complement of the low bits.
std::int64_t extended(unsigned bits, unsigned code) {
  const unsigned sign = 1u << (bits - 1);
  return static_cast<std::int64_t>(code ^ sign) - static_cast<std::int64_t>(sign);
}

}  // namespace

Element element_at(DType dtype, const void* data, std::size_t index) {
  switch (dtype) {
    case DType::f32: return static_cast<double>(load<float>(data, index));
    case DType::f64: return load<double>(data, index);
    case DType::f16: return static_cast<double>(load<Float16>(data, index).to_float());
    case DType::bf16: return static_cast<double>(load<BFloat16>(data, index).to_float());
    case DType::i64: return load<std::int64_t>(data, index);
    case DType::i32: return std::int64_t{load<std::int32_t>(data, index)};
    case DType::i16: return std::int64_t{load<std::int16_t>(data, index)};
    case DType::i8: return std::int64_t{load<std::int8_t>(data, index)};
    case DType::u64: return load<std::uint64_t>(data, index);
    case DType::u32: return std::uint64_t{load<std::uint32_t>(data, index)};
    case DType::u16: return std::uint64_t{load<std::uint16_t>(data, index)};
    case DType::u8: return std::uint64_t{load<std::uint8_t>(data, index)};
    case DType::boolean: return load<std::uint8_t>(data, index) != 0;
    case DType::complex64: return std::complex<double>(load<std::complex<float>>(data, index));
    case DType::complex128: return load<std::complex<double>>(data, index);
    case DType::i4: return extended(4, load_packed(4, data, index));
    case DType::i2: return extended(2, load_packed(2, data, index));
    case DType::u4: return std::uint64_t{load_packed(4, data, index)};
    case DType::u2: return std::uint64_t{load_packed(2, data, index)};
    case DType::f4e2m1: return decode(dtype, load_packed(4, data, index));
    default: return decode(dtype, load<std::uint8_t>(data, index));
  }
}

void set_element(DType dtype, void* data, std::size_t index, double value) { set(dtype, data, index, value); }
void set_element(DType dtype, void* data, std::size_t index, std::int64_t value) { set(dtype, data, index, value); }
void set_element(DType dtype, void* data, std::size_t index, std::uint64_t value) { set(dtype, data, index, value); }

double to_double(const Element& element) {
  if (const auto* complex = std::get_if<std::complex<double>>(&element)) return complex->real();
  return std::visit(
      [](const auto& value) -> double {
        if constexpr (std::is_arithmetic_v<std::decay_t<decltype(value)>>) return static_cast<double>(value);
        return 0;
      },
      element);
}

std::string to_string(const Element& element) {
  if (const auto* real = std::get_if<double>(&element)) return std::isnan(*real) ? "nan" : fmt::format("{:.6g}", *real);
  if (const auto* complex = std::get_if<std::complex<double>>(&element))
    return fmt::format("{:.6g}{:+.6g}i", complex->real(), complex->imag());
  if (const auto* integer = std::get_if<std::int64_t>(&element)) return fmt::format("{}", *integer);
  if (const auto* natural = std::get_if<std::uint64_t>(&element)) return fmt::format("{}", *natural);
  return std::get<bool>(element) ? "true" : "false";
}

bool is_floating(DType dtype) {
  const std::string_view word = name(dtype);
  return word.starts_with("f") || word.starts_with("bf") || word.starts_with("complex");
}

bool is_integer(DType dtype) {
  const std::string_view word = name(dtype);
  return word.starts_with("i") || word.starts_with("u");
}

}  // namespace laneway::cli
