#include "laneway/graph/size.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <random>

namespace laneway::graph {
namespace {

using testing::HasSubstr;

const Size n = Size::symbol("n"), m = Size::symbol("m"), batch = Size::symbol("batch");
constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max(), least = std::numeric_limits<std::int64_t>::min();

TEST(Size, C06_EqualSumsAreEqualValues) {
  EXPECT_EQ(n + n - n, n);
  EXPECT_EQ((n + 1) * (n - 1), n * n - 1);
  EXPECT_EQ(n * m * batch, batch * n * m);
  EXPECT_EQ(Size(3) * n - n * 3, Size(0));
  EXPECT_FALSE(n == m);
  EXPECT_FALSE(n == n + 1);
}

TEST(Size, C06_QuotientsAreExactWhereTheyCanBe) {
  EXPECT_EQ(floor_div(n * m * 384, m * 384), n);
  EXPECT_EQ(floor_div(n * 8 + 3, 4), n * 2);
  EXPECT_EQ(floor_div(n * 8 - 3, 4), n * 2 - 1);
  EXPECT_EQ(floor_div(n + m, n + m), Size(1));
  EXPECT_EQ(ceil_div(n * 2, 2), n);
  EXPECT_EQ(ceil_div(n * 4 + 1, 4), n + 1);
  EXPECT_EQ(floor_div(-7, 2), Size(-4));
  EXPECT_EQ(floor_div(7, -2), Size(-4));
  EXPECT_EQ(ceil_div(-7, 2), Size(-3));
  EXPECT_FALSE(floor_div(n, 2).number());
  EXPECT_EQ(floor_div(n, 2), floor_div(n, 2));
}

TEST(Size, C06_LeastAndMostAreKnownWhereFormsShowIt) {
  EXPECT_EQ(max(n, 0), n) << "extents are never negative";
  EXPECT_EQ(min(n + 3, n + 5), n + 3);
  EXPECT_EQ(max(n + m, n), n + m);
  EXPECT_EQ(min(2, 7), Size(2));
  EXPECT_FALSE(min(n, 7).number());
  EXPECT_TRUE((n * m + 2).never_negative());
  EXPECT_FALSE((n - 1).never_negative());
}

TEST(Size, C06_Broadcasts) {
  EXPECT_EQ(*broadcast(n, 1), n);
  EXPECT_EQ(*broadcast(1, n), n);
  EXPECT_EQ(*broadcast(n, n), n);
  EXPECT_EQ(*broadcast(n, 4), Size(4)) << "n is 4 or 1";
  EXPECT_FALSE(broadcast(3, 4));
  const Size both = *broadcast(n, m);
  EXPECT_EQ(*both.evaluate({{{"n", 1}, {"m", 5}}}), 5);
  EXPECT_EQ(*both.evaluate({{{"n", 5}, {"m", 1}}}), 5);
  EXPECT_EQ(*both.evaluate({{{"n", 0}, {"m", 1}}}), 0);
  EXPECT_FALSE(both.evaluate({{{"n", 2}, {"m", 3}}}));
}

TEST(Size, C06_AnUnboundSymbolIsNamed) {
  const auto result = (n * 2 + batch).evaluate({{{"n", 3}}});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::failed_precondition);
  EXPECT_THAT(std::string(result.error().message()), HasSubstr("batch: expected an extent"));
  EXPECT_EQ((n * 2 + floor_div(batch, m)).symbols(), (std::vector<std::string>{"batch", "m", "n"}));
}

TEST(Size, C06_SizesTakeThePlaceOfSymbols) {
  const Size twice = m * 2;
  EXPECT_EQ((n * n + floor_div(n, 2) + batch).with({{{"n", twice}}}), m * m * 4 + m + batch);
}

TEST(Size, WhatOverflowsIsNotValidNorIsWhatIsMadeOfIt) {
  EXPECT_FALSE((Size(most) + 1).valid());
  EXPECT_FALSE((Size(most) * 2 - Size(most)).valid());
  EXPECT_FALSE((n * most + n).valid());
  EXPECT_FALSE((Size(0) - Size(least)).valid());
  EXPECT_FALSE(floor_div(least, -1).valid());
  EXPECT_FALSE(floor_div(n * least, -1).valid());
  EXPECT_FALSE(floor_div(n, 0).valid());
  EXPECT_FALSE(floor_div(n, m - m).valid());
  EXPECT_FALSE(max(floor_div(1, 0), n).valid());
  EXPECT_FALSE(Size::symbol("").valid());
  EXPECT_FALSE(floor_div(1, 0) == floor_div(1, 0)) << "they have no value";
  EXPECT_EQ(to_string(floor_div(1, 0)), "invalid");
  const auto beyond = (n * n).evaluate({{{"n", std::int64_t{1} << 40}}});
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code(), ErrorCode::invalid_argument);
  EXPECT_FALSE(floor_div(m, n).evaluate({{{"n", 0}, {"m", 3}}}));
}

TEST(Size, C04_NothingGrowsOutOfProportion) {
  Size power = n + m, nested = n, wide = n;
  for (int i = 0; i < 40; ++i) power = power * power;
  for (int i = 0; i < 2000; ++i) nested = floor_div(nested, 2) + floor_div(nested, 3);
  for (int i = 0; i < 2000; ++i) wide = wide + Size::symbol("s" + std::to_string(i));
  EXPECT_FALSE(power.valid());
  EXPECT_FALSE(nested.valid());
  EXPECT_FALSE(wide.valid());
}

TEST(Size, TextComesBack) {
  EXPECT_EQ(to_string(n * 2 + 1), "2*n + 1");
  EXPECT_EQ(to_string(Size(0) - n), "-n");
  EXPECT_EQ(to_string(n * m - 7), "m*n - 7");
  EXPECT_EQ(to_string(floor_div(n, 2)), "floor((n) / (2))");
  EXPECT_EQ(to_string(min(n, 8)), "min(n, 8)");
  EXPECT_EQ(to_string(Size::symbol("past + 1")), "\"past + 1\"");
  EXPECT_EQ(to_string(Sizes{batch, 3, n * 2}), "[batch, 3, 2*n]");
  EXPECT_EQ(product(Sizes{batch, 3, n * 2}), batch * n * 6);
  for (const Size& size : {Size(-5), n * n * 3 - m, floor_div(n + m, batch) * 2 + min(n, m), *broadcast(n, m), max(n - 1, 0),
                           Size::symbol("a \"b\" \\ c"), Size::symbol("min"), Size::symbol("input.0")}) {
    const auto back = Size::parse(to_string(size));
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(*back, size) << to_string(*back);
  }
  for (const char* wrong :
       {"", "2 +", "n m", "min(n)", "floor(n, 2)", "f(n, m)", "(n", "\"n", "99999999999999999999", "broadcast(2, 3)"}) {
    EXPECT_FALSE(Size::parse(wrong)) << wrong;
  }
  EXPECT_FALSE(Size::parse(std::string(1000, '(') + "n" + std::string(1000, ')')));
}

// Whatever the algebra does to a random expression, its numbers are those of plain arithmetic.
TEST(Size, C06_NumbersAreThoseOfPlainArithmetic) {
  std::mt19937 random(11);
  const std::vector<std::string> names = {"a", "b", "c"};
  struct Pair {
    Size size;
    std::function<std::optional<std::int64_t>(const std::vector<NamedExtent>&)> plain;
  };
  const std::function<Pair(int)> draw = [&](int depth) -> Pair {
    if (depth == 0 || random() % 5 == 0) {
      if (random() % 2) {
        const auto number = static_cast<std::int64_t>(random() % 13) - 4;
        return {number, [number](const auto&) { return number; }};
      }
      const std::size_t which = random() % names.size();
      return {Size::symbol(names[which]), [which](const auto& extents) { return extents[which].extent; }};
    }
    const Pair a = draw(depth - 1), b = draw(depth - 1);
    const auto both = [a, b](auto combine) {
      return [a, b, combine](const std::vector<NamedExtent>& extents) -> std::optional<std::int64_t> {
        const auto x = a.plain(extents), y = b.plain(extents);
        return x && y ? combine(*x, *y) : std::nullopt;
      };
    };
    using Result = std::optional<std::int64_t>;
    switch (random() % 6) {
      case 0: return {a.size + b.size, both([](auto x, auto y) { return Result(x + y); })};
      case 1: return {a.size - b.size, both([](auto x, auto y) { return Result(x - y); })};
      case 2: return {a.size * b.size, both([](auto x, auto y) { return Result(x * y); })};
      case 3: return {min(a.size, b.size), both([](auto x, auto y) { return Result(std::min(x, y)); })};
      case 4: return {max(a.size, b.size), both([](auto x, auto y) { return Result(std::max(x, y)); })};
      default:
        return {floor_div(a.size, b.size), both([](auto x, auto y) {
                  return y == 0 ? Result() : Result(x / y - (x % y != 0 && (x < 0) != (y < 0) ? 1 : 0));
                })};
    }
  };
  int compared = 0;
  for (int i = 0; i < 2000; ++i) {
    const Pair pair = draw(4);
    for (int k = 0; k < 5; ++k) {
      const std::vector<NamedExtent> extents = {{"a", static_cast<std::int64_t>(random() % 20)},
                                                {"b", static_cast<std::int64_t>(random() % 20)},
                                                {"c", static_cast<std::int64_t>(random() % 20)}};
      const auto expected = pair.plain(extents);
      const auto got = pair.size.evaluate(extents);
      if (!expected || !got) continue;  // a quotient by zero that cancels out has a number here
      ASSERT_EQ(*got, *expected) << to_string(pair.size) << " at " << to_string(extents);
      ++compared;
      const auto back = Size::parse(to_string(pair.size));
      ASSERT_TRUE(back) << to_string(pair.size);
      ASSERT_EQ(*back, pair.size) << to_string(pair.size) << "\n" << to_string(*back);
    }
  }
  EXPECT_GT(compared, 5000);
}

}  // namespace
}  // namespace laneway::graph
