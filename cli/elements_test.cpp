#include "cli/elements.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace laneway::cli {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

double decoded(DType dtype, unsigned code) {
  const auto byte = static_cast<std::uint8_t>(code);
  return to_double(element_at(dtype, &byte, 0));
}

// Values from the formats' own definitions (OCP MX, FP8 Formats for Deep Learning).
TEST(Elements, SmallFloatsDecodeAsDefined) {
  EXPECT_EQ(decoded(DType::f8e4m3fn, 0x7e), 448);
  EXPECT_EQ(decoded(DType::f8e4m3fn, 0x08), std::ldexp(1, -6));
  EXPECT_EQ(decoded(DType::f8e4m3fn, 0x01), std::ldexp(1, -9));
  EXPECT_EQ(decoded(DType::f8e4m3fn, 0xb8), -1);
  EXPECT_TRUE(std::isnan(decoded(DType::f8e4m3fn, 0x7f)));
  EXPECT_TRUE(std::isnan(decoded(DType::f8e4m3fn, 0xff)));
  EXPECT_EQ(decoded(DType::f8e5m2, 0x7b), 57344);
  EXPECT_EQ(decoded(DType::f8e5m2, 0x01), std::ldexp(1, -16));
  EXPECT_EQ(decoded(DType::f8e5m2, 0x7c), inf);
  EXPECT_EQ(decoded(DType::f8e5m2, 0xfc), -inf);
  EXPECT_TRUE(std::isnan(decoded(DType::f8e5m2, 0x7d)));
  EXPECT_EQ(decoded(DType::f8e4m3fnuz, 0x7f), 240);
  EXPECT_EQ(decoded(DType::f8e4m3fnuz, 0x01), std::ldexp(1, -10));
  EXPECT_TRUE(std::isnan(decoded(DType::f8e4m3fnuz, 0x80)));
  EXPECT_EQ(decoded(DType::f8e5m2fnuz, 0x7f), 57344);
  EXPECT_EQ(decoded(DType::f8e5m2fnuz, 0x01), std::ldexp(1, -17));
  EXPECT_TRUE(std::isnan(decoded(DType::f8e5m2fnuz, 0x80)));
  EXPECT_EQ(decoded(DType::f8e8m0, 127), 1);
  EXPECT_EQ(decoded(DType::f8e8m0, 0), std::ldexp(1, -127));
  EXPECT_TRUE(std::isnan(decoded(DType::f8e8m0, 255)));
  const double f4[16] = {0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6};
  for (unsigned code = 0; code < 16; ++code) EXPECT_EQ(decoded(DType::f4e2m1, code), f4[code]) << code;
}

TEST(Elements, WhatIsSetIsRead) {
  for (const DType dtype :
       {DType::f32,       DType::f64,        DType::f16,      DType::bf16,       DType::i64,    DType::i32,
        DType::i16,       DType::i8,         DType::u64,      DType::u32,        DType::u16,    DType::u8,
        DType::complex64, DType::complex128, DType::f8e4m3fn, DType::f8e4m3fnuz, DType::f8e5m2, DType::f8e5m2fnuz,
        DType::f4e2m1,    DType::i4,         DType::u4,       DType::u2}) {
    std::vector<std::byte> bytes(7 * 16);
    const double values[] = {1, 3, 0, 2, 1, 2, 3};
    for (std::size_t i = 0; i < 7; ++i) set_element(dtype, bytes.data(), i, values[i]);
    for (std::size_t i = 0; i < 7; ++i)
      EXPECT_EQ(to_double(element_at(dtype, bytes.data(), i)), values[i]) << name(dtype) << " " << i;
    for (std::size_t i = 0; i < 7; ++i) set_element(dtype, bytes.data(), 6 - i, static_cast<std::int64_t>(values[i]));
    for (std::size_t i = 0; i < 7; ++i)
      EXPECT_EQ(to_double(element_at(dtype, bytes.data(), 6 - i)), values[i]) << name(dtype) << " " << i;
  }
}

TEST(Elements, IntegersAreCutToTheirRange) {
  std::byte bytes[16] = {};
  set_element(DType::i8, bytes, 0, 1e9);
  EXPECT_EQ(std::get<std::int64_t>(element_at(DType::i8, bytes, 0)), 127);
  set_element(DType::u8, bytes, 0, std::int64_t{-5});
  EXPECT_EQ(std::get<std::uint64_t>(element_at(DType::u8, bytes, 0)), 0u);
  set_element(DType::i64, bytes, 0, 1e30);
  EXPECT_EQ(std::get<std::int64_t>(element_at(DType::i64, bytes, 0)), std::numeric_limits<std::int64_t>::max());
  set_element(DType::i64, bytes, 1, std::int64_t{-9007199254740993});
  EXPECT_EQ(std::get<std::int64_t>(element_at(DType::i64, bytes, 1)), -9007199254740993) << "no detour over double";
  set_element(DType::i4, bytes, 1, -8.0);
  EXPECT_EQ(std::get<std::int64_t>(element_at(DType::i4, bytes, 1)), -8);
  set_element(DType::i2, bytes, 3, -1.0);
  EXPECT_EQ(std::get<std::int64_t>(element_at(DType::i2, bytes, 3)), -1);
  set_element(DType::boolean, bytes, 0, 0.5);
  EXPECT_TRUE(std::get<bool>(element_at(DType::boolean, bytes, 0)));
}

TEST(Elements, TextIsShort) {
  EXPECT_EQ(to_string(Element(0.1234567891)), "0.123457");
  EXPECT_EQ(to_string(Element(true)), "true");
  EXPECT_EQ(to_string(Element(std::int64_t{-7})), "-7");
  EXPECT_EQ(to_string(Element(std::complex<double>(1, -2.5))), "1-2.5i");
}

}  // namespace
}  // namespace laneway::cli
