#pragma once
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "laneway/core/expected.h"

namespace laneway LANEWAY_PUBLIC {

/// Only ever grows. Threads: any. Cost: one relaxed addition.
class Counter {
 public:
  void add(std::uint64_t amount = 1) noexcept { value_.fetch_add(amount, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  alignas(64) std::atomic<std::uint64_t> value_{0};  // a cache line each: neighbours do not slow one another
};

/// What there is now. Threads: any. Cost: one relaxed addition or store.
class Gauge {
 public:
  void set(std::int64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t amount) noexcept { value_.fetch_add(amount, std::memory_order_relaxed); }
  std::int64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  alignas(64) std::atomic<std::int64_t> value_{0};
};

/// What a histogram held at one moment.
struct HistogramValues {
  std::uint64_t count = 0;
  std::uint64_t sum = 0;
  std::uint64_t p50 = 0;
  std::uint64_t p90 = 0;
  std::uint64_t p99 = 0;
  std::uint64_t p999 = 0;
};

/// How values are distributed: nanoseconds by convention, though any count will do. Each power of two is cut into 32 equal parts,
/// so that a quantile is within 1.6 % of a value that was recorded, from 0 to 2^37 (137 s). What is larger counts as 2^37.
///
/// Threads: any. What is read while others record is a moment that may lack the latest of them.
/// Cost:    record(): two relaxed additions, no allocation. 8.3 KiB each.
class Histogram {
 public:
  void record(std::uint64_t value) noexcept {
    parts_[part_of(value)].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
  }

  /// The least value that at least the fraction `p` of the records do not exceed, p in [0, 1]. 0 when nothing was recorded.
  std::uint64_t quantile(double p) const noexcept;
  HistogramValues values() const noexcept;

 private:
  static constexpr unsigned part_bits = 5;
  static constexpr unsigned value_bits = 37;
  static constexpr std::size_t part_count = (value_bits - part_bits + 1) << part_bits;
  using Parts = std::array<std::uint64_t, part_count>;

  // Below 64 a value is its own part; above, what follows the leading bit of the value selects among 32.
  static std::size_t part_of(std::uint64_t value) noexcept {
    const std::uint64_t largest = (std::uint64_t{1} << value_bits) - 1;
    const std::uint64_t held = value < largest ? value : largest;
    const unsigned width = static_cast<unsigned>(std::bit_width(held));
    const unsigned shift = width > part_bits + 1 ? width - part_bits - 1 : 0;
    return (std::size_t{shift} << part_bits) + static_cast<std::size_t>(held >> shift);
  }
  static std::uint64_t middle_of(std::size_t part) noexcept;
  static std::uint64_t quantile_of(const Parts& parts, std::uint64_t count, double p) noexcept;
  std::uint64_t copy(Parts& parts) const noexcept;

  std::array<std::atomic<std::uint64_t>, part_count> parts_{};
  alignas(64) std::atomic<std::uint64_t> sum_{0};
};

struct MetricLabel {
  std::string name;
  std::string value;

  friend bool operator==(const MetricLabel&, const MetricLabel&) = default;
};

enum class MetricKind : std::uint8_t { counter, gauge, histogram };

std::string_view name(MetricKind kind) noexcept;

/// One instrument and what it held.
struct MetricSample {
  std::string name;
  std::vector<MetricLabel> labels;
  MetricKind kind = MetricKind::counter;
  std::int64_t value = 0;          ///< Of counters and gauges.
  HistogramValues histogram = {};  ///< Of histograms.
};

/// Instruments by name and labels, made once and then used without a look-up. Created by the user with make_shared and given to
/// the runtimes that shall count in it; several may share one and then add up.
///
/// Errors:   invalid_argument (a name or label that Prometheus would refuse), failed_precondition (the name is taken by
///           another kind), resource_exhausted.
/// Threads:  any.
/// Lifetime: instruments live as long as this.
/// Cost:     making one allocates and takes a lock; reading all takes the lock. Instruments never wait for it.
class Metrics {
 public:
  Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;
  ~Metrics();

  /// The same name and labels give the same instrument. `help` is that of the first of its name.
  Expected<Counter*> counter(std::string_view name, std::string_view help, std::vector<MetricLabel> labels = {});
  Expected<Gauge*> gauge(std::string_view name, std::string_view help, std::vector<MetricLabel> labels = {});
  Expected<Histogram*> histogram(std::string_view name, std::string_view help, std::vector<MetricLabel> labels = {});

  /// Plain numbers, in the order in which the instruments were made.
  std::vector<MetricSample> snapshot() const;

  /// Prometheus' text format, version 0.0.4. A histogram is a `summary` with the quantiles 0.5, 0.9, 0.99 and 0.999.
  std::string prometheus() const;

 private:
  class Registry;
  std::unique_ptr<Registry> registry_;
};

}  // namespace laneway
