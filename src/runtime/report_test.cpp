#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "laneway/diag/log.h"
#include "laneway/diag/metrics.h"
#include "laneway/diag/trace.h"
#include "runtime/toy_fixture.h"

namespace laneway {
namespace {

using namespace std::chrono_literals;

class ReportTest : public OnToy {};
INSTANTIATE_ON_TOY(ReportTest);

TEST_P(ReportTest, L03_ResolvedSpecSaysWhatWasChosen) {
  auto toy = make(toys::two_outputs());
  RuntimeSpec asked = spec(toy);
  auto probe = open(bucketed(toy));
  ASSERT_OK(probe);
  for (const Port& port : probe->inputs()) {
    for (std::size_t axis = 0; axis < port.shape.size(); ++axis) {
      if (!port.shape[axis].extent) asked.dimensions.push_back({dimension_name(port, axis), 3});
    }
  }
  auto runtime = open(asked);
  ASSERT_OK(runtime);
  EXPECT_EQ(runtime->spec().engine.name(), "toy");
  EXPECT_EQ(runtime->spec().outputs.size(), runtime->outputs().size());
  ASSERT_EQ(runtime->spec().ports.size(), runtime->inputs().size());
  EXPECT_EQ(runtime->spec().ports[0].shape, *runtime->lanes()[0]->input_shape(0));
}

TEST_P(ReportTest, L28_ReportTellsEngineReasonAndBytes) {
  auto toy = make(toys::affine());
  RuntimeSpec two = bucketed(toy);
  two.lanes = 2;
  auto runtime = open(two);
  ASSERT_OK(runtime);
  ASSERT_OK(runtime->lease(batch(4)));
  ASSERT_OK(runtime->lease(batch(4)));
  const Report report = runtime->report();
  EXPECT_EQ(report.engine, "toy");
  EXPECT_EQ(report.reason, "asked for");
  EXPECT_EQ(report.lanes, 2u);
  EXPECT_EQ(report.lane_bytes, 2 * 2 * 4 * 4 * sizeof(float));
  EXPECT_EQ(report.lane_bytes, report.cache.bytes);
  EXPECT_NE(report.text().find("2 (1 hits, 1 misses)"), std::string::npos) << report.text();
}

TEST_P(ReportTest, L20_AutoHandsNoBrokenModelOn) {
  const auto null_engine = open({.model = ModelBytes{std::as_bytes(std::span("not a model"))}, .engine = "null"});
  EXPECT_EQ(code_of(null_engine), ErrorCode::unimplemented);
  const auto garbage = open({.model = ModelBytes{std::as_bytes(std::span("not a model"))}});
  EXPECT_EQ(code_of(garbage), ErrorCode::invalid_argument)
      << "refused by the first engine, not handed on: " << message_of(garbage);
}

TEST_P(ReportTest, L38_TraceShowsOpenSpecialiseBindAndRun) {
  const auto path = std::filesystem::temp_directory_path() / ("laneway_trace_" + std::to_string(::getpid()) + ".json");
  for (int round = 0; round < 2; ++round) {  // started and stopped again
    ASSERT_OK(trace::start(path));
    auto toy = make(toys::affine());
    auto runtime = open(bucketed(toy));
    ASSERT_OK(runtime);
    auto lease = runtime->lease(batch(2));
    ASSERT_OK(lease);
    ASSERT_OK((*lease)->run());
    toy->phase(ToyPhase::run).fail_next(Error(ErrorCode::internal, "broken"));
    EXPECT_FALSE((*lease)->run());
    trace::stop();
    std::ifstream file(path);
    const nlohmann::json events = nlohmann::json::parse(file);
    std::map<std::string, int> names;
    for (const auto& event : events.is_array() ? events : events["traceEvents"]) {
      ++names[event["name"].get<std::string>()];
      if (event["name"] != "run") continue;
      EXPECT_EQ(event["args"]["lane"], "bucket {batch=2} lane 0");
      EXPECT_EQ(event["tid"], trace::thread_id());
    }
    EXPECT_EQ(names["open"], 1);
    EXPECT_EQ(names["specialise"], 1);
    EXPECT_EQ(names["bind"], 1);
    EXPECT_EQ(names["run"], 2);
  }
  std::filesystem::remove(path);
}

TEST_P(ReportTest, L39_FailedBuildsReachTheSink) {
  std::vector<std::string> heard;
  log::set_sink(
      [&](const LogRecord& record) { heard.push_back(std::string(record.category) + ": " + std::string(record.message)); });
  auto toy = make(toys::affine());
  auto runtime = open(bucketed(toy));
  ASSERT_OK(runtime);
  toy->phase(ToyPhase::specialise).fail_next(Error(ErrorCode::internal, "broken plan"));
  EXPECT_FALSE(runtime->lease(batch(3)));
  ASSERT_OK(runtime->lease(batch(4)));  // the build thread has spoken by now
  log::set_sink(nullptr);
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_EQ(heard[0], "runtime: bucket {batch=3}: build failed: bucket {batch=3}: broken plan");
}

TEST_P(ReportTest, L39_ASinkMayAskTheRuntimeItHearsOf) {
  auto toy = make(toys::affine());
  auto runtime = open(bucketed(toy));
  ASSERT_OK(runtime);
  std::atomic<int> heard{0};
  log::set_sink([&](const LogRecord&) {
    EXPECT_TRUE(runtime->buckets().empty());
    EXPECT_EQ(runtime->counters().builds, 0u);
    heard.fetch_add(1);
  });
  toy->phase(ToyPhase::specialise).fail_next(Error(ErrorCode::internal, "broken plan"));
  EXPECT_FALSE(runtime->lease(batch(3)));
  log::set_sink(nullptr);
  EXPECT_EQ(heard.load(), 1);
}

TEST_P(ReportTest, L37_RuntimesOfOneModelAddUp) {
  const auto metrics = std::make_shared<Metrics>();
  auto toy = make(toys::affine());
  RuntimeSpec spec = bucketed(toy);
  spec.metrics = metrics;
  const auto buckets = [&] {
    for (const MetricSample& sample : metrics->snapshot()) {
      if (sample.name == "laneway_buckets") return sample.value;
    }
    return std::int64_t{-1};
  };
  auto newer = open(spec);
  ASSERT_OK(newer);
  ASSERT_OK(newer->lease(batch(1)));
  {
    auto older = open(spec);
    ASSERT_OK(older);
    ASSERT_OK(older->lease(batch(1)));
    ASSERT_OK(older->lease(batch(2)));
    EXPECT_EQ(buckets(), 3);
  }
  EXPECT_EQ(buckets(), 1);
}

}  // namespace
}  // namespace laneway
