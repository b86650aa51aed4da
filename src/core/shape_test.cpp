#include "laneway/core/shape.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

#include "laneway/core/port.h"

namespace laneway {
namespace {

constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();

template <class T>
ErrorCode code_of(const Expected<T>& result) {
  return result ? ErrorCode{} : result.error().code();
}

TEST(Shape, HoldsItsExtents) {
  Shape shape(1, 3, 224, std::size_t{225});
  EXPECT_EQ(shape.rank(), 4u);
  EXPECT_EQ(shape[3], 225);
  EXPECT_EQ(to_string(shape), "[1, 3, 224, 225]");
  shape.set(2, 0);
  EXPECT_EQ(shape, Shape(1, 3, 0, 225));
  EXPECT_NE(shape, Shape(1, 3, 0));
  EXPECT_NE(Shape(1), Shape());
  EXPECT_EQ(Shape().rank(), 0u);
  EXPECT_EQ(to_string(Shape()), "[]");
}

TEST(Shape, OfChecks) {
  const std::vector<std::int64_t> most(Shape::rank_max, 2), more(Shape::rank_max + 1, 2);
  ASSERT_TRUE(Shape::of(most));
  EXPECT_EQ(Shape::of(most)->rank(), Shape::rank_max);
  EXPECT_EQ(code_of(Shape::of(more)), ErrorCode::unimplemented);
  const auto negative = Shape::of(std::vector<std::int64_t>{2, -1, 3});
  ASSERT_EQ(code_of(negative), ErrorCode::invalid_argument);
  EXPECT_EQ(negative.error().message(), "shape [2, -1, 3]: negative extent: expected 0 or more, got -1");
}

TEST(ElementCount, IsTheProduct) {
  EXPECT_EQ(*element_count(Shape()), 1u);
  EXPECT_EQ(*element_count(Shape(7)), 7u);
  EXPECT_EQ(*element_count(Shape(2, 3, 5, 7)), 210u);
  EXPECT_EQ(*element_count(Shape(2, 0, 5)), 0u);
  EXPECT_EQ(*element_count(Shape(largest)), static_cast<std::size_t>(largest));
  EXPECT_EQ(*element_count(Shape(largest, 1, 1)), static_cast<std::size_t>(largest));
}

TEST(ElementCount, L05_NegativeExtentIsInvalidWhereverItStands) {
  for (const Shape& shape : {Shape(-1), Shape(2, -3), Shape(0, -1), Shape(-1, 0), Shape(largest, largest, -1)}) {
    EXPECT_EQ(code_of(element_count(shape)), ErrorCode::invalid_argument) << to_string(shape);
    EXPECT_EQ(code_of(byte_count(DType::u8, shape)), ErrorCode::invalid_argument) << to_string(shape);
  }
}

TEST(ElementCount, L05_OverflowIsInvalid) {
  EXPECT_EQ(code_of(element_count(Shape(largest, 2))), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(element_count(Shape(std::int64_t{1} << 32, std::int64_t{1} << 31))), ErrorCode::invalid_argument);
  EXPECT_TRUE(element_count(Shape(std::int64_t{1} << 31, std::int64_t{1} << 31)));
}

TEST(ElementCount, AnExtentOfZeroMeansNoElementsHoweverLargeTheOthers) {
  EXPECT_EQ(*element_count(Shape(largest, largest, 0)), 0u);
  EXPECT_EQ(*byte_count(DType::complex128, Shape(0, largest, largest)), 0u);
}

TEST(ByteCount, FollowsTheDtype) {
  EXPECT_EQ(*byte_count(DType::f32, Shape(3, 5)), 60u);
  EXPECT_EQ(*byte_count(DType::complex128, Shape(3, 5)), 240u);
  EXPECT_EQ(*byte_count(DType::boolean, Shape(3, 5)), 15u);
  EXPECT_EQ(*byte_count(DType::bf16, Shape()), 2u);
  EXPECT_EQ(code_of(byte_count(DType::string, Shape(1))), ErrorCode::invalid_argument);
}

TEST(ByteCount, PackedElementsAreRoundedUpOnceAtTheEnd) {
  for (std::int64_t count = 0; count < 40; ++count) {
    EXPECT_EQ(*byte_count(DType::i4, Shape(count)), static_cast<std::size_t>((count + 1) / 2));
    EXPECT_EQ(*byte_count(DType::u2, Shape(count)), static_cast<std::size_t>((count + 3) / 4));
  }
  EXPECT_EQ(*byte_count(DType::i4, Shape(3, 3)), 5u) << "rows are not padded";
  EXPECT_EQ(*byte_count(DType::f4e2m1, Shape(1)), 1u);
}

TEST(ByteCount, L05_OverflowIsInvalid) {
  EXPECT_EQ(code_of(byte_count(DType::f64, Shape(std::int64_t{1} << 61))), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(byte_count(DType::u8, Shape(largest, 3))), ErrorCode::invalid_argument);
}

TEST(ByteCount, RandomShapesAgainstWideArithmetic) {
  std::mt19937_64 random(9);
  int fitting = 0, overflowing = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::int64_t> extents(random() % 6);
    long double elements = 1;  // exact up to 2^64
    for (std::int64_t& extent : extents) {
      extent = static_cast<std::int64_t>(random() >> (random() % 62 + 2));
      elements *= static_cast<long double>(extent);
    }
    const auto bytes = byte_count(DType::i2, extents);
    if (elements == 0) {
      EXPECT_TRUE(bytes && *bytes == 0u);
    } else if (elements <= static_cast<long double>(largest)) {
      EXPECT_TRUE(bytes && *bytes == (static_cast<std::size_t>(elements) + 3) / 4) << to_string(extents);
      ++fitting;
    } else {
      EXPECT_EQ(code_of(bytes), ErrorCode::invalid_argument) << to_string(extents);
      ++overflowing;
    }
  }
  EXPECT_GT(fitting, 1000);
  EXPECT_GT(overflowing, 1000);
}

TEST(Port, L46_DimensionsHaveNames) {
  const Port port{.name = "input", .shape = {{.symbol = "batch"}, {.extent = 3}, {}, {}}};
  EXPECT_EQ(dimension_name(port, 0), "batch");
  EXPECT_EQ(dimension_name(port, 2), "input.2");
  EXPECT_EQ(describe_shape(port), "[batch, 3, input.2, input.3]");
  EXPECT_EQ(describe_shape(Port{.name = "scalar"}), "[]");
  EXPECT_EQ(describe_shape(Port{.name = "any", .rank_known = false}), "[...]");
}

TEST(Port, DenseIsATensorOfNumbers) {
  EXPECT_TRUE((Port{.name = "a"}.dense()));
  EXPECT_FALSE((Port{.name = "a", .dtype = DType::string}.dense()));
  EXPECT_FALSE((Port{.name = "a", .kind = PortKind::sequence}.dense()));
}

TEST(Port, NamedExtentsAsText) {
  EXPECT_EQ(to_string(std::vector<NamedExtent>{}), "{}");
  EXPECT_EQ(to_string(std::vector<NamedExtent>{{"batch", 1}, {"sequence", 17}}), "{batch=1, sequence=17}");
}

}  // namespace
}  // namespace laneway
