#include "bench/measure/rounds.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "bench/measure/clock.h"
#include "bench/measure/host.h"

namespace laneway::bench {
namespace {

using namespace std::chrono_literals;

class Spinner final : public Timed {
 public:
  explicit Spinner(std::chrono::nanoseconds time, std::uint64_t fails_at = 0) : time_(time), fails_at_(fails_at) {}

  Expected<> run(std::size_t lane) noexcept override {
    const auto until = std::chrono::steady_clock::now() + time_;
    while (std::chrono::steady_clock::now() < until) {}
    lanes[lane] = true;
    if (runs.fetch_add(1) + 1 == fails_at_) return Error(ErrorCode::internal, "broken");
    return {};
  }

  std::atomic<std::uint64_t> runs{0};
  std::array<std::atomic<bool>, 4> lanes{};

 private:
  std::chrono::nanoseconds time_;
  std::uint64_t fails_at_;
};

RoundsSpec quick() {
  return {.duration = 40ms, .warmup = 5ms, .prepare = [](std::size_t, std::uint64_t) {}};
}

TEST(Rounds, EveryContestantHasSamplesInEveryRoundAndNoneIsFasterThanItIs) {
  Spinner slow(300us), fast(50us);
  const std::array<Timed*, 2> contestants = {&slow, &fast};
  const Rounds result = run_rounds(contestants, quick());
  ASSERT_EQ(result.timings.size(), 2u);
  ASSERT_EQ(result.sittings.size(), 1u);
  EXPECT_GE(result.sittings[0], 1u);
  const double least_us[] = {300, 50};
  for (std::size_t i = 0; i < 2; ++i) {
    const std::vector<Sample>& samples = result.timings[i].samples;
    ASSERT_FALSE(samples.empty());
    EXPECT_TRUE(
        std::is_sorted(samples.begin(), samples.end(), [](const Sample& a, const Sample& b) { return a.ticks < b.ticks; }));
    EXPECT_GE(static_cast<double>(samples.front().ticks) * Clock::ns_per_tick() / 1e3, 0.98 * least_us[i])
        << "20 ms calibrate the clock";
    std::set<std::uint32_t> rounds;
    for (const Sample& sample : samples) rounds.insert(sample.round);
    EXPECT_LE(rounds.size(), result.sittings[0]);
    EXPECT_LT(*rounds.rbegin(), result.sittings[0]);
    EXPECT_FALSE(result.timings[i].error);
  }
  EXPECT_LT(result.timings[0].samples.size(), slow.runs.load()) << "the warm-up does not count";
}

TEST(Rounds, PreparesEveryRunOfEveryLane) {
  Spinner spinner(20us);
  const std::array<Timed*, 1> contestants = {&spinner};
  std::array<std::atomic<std::uint64_t>, 3> turns{};
  RoundsSpec spec = quick();
  spec.lanes = 3;
  spec.prepare = [&](std::size_t lane, std::uint64_t turn) {
    EXPECT_EQ(turn, turns[lane].load());
    ++turns[lane];
  };
  static_cast<void>(run_rounds(contestants, spec));
  EXPECT_EQ(turns[0] + turns[1] + turns[2], spinner.runs);
  for (std::size_t lane = 0; lane < 3; ++lane) EXPECT_TRUE(spinner.lanes[lane]);
}

TEST(Rounds, CountsRunsByTheClockOnTheWall) {
  Spinner spinner(20us);
  const std::array<Timed*, 1> contestants = {&spinner};
  RoundsSpec spec = quick();
  spec.lanes = 3;
  spec.prepare = [](std::size_t, std::uint64_t) { std::this_thread::sleep_for(1ms); };
  const Timing timing = run_rounds(contestants, spec).timings.front();
  const double seconds = static_cast<double>(timing.ticks) * Clock::ns_per_tick() / 1e9;
  EXPECT_GE(timing.runs, timing.samples.size());
  EXPECT_GT(timing.runs, 3u);
  EXPECT_LE(static_cast<double>(timing.runs) / seconds, 3 * 1000.0) << "3 lanes sleep 1 ms before each run";
}

TEST(Rounds, OneThatFailsIsLeftOutAndTheOthersGoOn) {
  Spinner good(20us), bad(20us, 5), never(20us, 1);
  const std::array<Timed*, 3> contestants = {&bad, &good, &never};
  const Rounds result = run_rounds(contestants, quick());
  ASSERT_TRUE(result.timings[0].error);
  EXPECT_EQ(result.timings[0].error->message(), "broken");
  EXPECT_EQ(bad.runs, 5u);
  EXPECT_FALSE(result.timings[1].error);
  EXPECT_GT(result.timings[1].samples.size(), 10u);
  EXPECT_EQ(never.runs, 1u);
}

TEST(Rounds, StopEndsThemWithWhatThereIs) {
  Spinner spinner(20us);
  const std::array<Timed*, 1> contestants = {&spinner};
  std::atomic<bool> stop{false};
  RoundsSpec spec = quick();
  spec.duration = 1h;
  spec.stop = &stop;
  spec.progress = [&](double) { stop = spinner.runs > 500; };
  const Rounds result = run_rounds(contestants, spec);
  EXPECT_FALSE(result.timings[0].samples.empty());
}

TEST(Rounds, ALaterSittingIsCountedOn) {
  Rounds whole{.timings = {{.samples = {{10, 0}, {20, 1}}, .runs = 3, .ticks = 30, .error = {}}}, .sittings = {2}};
  const Error broken(ErrorCode::internal, "broken");
  whole.add({.timings = {{.samples = {{5, 2}, {15, 0}}, .runs = 2, .ticks = 20, .error = broken}}, .sittings = {3}});
  EXPECT_EQ(whole.sittings, (std::vector<std::uint32_t>{2, 3}));
  const Timing& timing = whole.timings.at(0);
  std::vector<std::pair<std::uint64_t, std::uint32_t>> samples;
  for (const Sample& sample : timing.samples) samples.emplace_back(sample.ticks, sample.round);
  EXPECT_EQ(samples, (std::vector<std::pair<std::uint64_t, std::uint32_t>>{{5, 4}, {10, 0}, {15, 2}, {20, 1}}));
  EXPECT_EQ(timing.runs, 5u);
  EXPECT_EQ(timing.ticks, 50u);
  ASSERT_TRUE(timing.error);
  EXPECT_EQ(timing.error->message(), "broken");
}

TEST(Host, HasASpeed) {
  const HostSpeed speed = measure_host();
  EXPECT_GT(speed.fma_gmacs_per_s, 0.1);
  EXPECT_GT(speed.memory_gb_per_s, 0.05);
}

}  // namespace
}  // namespace laneway::bench
