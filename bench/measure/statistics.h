#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace laneway::bench {

/// One timed run. Contestants take turns in rounds; the round says which runs had the same neighbours.
struct Sample {
  std::uint64_t ticks;
  std::uint32_t round;  // of all sittings: counted on
};

/// Quantiles are samples, not estimates: the least one that at least the fraction p does not exceed.
struct Latencies {
  std::size_t samples = 0;
  double min_us = 0, p50_us = 0, p90_us = 0, p99_us = 0, p999_us = 0, max_us = 0;
};
/// `sorted`: by ticks, not empty.
Latencies latencies_of(const std::vector<Sample>& sorted, double ns_per_tick);

struct Interval {
  double low, high;
};

/// How two contestants that took turns compare.
struct Comparison {
  double p50_ratio;          ///< p50 of `a` divided by p50 of `b`,
  Interval p50_ratio_ci95;   ///< and where it lies with 95 % confidence.
  double p50_difference;     ///< p50 of `a` less p50 of `b`, in ticks,
  Interval difference_ci95;  ///< and where that lies.
};

/// The intervals are those of a bootstrap that draws sittings (between which the contestants were opened anew) and whole rounds of
/// them, so that what slows a round down for both is drawn for both. What a coarse clock cannot tell apart widens them. Both sorted
/// by ticks, not empty. `sittings`: the rounds of each, in their order.
Comparison compare(const std::vector<Sample>& a, const std::vector<Sample>& b, std::span<const std::uint32_t> sittings,
                   std::uint64_t seed);

}  // namespace laneway::bench
