// L25, L28, L33, L35, L41: shapes that vary, state that is carried.
#include <map>

#include "conformance/conformance.h"
#include "conformance/oracle.h"

namespace laneway::conformance {
namespace {

TEST_P(Conformance, L25_TheFirstUseBuildsTheSecondHits) {
  Runtime runtime = must(open(bucketed("mean_pool", {"batch", "sequence"})));
  EXPECT_TRUE(must(runtime.lease({{"sequence", 17}, {"batch", 2}})).built());
  EXPECT_FALSE(must(runtime.lease({{"batch", 2}, {"sequence", 30}})).built()) << "the key names dimensions, in any order";
  EXPECT_TRUE(must(runtime.lease({{"sequence", 2}, {"batch", 17}})).built()) << "another shape though the numbers are the same";
  const CacheCounters counters = runtime.counters();
  EXPECT_EQ(counters.requests, 3u);
  EXPECT_EQ(counters.hits, 1u);
  EXPECT_EQ(counters.misses, 2u);
  EXPECT_EQ(counters.builds, 2u);
  EXPECT_EQ(counters.buckets, 2u);
}

TEST_P(Conformance, L25_BucketsAreListedFoundAndDropped) {
  Runtime runtime = must(open(bucketed("mean_pool", {"batch", "sequence"})));
  EXPECT_FALSE(must(runtime.find(std::vector<NamedExtent>{{"batch", 2}, {"sequence", 17}})));
  EXPECT_EQ(runtime.counters().builds, 0u);
  for (int i = 0; i < 4; ++i) static_cast<void>(must(runtime.lease({{"batch", 2}, {"sequence", 17}})));
  const std::vector<NamedExtent> same = {{"batch", 2}, {"sequence", 20}};
  const auto found = must(runtime.find(same));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->hits, 3u);
  EXPECT_FALSE(found->in_use);
  EXPECT_THAT(found->capacity, ::testing::UnorderedElementsAre(NamedExtent{"batch", 2}, NamedExtent{"sequence", 32}));
  ASSERT_EQ(runtime.buckets().size(), 1u);
  EXPECT_EQ(runtime.buckets()[0].bytes, runtime.counters().bytes);
  EXPECT_GE(runtime.buckets()[0].bytes, (2 * 32 * 8 + 2 * 8) * sizeof(float));
  EXPECT_TRUE(must(runtime.drop(same)));
  EXPECT_FALSE(must(runtime.drop(same)));
  static_cast<void>(must(runtime.lease(same)));
  must(runtime.clear());
  EXPECT_TRUE(runtime.buckets().empty());
  EXPECT_EQ(runtime.counters().bytes, 0u);
}

TEST_P(Conformance, L25_ABucketGivesItsLanesToACallerWhoKeepsThemApart) {
  RuntimeSpec made = bucketed("mean_pool", {"batch", "sequence"});
  made.lanes = 2;
  Runtime runtime = must(open(made));
  BucketLanes bucket = must(runtime.bucket({{"batch", 1}, {"sequence", 7}}));
  ASSERT_EQ(bucket.lanes().size(), 2u);
  for (const auto& lane : bucket.lanes()) {
    const std::vector<float> x = floats(8 * 8);
    write(*lane, "x", x);
    must(lane->run());
    expect_near(read<float>(*lane, "y"), oracle::mean_pool({1, 8, x}));
  }
  expect_error(must(open(spec("mean_pool", {{"batch", 1}, {"sequence", 2}}))).lease({{"sequence", 2}}),
               ErrorCode::failed_precondition);
}

TEST_P(Conformance, L28_TheSumOfBytesStaysWithinItsBudget) {
  const std::vector<NamedExtent> largest = {{"batch", 4}, {"sequence", 64}};
  Runtime unbounded = must(open(bucketed("mean_pool", {"batch", "sequence"})));
  static_cast<void>(must(unbounded.lease(largest)));
  const std::size_t most = unbounded.counters().bytes;
  ASSERT_GT(most, 0u);

  RuntimeSpec made = bucketed("mean_pool", {"batch", "sequence"});
  made.buckets->count_max = std::nullopt;
  made.buckets->bytes_max = 2 * most + most / 2;
  Runtime runtime = must(open(made));
  for (int i = 0; i < 200; ++i) {
    const std::int64_t batch = between(1, 4), sequence = between(1, 64);
    Lease lease = must(runtime.lease({{"batch", batch}, {"sequence", sequence}}));
    const std::vector<float> x = floats(static_cast<std::size_t>(batch * sequence * 8));
    write(*lease, "x", x);
    must(lease->run());
    const Lease& kept = lease;
    expect_near(read<float>(*kept, "y"),
                oracle::mean_pool({static_cast<std::size_t>(batch), static_cast<std::size_t>(sequence), x}));
    const CacheCounters counters = runtime.counters();
    ASSERT_LE(counters.bytes + counters.bytes_reserved, *made.buckets->bytes_max);
    std::size_t listed = 0;
    for (const BucketInfo& bucket : runtime.buckets()) listed += bucket.bytes;
    ASSERT_EQ(listed, counters.bytes);
  }
  EXPECT_GT(runtime.counters().evictions, 0u);

  made.buckets->bytes_max = most - 1;
  Runtime small = must(open(made));
  expect_error(small.lease(largest), ErrorCode::resource_exhausted, {std::to_string(most), std::to_string(most - 1)});
  EXPECT_EQ(small.counters().bytes, 0u);
  EXPECT_TRUE(small.lease({{"batch", 1}, {"sequence", 8}}));
}

// ---- exact shapes within a capacity ---------------------------------------------------------------------------------------------

constexpr std::int64_t key_max = 64;

struct Rows {
  const char* model;
  std::size_t batch;
  std::vector<float> (*expected)(const oracle::Rows&);
  bool masked = false;
  float tolerance = 1e-5f;
};

void fill(Lane& lane, const std::vector<float>& x, const std::vector<float>& mask) {
  write(lane, "x", x);
  if (!mask.empty()) write(lane, "mask", mask);
}

// Every key from 1 to 64 in random order, `runs` runs: each equals a runtime opened at that exact shape, and the closed form.
class Exactness {
 public:
  Exactness(Rows rows, RuntimeSpec varying, std::function<RuntimeSpec(std::int64_t)> exact)
      : rows_(rows), runtime_(must(open(varying))), exact_(std::move(exact)) {}

  void check(std::int64_t key, const std::vector<float>& x, const std::vector<float>& mask) {
    const auto sequence = static_cast<std::size_t>(key);
    Lease lease = must(runtime_.lease({{"sequence", key}}));
    fill(*lease, x, mask);
    must(lease->run());
    const std::vector<float> y = read<float>(*lease, "y");
    ASSERT_NO_FATAL_FAILURE(expect_near(
        y, rows_.masked ? oracle::attention({rows_.batch, sequence, x}, mask) : rows_.expected({rows_.batch, sequence, x}),
        rows_.tolerance));
    Lane& lane = *opened_at(key).lanes()[0];
    fill(lane, x, mask);
    must(lane.run());
    ASSERT_NO_FATAL_FAILURE(expect_near(y, read<float>(lane, "y"), rows_.tolerance));
    ASSERT_EQ(shape_of(*lease, "y"), shape_of(lane, "y"));
    const auto [address, fresh] = addresses_.emplace(lease.capacity()[0].extent, must(lease->input_memory("x")).data);
    ASSERT_EQ(address->second, must(lease->input_memory("x")).data) << "resize keeps addresses";
  }
  CacheCounters counters() const { return runtime_.counters(); }

 private:
  Runtime& opened_at(std::int64_t key) {
    auto& runtime = at_exact_shape_[key];
    if (!runtime) runtime.emplace(must(open(exact_(key))));
    return *runtime;
  }

  Rows rows_;
  Runtime runtime_;
  std::function<RuntimeSpec(std::int64_t)> exact_;
  std::map<std::int64_t, std::optional<Runtime>> at_exact_shape_;
  std::map<std::int64_t, void*> addresses_;
};

std::vector<std::int64_t> keys(int runs, std::mt19937& random) {
  std::vector<std::int64_t> result;
  for (int i = 0; i < runs; ++i) result.push_back(1 + i % key_max);
  std::ranges::shuffle(result, random);
  return result;
}

#define LANEWAY_EXACT(Name, runs, ...)                                                                                         \
  TEST_P(Conformance, L33_##Name##IsExactWithinItsCapacity) {                                                                  \
    const Rows rows = __VA_ARGS__;                                                                                             \
    const auto batch = static_cast<std::int64_t>(rows.batch);                                                                  \
    RuntimeSpec varying = bucketed(rows.model, {"sequence"}, key_max);                                                         \
    varying.dimensions = {{"batch", batch}};                                                                                   \
    Exactness exactness(rows, varying, [&](std::int64_t key) {                                                                 \
      return spec(rows.model, {{"batch", batch}, {"sequence", key}});                                                          \
    });                                                                                                                        \
    for (const std::int64_t key : keys(runs, random)) {                                                                        \
      const std::size_t cells = rows.batch * static_cast<std::size_t>(key);                                                    \
      std::vector<float> mask(rows.masked ? cells : 0);                                                                        \
      for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = i % static_cast<std::size_t>(key) == 0 || between(0, 1) ? 1 : 0; \
      ASSERT_NO_FATAL_FAILURE(exactness.check(key, floats(cells * 8), mask)) << "key " << key;                                 \
    }                                                                                                                          \
    EXPECT_LE(exactness.counters().builds, 64u);                                                                               \
  }

LANEWAY_EXACT(MeanPool, 10'000, {"mean_pool", 3, oracle::mean_pool})
LANEWAY_EXACT(SoftmaxOverTheSequence, 2'000, {"softmax_over_sequence", 2, oracle::softmax_over_sequence})
LANEWAY_EXACT(NormalisationOverTheSequence, 2'000, {"normalise_over_sequence", 2, oracle::normalise_over_sequence, false, 5e-5f})
LANEWAY_EXACT(Attention, 2'000, {"attention", 1, [](const oracle::Rows& all) { return oracle::attention(all); }})
LANEWAY_EXACT(MaskedAttention, 2'000, {"masked_attention", 2, nullptr, true})
LANEWAY_EXACT(SequenceInTheMiddle, 2'000, {"sequence_in_the_middle", 3, oracle::sequence_in_the_middle})

#undef LANEWAY_EXACT

TEST_P(Conformance, L33_TwoVaryingDimensionsAreExactWithinTheirCapacity) {
  Runtime runtime = must(open(bucketed("two_symbols", {"rows", "columns"}, 32)));
  for (int i = 0; i < 2'000; ++i) {
    const std::int64_t rows = between(1, 32), columns = between(1, 32);
    Lease lease = must(runtime.lease({{"columns", columns}, {"rows", rows}}));
    const std::vector<float> a = floats(static_cast<std::size_t>(rows * 8)), b = floats(static_cast<std::size_t>(columns * 8));
    write(*lease, "a", a);
    write(*lease, "b", b);
    must(lease->run());
    ASSERT_EQ(shape_of(*lease, "y"), shape({rows, columns}));
    ASSERT_NO_FATAL_FAILURE(expect_near(read<float>(*lease, "y"), oracle::two_symbols(a, b))) << rows << " " << columns;
  }
}

TEST_P(Conformance, L33_ALaneMayBeResizedByHand) {
  Runtime runtime = must(open(bucketed("mean_pool", {"batch", "sequence"})));
  Lease lease = must(runtime.lease({{"batch", 2}, {"sequence", 64}}));
  const void* address = must(lease->input_memory("x")).data;
  for (int i = 0; i < 500; ++i) {
    const std::int64_t sequence = between(1, 64);
    must(lease->resize({{"sequence", sequence}}));
    EXPECT_EQ(shape_of(*lease, "y"), shape({2, 8}));
    EXPECT_EQ(to_string(must(lease->input_shape("x"))), "[2, " + std::to_string(sequence) + ", 8]");
    const std::vector<float> x = floats(static_cast<std::size_t>(2 * sequence * 8));
    write(*lease, "x", x);
    must(lease->run());
    EXPECT_EQ(must(lease->input_memory("x")).data, address);
    ASSERT_NO_FATAL_FAILURE(expect_near(read<float>(*lease, "y"), oracle::mean_pool({2, static_cast<std::size_t>(sequence), x})));
  }
}

// ---- shapes that are refused ------------------------------------------------------------------------------------------------------

TEST_P(Conformance, L35_BeyondTheCapacityThePreviousShapesHold) {
  Runtime runtime = must(open(bucketed("mean_pool", {"batch", "sequence"}, 32)));
  Lease lease = must(runtime.lease({{"batch", 2}, {"sequence", 13}}));
  const std::vector<float> x = floats(2 * 13 * 8);
  write(*lease, "x", x);
  must(lease->run());
  expect_error(lease->resize({{"sequence", 17}}), ErrorCode::out_of_range, {"16", "17"});
  expect_error(lease->resize({{"batch", 3}, {"sequence", 12}}), ErrorCode::out_of_range, {"2", "3"});
  expect_error(lease->resize({{"sequence", -1}}), ErrorCode::invalid_argument, {"sequence", "-1"});
  expect_error(lease->resize({{"seqence", 1}}), ErrorCode::not_found, {"seqence", "sequence"});
  EXPECT_EQ(to_string(must(lease->input_shape("x"))), "[2, 13, 8]");
  EXPECT_TRUE(std::ranges::equal(must(lease->input<float>("x")), x));
  must(lease->run());
  expect_near(read<float>(*lease, "y"), oracle::mean_pool({2, 13, x}));
  expect_error(runtime.lease({{"batch", 1}, {"sequence", 33}}), ErrorCode::out_of_range, {"sequence", "33"});
}

TEST_P(Conformance, L35_AFixedDimensionStaysFixed) {
  RuntimeSpec made = bucketed("mean_pool", {"sequence"}, 32);
  made.dimensions = {{"batch", 2}};
  Runtime runtime = must(open(made));
  Lease lease = must(runtime.lease({{"sequence", 5}}));
  expect_error(lease->resize({{"batch", 3}}), {ErrorCode::not_found, ErrorCode::invalid_argument}, {"batch"});
  expect_error(runtime.lease({{"batch", 3}, {"sequence", 5}}), {ErrorCode::not_found, ErrorCode::invalid_argument}, {"batch"});
  EXPECT_EQ(to_string(must(lease->input_shape("x"))), "[2, 5, 8]");
}

TEST_P(Conformance, L35_AnEmptyExtentIsATypedErrorWhereTheModelForbidsIt) {
  for (const char* model : {"softmax_over_sequence", "mean_pool"}) {
    SCOPED_TRACE(model);
    Runtime runtime = must(open(bucketed(model, {"batch", "sequence"}, 8)));
    Lease lease = must(runtime.lease({{"batch", 2}, {"sequence", 5}}));
    const Expected<> resized = lease->resize({{"sequence", 0}});
    const Expected<> ran = resized ? lease->run() : Expected<>();
    if (resized && ran) {
      EXPECT_EQ(must(lease->output("y")).shape[0], 2);
    } else {
      const ErrorCode code = resized ? ran.error().code() : resized.error().code();
      EXPECT_THAT((std::array{ErrorCode::invalid_argument, ErrorCode::out_of_range}), ::testing::Contains(code));
    }
    EXPECT_EQ(to_string(must(lease->input_shape("x"))), resized ? "[2, 0, 8]" : "[2, 5, 8]");
    must(lease->resize({{"sequence", 5}}));
    const std::vector<float> x = floats(2 * 5 * 8);
    write(*lease, "x", x);
    must(lease->run());
    const oracle::Rows rows{2, 5, x};
    expect_near(read<float>(*lease, "y"), model[0] == 's' ? oracle::softmax_over_sequence(rows) : oracle::mean_pool(rows));
  }
}

// ---- state ------------------------------------------------------------------------------------------------------------------------

RuntimeSpec with_link(RuntimeSpec spec, std::vector<std::byte> initial = {}) {
  spec.links = {{.output = "stateN", .input = "state", .initial = std::move(initial)}};
  return spec;
}

std::vector<std::byte> bytes_of(const std::vector<float>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {bytes.begin(), bytes.end()};
}

TEST_P(Conformance, L41_StateIsCarriedAsIfItWereCopied) {
  for (const char* model : {"counter", "counter_open"}) {
    SCOPED_TRACE(model);
    Runtime linked = must(open(with_link(spec(model, {{"n", 5}}))));
    Runtime copied = must(open(spec(model, {{"n", 5}})));
    Lane& carrying = *linked.lanes()[0];
    Lane& reference = *copied.lanes()[0];
    write(reference, "state", std::vector<float>(5));
    for (int step = 0; step < 300; ++step) {
      const std::vector<float> x = floats(5);
      write(carrying, "x", x);
      write(reference, "x", x);
      must(carrying.run());
      must(reference.run());
      ASSERT_EQ(read<float>(carrying, "y"), read<float>(reference, "y")) << "step " << step;
      ASSERT_EQ(read<float>(carrying, "y")[3], x[3] + static_cast<float>(step));
      ASSERT_EQ(read<float>(carrying, "stateN"), read<float>(reference, "stateN"));
      write(reference, "state", read<float>(reference, "stateN"));
    }
  }
}

TEST_P(Conformance, L41_ResetRestoresWhatWasAtFirst) {
  const std::vector<float> initial = floats(4);
  Runtime runtime = must(open(with_link(spec("counter", {{"n", 4}}), bytes_of(initial))));
  Lane& lane = *runtime.lanes()[0];
  for (const int steps : {1, 2, 3, 8}) {
    for (int step = 0; step < steps; ++step) {
      write(lane, "x", std::vector<float>(4));
      must(lane.run());
      for (std::size_t i = 0; i < 4; ++i) {
        float expected = initial[i];
        for (int k = 0; k < step; ++k) expected += 1;
        ASSERT_EQ(read<float>(lane, "y")[i], expected) << "step " << step << " of " << steps;
      }
    }
    must(lane.reset());
  }
}

TEST_P(Conformance, L41_EveryLeaseBeginsAtTheInitialState) {
  RuntimeSpec made = with_link(bucketed("counter", {"n"}, 16));
  Runtime runtime = must(open(made));
  for (const std::int64_t n : {5, 16, 5, 3, 7, 12}) {
    Lease lease = must(runtime.lease({{"n", n}}));
    std::ranges::fill(must(lease->input<float>("x")), 0.0f);
    for (int step = 0; step < 3; ++step) {
      must(lease->run());
      ASSERT_EQ(read<float>(*lease, "y"), std::vector<float>(static_cast<std::size_t>(n), static_cast<float>(step))) << n;
    }
  }
}

TEST_P(Conformance, L41_LinkedPortsMustAgree) {
  const auto linked = [&](const char* model, const char* output, const char* input, std::vector<NamedExtent> dimensions) {
    RuntimeSpec made = spec(model, std::move(dimensions));
    made.links = {{.output = output, .input = input}};
    return open(made);
  };
  expect_error(linked("mixed_dtypes", "A_out", "B", {{"batch", 2}}), ErrorCode::invalid_argument, {"A_out", "B", "f32", "i64"});
  expect_error(linked("two_symbols", "y", "a", {{"rows", 2}, {"columns", 3}}), ErrorCode::invalid_argument, {"y", "a"});
  expect_error(linked("two_inputs", "z", "a", {{"batch", 2}}), ErrorCode::not_found, {"z"});
  expect_error(linked("two_inputs", "y", "c", {{"batch", 2}}), ErrorCode::not_found, {"c"});
  RuntimeSpec twice = with_link(spec("counter", {{"n", 2}}));
  twice.links.push_back(twice.links[0]);
  expect_error(open(twice), ErrorCode::invalid_argument, {"stateN", "state"});
  expect_error(open(with_link(spec("counter", {{"n", 2}}), std::vector<std::byte>(7))), ErrorCode::invalid_argument, {"8", "7"});
}

TEST_P(Conformance, L41_AnotherShapeThanTheLinkProvesNamesBoth) {
  RuntimeSpec made = with_link(bucketed("growing_state", {"m"}, 8));
  made.dimensions = {{"n", 2}};
  Runtime runtime = must(open(made));
  Lease lease = must(runtime.lease({{"m", 3}}));
  for (int i = 0; i < 2; ++i) {
    expect_error(lease->run(), ErrorCode::failed_precondition, {"stateN", "[3]", "[6]"});
    for (const float value : must(lease->input<float>("state"))) EXPECT_EQ(value, 0.0f) << "the state is the one before the run";
  }
}

TEST_P(Conformance, L41_ACancelledRunLeavesTheStateBeforeIt) {
  RuntimeSpec made = spec("long_running");
  made.links = {{.output = "y", .input = "x", .initial = bytes_of(floats(64 * 64))}};
  made.warm_up_runs = 0;
  Runtime disturbed = must(open(made)), calm = must(open(made));
  for (int step = 0; step < 5; ++step) {
    Lane& lane = *disturbed.lanes()[0];
    must(lane.input<std::int64_t>("iterations"))[0] = std::int64_t{1} << 40;
    expect_error(lane.run(std::chrono::milliseconds(3)), ErrorCode::deadline_exceeded);
    for (Lane* each : {&lane, calm.lanes()[0].get()}) {
      must(each->input<std::int64_t>("iterations"))[0] = 1;
      must(each->run());
    }
    ASSERT_EQ(read<float>(lane, "y"), read<float>(*calm.lanes()[0], "y")) << "step " << step;
  }
}

}  // namespace
}  // namespace laneway::conformance
