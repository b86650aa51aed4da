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

/// p50 of `a` divided by p50 of `b`, and where it lies with 95 % confidence: a bootstrap that draws sittings (between which the
/// contestants were opened anew) and whole rounds of them, so that what slows a round down for both is drawn for both. What a
/// coarse clock cannot tell apart widens it. Both sorted by ticks, not empty. `sittings`: the rounds of each, in their order.
double p50_ratio(const std::vector<Sample>& a, const std::vector<Sample>& b);
Interval p50_ratio_ci95(const std::vector<Sample>& a, const std::vector<Sample>& b, std::span<const std::uint32_t> sittings,
                        std::uint64_t seed);

}  // namespace laneway::bench
