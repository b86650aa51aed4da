// Flows of engine `ort` as runtimes use it.
#include "laneway/engines/ort.h"

#include <algorithm>

#include "laneway/laneway.h"
#include "ort_faults/faults.h"

namespace laneway::faults {
namespace {

const Reasons unknown_bytes = {
    {"CreateAllocator", "what an arena holds is for reports: where it is not told they leave it out"},
    {"AllocatorGetStats", "the same"},
};

class OrtEngineFaults : public OrtFaults {
 protected:
  static RuntimeSpec spec_of(const std::string& model, OrtEngineSpec options = {}) {
    // A run that warms up may fail on what its inputs hold, which is nothing yet: that is logged only.
    return {.model = ModelBytes{test_models::as_bytes(model)}, .engine = std::move(options), .warm_up_runs = 0};
  }
};

Expected<> run_floats(Lane& lane, std::size_t outputs) {
  for (std::size_t i = 0; i < lane.inputs().size(); ++i) {
    LANEWAY_TRY_ASSIGN(const auto x, lane.input<float>(i));
    std::ranges::fill(x, 0.5f);
  }
  LANEWAY_TRY(lane.run());
  LANEWAY_TRY_ASSIGN(const auto y, lane.output<float>(0));
  return check(y.data.size() == outputs, "outputs");
}

TEST_F(OrtEngineFaults, O02_Lanes) {
  const std::string model = test_models::mlp();
  fail_everything(
      [&]() -> Expected<> {
        RuntimeSpec spec = spec_of(model);
        spec.lanes = 2;
        LANEWAY_TRY_ASSIGN(const Runtime runtime, laneway::open(spec));
        for (const auto& lane : runtime.lanes()) LANEWAY_TRY(run_floats(*lane, 4));
        return check(!runtime.report().text().empty(), "report");
      },
      unknown_bytes);
}

TEST_F(OrtEngineFaults, O02_LanesThatHaveSessionsAndOptionsOfTheirOwn) {
  const std::string model = test_models::two_outputs();
  OrtEngineSpec options{.config = {{"session.disable_prepacking", "1"}}, .deterministic = true, .denormals_as_zero = true};
  options.sessions = OrtSessions::per_lane;
  options.optimisation_level = 1;
  options.arena = options.memory_pattern = false;
  Reasons silent = unknown_bytes;
  silent["CreateTensorWithDataAsOrtValue"] = "a weight that cannot be shared is each session's own";
  fail_everything(
      [&]() -> Expected<> {
        RuntimeSpec spec = spec_of(model, options);
        spec.lanes = 2;
        spec.outputs = {"y"};
        LANEWAY_TRY_ASSIGN(const Runtime runtime, laneway::open(spec));
        LANEWAY_TRY_ASSIGN(Lane* const lane, runtime.lane(1));
        LANEWAY_TRY(lane->run());
        LANEWAY_TRY_ASSIGN(const auto y, lane->output<float>("y"));
        return check(y.data.size() == 4, "y");
      },
      silent);
}

TEST_F(OrtEngineFaults, O02_OverriddenWeights) {
  const std::string model = test_models::mlp();
  std::vector<float> bias(64, 0.25f);
  fail_everything(
      [&]() -> Expected<> {
        RuntimeSpec spec = spec_of(model);
        spec.weights = {{.name = "fc1.bias", .shape = {64}, .memory = {.data = bias.data(), .bytes = 256}}};
        LANEWAY_TRY_ASSIGN(const Runtime runtime, laneway::open(spec));
        return run_floats(*runtime.lanes()[0], 4);
      },
      unknown_bytes);
}

TEST_F(OrtEngineFaults, O02_ResizingAndRebinding) {
  const std::string model = test_models::two_inputs();
  std::vector<float> input(16, 7.0f), output(16);
  RuntimeSpec spec = spec_of(model);
  spec.buckets = BucketSpec{.ladders = {{.dimension = "batch", .from = 4, .to = 4}}, .build_threads = 1};
  fail_everything(
      [&]() -> Expected<> {
        LANEWAY_TRY_ASSIGN(Runtime runtime, laneway::open(spec));
        LANEWAY_TRY_ASSIGN(Lease lane, runtime.lease({{"batch", 4}}));
        LANEWAY_TRY(run_floats(*lane, 16));
        LANEWAY_TRY(lane->resize({{"batch", 2}}));
        LANEWAY_TRY(run_floats(*lane, 8));
        LANEWAY_TRY(lane->rebind("a", {.data = input.data(), .bytes = 64}));
        LANEWAY_TRY(lane->rebind_output("y", {.data = output.data(), .bytes = 64}));
        LANEWAY_TRY(lane->resize({{"batch", 3}}));
        LANEWAY_TRY(lane->run());
        return check(output[11] == 6.5f, "rebound");
      },
      unknown_bytes);
}

TEST_F(OrtEngineFaults, O02_Buckets) {
  const std::string model = test_models::two_inputs();
  fail_each_call(
      [&]() -> Expected<> {
        RuntimeSpec spec = spec_of(model);
        spec.buckets = BucketSpec{.ladders = {{.dimension = "batch", .from = 2, .to = 8}}, .build_threads = 1};
        LANEWAY_TRY_ASSIGN(Runtime runtime, laneway::open(spec));
        for (const std::int64_t batch : {3, 2, 4}) {
          LANEWAY_TRY_ASSIGN(Lease lease, runtime.lease({{"batch", batch}}));
          LANEWAY_TRY(run_floats(*lease, static_cast<std::size_t>(4 * batch)));
        }
        return {};
      },
      unknown_bytes);
}

TEST_F(OrtEngineFaults, O02_OutputsWhoseShapeOnlyARunShows) {
  const std::string model = test_models::nonzero();
  fail_everything(
      [&]() -> Expected<> {
        RuntimeSpec spec = spec_of(model);
        spec.ports = {{.name = "x", .shape = Shape{2, 3}}};
        LANEWAY_TRY_ASSIGN(const Runtime runtime, laneway::open(spec));
        Lane& lane = *runtime.lanes()[0];
        LANEWAY_TRY_ASSIGN(const auto x, lane.input<float>("x"));
        std::ranges::fill(x, 1.0f);
        LANEWAY_TRY(lane.run());
        LANEWAY_TRY_ASSIGN(const auto y, lane.output<std::int64_t>("y"));
        return check(y.data.size() == 12, "y");
      },
      unknown_bytes);
}

TEST_F(OrtEngineFaults, O02_PortsOfOtherKinds) {
  const std::string model = test_models::sequence_split();
  const std::string texts = test_models::string_identity();
  fail_everything(
      [&]() -> Expected<> {
        RuntimeSpec spec = spec_of(model);
        spec.ports = {{.name = "x", .shape = Shape{3, 2}}};
        LANEWAY_TRY_ASSIGN(const Runtime runtime, laneway::open(spec));
        LANEWAY_TRY(runtime.lanes()[0]->run());
        LANEWAY_TRY_ASSIGN(const Value* parts, runtime.lanes()[0]->output_value("parts"));
        LANEWAY_TRY(check(parts->get<SequenceValue>() != nullptr, "parts"));
        LANEWAY_TRY_ASSIGN(const Runtime strings, laneway::open(spec_of(texts)));
        LANEWAY_TRY_ASSIGN(Value* const x, strings.lanes()[0]->input_value("x"));
        *x = StringTensorValue{.shape = {2}, .elements = {"a", "a text that is too long to be kept in place"}};
        LANEWAY_TRY(strings.lanes()[0]->run());
        LANEWAY_TRY_ASSIGN(const Value* y, strings.lanes()[0]->output_value("y"));
        return check(y->get<StringTensorValue>()->elements[0] == "a", "strings");
      },
      unknown_bytes);
}

}  // namespace
}  // namespace laneway::faults
