// Room for buckets: what may stand, what goes, what a build that fails leaves behind.
#include <algorithm>
#include <random>

#include "laneway/runtime/byte_budget.h"
#include "runtime/toy_fixture.h"

namespace laneway {
namespace {

using namespace std::chrono_literals;

class BucketRoomTest : public OnToy {};
INSTANTIATE_ON_TOY(BucketRoomTest);

TEST_P(BucketRoomTest, L27_AFailedPlanIsNotCachedAndEvictsNothing) {
  auto toy = make(toys::affine());
  auto runtime = open(bucketed(toy, {.count_max = 1}));
  ASSERT_OK(runtime);
  ASSERT_OK(runtime->lease(batch(1)));
  toy->phase(ToyPhase::specialise).fail_next(Error(ErrorCode::internal, "broken plan"));
  const auto failed = runtime->lease(batch(2));
  EXPECT_EQ(code_of(failed), ErrorCode::internal);
  EXPECT_NE(message_of(failed).find("batch=2"), std::string::npos) << message_of(failed);
  EXPECT_EQ(standing(*runtime), (std::vector<std::int64_t>{1}));
  EXPECT_OK(runtime->lease(batch(2))) << "tried again";
  EXPECT_EQ(runtime->counters().build_failures, 1u);
}

TEST_P(BucketRoomTest, L27_AFailedBindLeavesNothingBehind) {
  auto toy = make(toys::affine());
  RuntimeSpec four = bucketed(toy, {.bytes_max = 4 * lane_bytes(8)});
  four.lanes = 4;
  auto runtime = open(four);
  ASSERT_OK(runtime);
  toy->phase(ToyPhase::bind).fail_when([](const PhaseControl::Call& call) -> std::optional<Error> {
    if (call.number == 3) return Error(ErrorCode::resource_exhausted, "third lane");
    return std::nullopt;
  });
  EXPECT_EQ(code_of(runtime->lease(batch(8))), ErrorCode::resource_exhausted);
  EXPECT_EQ(toy->counters.bindings.value(), 0);
  const auto counters = runtime->counters();
  EXPECT_EQ(counters.bytes, 0u);
  EXPECT_EQ(counters.bytes_reserved, 0u);
  EXPECT_OK(runtime->lease(batch(8))) << "its reservation was given back";
}

TEST_P(BucketRoomTest, L27_ABuildThatRunsOutOfMemoryLeavesNothingBehind) {
  auto toy = make(toys::affine());
  auto runtime = open(bucketed(toy, {.count_max = 1}));
  ASSERT_OK(runtime);
  toy->phase(ToyPhase::bind).out_of_memory = true;
  EXPECT_EQ(code_of(runtime->lease(batch(3))), ErrorCode::resource_exhausted);
  EXPECT_EQ(runtime->counters().bytes_reserved, 0u);
  EXPECT_OK(runtime->lease(batch(4), {.timeout = 10s})) << "the only place was given back";
}

TEST_P(BucketRoomTest, L27_BuildsInTheBackgroundDoNotWaitForRoom) {
  auto toy = make(toys::affine());
  auto runtime = open(bucketed(toy, {.count_max = 1}));
  ASSERT_OK(runtime);
  auto held = runtime->lease(batch(1));
  ASSERT_OK(held);
  for (std::int64_t extent = 2; extent < 6; ++extent) {
    EXPECT_EQ(code_of(runtime->lease(batch(extent), {.on_miss = OnMiss::build_in_background})), ErrorCode::failed_precondition);
  }
  EXPECT_TRUE(eventually([&] { return runtime->counters().build_failures == 4; })) << "each gave up: build threads are free";
  EXPECT_EQ(standing(*runtime), (std::vector<std::int64_t>{1}));
}

TEST_P(BucketRoomTest, L27_ATimeoutMayBeEndless) {
  auto toy = make(toys::affine());
  auto runtime = open(bucketed(toy));
  ASSERT_OK(runtime);
  EXPECT_OK(runtime->lease(batch(3), {.timeout = std::chrono::nanoseconds::max()}));
  EXPECT_OK(runtime->bucket(batch(4), {.timeout = std::chrono::nanoseconds::max()}));
}

TEST_P(BucketRoomTest, L27_TheFirstRequesterWaitsOnlyUntilItsTimeout) {
  auto toy = make(toys::affine());
  auto runtime = open(bucketed(toy));
  ASSERT_OK(runtime);
  toy->phase(ToyPhase::specialise).gate.close();
  const auto early = runtime->lease(batch(3), {.timeout = 20ms});
  EXPECT_EQ(code_of(early), ErrorCode::deadline_exceeded);
  EXPECT_NE(message_of(early).find("being built"), std::string::npos);
  toy->phase(ToyPhase::specialise).gate.open();
  ASSERT_TRUE(eventually([&] { return runtime->buckets().size() == 1; })) << "the build goes on";
  auto lease = runtime->lease(batch(3));
  ASSERT_OK(lease);
  EXPECT_FALSE(lease->built());
  EXPECT_NE(toy->plans().at(0).thread, std::this_thread::get_id()) << "builds run on build threads";
}

TEST_P(BucketRoomTest, L27_ABucketInUseIsNeverDestroyed) {
  auto toy = make(toys::affine());
  auto runtime = open(bucketed(toy, {.count_max = 1}));
  ASSERT_OK(runtime);
  auto held = runtime->lease(batch(1));
  ASSERT_OK(held);
  const auto refused = runtime->lease(batch(2), {.timeout = 30ms});
  EXPECT_EQ(code_of(refused), ErrorCode::deadline_exceeded);
  EXPECT_NE(message_of(refused).find("in use"), std::string::npos) << message_of(refused);
  EXPECT_OK((*held)->run());
  EXPECT_EQ(runtime->counters().evictions, 0u);

  Expected<> waited = Error(ErrorCode::internal, "not done");
  std::thread other([&] {
    auto lease = runtime->lease(batch(2), {.timeout = 10s});
    waited = lease ? Expected<>() : Expected<>(lease.error());
  });
  ASSERT_TRUE(eventually([&] { return runtime->counters().misses >= 3; }));
  { const Lease gone = *std::move(held); }
  other.join();
  EXPECT_OK(waited);
  EXPECT_EQ(standing(*runtime), (std::vector<std::int64_t>{2}));
}

TEST_P(BucketRoomTest, L27_RefuseAndBuildInBackground) {
  auto toy = make(toys::affine());
  auto runtime = open(bucketed(toy));
  ASSERT_OK(runtime);
  const auto refused = runtime->lease(batch(3), {.on_miss = OnMiss::refuse});
  EXPECT_EQ(code_of(refused), ErrorCode::failed_precondition);
  EXPECT_EQ(toy->phase(ToyPhase::specialise).calls(), 0);
  const auto later = runtime->lease(batch(3), {.on_miss = OnMiss::build_in_background});
  EXPECT_EQ(code_of(later), ErrorCode::failed_precondition);
  ASSERT_TRUE(eventually([&] { return runtime->buckets().size() == 1; }));
  auto lease = runtime->lease(batch(3), {.on_miss = OnMiss::refuse});
  ASSERT_OK(lease);
  EXPECT_FALSE(lease->built());
}

TEST_P(BucketRoomTest, L27_ResidentsAndReservationsStayWithinTheCapacity) {
  auto toy = make(affine_with_bytes(1000));
  auto runtime = open(bucketed(toy, {.count_max = 3, .build_threads = 4}));
  ASSERT_OK(runtime);
  std::vector<std::thread> threads;
  std::atomic<bool> exceeded{false};
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(static_cast<unsigned>(t));
      for (int i = 0; i < 200; ++i) {
        auto lease = runtime->lease(batch(1 + static_cast<std::int64_t>(random() % 12)), {.timeout = 10s});
        if (lease) exceeded = exceeded || !(*lease)->run();
        if (runtime->buckets().size() > 3) exceeded = true;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(exceeded);
  EXPECT_LE(toy->counters.plans.highest(), 3 + 4)
      << "a plan is made before room is reserved for it: one per build thread at most";
  EXPECT_LE(toy->counters.bindings.highest(), 3) << "what is allocated stays within the capacity";
}

TEST_P(BucketRoomTest, L28_BytesNeverExceedTheBudget) {
  auto toy = make(affine_with_bytes(1000));
  const std::size_t budget = 3 * (1000 + lane_bytes(8));
  auto runtime = open(bucketed(toy, {.count_max = std::nullopt, .bytes_max = budget}));
  ASSERT_OK(runtime);
  for (std::int64_t key = 1; key <= 30; ++key) {
    ASSERT_OK(runtime->lease(batch(1 + key % 9)));
    ASSERT_LE(runtime->counters().bytes, budget);
  }
  EXPECT_LE(toy->counters.plan_bytes.highest(), static_cast<std::int64_t>(budget));
  const auto too_large = runtime->lease(batch(1000));
  EXPECT_EQ(code_of(too_large), ErrorCode::resource_exhausted);
  EXPECT_NE(message_of(too_large).find(std::to_string(budget)), std::string::npos) << message_of(too_large);
  EXPECT_NE(message_of(too_large).find(std::to_string(1000 + lane_bytes(1000))), std::string::npos) << message_of(too_large);
  EXPECT_FALSE(runtime->buckets().empty()) << "nothing was evicted in vain";
}

TEST_P(BucketRoomTest, L28_EvictsUntilItFits) {
  auto toy = make(affine_with_bytes(0));
  auto runtime = open(bucketed(toy, {.bytes_max = lane_bytes(10)}));
  ASSERT_OK(runtime);
  for (const std::int64_t key : {1, 2, 3, 4}) ASSERT_OK(runtime->lease(batch(key)));  // 10 rows in all
  EXPECT_EQ(runtime->buckets().size(), 4u);
  ASSERT_OK(runtime->lease(batch(6)));  // 1, 2 and 3 have to go
  EXPECT_EQ(standing(*runtime), (std::vector<std::int64_t>{4, 6}));
  EXPECT_EQ(runtime->counters().evictions, 3u);
}

}  // namespace
}  // namespace laneway
