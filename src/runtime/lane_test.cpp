#include <algorithm>

#include "laneway/diag/metrics.h"
#include "runtime/toy_fixture.h"

namespace laneway {
namespace {

using namespace std::chrono_literals;

class LaneTest : public OnToy {
 protected:
  static RuntimeSpec fixed(std::shared_ptr<Toy> toy, std::int64_t extent = 3) {
    RuntimeSpec result = spec(std::move(toy));
    result.dimensions = batch(extent);
    result.warm_up_runs = 0;
    return result;
  }
};
INSTANTIATE_ON_TOY(LaneTest);

// ---- stopping -----------------------------------------------------------------------------------------------------------

TEST_P(LaneTest, L21_CancelEndsTheRunInProgress) {
  auto toy = make(toys::affine());
  auto runtime = open(fixed(toy));
  ASSERT_OK(runtime);
  Lane& lane = *runtime->lanes()[0];
  toy->phase(ToyPhase::run).gate.close();
  Expected<> result;
  std::thread runner([&] { result = lane.run(); });
  ASSERT_TRUE(toy->phase(ToyPhase::run).gate.wait_for(1));
  lane.cancel();
  runner.join();
  EXPECT_EQ(code_of(result), ErrorCode::cancelled);
  EXPECT_EQ(code_of(lane.output("y")), ErrorCode::failed_precondition);
  toy->phase(ToyPhase::run).gate.open();
  EXPECT_OK(lane.run());
  EXPECT_EQ(toy->counters.runs_cancelled.value(), 1);
}

TEST_P(LaneTest, L21_CancelBetweenRunsHasNoEffect) {
  auto toy = make(toys::affine());
  auto runtime = open(fixed(toy));
  ASSERT_OK(runtime);
  Lane& lane = *runtime->lanes()[0];
  for (int i = 0; i < 100; ++i) {
    lane.cancel();
    ASSERT_OK(lane.run());
  }
}

TEST_P(LaneTest, L21_DeadlineEndsTheRun) {
  auto toy = make(toys::affine());
  auto runtime = open(fixed(toy));
  ASSERT_OK(runtime);
  Lane& lane = *runtime->lanes()[0];
  toy->phase(ToyPhase::run).gate.close();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(code_of(lane.run(15ms)), ErrorCode::deadline_exceeded);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 15ms);
  toy->phase(ToyPhase::run).gate.open();
  EXPECT_EQ(code_of(lane.run(0ns)), ErrorCode::deadline_exceeded);
  EXPECT_EQ(code_of(lane.run(-1s)), ErrorCode::deadline_exceeded);
  for (int i = 0; i < 100; ++i) ASSERT_OK(lane.run(10s)) << "the next runs are not reached by it";
}

TEST_P(LaneTest, L21_ATimeoutTooLongToBeToldHasNoEnd) {
  auto runtime = open(fixed(make(toys::affine())));
  ASSERT_OK(runtime);
  EXPECT_OK(runtime->lanes()[0]->run(std::chrono::nanoseconds::max()));
  EXPECT_OK(runtime->lanes()[0]->run(std::chrono::hours(24 * 365 * 290)));
  EXPECT_EQ(code_of(runtime->lanes()[0]->run(std::chrono::nanoseconds::min())), ErrorCode::deadline_exceeded);
}

TEST_P(LaneTest, L21_ARunThatHadFinishedKeepsItsResult) {
  auto toy = make(toys::affine());
  auto runtime = open(fixed(toy));
  ASSERT_OK(runtime);
  Lane& lane = *runtime->lanes()[0];
  std::ranges::fill(*lane.input<float>("x"), 1.0f);
  toy->finish.close();
  Expected<> result = Error::cancelled();
  std::thread runner([&] { result = lane.run(); });
  ASSERT_TRUE(toy->finish.wait_for(1));
  lane.cancel();
  toy->finish.open();
  runner.join();
  EXPECT_OK(result);
  EXPECT_EQ(lane.output<float>("y")->data[0], 3.0f);
}

TEST_P(LaneTest, L21_CancelAndDeadlinesRaceWithRunsWithoutReachingTheNext) {
  auto toy = make(toys::affine());
  RuntimeSpec two = fixed(toy);
  two.lanes = 2;
  auto runtime = open(two);
  ASSERT_OK(runtime);
  toy->nodes = 3;
  toy->node_ns = 5'000;
  std::atomic<bool> stop{false};
  std::thread canceller([&] {
    while (!stop) {
      for (const auto& lane : runtime->lanes()) lane->cancel();
      std::this_thread::sleep_for(20us);
    }
  });
  std::vector<std::thread> threads;
  std::atomic<int> unexpected{0}, ended{0};
  for (const auto& lane : runtime->lanes()) {
    threads.emplace_back([&, lane] {
      for (int i = 0; i < 2'000; ++i) {
        const auto result = i % 2 == 0 ? lane->run() : lane->run(std::chrono::nanoseconds(10'000 + 50 * (i % 200)));
        const ErrorCode code = code_of(result);
        if (!result && code != ErrorCode::cancelled && code != ErrorCode::deadline_exceeded) ++unexpected;
        if (i % 2 == 0 && code == ErrorCode::deadline_exceeded) ++unexpected;  // it had none
        if (!result) ++ended;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  stop = true;
  canceller.join();
  EXPECT_EQ(unexpected, 0);
  EXPECT_GT(ended, 0);
  for (const auto& lane : runtime->lanes()) EXPECT_OK(lane->run());
  EXPECT_EQ(toy->violations(), std::vector<std::string>());
}

TEST_P(LaneTest, L21_AnEngineThatRunsOneAtATimeIsGivenItsTurns) {
  ToyModel model = toys::affine();
  model.traits.concurrent_bindings = false;
  auto toy = make(std::move(model));
  RuntimeSpec four = fixed(toy);
  four.lanes = 4;
  auto runtime = open(four);
  ASSERT_OK(runtime);
  toy->phase(ToyPhase::run).gate.close();
  Expected<> first, second;
  std::thread a([&] { first = runtime->lanes()[0]->run(); });
  ASSERT_TRUE(toy->phase(ToyPhase::run).gate.wait_for(1));
  std::thread b([&] { second = runtime->lanes()[1]->run(20ms); });
  b.join();
  EXPECT_EQ(code_of(second), ErrorCode::deadline_exceeded) << "waiting for the turn counts too";
  toy->phase(ToyPhase::run).gate.open();
  a.join();
  EXPECT_OK(first);
  std::vector<std::thread> threads;
  for (const auto& lane : runtime->lanes()) {
    threads.emplace_back([&lane = *lane] {
      for (int i = 0; i < 200; ++i) EXPECT_OK(lane.run());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(toy->violations(), std::vector<std::string>()) << "two of its bindings ran at once";
}

TEST_P(LaneTest, L23_ASecondThreadThatResizesIsRefused) {
  auto toy = make(toys::affine());
  auto runtime = open(bucketed(toy, {.ladders = {{.dimension = "batch", .from = 8, .to = 8}}}));
  ASSERT_OK(runtime);
  auto lease = runtime->lease(batch(8));
  ASSERT_OK(lease);
  toy->phase(ToyPhase::run).gate.close();
  std::thread runner([&] { EXPECT_OK((*lease)->run()); });
  ASSERT_TRUE(toy->phase(ToyPhase::run).gate.wait_for(1));
  EXPECT_EQ(code_of((*lease)->resize({{"batch", 3}})), ErrorCode::failed_precondition);
  EXPECT_EQ(code_of((*lease)->resize({{"batch", 8}})), ErrorCode::failed_precondition) << "to the shape it has, too";
  toy->phase(ToyPhase::run).gate.open();
  runner.join();

  std::vector<std::thread> threads;
  std::atomic<int> unexpected{0};
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 2'000; ++i) {
        const auto result = (*lease)->resize({{"batch", 1 + (i + t) % 8}});
        if (!result && code_of(result) != ErrorCode::failed_precondition) ++unexpected;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(unexpected, 0);
  EXPECT_EQ(toy->violations(), std::vector<std::string>());
}

TEST_P(LaneTest, L12_AuditFromAnotherThreadSeesOneFrameOrTheNext) {
  std::vector<float> frames[2] = {std::vector<float>(12), std::vector<float>(12)};
  auto runtime = open(fixed(make(toys::affine())));
  ASSERT_OK(runtime);
  Lane& lane = *runtime->lanes()[0];
  ASSERT_OK(lane.rebind("x", {.data = frames[0].data(), .bytes = 48}));
  std::atomic<bool> stop{false};
  std::thread looker([&] {
    while (!stop) {
      const AuditedPort x = runtime->audit().ports.at(0);
      EXPECT_EQ(x.owner, "caller");
      EXPECT_TRUE(x.address == frames[0].data() || x.address == frames[1].data());
    }
  });
  for (int i = 0; i < 2'000; ++i) {
    ASSERT_OK(lane.rebind("x", {.data = frames[i % 2].data(), .bytes = 48}));
    ASSERT_OK(lane.run()) << "nobody who looks gets in the way";
  }
  stop = true;
  looker.join();
}

// ---- specs ----------------------------------------------------------------------------------------------------------------

TEST_P(LaneTest, L03_FourMistakesAreReportedAtOnce) {
  auto toy = make(toys::affine());
  RuntimeSpec four = fixed(toy);
  four.lanes = 0;
  four.threads.count = -2;
  four.ports = {{.name = "nose"}};
  four.outputs = {"z"};
  const auto result = open(four);
  ASSERT_EQ(code_of(result), ErrorCode::invalid_argument);
  const std::string message = message_of(result);
  for (const char* field : {"4 problems", "lanes", "threads.count", "ports", "nose", "outputs"}) {
    EXPECT_NE(message.find(field), std::string::npos) << field << " in: " << message;
  }
  four.dimensions = {{"height", 3}};
  const auto five = open(four);
  EXPECT_NE(message_of(five).find("height"), std::string::npos)
      << "a wrong dimension hides no other mistake: " << message_of(five);
  EXPECT_NE(message_of(five).find("nose"), std::string::npos) << message_of(five);
}

TEST_P(LaneTest, L03_ASingleMistakeHasItsOwnCode) {
  auto toy = make(toys::affine());
  RuntimeSpec wrong_output = fixed(toy);
  wrong_output.outputs = {"z"};
  EXPECT_EQ(code_of(open(wrong_output)), ErrorCode::not_found);
  RuntimeSpec wrong_engine = fixed(toy);
  wrong_engine.engine = "tensorfow";
  EXPECT_EQ(code_of(open(wrong_engine)), ErrorCode::not_found);
  RuntimeSpec unbound = fixed(toy);
  unbound.dimensions = {};
  const auto result = open(unbound);
  EXPECT_EQ(code_of(result), ErrorCode::invalid_argument);
  EXPECT_NE(message_of(result).find("batch"), std::string::npos);
}

TEST_P(LaneTest, L05_NegativeAndOverflowingShapesAreRefused) {
  auto toy = make(toys::affine(2, 1, toys::tensor("x", {"batch", "width"})));
  RuntimeSpec negative = spec(toy);
  negative.dimensions = {{"batch", -1}, {"width", 2}};
  EXPECT_EQ(code_of(open(negative)), ErrorCode::invalid_argument);
  RuntimeSpec huge = spec(toy);
  huge.dimensions = {{"batch", std::int64_t{1} << 40}, {"width", std::int64_t{1} << 40}};
  EXPECT_EQ(code_of(open(huge)), ErrorCode::invalid_argument);
}

TEST_P(LaneTest, L05_WrongPortsLeaveTheLaneUsable) {
  auto toy = make(toys::affine());
  auto runtime = open(fixed(toy));
  ASSERT_OK(runtime);
  Lane& lane = *runtime->lanes()[0];
  EXPECT_EQ(code_of(lane.input<float>("nose")), ErrorCode::not_found);
  EXPECT_EQ(code_of(lane.input<float>(1)), ErrorCode::out_of_range);
  EXPECT_EQ(code_of(lane.input<float>(-1)), ErrorCode::out_of_range);
  EXPECT_EQ(code_of(lane.input<double>("x")), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(lane.output("x")), ErrorCode::not_found);
  EXPECT_EQ(code_of(lane.output(7)), ErrorCode::out_of_range);
  EXPECT_EQ(code_of(lane.output<std::int32_t>("y")), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(lane.input_value("x")), ErrorCode::failed_precondition);
  EXPECT_EQ(code_of(lane.resize({{"depth", 1}})), ErrorCode::not_found);
  std::vector<float> frame(11);
  EXPECT_EQ(code_of(lane.rebind("x", {.data = frame.data(), .bytes = 44})), ErrorCode::invalid_argument) << "a float too few";
  EXPECT_OK(lane.run());
}

TEST_P(LaneTest, L43_LanesMayDiffer) {
  ToyModel model = toys::affine();
  model.devices = 2;
  auto toy = make(std::move(model));
  std::vector<float> mine(12, 4.0f), results(12);
  RuntimeSpec two = fixed(toy);
  two.lanes = 3;
  two.pages = {.alignment_bytes = 128};
  two.per_lane = {{.cores = {allowed_cores().front()}, .pages = PagePolicy{.alignment_bytes = 4096}},
                  {.device = 1,
                   .ports = {{.name = "x", .memory = Memory{.data = mine.data(), .bytes = 48}},
                             {.name = "y", .memory = Memory{.data = results.data(), .bytes = 48}}}}};
  auto runtime = open(two);
  ASSERT_OK(runtime);
  const auto binds = toy->binds();
  ASSERT_EQ(binds.size(), 3u);
  EXPECT_EQ(binds[0].cores, std::vector<int>{allowed_cores().front()});
  EXPECT_EQ(binds[1].device, 1);
  EXPECT_EQ(binds[2].device, std::nullopt);
  const auto audit = runtime->audit();
  EXPECT_OK(audit.require_zero_copy());
  for (const AuditedPort& port : audit.ports) {
    if (port.lane == "lane 0") { EXPECT_EQ(port.pages.alignment_bytes, 4096u); }
    if (port.lane == "lane 1") { EXPECT_EQ(port.owner, "caller"); }
    if (port.lane == "lane 2") { EXPECT_EQ(port.pages.alignment_bytes, 128u); }
  }
  ASSERT_OK(runtime->lanes()[1]->run());
  EXPECT_EQ(results[11], 9.0f) << "written where the caller said";
}

TEST_P(LaneTest, L43_AnOpenEngineIsSharedByRuntimes) {
  auto toy = make(toys::affine());
  const OpenEngine engine = make_toy(toy);
  RuntimeSpec one{.model = engine, .dimensions = batch(2)}, other{.model = engine, .dimensions = batch(5)};
  auto a = open(one), b = open(other);
  ASSERT_OK(a);
  ASSERT_OK(b);
  EXPECT_EQ(a->engine(), b->engine());
  EXPECT_EQ(toy->phase(ToyPhase::open).calls(), 1);
  EXPECT_EQ(a->lanes()[0]->input<float>("x")->size(), 8u);
  EXPECT_EQ(b->lanes()[0]->input<float>("x")->size(), 20u);
  EXPECT_EQ(a->report().reason, "given by the caller");
}

TEST_P(LaneTest, L12_AuditNamesACopy) {
  ToyModel model = toys::affine();
  model.copied = "the toy says so";
  auto runtime = open(fixed(make(std::move(model))));
  ASSERT_OK(runtime);
  const auto result = runtime->audit().require_zero_copy();
  EXPECT_EQ(code_of(result), ErrorCode::failed_precondition);
  EXPECT_NE(message_of(result).find("lane 0, port x: the toy says so"), std::string::npos) << message_of(result);
}

TEST_P(LaneTest, L12_MemoryOfTheEnginesAllocator) {
  auto toy = make(toys::affine());
  {
    RuntimeSpec engines = fixed(toy);
    engines.ports = {{.name = "x", .owner = MemoryOwner::engine}};
    auto runtime = open(engines);
    ASSERT_OK(runtime);
    EXPECT_EQ(toy->counters.allocations.value(), 1);
    EXPECT_EQ(runtime->audit().ports.at(0).owner, "engine");
    std::ranges::fill(*runtime->lanes()[0]->input<float>("x"), 2.0f);
    ASSERT_OK(runtime->lanes()[0]->run());
    EXPECT_EQ(runtime->lanes()[0]->output<float>("y")->data[0], 5.0f);
  }
  EXPECT_EQ(toy->complaints(), "");
}

TEST_P(LaneTest, L12_RingOfFramesByRebind) {
  std::vector<std::vector<float>> ring(8, std::vector<float>(12));  // outlives the lane
  auto runtime = open(fixed(make(toys::affine())));
  ASSERT_OK(runtime);
  Lane& lane = *runtime->lanes()[0];
  for (int frame = 0; frame < 1'000; ++frame) {
    auto& slot = ring[static_cast<std::size_t>(frame) % ring.size()];
    std::ranges::fill(slot, static_cast<float>(frame));
    ASSERT_OK(lane.rebind("x", {.data = slot.data(), .bytes = 48}));
    ASSERT_OK(lane.run());
    ASSERT_EQ(lane.output<float>("y")->data[11], static_cast<float>(2 * frame + 1));
    ASSERT_EQ(lane.input<float>("x")->data(), slot.data());
  }
}

TEST_P(LaneTest, L24_ThreadSettingsReachTheEngine) {
  auto toy = make(toys::affine());
  RuntimeSpec threads = fixed(toy);
  threads.threads = {.count = 2, .cores = {allowed_cores().back()}, .spin = false, .name = "mine"};
  ASSERT_OK(open(threads));
  ASSERT_EQ(toy->opens().size(), 1u);
  EXPECT_EQ(toy->opens()[0].threads, threads.threads);
  threads.threads.cores = {100'000};
  EXPECT_EQ(code_of(open(threads)), ErrorCode::invalid_argument);
}

// ---- metrics ------------------------------------------------------------------------------------------------------------

class MeteredTest : public LaneTest {
 protected:
  static std::int64_t value(const Metrics& metrics, const std::string& name, const std::string& code = "") {
    std::int64_t sum = 0;
    for (const MetricSample& sample : metrics.snapshot()) {
      const bool has =
          code.empty() || std::ranges::any_of(sample.labels, [&](const MetricLabel& label) { return label.value == code; });
      if (sample.name == name && has)
        sum += sample.kind == MetricKind::histogram ? static_cast<std::int64_t>(sample.histogram.count) : sample.value;
    }
    return sum;
  }
};
INSTANTIATE_ON_TOY(MeteredTest);

TEST_P(MeteredTest, L37_CountersEqualWhatWasIssued) {
  auto metrics = std::make_shared<Metrics>();
  auto toy = make(toys::affine());
  RuntimeSpec metered = bucketed(toy);
  metered.metrics = metrics;
  auto runtime = open(metered);
  ASSERT_OK(runtime);
  for (int i = 0; i < 10; ++i) {
    auto lease = runtime->lease(batch(2 + i % 2));
    ASSERT_OK(lease);
    if (i % 5 == 4) toy->phase(ToyPhase::run).fail_next(Error(ErrorCode::internal, "broken"));
    static_cast<void>((*lease)->run());
    EXPECT_EQ(code_of((*lease)->run(0ns)), ErrorCode::deadline_exceeded);
  }
  EXPECT_EQ(value(*metrics, "laneway_runs_issued_total"), 20);
  EXPECT_EQ(value(*metrics, "laneway_runs_total", "ok"), 8);
  EXPECT_EQ(value(*metrics, "laneway_runs_total", "internal"), 2);
  EXPECT_EQ(value(*metrics, "laneway_runs_total", "deadline_exceeded"), 10);
  EXPECT_EQ(value(*metrics, "laneway_run_ns"), 20);
  EXPECT_EQ(value(*metrics, "laneway_lease_wait_ns"), 10);
  EXPECT_EQ(value(*metrics, "laneway_bucket_hits_total"), 8);
  EXPECT_EQ(value(*metrics, "laneway_bucket_misses_total"), 2);
  EXPECT_EQ(value(*metrics, "laneway_bucket_builds_total"), 2);
  EXPECT_EQ(value(*metrics, "laneway_buckets"), 2);
  EXPECT_EQ(value(*metrics, "laneway_bucket_bytes"), static_cast<std::int64_t>(runtime->counters().bytes));
  EXPECT_EQ(value(*metrics, "laneway_lanes_busy"), 0);
  EXPECT_EQ(value(*metrics, "laneway_requests_waiting"), 0);
}

TEST_P(MeteredTest, L37_GaugesShowWhoRunsAndWhoWaits) {
  auto metrics = std::make_shared<Metrics>();
  auto toy = make(toys::affine());
  RuntimeSpec metered = bucketed(toy);
  metered.metrics = metrics;
  auto runtime = open(metered);
  ASSERT_OK(runtime);
  ASSERT_OK(runtime->lease(batch(2)));
  toy->phase(ToyPhase::run).gate.close();
  const auto work = [&] {
    auto lease = runtime->lease(batch(2), {.timeout = 10s});
    ASSERT_OK(lease);
    EXPECT_OK((*lease)->run());
  };
  std::thread a(work), b(work);
  EXPECT_TRUE(
      eventually([&] { return value(*metrics, "laneway_lanes_busy") == 1 && value(*metrics, "laneway_requests_waiting") == 1; }));
  toy->phase(ToyPhase::run).gate.open();
  a.join();
  b.join();
  EXPECT_EQ(value(*metrics, "laneway_lanes_busy"), 0);
  EXPECT_EQ(value(*metrics, "laneway_requests_waiting"), 0);
}

}  // namespace
}  // namespace laneway
