#include <atomic>
#include <cstring>
#include <mutex>

#include "runtime/toy_fixture.h"

namespace laneway {
namespace {

using namespace std::chrono_literals;

class LeaseTest : public OnToy {};
INSTANTIATE_ON_TOY(LeaseTest);

TEST_P(LeaseTest, L23_WaitsUntilItsTimeout) {
  auto toy = make(toys::affine());
  auto runtime = open(bucketed(toy));
  ASSERT_OK(runtime);
  auto held = runtime->lease(batch(2));
  ASSERT_OK(held);
  const auto begin = std::chrono::steady_clock::now();
  const auto late = runtime->lease(batch(2), {.timeout = 30ms});
  EXPECT_EQ(code_of(late), ErrorCode::deadline_exceeded);
  EXPECT_NE(message_of(late).find("waiting for one of its 1 lanes"), std::string::npos) << message_of(late);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 30ms);
  const auto at_once = runtime->lease(batch(2), {.timeout = 0ns});
  EXPECT_EQ(code_of(at_once), ErrorCode::deadline_exceeded);
  { const Lease gone = *std::move(held); }
  EXPECT_OK(runtime->lease(batch(2), {.timeout = 0ns})) << "a free lane needs no waiting";
}

TEST_P(LeaseTest, L23_FirstComeFirstServed) {
  auto toy = make(toys::affine());
  auto runtime = open(bucketed(toy));
  ASSERT_OK(runtime);
  std::vector<int> order;
  std::mutex mutex;
  std::vector<std::thread> threads;
  {
    auto held = runtime->lease(batch(2));
    ASSERT_OK(held);
    for (int i = 0; i < 64; ++i) {
      threads.emplace_back([&, i] {
        auto lease = runtime->lease(batch(2), {.timeout = 10s});
        const std::lock_guard lock(mutex);
        order.push_back(lease ? i : -1);
      });
      // The next one comes when this one stands in the queue, which it does soon after its request was counted.
      ASSERT_TRUE(eventually([&] { return runtime->counters().hits == static_cast<std::uint64_t>(i + 1); }));
      std::this_thread::sleep_for(2ms);
    }
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<int> expected(64);
  for (int i = 0; i < 64; ++i) expected[static_cast<std::size_t>(i)] = i;
  EXPECT_EQ(order, expected);
}

// Sixty-four threads over four lanes for ten seconds: whatever fails, nobody waits for ever and no lane is lost.
TEST_P(LeaseTest, L23_NoLaneIsLostUnderLoadWithErrors) {
  auto toy = make(toys::affine());
  RuntimeSpec four = bucketed(toy);
  four.lanes = 4;
  auto runtime = open(four);
  ASSERT_OK(runtime);
  toy->phase(ToyPhase::run).fail_when([](const PhaseControl::Call& call) -> std::optional<Error> {
    if (call.number % 7 == 0) return Error(ErrorCode::internal, "every seventh");
    return std::nullopt;
  });
  std::atomic<bool> stop{false};
  std::atomic<int> served{0}, wrong{0}, timed_out{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 64; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; !stop; ++i) {
        const bool hurried = (t + i) % 16 == 0;
        auto lease =
            runtime->lease(batch(3), {.timeout = hurried ? std::chrono::nanoseconds(100us) : std::chrono::nanoseconds(30s)});
        if (!lease) {
          (code_of(lease) == ErrorCode::deadline_exceeded && hurried ? timed_out : wrong)++;
          continue;
        }
        const auto value = static_cast<float>(t * 1000 + i % 1000);
        auto x = (*lease)->input<float>("x");
        for (float& element : *x) element = value;
        if (!(*lease)->run()) continue;
        const auto y = (*lease)->output<float>("y");
        if (!y || y->data[11] != 2 * value + 1) ++wrong;
        ++served;
      }
    });
  }
  std::this_thread::sleep_for(10s);
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(served, 100);
  EXPECT_FALSE(runtime->buckets().at(0).in_use);
  std::vector<Lease> all;
  for (int i = 0; i < 4; ++i) {
    auto lease = runtime->lease(batch(3), {.timeout = 0ns});
    ASSERT_OK(lease) << "lane " << i << " was lost";
    all.push_back(*std::move(lease));
  }
  all.clear();
  EXPECT_EQ(toy->violations(), std::vector<std::string>());
}

TEST_P(LeaseTest, L23_ASecondThreadInARunningLaneIsRefused) {
  auto toy = make(toys::affine());
  RuntimeSpec fixed = spec(toy);
  fixed.dimensions = batch(1);
  fixed.warm_up_runs = 0;
  auto runtime = open(fixed);
  ASSERT_OK(runtime);
  Lane& lane = *runtime->lanes()[0];
  toy->phase(ToyPhase::run).gate.close();
  std::ranges::fill(*lane.input<float>("x"), 3.0f);
  std::thread runner([&] { EXPECT_OK(lane.run()); });
  ASSERT_TRUE(toy->phase(ToyPhase::run).gate.wait_for(1));
  EXPECT_EQ(code_of(lane.run()), ErrorCode::failed_precondition);
  EXPECT_EQ(code_of(lane.run(1ms)), ErrorCode::failed_precondition);
  EXPECT_EQ(code_of(lane.reset()), ErrorCode::failed_precondition);
  std::vector<float> frame(4);
  EXPECT_EQ(code_of(lane.rebind("x", {.data = frame.data(), .bytes = 16})), ErrorCode::failed_precondition);
  toy->phase(ToyPhase::run).gate.open();
  runner.join();
  EXPECT_EQ(lane.output<float>("y")->data[3], 7.0f);
}

TEST_P(LeaseTest, L33_LeaseComesAtItsExactShape) {
  auto toy = make(toys::affine());
  auto runtime = open(bucketed(toy, {.ladders = {{.dimension = "batch", .from = 8, .to = 64}}}));
  ASSERT_OK(runtime);
  const void* address = nullptr;
  for (const std::int64_t key : {17, 32, 18, 20, 17}) {
    auto lease = runtime->lease(batch(key));
    ASSERT_OK(lease);
    EXPECT_EQ(*(*lease)->input_shape("x"), Shape(key, 4));
    if (key == 17) {
      const void* here = (*lease)->input<float>("x")->data();
      EXPECT_TRUE(!address || address == here) << "resize keeps addresses";
      address = here;
    }
    ASSERT_OK((*lease)->run());
    EXPECT_EQ((*lease)->output<float>("y")->shape[0], key);
  }
  EXPECT_EQ(toy->counters.elements.value(), 4 * (17 + 32 + 18 + 20 + 17)) << "computed at the exact shapes";
}

}  // namespace
}  // namespace laneway
