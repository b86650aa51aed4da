#include "laneway/diag/metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace laneway {
namespace {

// Nearest rank on the sorted values themselves.
std::uint64_t exact_quantile(std::vector<std::uint64_t> values, double p) {
  std::ranges::sort(values);
  const auto rank = static_cast<std::size_t>(std::ceil(p * static_cast<double>(values.size())));
  return values[std::clamp<std::size_t>(rank, 1, values.size()) - 1];
}

double relative_error(std::uint64_t got, std::uint64_t expected) {
  return std::abs(static_cast<double>(got) - static_cast<double>(expected)) / static_cast<double>(expected);
}

TEST(Histogram, L37_EachValueFrom100NsTo100SIsWithin3Percent) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> exponent(2, 11);
  std::vector<std::uint64_t> values = {100, 127, 128, 129, 1'000'000, 99'999'999'999, 100'000'000'000};
  for (int i = 0; i < 5000; ++i) values.push_back(static_cast<std::uint64_t>(std::pow(10.0, exponent(random))));
  for (unsigned bit = 7; bit <= 36; ++bit) {
    for (const unsigned below : {0u, 1u, 2u}) values.push_back((std::uint64_t{1} << bit) + 1 - below);
  }
  for (const std::uint64_t value : values) {
    Histogram histogram;
    histogram.record(value);
    EXPECT_LE(relative_error(histogram.quantile(0.5), value), 0.03) << value;
  }
}

TEST(Histogram, L37_QuantilesOfManyValuesAreWithin3Percent) {
  std::mt19937_64 random(2);
  std::lognormal_distribution<double> latencies(std::log(250'000.0), 1.7);
  Histogram histogram;
  std::vector<std::uint64_t> values;
  std::uint64_t sum = 0;
  for (int i = 0; i < 50'001; ++i) {
    values.push_back(std::clamp<std::uint64_t>(static_cast<std::uint64_t>(latencies(random)), 100, 100'000'000'000));
    histogram.record(values.back());
    sum += values.back();
  }
  for (const double p : {0.0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    EXPECT_LE(relative_error(histogram.quantile(p), exact_quantile(values, p)), 0.03) << p;
  }
  const HistogramValues held = histogram.values();
  EXPECT_EQ(held.count, 50'001u);
  EXPECT_EQ(held.sum, sum);
  EXPECT_EQ(held.p50, histogram.quantile(0.5));
  EXPECT_EQ(held.p90, histogram.quantile(0.9));
  EXPECT_EQ(held.p99, histogram.quantile(0.99));
  EXPECT_EQ(held.p999, histogram.quantile(0.999));
}

TEST(Histogram, SmallValuesAreExact) {
  for (std::uint64_t value = 0; value < 64; ++value) {
    Histogram histogram;
    histogram.record(value);
    EXPECT_EQ(histogram.quantile(0.5), value);
  }
}

TEST(Histogram, NearestRank) {
  Histogram histogram;
  for (const unsigned value : {40u, 10u, 30u, 20u}) histogram.record(value);
  EXPECT_EQ(histogram.quantile(0), 10u);
  EXPECT_EQ(histogram.quantile(0.25), 10u);
  EXPECT_EQ(histogram.quantile(0.26), 20u);
  EXPECT_EQ(histogram.quantile(0.5), 20u);
  EXPECT_EQ(histogram.quantile(0.75), 30u);
  EXPECT_EQ(histogram.quantile(1), 40u);
  EXPECT_EQ(histogram.quantile(7), 40u);
  EXPECT_EQ(histogram.quantile(-7), 10u);
}

TEST(Histogram, EmptyAndBeyondTheRange) {
  Histogram histogram;
  EXPECT_EQ(histogram.quantile(0.5), 0u);
  EXPECT_EQ(histogram.values().count, 0u);
  histogram.record(UINT64_MAX);
  histogram.record(std::uint64_t{1} << 40);
  EXPECT_LE(relative_error(histogram.quantile(0.5), std::uint64_t{1} << 37), 0.03);
}

TEST(Metrics, L37_NothingIsLostBetweenThreads) {
  Metrics metrics;
  Counter& counter = **metrics.counter("runs_total", "");
  Gauge& gauge = **metrics.gauge("busy", "");
  Histogram& histogram = **metrics.histogram("run_ns", "");
  constexpr std::uint64_t thread_count = 4, rounds = 20'000;
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < thread_count; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < rounds; ++i) {
        gauge.add(1);
        counter.add();
        counter.add(2);
        histogram.record(i + t);
        gauge.add(-1);
      }
    });
  }
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(metrics.prometheus().empty());
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), 3 * thread_count * rounds);
  EXPECT_EQ(gauge.value(), 0);
  EXPECT_EQ(histogram.values().count, thread_count * rounds);
  EXPECT_EQ(histogram.values().sum, thread_count * rounds * (rounds - 1) / 2 + rounds * (0 + 1 + 2 + 3));
}

TEST(Metrics, L37_SnapshotIsPlainNumbers) {
  Metrics metrics;
  (*metrics.counter("runs_total", "Runs.", {{"code", "ok"}}))->add(17);
  (*metrics.gauge("lanes_busy", "Lanes."))->set(-3);
  (*metrics.histogram("run_ns", "Time."))->record(50);
  const std::vector<MetricSample> samples = metrics.snapshot();
  ASSERT_EQ(samples.size(), 3u);
  EXPECT_EQ(samples[0].name, "runs_total");
  EXPECT_EQ(samples[0].kind, MetricKind::counter);
  EXPECT_EQ(samples[0].labels, (std::vector<MetricLabel>{{"code", "ok"}}));
  EXPECT_EQ(samples[0].value, 17);
  EXPECT_EQ(samples[1].kind, MetricKind::gauge);
  EXPECT_EQ(samples[1].value, -3);
  EXPECT_EQ(samples[2].kind, MetricKind::histogram);
  EXPECT_EQ(samples[2].histogram.count, 1u);
  EXPECT_EQ(samples[2].histogram.sum, 50u);
  EXPECT_EQ(samples[2].histogram.p999, 50u);
}

TEST(Metrics, L37_PrometheusText) {
  Metrics metrics;
  (*metrics.counter("laneway_runs_total", "Runs that ended.", {{"model", "a"}, {"code", "ok"}}))->add(5);
  Histogram& histogram = **metrics.histogram("laneway_run_ns", "Time of a run.", {{"model", "a"}});
  (*metrics.counter("laneway_runs_total", "Runs that ended.", {{"code", "cancelled"}, {"model", "a"}}))->add(2);
  (*metrics.gauge("laneway_lanes_busy", "Lanes that run now."))->set(3);
  for (std::uint64_t value = 1; value <= 50; ++value) histogram.record(value);
  (void)metrics.histogram("laneway_lease_wait_ns", "Time before a lane was free.");
  EXPECT_EQ(metrics.prometheus(), R"(# HELP laneway_runs_total Runs that ended.
# TYPE laneway_runs_total counter
laneway_runs_total{code="ok",model="a"} 5
laneway_runs_total{code="cancelled",model="a"} 2
# HELP laneway_run_ns Time of a run.
# TYPE laneway_run_ns summary
laneway_run_ns{model="a",quantile="0.5"} 25
laneway_run_ns{model="a",quantile="0.9"} 45
laneway_run_ns{model="a",quantile="0.99"} 50
laneway_run_ns{model="a",quantile="0.999"} 50
laneway_run_ns_sum{model="a"} 1275
laneway_run_ns_count{model="a"} 50
# HELP laneway_lanes_busy Lanes that run now.
# TYPE laneway_lanes_busy gauge
laneway_lanes_busy 3
# HELP laneway_lease_wait_ns Time before a lane was free.
# TYPE laneway_lease_wait_ns summary
laneway_lease_wait_ns{quantile="0.5"} NaN
laneway_lease_wait_ns{quantile="0.9"} NaN
laneway_lease_wait_ns{quantile="0.99"} NaN
laneway_lease_wait_ns{quantile="0.999"} NaN
laneway_lease_wait_ns_sum 0
laneway_lease_wait_ns_count 0
)");
}

TEST(Metrics, L37_PrometheusEscapes) {
  Metrics metrics;
  (void)metrics.gauge("g", "two\nlines, a \\ and a \"quote\"", {{"path", "C:\\x\n\"y\""}});
  EXPECT_EQ(metrics.prometheus(),
            "# HELP g two\\nlines, a \\\\ and a \"quote\"\n# TYPE g gauge\ng{path=\"C:\\\\x\\n\\\"y\\\"\"} 0\n");
}

TEST(Metrics, SameNameAndLabelsAreTheSameInstrument) {
  Metrics metrics;
  Counter* const counter = *metrics.counter("c_total", "", {{"a", "1"}, {"b", "2"}});
  for (int i = 0; i < 100; ++i) (void)metrics.counter("c_total", "", {{"a", std::to_string(i + 5)}});
  EXPECT_EQ(*metrics.counter("c_total", "", {{"b", "2"}, {"a", "1"}}), counter);
  EXPECT_NE(*metrics.counter("c_total", ""), counter);
  EXPECT_NE(*metrics.counter("c_total", "", {{"a", "1"}, {"b", "3"}}), counter);
  EXPECT_NE(*metrics.counter("d_total", "", {{"a", "1"}, {"b", "2"}}), counter);
}

TEST(Metrics, WrongNamesAreInvalid) {
  Metrics metrics;
  for (const char* name : {"", "9runs", "a b", "a-b", "ä", "a{b}"}) {
    const auto made = metrics.counter(name, "");
    ASSERT_FALSE(made) << name;
    EXPECT_EQ(made.error().code(), ErrorCode::invalid_argument);
  }
  for (const char* label : {"", "9", "a:b", "a b", "__name__"}) {
    const auto made = metrics.gauge("fine", "", {{label, "x"}});
    ASSERT_FALSE(made) << label;
    EXPECT_EQ(made.error().code(), ErrorCode::invalid_argument);
  }
  EXPECT_FALSE(metrics.histogram("h", "", {{"quantile", "x"}}));
  EXPECT_FALSE(metrics.counter("twice", "", {{"a", "1"}, {"b", "1"}, {"a", "2"}}));
  EXPECT_TRUE(metrics.counter("ns:runs_total", "", {{"_a9", ""}, {"quantile", "x"}}));
  EXPECT_EQ(metrics.snapshot().size(), 1u) << "what was refused left nothing behind";
}

TEST(Metrics, ANameHasOneKind) {
  Metrics metrics;
  ASSERT_TRUE(metrics.counter("x", ""));
  const auto gauge = metrics.gauge("x", "");
  ASSERT_FALSE(gauge);
  EXPECT_EQ(gauge.error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(gauge.error().message(), "metric x: the name is taken: expected a counter, got a gauge");
}

}  // namespace
}  // namespace laneway
