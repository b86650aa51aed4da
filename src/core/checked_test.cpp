#include "laneway/core/checked.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace laneway {
namespace {

// Every pair of 8-bit numbers, against arithmetic that is wide enough.
template <class T>
void expect_exhaustive() {
  using Limits = std::numeric_limits<T>;
  const auto fitting = [](int wide) {
    return wide < Limits::min() || wide > Limits::max() ? std::nullopt : std::optional<T>(static_cast<T>(wide));
  };
  for (int a = Limits::min(); a <= Limits::max(); ++a) {
    for (int b = Limits::min(); b <= Limits::max(); ++b) {
      ASSERT_EQ(checked_add(static_cast<T>(a), static_cast<T>(b)), fitting(a + b)) << a << " " << b;
      ASSERT_EQ(checked_mul(static_cast<T>(a), static_cast<T>(b)), fitting(a * b)) << a << " " << b;
      if (a < 0 || b <= 0) continue;
      ASSERT_EQ(checked_round_up(static_cast<T>(a), static_cast<T>(b)), fitting((a + b - 1) / b * b)) << a << " " << b;
    }
  }
}

TEST(Checked, UnsignedExhaustively) { expect_exhaustive<std::uint8_t>(); }
TEST(Checked, SignedExhaustively) { expect_exhaustive<std::int8_t>(); }

TEST(Checked, AtTheEndsOf64Bits) {
  EXPECT_EQ(checked_add(SIZE_MAX, std::size_t{0}), SIZE_MAX);
  EXPECT_EQ(checked_add(SIZE_MAX, std::size_t{1}), std::nullopt);
  EXPECT_EQ(checked_mul(std::size_t{1} << 32, std::size_t{1} << 32), std::nullopt);
  EXPECT_EQ(checked_mul(INT64_MIN, std::int64_t{-1}), std::nullopt);
  EXPECT_EQ(checked_round_up(SIZE_MAX - 4096, std::size_t{4096}), SIZE_MAX - 4095);
  EXPECT_EQ(checked_round_up(SIZE_MAX - 4094, std::size_t{4096}), std::nullopt);
}

}  // namespace
}  // namespace laneway
