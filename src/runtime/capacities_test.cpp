#include "runtime/capacities.h"

#include "runtime/toy_fixture.h"

namespace laneway {
namespace {

using namespace std::chrono_literals;

class CapacitiesTest : public OnToy {
 protected:
  static Expected<std::vector<std::int64_t>> served(const BucketSpec& buckets, std::vector<std::int64_t> keys) {
    auto toy = make(toys::affine());
    auto runtime = open(bucketed(toy, buckets));
    if (!runtime) return std::move(runtime).error();
    std::vector<std::int64_t> result;
    for (const std::int64_t key : keys) {
      auto capacity = runtime->capacity_for(batch(key));
      result.push_back(capacity ? capacity->at(0).extent : -static_cast<std::int64_t>(capacity.error().code()));
    }
    EXPECT_EQ(toy->counters.plans.value(), 0) << "capacity_for() built something";
    return result;
  }
  static BucketSpec ladder(std::int64_t from, std::int64_t to, bool cap = false) {
    return {.ladders = {{.dimension = "batch", .from = from, .to = to, .cap = cap}}};
  }
  static BucketSpec ranges(std::vector<Range> list, Beyond beyond = Beyond::error) {
    return {.ranges = {{.dimension = "batch", .ranges = std::move(list)}}, .beyond = beyond};
  }
  static constexpr std::int64_t refused = -static_cast<std::int64_t>(ErrorCode::out_of_range);
};
INSTANTIATE_ON_TOY(CapacitiesTest);

TEST_P(CapacitiesTest, L32_LadderOfPowersOfTwo) {
  const auto steps = served(ladder(8, 64), {17, 9, 3, 64, 1, 8, 33, 65, 0});
  ASSERT_OK(steps);
  EXPECT_EQ(*steps, (std::vector<std::int64_t>{32, 16, 8, 64, 8, 8, 64, refused, refused}));
}

TEST_P(CapacitiesTest, L32_LadderRoundsItsEndsUp) {
  const auto from_ten = served(ladder(10, 64), {3, 16, 17, 64});
  ASSERT_OK(from_ten);
  EXPECT_EQ(*from_ten, (std::vector<std::int64_t>{16, 16, 32, 64}));
  const auto to_twenty = served(ladder(8, 20), {8, 9, 20, 32, 33});
  ASSERT_OK(to_twenty);
  EXPECT_EQ(*to_twenty, (std::vector<std::int64_t>{8, 16, 32, 32, refused}));
}

TEST_P(CapacitiesTest, L32_CappedLadderEndsWhereItSays) {
  const auto steps = served(ladder(8, 20, true), {8, 16, 17, 20, 21});
  ASSERT_OK(steps);
  EXPECT_EQ(*steps, (std::vector<std::int64_t>{8, 16, 20, 20, refused}));
  const auto single = served(ladder(16, 16), {1, 16, 17});
  ASSERT_OK(single);
  EXPECT_EQ(*single, (std::vector<std::int64_t>{16, 16, refused}));
}

TEST_P(CapacitiesTest, L32_WrongLaddersAreRefusedEachWithItsReason) {
  const auto zero = served(ladder(0, 8), {1});
  EXPECT_EQ(code_of(zero), ErrorCode::invalid_argument);
  EXPECT_NE(message_of(zero).find("starts too low"), std::string::npos);
  const auto upside_down = served(ladder(64, 8), {1});
  EXPECT_NE(message_of(upside_down).find("upside down"), std::string::npos);
  const auto overflow = served(ladder(1, std::numeric_limits<std::int64_t>::max()), {1});
  EXPECT_NE(message_of(overflow).find("overflows"), std::string::npos);
  const auto unknown = served({.ladders = {{.dimension = "sequence", .from = 1, .to = 8}}}, {1});
  EXPECT_EQ(code_of(unknown), ErrorCode::not_found);
  EXPECT_NE(message_of(unknown).find("batch"), std::string::npos) << "names those there are";
}

TEST_P(CapacitiesTest, L32_TwoLaddersMakePairs) {
  auto toy = make(toys::two_symbols());
  RuntimeSpec two = bucketed(toy, {});
  auto probe = open(two);
  ASSERT_OK(probe);
  std::vector<std::string> symbols;
  for (const Port& port : probe->inputs()) {
    for (const Dimension& dimension : port.shape) {
      if (!dimension.symbol.empty()) symbols.push_back(dimension.symbol);
    }
  }
  ASSERT_EQ(symbols.size(), 2u);
  two.buckets =
      BucketSpec{.ladders = {{.dimension = symbols[0], .from = 2, .to = 8}, {.dimension = symbols[1], .from = 4, .to = 16}}};
  auto runtime = open(two);
  ASSERT_OK(runtime);
  const std::vector<NamedExtent> asked = {{symbols[1], 5}, {symbols[0], 3}};  // in any order
  const auto capacity = runtime->capacity_for(asked);
  ASSERT_OK(capacity);
  EXPECT_EQ(*capacity, (std::vector<NamedExtent>{{symbols[0], 4}, {symbols[1], 8}}));
}

TEST_P(CapacitiesTest, L31_RangesShareAPlan) {
  const auto steps = served(ranges({{4, 16}, {1, 4}}), {1, 2, 3, 4, 8, 15, 0, 16, 100});
  ASSERT_OK(steps);
  EXPECT_EQ(*steps, (std::vector<std::int64_t>{3, 3, 3, 15, 15, 15, refused, refused, refused}));
}

TEST_P(CapacitiesTest, L31_BeyondTheRangesAnExactPlanWhereAskedFor) {
  const auto steps = served(ranges({{1, 4}, {4, 16}}, Beyond::exact), {3, 16, 100});
  ASSERT_OK(steps);
  EXPECT_EQ(*steps, (std::vector<std::int64_t>{3, 16, 100}));
}

TEST_P(CapacitiesTest, L31_WrongRangesAreRefusedEachWithItsReason) {
  const auto overlap = served(ranges({{1, 5}, {4, 16}}), {1});
  const auto empty_range = served(ranges({{4, 4}}), {1});
  const auto empty_list = served(ranges({}), {1});
  EXPECT_EQ(code_of(overlap), ErrorCode::invalid_argument);
  EXPECT_NE(message_of(overlap).find("overlap"), std::string::npos);
  EXPECT_NE(message_of(empty_range).find("empty range"), std::string::npos);
  EXPECT_NE(message_of(empty_list).find("empty list"), std::string::npos);
}

TEST_P(CapacitiesTest, L31_LeaseTellsCapacityAndWhetherItWasBuilt) {
  auto toy = make(toys::affine());
  auto runtime = open(bucketed(toy, ranges({{1, 4}, {4, 16}})));
  ASSERT_OK(runtime);
  {
    auto first = runtime->lease(batch(2));
    ASSERT_OK(first);
    EXPECT_TRUE(first->built());
    EXPECT_EQ(first->capacity()[0], (NamedExtent{"batch", 3}));
  }
  auto second = runtime->lease(batch(3));
  ASSERT_OK(second);
  EXPECT_FALSE(second->built()) << "2 and 3 share a plan";
  EXPECT_EQ(toy->counters.plans.value(), 1);
  const auto beyond = runtime->lease(batch(16));
  EXPECT_EQ(code_of(beyond), ErrorCode::out_of_range);
  EXPECT_EQ(toy->counters.plans.value(), 1) << "nothing is built for it";
}

}  // namespace
}  // namespace laneway
