#include "bench/measure/statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

namespace laneway::bench {
namespace {

std::vector<Sample> samples_of(std::vector<std::uint64_t> ticks) {
  std::sort(ticks.begin(), ticks.end());
  std::vector<Sample> samples;
  for (const std::uint64_t one : ticks) samples.push_back({one, 0});
  return samples;
}

TEST(Statistics, QuantilesAreTheSamplesThemselves) {
  std::vector<std::uint64_t> ticks(1000);
  for (std::size_t i = 0; i < ticks.size(); ++i) ticks[i] = 1000 * (i + 1);
  const Latencies us = latencies_of(samples_of(ticks), 2.0);  // 1,000 ticks of 2 ns are 2 us
  EXPECT_EQ(us.samples, 1000u);
  EXPECT_DOUBLE_EQ(us.min_us, 2);
  EXPECT_DOUBLE_EQ(us.p50_us, 1000);
  EXPECT_DOUBLE_EQ(us.p90_us, 1800);
  EXPECT_DOUBLE_EQ(us.p99_us, 1980);
  EXPECT_DOUBLE_EQ(us.p999_us, 1998);
  EXPECT_DOUBLE_EQ(us.max_us, 2000);
}

TEST(Statistics, OneSampleIsEveryQuantile) {
  const Latencies us = latencies_of(samples_of({7000}), 1);
  EXPECT_DOUBLE_EQ(us.min_us, 7);
  EXPECT_DOUBLE_EQ(us.p50_us, 7);
  EXPECT_DOUBLE_EQ(us.p999_us, 7);
}

// Two contestants whose rounds are slow or fast together: the ratio is 1.1 in each round.
struct Pair {
  std::vector<Sample> a, b;
  std::uint32_t rounds = 200;

  explicit Pair(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> disturbance(1, 1.5), noise(0.97, 1.03);
    for (std::uint32_t round = 0; round < rounds; ++round) {
      const double slow = disturbance(random);
      for (int i = 0; i < 31; ++i) {
        b.push_back({static_cast<std::uint64_t>(10000 * slow * noise(random)), round});
        a.push_back({static_cast<std::uint64_t>(11000 * slow * noise(random)), round});
      }
    }
    for (auto* samples : {&a, &b}) {
      std::sort(samples->begin(), samples->end(), [](const Sample& x, const Sample& y) { return x.ticks < y.ticks; });
    }
  }
};

TEST(Statistics, IntervalHoldsTheTrueRatioMostTimes) {
  int held = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Pair pair(seed);
    const Comparison compared = compare(pair.a, pair.b, std::array{pair.rounds}, seed);
    const double ratio = compared.p50_ratio;
    const Interval interval = compared.p50_ratio_ci95;
    EXPECT_LE(compared.difference_ci95.low, compared.p50_difference);
    EXPECT_GE(compared.difference_ci95.high, compared.p50_difference);
    EXPECT_GT(compared.difference_ci95.low, 500) << "a tenth of 10,000, and more where both are slow";
    EXPECT_LT(compared.difference_ci95.high, 2000);
    EXPECT_LE(interval.low, ratio);
    EXPECT_GE(interval.high, ratio);
    EXPECT_LT(interval.high - interval.low, 0.08) << "pairing takes out what disturbs both";
    EXPECT_GT(interval.high - interval.low, 0.0005);
    held += interval.low <= 1.1 && 1.1 <= interval.high;
  }
  EXPECT_GE(held, 33) << "95 % of 40, less luck";
}

TEST(Statistics, ACoarseClockMakesNobodyFaster) {
  int held = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> time(985, 1025);
    std::vector<Sample> a, b;
    for (std::uint32_t round = 0; round < 30; ++round) {
      for (int i = 0; i < 101; ++i) {  // one and the same contestant twice; the clock counts in tens
        a.push_back({static_cast<std::uint64_t>(time(random)) / 10 * 10, round});
        b.push_back({static_cast<std::uint64_t>(time(random)) / 10 * 10, round});
      }
    }
    for (auto* samples : {&a, &b}) std::ranges::sort(*samples, {}, &Sample::ticks);
    const Interval interval = compare(a, b, std::array{30u}, seed).p50_ratio_ci95;
    EXPECT_GT(interval.high - interval.low, 0);
    EXPECT_LT(interval.high - interval.low, 0.03);
    held += interval.low <= 1 && 1 <= interval.high;
  }
  EXPECT_GE(held, 33) << "95 % of 40, less luck";
}

TEST(Statistics, ASessionThatLiesBadlyInMemoryMakesNobodySlower) {
  int held = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> place(0.97, 1.03), noise(0.999, 1.001);
    std::vector<Sample> a, b;  // one and the same contestant twice, opened eight times
    for (std::uint32_t sitting = 0; sitting < 8; ++sitting) {
      const double a_place = place(random), b_place = place(random);
      for (std::uint32_t round = 0; round < 20; ++round) {
        for (int i = 0; i < 31; ++i) {
          a.push_back({static_cast<std::uint64_t>(100'000 * a_place * noise(random)), 20 * sitting + round});
          b.push_back({static_cast<std::uint64_t>(100'000 * b_place * noise(random)), 20 * sitting + round});
        }
      }
    }
    for (auto* samples : {&a, &b}) std::ranges::sort(*samples, {}, &Sample::ticks);
    const Interval interval = compare(a, b, std::array{20u, 20u, 20u, 20u, 20u, 20u, 20u, 20u}, seed).p50_ratio_ci95;
    EXPECT_LT(interval.high - interval.low, 0.1);
    held += interval.low <= 1 && 1 <= interval.high;
  }
  EXPECT_GE(held, 33) << "95 % of 40, less luck";
}

TEST(Statistics, TheSameAgainstItselfIsExactlyOne) {
  const Pair pair(1);
  const Comparison compared = compare(pair.a, pair.a, std::array{pair.rounds}, 3);
  EXPECT_EQ(compared.p50_ratio, 1);
  EXPECT_EQ(compared.p50_ratio_ci95.low, 1);
  EXPECT_EQ(compared.p50_ratio_ci95.high, 1);
  EXPECT_EQ(compared.p50_difference, 0);
  EXPECT_EQ(compared.difference_ci95.low, 0);
  EXPECT_EQ(compared.difference_ci95.high, 0);
}

}  // namespace
}  // namespace laneway::bench
