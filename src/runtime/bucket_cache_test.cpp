#include <algorithm>
#include <random>

#include "laneway/runtime/byte_budget.h"
#include "runtime/toy_fixture.h"

namespace laneway {
namespace {

using namespace std::chrono_literals;

class BucketCacheTest : public OnToy {};
INSTANTIATE_ON_TOY(BucketCacheTest);

TEST_P(BucketCacheTest, L25_SecondUseIsAHit) {
  auto toy = make(toys::affine());
  auto runtime = open(bucketed(toy));
  ASSERT_OK(runtime);
  for (int i = 0; i < 3; ++i) {
    auto lease = runtime->lease(batch(5));
    ASSERT_OK(lease);
    auto x = (*lease)->input<float>("x");
    ASSERT_OK(x);
    ASSERT_EQ(x->size(), 20u);
    std::ranges::fill(*x, static_cast<float>(i));
    ASSERT_OK((*lease)->run());
    EXPECT_EQ((*lease)->output<float>("y")->data[7], 2.0f * static_cast<float>(i) + 1);
  }
  EXPECT_EQ(toy->phase(ToyPhase::specialise).calls(), 1);
  const auto buckets = runtime->buckets();
  ASSERT_EQ(buckets.size(), 1u);
  EXPECT_EQ(buckets[0].capacity, batch(5));
  EXPECT_EQ(buckets[0].hits, 2u);
  EXPECT_EQ(buckets[0].bytes, lane_bytes(5));
  EXPECT_GT(buckets[0].age.count(), 0);
  EXPECT_FALSE(buckets[0].in_use);
}

TEST_P(BucketCacheTest, L25_FindNeitherBuildsNorTouchesTheOrder) {
  auto toy = make(toys::affine());
  auto runtime = open(bucketed(toy, {.count_max = 2}));
  ASSERT_OK(runtime);
  const auto missing = runtime->find(batch(1));
  ASSERT_OK(missing);
  EXPECT_FALSE(missing->has_value());
  EXPECT_EQ(toy->phase(ToyPhase::specialise).calls(), 0);
  ASSERT_OK(runtime->lease(batch(1)));
  ASSERT_OK(runtime->lease(batch(2)));
  const auto found = runtime->find(batch(1));
  ASSERT_OK(found);
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((**found).hits, 0u);
  ASSERT_OK(runtime->lease(batch(3)));  // 1 is still the oldest
  EXPECT_EQ(standing(*runtime), (std::vector<std::int64_t>{2, 3}));
}

TEST_P(BucketCacheTest, L25_DropSaysWhetherItExistedAndClearEmpties) {
  auto toy = make(toys::affine());
  auto runtime = open(bucketed(toy));
  ASSERT_OK(runtime);
  ASSERT_OK(runtime->lease(batch(1)));
  ASSERT_OK(runtime->lease(batch(2)));
  ASSERT_OK(runtime->lease(batch(3)));
  const auto dropped = runtime->drop(batch(2));
  ASSERT_OK(dropped);
  EXPECT_TRUE(*dropped);
  EXPECT_FALSE(*runtime->drop(batch(2)));
  EXPECT_EQ(toy->counters.plans.value(), 2) << "its plan is gone";
  ASSERT_OK(runtime->clear());
  EXPECT_TRUE(runtime->buckets().empty());
  EXPECT_EQ(toy->counters.plans.value(), 0);
  EXPECT_EQ(toy->counters.bindings.value(), 0);
  EXPECT_EQ(runtime->counters().evictions, 0u) << "evictions are for room";
}

TEST_P(BucketCacheTest, L25_ADroppedBucketInUseGoesWhenItIsGivenBack) {
  auto toy = make(toys::affine());
  auto runtime = open(bucketed(toy));
  ASSERT_OK(runtime);
  {
    auto lease = runtime->lease(batch(4));
    ASSERT_OK(lease);
    EXPECT_TRUE(*runtime->drop(batch(4)));
    EXPECT_TRUE(runtime->buckets().empty());
    EXPECT_OK((*lease)->run());
    EXPECT_EQ(toy->counters.bindings.value(), 1);
  }
  EXPECT_EQ(toy->counters.bindings.value(), 0);
}

TEST_P(BucketCacheTest, L25_BucketGivesItsLanesToACallerWhoKeepsThemApart) {
  auto toy = make(toys::affine());
  RuntimeSpec three = bucketed(toy, {.count_max = 1});
  three.lanes = 3;
  auto runtime = open(three);
  ASSERT_OK(runtime);
  std::shared_ptr<Lane> kept;
  {
    auto bucket = runtime->bucket({{"batch", 6}});
    ASSERT_OK(bucket);
    ASSERT_EQ(bucket->lanes().size(), 3u);
    EXPECT_EQ(bucket->capacity()[0], (NamedExtent{"batch", 6}));
    for (const auto& lane : bucket->lanes()) EXPECT_OK(lane->run());
    kept = bucket->lanes()[1];
    auto again = runtime->bucket({{"batch", 6}});
    ASSERT_OK(again);
    EXPECT_EQ(again->lanes()[1], kept) << "a hit: the same lanes";
  }
  const auto refused = runtime->lease(batch(7), {.timeout = 20ms});
  EXPECT_EQ(code_of(refused), ErrorCode::deadline_exceeded) << "a lane that is kept keeps its bucket";
  kept.reset();
  EXPECT_OK(runtime->lease(batch(7), {.timeout = 10s}));
  EXPECT_EQ(standing(*runtime), (std::vector<std::int64_t>{7}));
}

TEST_P(BucketCacheTest, L25_KeyNamesDimensionsNotPorts) {
  auto toy = make(toys::copies({toys::tensor("a", {"batch", 4}), toys::tensor("b", {"batch", 2}, DType::i64)}));
  auto runtime = open(bucketed(toy));
  ASSERT_OK(runtime);
  auto lease = runtime->lease(batch(3));
  ASSERT_OK(lease);
  EXPECT_EQ((*lease)->input_shape("a").operator*(), Shape(3, 4));
  EXPECT_EQ((*lease)->input_shape("b").operator*(), Shape(3, 2));
  const auto by_port = runtime->lease({{"a", 3}});
  EXPECT_EQ(code_of(by_port), ErrorCode::not_found);
  const auto missing = runtime->lease(std::vector<NamedExtent>{});
  EXPECT_EQ(code_of(missing), ErrorCode::invalid_argument);
  EXPECT_NE(message_of(missing).find("batch"), std::string::npos);
}

TEST_P(BucketCacheTest, L26_LruEvictsTheLeastRecentlyUsed) {
  auto toy = make(toys::affine());
  auto runtime = open(bucketed(toy, {.count_max = 3}));
  ASSERT_OK(runtime);
  for (const std::int64_t key : {1, 2, 3, 1, 4}) ASSERT_OK(runtime->lease(batch(key)));
  EXPECT_EQ(standing(*runtime), (std::vector<std::int64_t>{1, 3, 4}));
  EXPECT_EQ(runtime->counters().evictions, 1u);
}

TEST_P(BucketCacheTest, L26_FifoEvictsTheOldest) {
  auto toy = make(toys::affine());
  auto runtime = open(bucketed(toy, {.count_max = 3, .eviction = Eviction::fifo}));
  ASSERT_OK(runtime);
  for (const std::int64_t key : {1, 2, 3, 1, 4}) ASSERT_OK(runtime->lease(batch(key)));
  EXPECT_EQ(standing(*runtime), (std::vector<std::int64_t>{2, 3, 4}));
}

TEST_P(BucketCacheTest, L26_SixteenShapesRoundRobinAlwaysGiveTheRightBucket) {
  auto toy = make(toys::affine());
  auto runtime = open(bucketed(toy));
  ASSERT_OK(runtime);
  for (int round = 0; round < 50; ++round) {
    for (std::int64_t key = 1; key <= 16; ++key) {
      auto lease = runtime->lease(batch(key));
      ASSERT_OK(lease);
      ASSERT_EQ(lease->capacity()[0].extent, key);
      ASSERT_EQ((*lease)->input<float>("x")->size(), static_cast<std::size_t>(key) * 4);
    }
  }
  EXPECT_EQ(runtime->counters().builds, 16u);
}

TEST_P(BucketCacheTest, L26_CapacityZeroIsRefusedAndNoneIsUnbounded) {
  auto toy = make(toys::affine());
  const auto none = open(bucketed(toy, {.count_max = 0}));
  EXPECT_EQ(code_of(none), ErrorCode::invalid_argument);
  EXPECT_NE(message_of(none).find("count_max"), std::string::npos);
  auto unbounded = open(bucketed(toy, {.count_max = std::nullopt}));
  ASSERT_OK(unbounded);
  for (std::int64_t key = 1; key <= 40; ++key) ASSERT_OK(unbounded->lease(batch(key)));
  EXPECT_EQ(unbounded->buckets().size(), 40u);
}

TEST_P(BucketCacheTest, L29_OneBuildForAllWhoAsk) {
  auto toy = make(toys::affine());
  RuntimeSpec eight = bucketed(toy);
  eight.lanes = 8;
  auto runtime = open(eight);
  ASSERT_OK(runtime);
  toy->phase(ToyPhase::specialise).gate.close();
  std::vector<std::thread> threads;
  std::atomic<int> served{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      auto lease = runtime->lease(batch(5), {.timeout = 10s});
      if (lease && lease->built() && (*lease)->run()) ++served;
    });
  }
  ASSERT_TRUE(eventually([&] { return runtime->counters().misses == 8; }));
  toy->phase(ToyPhase::specialise).gate.open();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(served, 8);
  EXPECT_EQ(toy->phase(ToyPhase::specialise).calls(), 1);
}

TEST_P(BucketCacheTest, L29_AllWhoWaitGetTheSameError) {
  auto toy = make(toys::affine());
  auto runtime = open(bucketed(toy));
  ASSERT_OK(runtime);
  toy->phase(ToyPhase::specialise).gate.close();
  toy->phase(ToyPhase::specialise).fail_next(Error(ErrorCode::unimplemented, "node 7"));
  std::vector<std::thread> threads;
  std::atomic<int> told{0};
  for (int t = 0; t < 5; ++t) {
    threads.emplace_back([&] {
      const auto lease = runtime->lease(batch(5), {.timeout = 10s});
      if (code_of(lease) == ErrorCode::unimplemented && message_of(lease).find("node 7") != std::string::npos) ++told;
    });
  }
  ASSERT_TRUE(eventually([&] { return runtime->counters().misses == 5; }));
  toy->phase(ToyPhase::specialise).gate.open();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(told, 5);
}

TEST_P(BucketCacheTest, L29_AWaiterLeavesWhileTheBuildGoesOn) {
  auto toy = make(toys::affine());
  auto runtime = open(bucketed(toy));
  ASSERT_OK(runtime);
  toy->phase(ToyPhase::specialise).gate.close();
  std::thread patient([&] { EXPECT_OK(runtime->lease(batch(5), {.timeout = 10s})); });
  EXPECT_EQ(code_of(runtime->lease(batch(5), {.timeout = 10ms})), ErrorCode::deadline_exceeded);
  toy->phase(ToyPhase::specialise).gate.open();
  patient.join();
  EXPECT_EQ(toy->phase(ToyPhase::specialise).calls(), 1);
}

TEST_P(BucketCacheTest, L29_DifferentShapesBuildInParallel) {
  auto toy = make(toys::affine());
  auto runtime = open(bucketed(toy));
  ASSERT_OK(runtime);
  toy->phase(ToyPhase::specialise).gate.close();
  std::vector<std::thread> threads;
  for (const std::int64_t key : {1, 2})
    threads.emplace_back([&, key] { EXPECT_OK(runtime->lease(batch(key), {.timeout = 10s})); });
  EXPECT_TRUE(toy->phase(ToyPhase::specialise).gate.wait_for(2)) << "both are being built at once";
  toy->phase(ToyPhase::specialise).gate.open();
  for (std::thread& thread : threads) thread.join();
}

TEST_P(BucketCacheTest, L30_WarmBuildsAndRunsEveryLane) {
  auto toy = make(toys::affine());
  RuntimeSpec three = bucketed(toy);
  three.lanes = 3;
  auto runtime = open(three);
  ASSERT_OK(runtime);
  const std::vector<std::vector<NamedExtent>> shapes = {batch(2), batch(9)};
  ASSERT_OK(runtime->warm(shapes, 4));
  EXPECT_EQ(toy->counters.runs_done.value(), 2 * 3 * 4);
  const auto built = toy->phase(ToyPhase::specialise).calls();
  ASSERT_OK(runtime->lease(batch(9)));
  EXPECT_EQ(toy->phase(ToyPhase::specialise).calls(), built) << "the first request after it builds nothing";
}

TEST_P(BucketCacheTest, L30_MoreShapesThanCapacityIsAnErrorBeforeBuilding) {
  auto toy = make(toys::affine());
  auto runtime = open(bucketed(toy, {.count_max = 2}));
  ASSERT_OK(runtime);
  const std::vector<std::vector<NamedExtent>> shapes = {batch(1), batch(2), batch(3)};
  EXPECT_EQ(code_of(runtime->warm(shapes)), ErrorCode::resource_exhausted);
  EXPECT_EQ(toy->phase(ToyPhase::specialise).calls(), 0);
}

TEST_P(BucketCacheTest, L30_PrimeRunsWhatStandsAndLeavesTheOrderAlone) {
  auto toy = make(toys::affine());
  auto runtime = open(bucketed(toy, {.count_max = 2}));
  ASSERT_OK(runtime);
  ASSERT_OK(runtime->prime(3));
  EXPECT_EQ(toy->phase(ToyPhase::specialise).calls(), 0);
  ASSERT_OK(runtime->lease(batch(2)));
  ASSERT_OK(runtime->lease(batch(1)));
  ASSERT_OK(runtime->prime(3));
  EXPECT_EQ(toy->counters.runs_done.value(), 2 * 3);
  ASSERT_OK(runtime->lease(batch(3)));
  EXPECT_EQ(standing(*runtime), (std::vector<std::int64_t>{1, 3})) << "2 was the least recently used, primed or not";
}

TEST_P(BucketCacheTest, L30_LanesOfOpenAreWarmed) {
  auto toy = make(toys::affine());
  RuntimeSpec two = spec(toy);
  two.dimensions = {{"batch", 3}};
  two.lanes = 2;
  two.warm_up_runs = 5;
  ASSERT_OK(open(two));
  EXPECT_EQ(toy->counters.runs_done.value(), 10);
}

// An independent model of the cache: a list in order of use.
class Model {
 public:
  explicit Model(std::size_t count_max) : count_max_(count_max) {}
  void lease(std::int64_t key) {
    const auto at = std::ranges::find(order_, key);
    if (at != order_.end()) {
      ++hits;
      order_.erase(at);
    } else {
      ++misses;
      if (order_.size() == count_max_) {
        order_.erase(order_.begin());
        ++evictions;
      }
    }
    order_.push_back(key);
  }
  bool drop(std::int64_t key) { return std::erase(order_, key) > 0; }
  void clear() { order_.clear(); }
  std::vector<std::int64_t> sorted() const {
    auto keys = order_;
    std::ranges::sort(keys);
    return keys;
  }
  std::size_t bytes() const {
    std::size_t sum = 0;
    for (const std::int64_t key : order_) sum += lane_bytes(key);
    return sum;
  }
  std::uint64_t hits = 0, misses = 0, evictions = 0;

 private:
  std::size_t count_max_;
  std::vector<std::int64_t> order_;
};

TEST_P(BucketCacheTest, L36_CountersEqualRealityOverTenThousandOperations) {
  auto toy = make(toys::affine());
  auto runtime = open(bucketed(toy, {.count_max = 5}));
  ASSERT_OK(runtime);
  Model model(5);
  std::mt19937 random(20);
  for (int i = 0; i < 10'000; ++i) {
    const auto key = static_cast<std::int64_t>(1 + random() % 9);
    const auto what = random() % 100;
    if (what < 90) {
      ASSERT_OK(runtime->lease(batch(key)));
      model.lease(key);
    } else if (what < 97) {
      ASSERT_EQ(*runtime->drop(batch(key)), model.drop(key));
    } else if (what < 99) {
      ASSERT_EQ((*runtime->find(batch(key))).has_value(), std::ranges::binary_search(model.sorted(), key));
    } else {
      ASSERT_OK(runtime->clear());
      model.clear();
    }
    ASSERT_EQ(standing(*runtime), model.sorted()) << "after operation " << i;
    const CacheCounters counters = runtime->counters();
    ASSERT_EQ(counters.requests, model.hits + model.misses);
    ASSERT_EQ(counters.hits, model.hits);
    ASSERT_EQ(counters.misses, model.misses);
    ASSERT_EQ(counters.builds, model.misses);
    ASSERT_EQ(counters.evictions, model.evictions);
    ASSERT_EQ(counters.bytes, model.bytes());
    ASSERT_EQ(counters.bytes_reserved, 0u);
  }
  EXPECT_GT(runtime->counters().build_time.count(), 0);
  EXPECT_EQ(toy->phase(ToyPhase::specialise).calls(), static_cast<std::int64_t>(model.misses));
}

TEST_P(BucketCacheTest, L36_NoRequestIsLostWhileBucketsAreDropped) {
  auto toy = make(toys::affine());
  auto runtime = open(bucketed(toy, {.count_max = 3}));
  ASSERT_OK(runtime);
  constexpr int threads = 3, each = 4000;
  std::atomic<int> served{0}, done{0};
  std::vector<std::thread> team;
  for (int thread = 0; thread < threads; ++thread) {
    team.emplace_back([&, thread] {
      for (int i = 0; i < each; ++i) {
        if (auto lease = runtime->lease(batch(1 + (i + thread) % 3), {.timeout = 60s})) served.fetch_add(1);
      }
      done.fetch_add(1);
    });
  }
  while (done.load() < threads) {
    ASSERT_OK(runtime->drop(batch(2)));
    ASSERT_OK(runtime->clear());
  }
  for (std::thread& thread : team) thread.join();
  EXPECT_EQ(served.load(), threads * each);
  const CacheCounters counters = runtime->counters();
  EXPECT_EQ(counters.requests, static_cast<std::uint64_t>(threads) * each);
  EXPECT_EQ(counters.requests, counters.hits + counters.misses);
}

TEST_P(BucketCacheTest, L44_TheModelOfABucketIsAFunctionOfItsShape) {
  auto described = make(toys::affine());
  std::vector<std::shared_ptr<Toy>> made;
  std::vector<std::int64_t> asked;
  BucketSpec buckets{.ladders = {{.dimension = "batch", .from = 2, .to = 8}}};
  buckets.model_for = [&](std::span<const NamedExtent> capacity) -> Expected<ModelSource> {
    asked.push_back(capacity[0].extent);
    if (capacity[0].extent == 8) return Error(ErrorCode::not_found, "no file for 8");
    made.push_back(make(toys::affine(static_cast<double>(capacity[0].extent), 0)));  // tells which model computed
    return ModelSource(make_toy(made.back()));
  };
  auto runtime = open(bucketed(described, buckets));
  ASSERT_OK(runtime);
  for (const std::int64_t key : {1, 2, 2, 4, 3}) {
    auto lease = runtime->lease(batch(key));
    ASSERT_OK(lease);
    std::ranges::fill(*(*lease)->input<float>("x"), 1.0f);
    ASSERT_OK((*lease)->run());
    EXPECT_EQ((*lease)->output<float>("y")->data[0], key <= 2 ? 2.0f : 4.0f);
  }
  EXPECT_EQ(asked, (std::vector<std::int64_t>{2, 4})) << "once per bucket";
  const auto failed = runtime->lease(batch(7));
  EXPECT_EQ(code_of(failed), ErrorCode::not_found);
  EXPECT_NE(message_of(failed).find("no file for 8"), std::string::npos);
}

TEST_P(BucketCacheTest, L44_RuntimesShareAByteBudget) {
  auto budget = std::make_shared<ByteBudget>(lane_bytes(10));
  auto toy_a = make(toys::affine()), toy_b = make(toys::affine());
  auto a = open(bucketed(toy_a, {.budget = budget}));
  auto b = open(bucketed(toy_b, {.budget = budget}));
  ASSERT_OK(a);
  ASSERT_OK(b);
  ASSERT_OK(a->lease(batch(3)));
  ASSERT_OK(b->lease(batch(3)));
  ASSERT_OK(a->lease(batch(4)));
  EXPECT_EQ(budget->bytes(), lane_bytes(10));
  ASSERT_OK(a->lease(batch(3)));  // now b's is the oldest
  ASSERT_OK(b->lease(batch(2)));
  EXPECT_EQ(standing(*a), (std::vector<std::int64_t>{3, 4}));
  EXPECT_EQ(standing(*b), (std::vector<std::int64_t>{2}));
  ASSERT_OK(b->lease(batch(5)));  // a's 4 has to go
  EXPECT_EQ(standing(*a), (std::vector<std::int64_t>{3}));
  EXPECT_EQ(standing(*b), (std::vector<std::int64_t>{2, 5}));
  EXPECT_EQ(a->counters().evictions, 1u);
  EXPECT_LE(budget->bytes(), *budget->bytes_max());
  b = Error(ErrorCode::internal, "gone");
  EXPECT_EQ(budget->bytes(), lane_bytes(3)) << "a runtime that goes gives its bytes back";
}

TEST_P(BucketCacheTest, L15_LeasesAndLanesOutliveTheRuntime) {
  auto toy = make(toys::affine());
  std::optional<Lease> lease;
  std::shared_ptr<Lane> kept;
  {
    auto runtime = open(bucketed(toy));
    ASSERT_OK(runtime);
    auto first = runtime->lease(batch(2));
    ASSERT_OK(first);
    lease.emplace(*std::move(first));
    auto bucket = runtime->bucket({{"batch", 3}});
    ASSERT_OK(bucket);
    kept = bucket->lanes()[0];
  }
  EXPECT_OK((*lease)->run());
  EXPECT_OK(kept->run());
  lease.reset();
  kept.reset();
  EXPECT_EQ(toy->complaints(), "");
}

}  // namespace
}  // namespace laneway
