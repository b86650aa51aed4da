#include "cli/inputs.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "cli/elements.h"
#include "cli/usage.h"

namespace laneway::cli {
namespace {

const Port ids{.name = "ids", .dtype = DType::i64, .shape = {{.symbol = "batch"}, {.symbol = "sequence"}}};
const Port image{.name = "image", .shape = {{.symbol = "batch"}, {.extent = 3}, {}}};

std::vector<double> filled(const GivenInput& input, std::uint64_t seed, std::uint64_t variation) {
  const std::size_t count = *element_count(input.shape);
  std::vector<std::byte> bytes(*byte_count(input.port.dtype, input.shape));
  input.fill(bytes.data(), seed, variation);
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(to_double(element_at(input.port.dtype, bytes.data(), i)));
  return values;
}

TEST(Inputs, SymbolsAreSharedAndUnnamedDimensionsArePortAndAxis) {
  const auto given = resolve_inputs({ids, image}, {.dims = {"batch=2", "image.2=5"}});
  ASSERT_TRUE(given);
  EXPECT_EQ(given->inputs[0].shape, Shape(2, 1));
  EXPECT_EQ(given->inputs[1].shape, Shape(2, 3, 5));
  EXPECT_EQ(given->dimensions, (std::vector<NamedExtent>{{"batch", 2}, {"sequence", 1}, {"image.2", 5}}));
  EXPECT_EQ(given->defaulted, std::vector<std::string>{"sequence"});
}

TEST(Inputs, OptionalOnesAreGivenOnlyWhereNamed) {
  Port bias{.name = "bias", .shape = {{.extent = 4}}, .optional = true};
  EXPECT_EQ(resolve_inputs({bias}, {})->inputs.size(), 0u);
  EXPECT_EQ(resolve_inputs({bias}, {.inputs = {"bias=1"}})->inputs.size(), 1u);
}

TEST(Inputs, VariationsSeedsAndPortsDiffer) {
  const auto given =
      resolve_inputs({ids, image}, {.inputs = {"ids=random:-1000000..1000000"}, .dims = {"sequence=50", "image.2=50"}});
  ASSERT_TRUE(given);
  for (const GivenInput& input : given->inputs) {
    EXPECT_EQ(filled(input, 1, 2), filled(input, 1, 2));
    EXPECT_NE(filled(input, 1, 2), filled(input, 1, 3));
    EXPECT_NE(filled(input, 1, 2), filled(input, 2, 2));
  }
  GivenInput renamed = given->inputs[1];
  renamed.port.name = "other";
  EXPECT_NE(filled(given->inputs[1], 1, 2), filled(renamed, 1, 2));
}

TEST(Inputs, WholeRangesOfIntegersAreReached) {
  const auto given = resolve_inputs({ids}, {.inputs = {"ids=random:-2..2"}, .dims = {"sequence=2000"}});
  std::vector<int> seen(5);
  for (const double value : filled(given->inputs[0], 0, 0)) ++seen.at(static_cast<std::size_t>(value + 2));
  for (const int count : seen) EXPECT_NEAR(count, 400, 120);
}

TEST(Inputs, PackedAndSmallTypesAreFilledToo) {
  for (const DType dtype : {DType::i4, DType::u2, DType::f4e2m1, DType::f8e5m2, DType::bf16, DType::complex64}) {
    const Port port{.name = "x", .dtype = dtype, .shape = {{.extent = 101}}};
    const auto given = resolve_inputs({port}, {});
    ASSERT_TRUE(given);
    double sum = 0;
    for (const double value : filled(given->inputs[0], 0, 0)) {
      EXPECT_GE(value, is_integer(dtype) ? 0 : -1) << name(dtype);
      EXPECT_LE(value, 1) << name(dtype);
      sum += std::abs(value);
    }
    EXPECT_GT(sum, 20) << name(dtype);
  }
}

TEST(Inputs, IntegersOf64BitsReachTheirEnds) {
  const auto given = [](DType dtype, const std::string& value) {
    const auto inputs = resolve_inputs({Port{.name = "x", .dtype = dtype, .shape = {{.extent = 1}}}}, {.inputs = {"x=" + value}});
    std::byte element[8] = {};
    inputs->inputs[0].fill(element, 0, 0);
    return to_string(element_at(dtype, element, 0));
  };
  for (const char* value : {"9223372036854775807", "-9223372036854775808", "9007199254740993"})
    EXPECT_EQ(given(DType::i64, value), value);
  for (const char* value : {"18446744073709551615", "9223372036854775808", "9007199254740993"})
    EXPECT_EQ(given(DType::u64, value), value);
  EXPECT_THROW(given(DType::i64, "9223372036854775808"), UsageError);
  EXPECT_THROW(given(DType::u64, "-1"), UsageError);
  EXPECT_THROW(given(DType::u8, "256"), UsageError);
}

TEST(Inputs, ValuesThatADtypeCannotHoldAreRefused) {
  const Port half{.name = "x", .dtype = DType::f16, .shape = {{.extent = 1}}}, single{.name = "x", .shape = {{.extent = 1}}};
  EXPECT_THROW(static_cast<void>(resolve_inputs({half}, {.inputs = {"x=70000"}})), UsageError);
  EXPECT_THROW(static_cast<void>(resolve_inputs({single}, {.inputs = {"x=random:-1e308..1e308"}})), UsageError);
  EXPECT_TRUE(resolve_inputs({half}, {.inputs = {"x=65504"}}));
  EXPECT_TRUE(resolve_inputs({half}, {.inputs = {"x=inf"}}));
}

TEST(Inputs, NamesOfDimensionsMayHaveAnEqualsSign) {
  const auto given = resolve_inputs({Port{.name = "x", .shape = {{.symbol = "a=b"}}}}, {.dims = {"a=b=3"}});
  ASSERT_TRUE(given);
  EXPECT_EQ(given->inputs[0].shape, Shape{3});
}

}  // namespace
}  // namespace laneway::cli
