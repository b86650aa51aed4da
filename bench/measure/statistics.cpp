#include "bench/measure/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <utility>

namespace laneway::bench {
namespace {

const Sample& quantile(const std::vector<Sample>& sorted, double p) {
  const auto rank = static_cast<std::size_t>(std::ceil(p * static_cast<double>(sorted.size())));
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

// The median of the samples when each counts as often as its round was drawn. Clocks are coarse, so that many samples are equal:
// they are taken for times spread evenly between the middles to their neighbours, or the median would hardly ever move.
double weighted_median(const std::vector<Sample>& sorted, const std::vector<std::uint32_t>& drawn, std::uint64_t total) {
  const double half = static_cast<double>(total) / 2;
  double passed = 0;
  for (std::size_t begin = 0, end = 0; begin < sorted.size(); begin = end) {
    double weight = 0;
    for (; end < sorted.size() && sorted[end].ticks == sorted[begin].ticks; ++end) weight += drawn[sorted[end].round];
    if (weight > 0 && passed + weight >= half) {
      const auto here = static_cast<double>(sorted[begin].ticks);
      const double low = begin == 0 ? here : (here + static_cast<double>(sorted[begin - 1].ticks)) / 2;
      const double high = end == sorted.size() ? here : (here + static_cast<double>(sorted[end].ticks)) / 2;
      return low + (high - low) * (half - passed) / weight;
    }
    passed += weight;
  }
  return static_cast<double>(sorted.back().ticks);
}

std::vector<std::uint64_t> samples_by_round(const std::vector<Sample>& samples, std::uint32_t rounds) {
  std::vector<std::uint64_t> counts(rounds);
  for (const Sample& sample : samples) ++counts[sample.round];
  return counts;
}

std::uint64_t total_drawn(const std::vector<std::uint64_t>& by_round, const std::vector<std::uint32_t>& drawn) {
  return std::inner_product(by_round.begin(), by_round.end(), drawn.begin(), std::uint64_t{0});
}

// The middle 95 % of what was drawn, and what was measured.
Interval interval_of(std::vector<double> drawn, double measured) {
  if (drawn.empty()) return {measured, measured};
  std::sort(drawn.begin(), drawn.end());
  const auto at = [&](double p) { return drawn[static_cast<std::size_t>(p * static_cast<double>(drawn.size() - 1) + 0.5)]; };
  return {std::min(at(0.025), measured), std::max(at(0.975), measured)};
}

}  // namespace

Latencies latencies_of(const std::vector<Sample>& sorted, double ns_per_tick) {
  const auto us = [&](const Sample& sample) { return static_cast<double>(sample.ticks) * ns_per_tick / 1e3; };
  return {.samples = sorted.size(),
          .min_us = us(sorted.front()),
          .p50_us = us(quantile(sorted, 0.5)),
          .p90_us = us(quantile(sorted, 0.9)),
          .p99_us = us(quantile(sorted, 0.99)),
          .p999_us = us(quantile(sorted, 0.999)),
          .max_us = us(sorted.back())};
}

Comparison compare(const std::vector<Sample>& a, const std::vector<Sample>& b, std::span<const std::uint32_t> sittings,
                   std::uint64_t seed) {
  constexpr int draws = 400;
  std::vector<std::uint32_t> first = {0};  // round of each sitting, and of none after the last
  for (const std::uint32_t rounds : sittings) first.push_back(first.back() + rounds);
  const auto a_by_round = samples_by_round(a, first.back());
  const auto b_by_round = samples_by_round(b, first.back());
  std::mt19937_64 random(seed);
  std::vector<std::uint32_t> drawn(first.back());
  std::vector<double> ratios, differences;
  for (int draw = 0; draw < draws; ++draw) {
    std::fill(drawn.begin(), drawn.end(), 0);
    for (std::size_t i = 0; i < sittings.size(); ++i) {
      const std::size_t sitting = random() % sittings.size();
      for (std::uint32_t k = 0; k < sittings[sitting]; ++k) ++drawn[first[sitting] + random() % sittings[sitting]];
    }
    const std::uint64_t a_total = total_drawn(a_by_round, drawn), b_total = total_drawn(b_by_round, drawn);
    if (a_total == 0 || b_total == 0) continue;  // an interrupted bench may have rounds without one of them
    const double a_median = weighted_median(a, drawn, a_total), b_median = weighted_median(b, drawn, b_total);
    ratios.push_back(a_median / b_median);
    differences.push_back(a_median - b_median);
  }
  const auto a_p50 = static_cast<double>(quantile(a, 0.5).ticks), b_p50 = static_cast<double>(quantile(b, 0.5).ticks);
  return {.p50_ratio = a_p50 / b_p50,
          .p50_ratio_ci95 = interval_of(std::move(ratios), a_p50 / b_p50),
          .p50_difference = a_p50 - b_p50,
          .difference_ci95 = interval_of(std::move(differences), a_p50 - b_p50)};
}

}  // namespace laneway::bench
