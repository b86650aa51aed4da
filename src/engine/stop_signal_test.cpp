#include "laneway/engine/stop_signal.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "laneway/engine/engine.h"

namespace laneway {
namespace {

// Counts interrupts, and those that came when it was not allowed.
class Interruptible final : public Binding {
 public:
  Expected<> run(const StopSignal&) noexcept override { return {}; }
  void interrupt() noexcept override {
    if (!inside.load()) strays.fetch_add(1);
    interrupts.fetch_add(1);
  }
  Expected<> resize(std::span<const Shape>) noexcept override { return {}; }
  Expected<> rebind_input(std::size_t, const Memory&) noexcept override { return {}; }
  Expected<> rebind_output(std::size_t, const Memory&) noexcept override { return {}; }
  Expected<OutputView> output(std::size_t) const noexcept override { return Error(ErrorCode::unimplemented, "none"); }

  std::atomic<bool> inside{false};
  std::atomic<int> interrupts{0}, strays{0};
};

TEST(StopSignal, ARequestReachesOnlyARunInProgress) {
  StopSignal signal;
  Interruptible binding;
  EXPECT_FALSE(signal.request(StopCause::cancelled));
  ASSERT_TRUE(signal.enter());
  EXPECT_FALSE(signal.request(StopCause::cancelled)) << "inside, but no run";
  EXPECT_EQ(signal.end(), StopCause::none);
  ASSERT_TRUE(signal.begin(binding));
  EXPECT_FALSE(signal.requested());
  EXPECT_EQ(signal.end(), StopCause::none);
  EXPECT_EQ(binding.interrupts, 0);
}

TEST(StopSignal, TheFirstRequestDecidesTheCause) {
  StopSignal signal;
  Interruptible binding;
  binding.inside = true;
  ASSERT_TRUE(signal.begin(binding));
  EXPECT_TRUE(signal.request(StopCause::deadline));
  EXPECT_TRUE(signal.requested());
  EXPECT_FALSE(signal.request(StopCause::cancelled));
  EXPECT_EQ(binding.interrupts, 1);
  EXPECT_EQ(signal.end(), StopCause::deadline);
  ASSERT_TRUE(signal.begin(binding));
  EXPECT_FALSE(signal.requested()) << "the next run knows nothing of it";
  EXPECT_EQ(signal.end(), StopCause::none);
}

TEST(StopSignal, OneInsideAtATime) {
  StopSignal signal;
  Interruptible binding;
  ASSERT_TRUE(signal.begin(binding));
  EXPECT_FALSE(signal.begin(binding));
  EXPECT_FALSE(signal.enter());
  signal.end();
  EXPECT_TRUE(signal.enter());
  EXPECT_FALSE(signal.begin(binding));
  signal.end();
}

// Two cancel while one runs, over and over: no interrupt may come outside its bracket, and each request that says yes is
// the cause of exactly one run's end.
TEST(StopSignal, NoRequestReachesTheRunAfter) {
  StopSignal signal;
  Interruptible binding;
  std::atomic<bool> over{false};
  std::atomic<int> granted{0};
  std::vector<std::thread> cancellers;
  for (int i = 0; i < 2; ++i) {
    cancellers.emplace_back([&] {
      while (!over) granted += signal.request(StopCause::cancelled) ? 1 : 0;
    });
  }
  int stopped = 0;
  for (int run = 0; run < 20'000; ++run) {
    binding.inside = true;
    ASSERT_TRUE(signal.begin(binding));
    for (int node = 0; node < 20 && !signal.requested(); ++node) {}
    stopped += signal.end() == StopCause::cancelled ? 1 : 0;
    binding.inside = false;
  }
  over = true;
  for (std::thread& canceller : cancellers) canceller.join();
  EXPECT_EQ(binding.strays, 0);
  EXPECT_EQ(stopped, granted);
  EXPECT_EQ(binding.interrupts, granted);
}

}  // namespace
}  // namespace laneway
