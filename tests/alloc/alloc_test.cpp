// What a run allocates, counted over the whole malloc family of the process: lanes of ours add nothing to what the engine does by
// itself. A toy allocates nothing; ONNX Runtime what it does when its C API is used at its best.
#include <gtest/gtest.h>

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "alloc/count.h"
#include "bench/ort_lane/contestant.h"
#include "laneway/diag/metrics.h"
#include "laneway/engines/ort.h"
#include "laneway/laneway.h"
#include "models/models.h"
#include "support/must.h"
#include "toy_engine/toys.h"

namespace laneway {
namespace {

constexpr std::int64_t batch = 2, sequence = 5;

// mean_pool, x [2, 5, 8] -> y [2, 8], on one engine.
struct Case {
  std::string engine;
  RuntimeSpec (*spec)();
  std::uint64_t (*expected)();  ///< Allocations of ten thousand runs without us.
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.engine; }

RuntimeSpec toy_spec() { return {.model = toy_source(), .engine = ToyEngineSpec{std::make_shared<Toy>(toys::mean_pool())}}; }

RuntimeSpec ort_spec() {
  static const std::string model = test_models::mean_pool();
  return {.model = ModelBytes{test_models::as_bytes(model)}, .engine = "ort"};
}

std::uint64_t raw_allocations() {
  const std::string model = test_models::mean_pool();
  const auto path = std::filesystem::temp_directory_path() / ("laneway-alloc-" + std::to_string(getpid()) + ".onnx");
  std::ofstream(path, std::ios::binary) << model;
  const bench::Workload workload{.model = path,
                                 .inputs = {{.name = "x", .shape = Shape{batch, sequence, 8}}},
                                 .outputs = {{.name = "y", .shape = Shape{batch, 8}}}};
  auto buffers = must(bench::allocate_buffers(workload));
  const auto raw = must(bench::open_ort_raw(workload, buffers));
  std::filesystem::remove(path);
  return allocations_of_calls([&] { EXPECT_TRUE(raw->run(0)); });
}

class Alloc : public ::testing::TestWithParam<Case> {
 protected:
  static RuntimeSpec fixed() {
    RuntimeSpec spec = GetParam().spec();
    spec.dimensions = {{"batch", batch}, {"sequence", sequence}};
    return spec;
  }
  static RuntimeSpec bucketed() {
    RuntimeSpec spec = GetParam().spec();
    spec.buckets =
        BucketSpec{.ladders = {{.dimension = "batch", .from = 1, .to = 8}, {.dimension = "sequence", .from = 1, .to = 64}}};
    return spec;
  }
};

TEST_P(Alloc, L13_ALaneAddsNothing) {
  Runtime runtime = must(open(fixed()));
  Lane& lane = *runtime.lanes()[0];
  EXPECT_EQ(allocations_of_calls([&] { EXPECT_TRUE(lane.run()); }), GetParam().expected());
}

TEST_P(Alloc, L13_ATimeoutAddsNothing) {
  Runtime runtime = must(open(fixed()));
  Lane& lane = *runtime.lanes()[0];
  EXPECT_EQ(allocations_of_calls([&] { EXPECT_TRUE(lane.run(std::chrono::hours(1))); }), GetParam().expected());
}

TEST_P(Alloc, L13_MetricsAddNothing) {
  RuntimeSpec spec = fixed();
  spec.metrics = std::make_shared<Metrics>();
  Runtime runtime = must(open(spec));
  Lane& lane = *runtime.lanes()[0];
  EXPECT_EQ(allocations_of_calls([&] { EXPECT_TRUE(lane.run()); }), GetParam().expected());
}

TEST_P(Alloc, L13_ACachedBucketAddsNothing) {
  Runtime runtime = must(open(bucketed()));
  const std::vector<NamedExtent> shape = {{"batch", batch}, {"sequence", sequence}};
  BucketLanes kept = must(runtime.bucket(shape));
  ASSERT_TRUE(kept.lanes()[0]->resize(shape));
  EXPECT_EQ(allocations_of_calls([&] {
              auto bucket = runtime.bucket(shape);
              EXPECT_TRUE(bucket && bucket->lanes()[0]->run());
            }),
            GetParam().expected());
}

TEST_P(Alloc, L13_ALeasedLaneAddsNothing) {
  RuntimeSpec spec = bucketed();
  spec.metrics = std::make_shared<Metrics>();
  Runtime runtime = must(open(spec));
  EXPECT_EQ(allocations_of_calls([&] {
              auto lease = runtime.lease({{"batch", batch}, {"sequence", sequence}});
              EXPECT_TRUE(lease && (*lease)->run());
            }),
            GetParam().expected());
}

TEST_P(Alloc, L33_ResizingToShapesSeenBeforeAllocatesNothing) {
  Runtime runtime = must(open(bucketed()));
  Lease lease = must(runtime.lease({{"batch", 8}, {"sequence", 64}}));
  std::int64_t next = 0;
  const auto resize = [&] {
    next = (next + 1) % 16;
    EXPECT_TRUE(lease->resize({{"batch", 1 + next % 8}, {"sequence", 1 + 4 * next}}));
  };
  for (int i = 0; i < 16; ++i) {
    resize();
    EXPECT_TRUE(lease->run());
  }
  EXPECT_EQ(allocations_of_calls(resize), 0u);
}

INSTANTIATE_TEST_SUITE_P(Engines, Alloc,
                         ::testing::Values(Case{"toy", toy_spec, [] { return std::uint64_t{0}; }},
                                           Case{"ort", ort_spec, raw_allocations}),
                         [](const auto& c) { return c.param.engine; });

class ToyAlloc : public ::testing::TestWithParam<const char*> {};

TEST_P(ToyAlloc, L12_ARingOfFramesIsReboundWithoutAllocation) {
  RuntimeSpec spec = toy_spec();
  spec.dimensions = {{"batch", batch}, {"sequence", sequence}};
  Runtime runtime = must(open(spec));
  Lane& lane = *runtime.lanes()[0];
  std::vector<std::vector<float>> frames(7, std::vector<float>(80));
  std::size_t next = 0;
  EXPECT_EQ(allocations_of_calls([&] {
              std::vector<float>& frame = frames[next++ % 7];
              EXPECT_TRUE(lane.rebind("x", Memory{frame.data(), 320}));
              EXPECT_TRUE(lane.rebind_output("y", Memory{frames[next % 7].data(), 320}));
              EXPECT_TRUE(lane.run());
            }),
            0u);
}

TEST_P(ToyAlloc, L21_ACancelledRunAllocatesNothing) {
  const auto toy = std::make_shared<Toy>(toys::mean_pool());
  Runtime runtime =
      must(open({.model = toy_source(), .engine = ToyEngineSpec{toy}, .dimensions = {{"batch", 1}, {"sequence", 2}}}));
  Lane& lane = *runtime.lanes()[0];
  toy->nodes = 1'000'000'000;
  toy->node_ns = 1;
  const auto cancelled = [&] {
    const auto result = lane.run(std::chrono::microseconds(10));
    EXPECT_TRUE(!result && result.error().code() == ErrorCode::deadline_exceeded);
  };
  cancelled();
  const auto before = malloc_totals();
  for (int i = 0; i < 100; ++i) cancelled();
  EXPECT_EQ((*malloc_totals() - *before).count, 0u);
}

TEST_P(ToyAlloc, L22_AJobAllocatesNothing) {
  RuntimeSpec spec = toy_spec();
  spec.dimensions = {{"batch", batch}, {"sequence", sequence}};
  spec.job_threads = 1;
  Runtime runtime = must(open(spec));
  const auto& lane = runtime.lanes()[0];
  const auto run_job = [&] {
    Expected<Job> job = start(lane, {.on_done = [](const Expected<>& result) { return result; }});
    EXPECT_TRUE(job && job->wait_for(std::chrono::hours(1)) && job->take());
  };
  run_job();  // starts the thread
  EXPECT_EQ(allocations_of_calls(run_job), 0u);
}

TEST_P(ToyAlloc, L13_NamesOfAnyLengthAllocateNothing) {
  const auto toy = std::make_shared<Toy>(toys::affine(2, 1, toys::tensor("x", {"sequence_length_of_the_encoder", 4})));
  Runtime runtime = must(open({.model = toy_source(),
                               .engine = ToyEngineSpec{toy},
                               .buckets = BucketSpec{.ladders = {{.dimension = "sequence_length_of_the_encoder", .to = 64}}}}));
  EXPECT_EQ(allocations_of_calls([&] {
              auto lease = runtime.lease({{"sequence_length_of_the_encoder", 17}});
              EXPECT_TRUE(lease && (*lease)->run());
              EXPECT_TRUE(lease && (*lease)->resize({{"sequence_length_of_the_encoder", 3}}));
              EXPECT_TRUE(runtime.bucket({{"sequence_length_of_the_encoder", 20}}));
            }),
            0u);
}

TEST_P(ToyAlloc, L21_ARunCancelledFromAnotherThreadAllocatesNothing) {
  const auto toy = std::make_shared<Toy>(toys::mean_pool());
  Runtime runtime =
      must(open({.model = toy_source(), .engine = ToyEngineSpec{toy}, .dimensions = {{"batch", 1}, {"sequence", 2}}}));
  Lane& lane = *runtime.lanes()[0];
  toy->nodes = 1'000'000'000;
  toy->node_ns = 1;
  std::atomic<bool> over{false};
  std::thread canceller([&] {
    while (!over) lane.cancel();  // between runs without effect
  });
  const auto cancelled = [&] {
    const auto result = lane.run();
    EXPECT_TRUE(!result && result.error().code() == ErrorCode::cancelled);
  };
  cancelled();
  const auto before = malloc_totals();
  for (int i = 0; i < 1'000; ++i) cancelled();
  EXPECT_EQ((*malloc_totals() - *before).count, 0u);
  over = true;
  canceller.join();
}

INSTANTIATE_TEST_SUITE_P(Engines, ToyAlloc, ::testing::Values("toy"), [](const auto& engine) { return engine.param; });

}  // namespace
}  // namespace laneway
