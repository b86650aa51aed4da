#include "laneway/core/dtype.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <set>
#include <vector>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace laneway {
namespace {

constexpr DType first_dtype = DType::f32;
constexpr DType last_dtype = DType::u2;

std::vector<DType> all_dtypes() {
  std::vector<DType> all;
  for (int i = static_cast<int>(first_dtype); i <= static_cast<int>(last_dtype); ++i) all.push_back(static_cast<DType>(i));
  return all;
}

// By the definition of the format: sign, `exponent_bits`, the rest fraction. No arithmetic of the code under test.
double value_of(std::uint16_t bits, int exponent_bits) {
  const int fraction_bits = 15 - exponent_bits;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = (bits & 0x7fff) >> fraction_bits;
  const int fraction = bits & ((1 << fraction_bits) - 1);
  double magnitude = 0;
  if (exponent == (1 << exponent_bits) - 1) {
    magnitude = fraction == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  } else if (exponent == 0) {
    magnitude = std::ldexp(fraction, 1 - bias - fraction_bits);
  } else {
    magnitude = std::ldexp((1 << fraction_bits) + fraction, exponent - bias - fraction_bits);
  }
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

// Rounds by search in the table of all magnitudes of the format; what would be the next one after the largest is infinity.
class NearestEven {
 public:
  explicit NearestEven(int exponent_bits) {
    const int fraction_bits = 15 - exponent_bits;
    const int infinity = ((1 << exponent_bits) - 1) << fraction_bits;
    for (int bits = 0; bits < infinity; ++bits) magnitudes_.push_back(value_of(static_cast<std::uint16_t>(bits), exponent_bits));
    magnitudes_.push_back(std::ldexp(1.0, 1 << (exponent_bits - 1)));
  }

  std::uint16_t operator()(float value) const {
    const double magnitude = std::abs(static_cast<double>(value));
    const auto above = std::ranges::lower_bound(magnitudes_, magnitude);
    auto index = static_cast<std::size_t>(above - magnitudes_.begin());
    if (index == magnitudes_.size()) {
      --index;
    } else if (index > 0 && magnitudes_[index] != magnitude) {
      const double up = magnitudes_[index] - magnitude, down = magnitude - magnitudes_[index - 1];
      if (down < up || (down == up && index % 2 == 1)) --index;
    }
    return static_cast<std::uint16_t>(index | (std::signbit(value) ? 0x8000u : 0u));
  }

 private:
  std::vector<double> magnitudes_;
};

// Every upper half of a float, with low halves around each place where either format rounds.
template <class Body>
void for_many_floats(const Body& body) {
  for (std::uint32_t high = 0; high < 0x10000; ++high) {
    for (std::uint32_t middle = 0; middle < 8; ++middle) {
      for (const std::uint32_t low : {0x0000u, 0x0001u, 0x0fffu, 0x1000u, 0x1001u, 0x1fffu}) {
        body(std::bit_cast<float>(high << 16 | middle << 13 | low));
      }
    }
  }
  std::mt19937 random(3);
  for (int i = 0; i < 300'000; ++i) body(std::bit_cast<float>(static_cast<std::uint32_t>(random())));
}

template <class Type>
void expect_conversions(int exponent_bits) {
  const NearestEven oracle(exponent_bits);
  int wrong = 0;
  for_many_floats([&](float value) {
    const Type made = Type::from(value);
    const bool right = std::isnan(value) ? std::isnan(value_of(made.bits, exponent_bits)) : made.bits == oracle(value);
    if (!right && ++wrong <= 5) ADD_FAILURE() << std::hexfloat << value << " gives " << std::hex << made.bits;
  });
  EXPECT_EQ(wrong, 0);
}

template <class Type>
void expect_exact_values(int exponent_bits) {
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    const Type stored{static_cast<std::uint16_t>(bits)};
    const double expected = value_of(stored.bits, exponent_bits);
    const float got = stored.to_float();
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(got)) << bits;
      EXPECT_TRUE(std::isnan(Type::from(got).to_float())) << bits;
    } else {
      EXPECT_EQ(static_cast<double>(got), expected) << bits;
      EXPECT_EQ(std::signbit(got), std::signbit(expected)) << bits;
      EXPECT_EQ(Type::from(got), stored) << bits;
    }
  }
}

TEST(Float16, EachOfThemHasItsValueAndComesBack) { expect_exact_values<Float16>(5); }
TEST(BFloat16, EachOfThemHasItsValueAndComesBack) { expect_exact_values<BFloat16>(8); }
TEST(Float16, FloatsRoundToNearestEven) { expect_conversions<Float16>(5); }
TEST(BFloat16, FloatsRoundToNearestEven) { expect_conversions<BFloat16>(8); }

TEST(Float16, KnownValues) {
  EXPECT_EQ(Float16::from(1.0f).bits, 0x3c00);
  EXPECT_EQ(Float16::from(-2.0f).bits, 0xc000);
  EXPECT_EQ(Float16::from(65504.0f).bits, 0x7bff);
  EXPECT_EQ(Float16::from(65519.996f).bits, 0x7bff);
  EXPECT_EQ(Float16::from(65520.0f).bits, 0x7c00);
  EXPECT_EQ(Float16::from(0x1p-24f).bits, 0x0001);
  EXPECT_EQ(Float16::from(0x1p-25f).bits, 0x0000) << "a tie goes to even";
  EXPECT_EQ(Float16::from(0x1.000002p-25f).bits, 0x0001);
  EXPECT_EQ(Float16::from(-0.0f).bits, 0x8000);
  EXPECT_EQ(Float16::from(1.0f / 3).bits, 0x3555);
}

TEST(BFloat16, KnownValues) {
  EXPECT_EQ(BFloat16::from(1.0f).bits, 0x3f80);
  EXPECT_EQ(BFloat16::from(3.14159265f).bits, 0x4049);
  EXPECT_EQ(BFloat16::from(std::numeric_limits<float>::max()).bits, 0x7f80);
  EXPECT_EQ(BFloat16::from(std::numeric_limits<float>::denorm_min()).bits, 0x0000);
  EXPECT_EQ(BFloat16::from(std::bit_cast<float>(0x7f800001u)).bits & 0x7fff, 0x7fc0) << "a NaN never becomes infinity";
}

#if defined(__x86_64__)
// Flush to zero, denormals are zero, and each way to round: the caller's state has no say.
TEST(Float16, L24_ConversionsDoNotDependOnTheFloatingPointState) {
  const NearestEven half(5), brain(8);
  std::vector<float> values;
  std::vector<std::uint16_t> halves, brains;
  std::mt19937 random(4);
  for (int i = 0; i < 20'000; ++i) {
    const auto exponent = static_cast<std::uint32_t>(random() % 60 + 80);  // around the subnormal halves
    values.push_back(std::bit_cast<float>((static_cast<std::uint32_t>(random()) & 0x807fffffu) | exponent << 23));
  }
  for (std::uint32_t bits = 1; bits < 0x800000; bits += 4'099) values.push_back(std::bit_cast<float>(bits));
  for (const float value : values) halves.push_back(half(value)), brains.push_back(brain(value));

  const unsigned before = _mm_getcsr();
  for (const unsigned mode : {0x1f80u, 0x3f80u, 0x5f80u, 0x7f80u, 0x9fc0u, 0xffc0u}) {
    _mm_setcsr(mode);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      wrong += Float16::from(values[i]).bits != halves[i] || BFloat16::from(values[i]).bits != brains[i];
    }
    _mm_setcsr(before);
    EXPECT_EQ(wrong, 0u) << "MXCSR " << std::hex << mode;
  }
}
#endif

TEST(DType, NamesAreUniqueAndComeBack) {
  std::set<std::string_view> seen;
  for (const DType dtype : all_dtypes()) {
    EXPECT_TRUE(seen.insert(name(dtype)).second) << name(dtype);
    EXPECT_EQ(dtype_named(name(dtype)), dtype);
  }
  EXPECT_EQ(seen.size(), 26u);
  EXPECT_EQ(name(DType::boolean), "boolean");
  EXPECT_EQ(name(DType::i4), "i4");
}

TEST(DType, OnnxAndNumPySpellingsAreUnderstood) {
  EXPECT_EQ(dtype_named("float"), DType::f32);
  EXPECT_EQ(dtype_named("float32"), DType::f32);
  EXPECT_EQ(dtype_named("double"), DType::f64);
  EXPECT_EQ(dtype_named("float16"), DType::f16);
  EXPECT_EQ(dtype_named("bfloat16"), DType::bf16);
  EXPECT_EQ(dtype_named("int64"), DType::i64);
  EXPECT_EQ(dtype_named("uint8"), DType::u8);
  EXPECT_EQ(dtype_named("bool"), DType::boolean);
  EXPECT_EQ(dtype_named("complex128"), DType::complex128);
  for (const char* wrong : {"", "F32", "f33", "int", "float 32", "f32 "}) EXPECT_EQ(dtype_named(wrong), std::nullopt) << wrong;
}

TEST(DType, BitsAreThoseInTheName) {
  for (const DType dtype : all_dtypes()) {
    const std::string text(name(dtype));
    if (dtype == DType::string) {
      EXPECT_EQ(bits_of(dtype), 0u);
    } else if (dtype == DType::boolean) {
      EXPECT_EQ(bits_of(dtype), 8u);
    } else {
      const std::size_t digits = text.find_first_of("0123456789");
      EXPECT_EQ(bits_of(dtype), std::stoul(text.substr(digits))) << text;
    }
    EXPECT_EQ(is_packed(dtype), bits_of(dtype) == 4 || bits_of(dtype) == 2) << text;
    EXPECT_EQ(is_numeric(dtype), dtype != DType::string);
  }
}

TEST(DType, OfElementTypes) {
  EXPECT_EQ(dtype_of<float>::value, DType::f32);
  EXPECT_EQ(dtype_of<BFloat16>::value, DType::bf16);
  EXPECT_EQ(dtype_of<std::uint16_t>::value, DType::u16);
  EXPECT_EQ(dtype_of<bool>::value, DType::boolean);
  EXPECT_EQ(bits_of(dtype_of<std::int64_t>::value), 8 * sizeof(std::int64_t));
}

}  // namespace
}  // namespace laneway
