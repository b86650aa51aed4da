#include "laneway/ort/binding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "laneway/ort/device.h"
#include "laneway/ort/stream.h"
#include "ort_support/models.h"

namespace laneway::ort {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class OrtBinding : public testing::Test {
 protected:
  Binding bind(const std::string& model) { return take(Binding::make(open_model(model))); }

  std::shared_ptr<const Environment> environment_ = take(Environment::get());
  RunOptions options_ = take(RunOptions::make(environment_->library()));
};

TEST_F(OrtBinding, O17_ReadsAndWritesInPlaceAtEachRun) {
  Binding binding = bind(test_models::relu());
  std::vector<float> x(5), y(5);
  take(binding.bind_input(0, over(x, {5})));  // the value may go, the memory stays
  take(binding.bind_output(0, over(y, {5})));
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::ranges::copy(test_models::random_floats(5, seed), x.begin());
    take(binding.run(options_));
    for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(y[i], std::max(x[i], 0.0f));
  }
}

TEST_F(OrtBinding, O17_AnOutputOfItsOwnHasEachRunsShape) {
  Binding binding = bind(test_models::nonzero());
  std::vector<float> x(6);
  take(binding.bind_input(0, over(x, {2, 3})));
  take(binding.bind_output(0));
  EXPECT_THAT(outcome(binding.output(0)), StartsWith("failed_precondition: output y: expected a run"));
  for (const std::vector<float>& data :
       {std::vector<float>{1, 0, 1, 0, 1, 1}, {0, 0, 0, 0, 0, 2}, {1, 1, 1, 1, 1, 1}, {0, 0, 0, 0, 0, 0}}) {
    std::ranges::copy(data, x.begin());
    std::vector<std::int64_t> rows, columns;
    for (std::size_t i = 0; i < 6; ++i) {
      if (data[i] != 0) rows.push_back(static_cast<std::int64_t>(i / 3)), columns.push_back(static_cast<std::int64_t>(i % 3));
    }
    take(binding.run(options_));
    const Value* output = take(binding.output(0));
    EXPECT_EQ(take(output->shape()), Shape(2, rows.size()));
    rows.insert(rows.end(), columns.begin(), columns.end());
    EXPECT_EQ(elements_of<std::int64_t>(*output), rows);
  }
}

TEST_F(OrtBinding, O17_AnOutputThatIsMovedAwayOutlivesTheNextRun) {
  Binding binding = bind(test_models::relu());
  std::vector<float> x = {1, -2, 3};
  take(binding.bind_input(0, over(x, {3})));
  take(binding.bind_output(0));
  take(binding.run(options_));
  const Value first = std::move(*take(binding.output(0)));
  x = {-4, 5, 6};
  take(binding.run(options_));
  EXPECT_THAT(elements_of<float>(first), ElementsAre(1, 0, 3));
  EXPECT_THAT(elements_of<float>(*take(binding.output(0))), ElementsAre(0, 5, 6));
}

TEST_F(OrtBinding, O17_MixesValuesOfTheCallersWithItsOwn) {
  Binding binding = bind(test_models::mixed_dtypes());
  std::vector<float> a = test_models::random_floats(12, 1), a_out(12);
  std::vector<std::int64_t> b = {1, 2, 3, 4, 5, 6};
  take(binding.bind_input(0, over(a, {3, 4})));
  take(binding.bind_input(1, over(b, {3, 2})));
  take(binding.bind_output(1));
  take(binding.bind_output(0, over(a_out, {3, 4})));
  for (int i = 0; i < 3; ++i) {
    a_out.assign(12, -1);
    take(binding.run(options_));
    EXPECT_EQ(a_out, a);
    EXPECT_EQ(elements_of<std::int64_t>(*take(binding.output(1))), b);
    EXPECT_THAT(outcome(binding.output(0)), StartsWith("failed_precondition: output A_out"));
  }
}

TEST_F(OrtBinding, O17_RefusesWrongDtypesShapesAndKindsBeforeOnnxRuntimeSeesThem) {
  Binding binding = bind(test_models::two_inputs());
  std::vector<float> x(8, 1), y(8);
  std::vector<std::int64_t> wrong(8);
  take(binding.bind_input(0, over(x, {2, 4})));
  take(binding.bind_input(1, over(x, {2, 4})));
  take(binding.bind_output(0, over(y, {2, 4})));
  EXPECT_THAT(outcome(binding.bind_input(0, over(wrong, {2, 4}))),
              AllOf(StartsWith("invalid_argument: input a: dtype"), HasSubstr("expected f32, got i64")));
  EXPECT_THAT(outcome(binding.bind_input(1, over(x, {1, 8}))),
              AllOf(StartsWith("invalid_argument: input b: shape"), HasSubstr("expected [batch, 4], got [1, 8]")));
  EXPECT_THAT(outcome(binding.bind_input(1, over(x, {8}))), StartsWith("invalid_argument: input b: shape"));
  EXPECT_THAT(outcome(binding.bind_output(0, over(wrong, {2, 4}))), StartsWith("invalid_argument: output y: dtype"));
  EXPECT_THAT(outcome(binding.bind_output(0, over(y, {2, 2, 2}))), StartsWith("invalid_argument: output y: shape"));
  std::vector<Value> parts;
  parts.push_back(over(x, {2, 4}));
  EXPECT_THAT(outcome(binding.bind_input(0, take(Value::sequence(parts)))), StartsWith("invalid_argument: input a: kind"));
  const Value moved = std::move(parts[0]);
  EXPECT_THAT(outcome(binding.bind_input(0, parts[0])), StartsWith("invalid_argument: input a: value: moved away"));
  EXPECT_THAT(outcome(binding.bind_input(2, over(x, {2, 4}))), StartsWith("out_of_range: input 2"));
  EXPECT_THAT(outcome(binding.bind_output(1, over(y, {2, 4}))), StartsWith("out_of_range: output 1"));
  EXPECT_THAT(outcome(binding.bind_output(1)), StartsWith("out_of_range: output 1"));
  take(binding.run(options_));  // what was bound before still is
  EXPECT_EQ(y, std::vector<float>(8, 0));
}

TEST_F(OrtBinding, O17_WantsAllRequiredInputsAndAnOutput) {
  Binding binding = bind(test_models::default_input());
  std::vector<float> x = {1, 1, 1, 1}, y(4), bias = {5, 6, 7, 8};
  EXPECT_THAT(outcome(binding.run(options_)), StartsWith("failed_precondition: binding: outputs"));
  take(binding.bind_output(0, over(y, {4})));
  EXPECT_THAT(outcome(binding.run(options_)), StartsWith("failed_precondition: binding: input x"));
  take(binding.bind_input(0, over(x, {4})));
  take(binding.run(options_));
  EXPECT_THAT(y, ElementsAre(2, 3, 4, 5)) << "the model's default";
  take(binding.bind_input(1, over(bias, {4})));
  take(binding.run(options_));
  EXPECT_THAT(y, ElementsAre(6, 7, 8, 9));
  binding.clear();
  EXPECT_THAT(outcome(binding.run(options_)), StartsWith("failed_precondition"));
  take(binding.bind_output(0, over(y, {4})));
  take(binding.bind_input(0, over(x, {4})));
  take(binding.run(options_));
  EXPECT_THAT(y, ElementsAre(2, 3, 4, 5));
}

TEST_F(OrtBinding, O17_OutputsMayBeLeftOut) {
  Binding binding = bind(test_models::two_outputs());
  std::vector<float> x = {1, 2, 3, 4}, y(4);
  std::vector<std::int64_t> index = {3};
  take(binding.bind_input(0, over(x, {4})));
  take(binding.bind_input(1, over(index, {})));
  take(binding.bind_output(0, over(y, {4})));
  take(binding.run(options_));
  EXPECT_THAT(y, ElementsAre(2, 3, 4, 5));
  EXPECT_THAT(outcome(binding.output(1)), StartsWith("failed_precondition: output picked"));
  take(binding.bind_output(1));
  take(binding.run(options_));
  EXPECT_THAT(elements_of<float>(*take(binding.output(1))), ElementsAre(4));
}

TEST_F(OrtBinding, O17_ARunThatFailsLeavesNoOutputAndTheNextOneSucceeds) {
  Binding binding = bind(test_models::two_outputs());
  std::vector<float> x = {1, 2, 3, 4};
  std::vector<std::int64_t> index = {0};
  take(binding.bind_input(0, over(x, {4})));
  take(binding.bind_input(1, over(index, {})));
  take(binding.bind_output(1));
  take(binding.run(options_));
  index[0] = 99;
  EXPECT_THAT(outcome(binding.run(options_)),
              AllOf(StartsWith("invalid_argument: ONNX Runtime: INVALID_ARGUMENT: "), HasSubstr("Gather")));
  EXPECT_THAT(outcome(binding.output(1)), StartsWith("failed_precondition: output picked: expected a run"));
  index[0] = 2;
  take(binding.run(options_));
  EXPECT_THAT(elements_of<float>(*take(binding.output(1))), ElementsAre(3));
}

TEST_F(OrtBinding, O17_RebindsToAnotherShapeAndAddress) {
  Binding binding = bind(test_models::relu());
  for (const std::int64_t n : {3, 1, 7, 0, 3}) {
    std::vector<float> x = test_models::random_floats(static_cast<std::size_t>(n) + 1, 3), y(x.size(), -1);
    take(binding.bind_input(0, over(x, {n})));
    take(binding.bind_output(0, over(y, {n})));
    take(binding.run(options_));
    for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) EXPECT_EQ(y[i], std::max(x[i], 0.0f));
    EXPECT_EQ(y.back(), -1) << "beyond the shape";
  }
}

TEST_F(OrtBinding, O17_AShapeThatDoesNotComeOutFailsTheRunAndNoMore) {
  Binding binding = bind(test_models::relu());
  std::vector<float> x = {1, 2, 3}, y(4);
  take(binding.bind_input(0, over(x, {3})));
  take(binding.bind_output(0, over(y, {4})));
  EXPECT_THAT(outcome(binding.run(options_)), HasSubstr("ONNX Runtime: "));
  take(binding.bind_output(0, over(y, {3})));
  take(binding.run(options_));
  EXPECT_THAT(y, ElementsAre(1, 2, 3, 0));
}

TEST_F(OrtBinding, O17_HoldsWhatItBinds) {
  const auto session = open_model(test_models::relu());
  const auto other = open_model(test_models::relu());
  std::optional<Binding> binding = take(Binding::make(session));
  const std::weak_ptr<const Session> watch = other;
  {
    // From an arena that goes with its session, unless the binding keeps that.
    const Allocator arena = take(other->host_allocator());
    const Value x = take(Value::copy<float>(arena, std::vector<float>{1, -2, 3}, {3}));
    take(binding->bind_input(0, x));
    take(binding->bind_output(0, take(Value::allocate(arena, DType::f32, {3}))));
  }
  take(binding->run(options_));
  EXPECT_GT(watch.use_count(), 1);
  binding->clear();
  EXPECT_EQ(watch.use_count(), 1);
}

// What is assigned over goes before the session whose arena it lies in.
TEST_F(OrtBinding, O17_AssigningOverLastUsersIsSafe) {
  auto last = open_model(test_models::relu());
  std::vector<Value> values;
  for (int i = 0; i < 3; ++i) values.push_back(take(Value::allocate(take(last->host_allocator()), DType::f32, {1000})));
  Binding binding = take(Binding::make(last));
  take(binding.bind_input(0, values[0]));
  take(binding.bind_output(0, values[1]));
  last.reset();
  values.erase(values.begin());
  for (Value& value : values) value = take(Value::allocate(take(Environment::get())->host_allocator(), DType::f32, {2}));
  binding = take(Binding::make(open_model(test_models::relu())));
  EXPECT_EQ(take(values[1].shape()), Shape{2});
}

TEST_F(OrtBinding, O17_OutputsOutliveAllElse) {
  std::vector<float> x = {1, -2, 3};
  std::optional<Value> output;
  {
    Binding binding = bind(test_models::relu());
    take(binding.bind_input(0, over(x, {3})));
    take(binding.bind_output(0));
    take(binding.run(options_));
    output = std::move(*take(binding.output(0)));
  }
  EXPECT_THAT(elements_of<float>(*output), ElementsAre(1, 0, 3));
}

TEST_F(OrtBinding, O17_AnOutputMayBeFoundInMemoryThatIsNamed) {
  Binding binding = bind(test_models::nonzero());
  std::vector<float> x = {1, 0, 1, 0, 1, 1};
  take(binding.bind_input(0, over(x, {2, 3})));
  take(binding.bind_output(0, take(MemoryInfo::host(environment_->library()))));
  for (int i = 0; i < 3; ++i) {
    x[1] = static_cast<float>(i % 2);
    take(binding.run(options_));
    EXPECT_EQ(take(take(binding.output(0))->shape()), Shape(2, 4 + i % 2));
  }
  EXPECT_THAT(outcome(binding.bind_output(1, take(MemoryInfo::host(environment_->library())))), StartsWith("out_of_range"));
}

// No provider here has such memory.
TEST_F(OrtBinding, O17_MemoryOfADeviceThatIsNotThereFailsAndNoMore) {
  Binding binding = bind(test_models::relu());
  std::vector<float> x = {1, -2, 3}, y(3);
  take(binding.bind_input(0, over(x, {3})));
  take(binding.bind_output(0, over(y, {3})));
  const MemorySpec cuda{.name = "Cuda", .device_kind = DeviceKind::gpu, .vendor = 0x10de};
  const auto bound = binding.bind_output(0, take(MemoryInfo::make(environment_->library(), cuda)));
  take(bound);
  EXPECT_THAT(outcome(binding.run(options_)),
              StartsWith("failed_precondition: output y: memory: expected Cuda of device 0, got Cpu"));
  EXPECT_THAT(outcome(binding.output(0)), StartsWith("failed_precondition: output y: expected a run that succeeded"));
  take(binding.bind_output(0, over(y, {3})));
  take(binding.run(options_));
  EXPECT_THAT(y, ElementsAre(1, 0, 3));
}

TEST_F(OrtBinding, O17_OneThatIsNoneSaysSo) {
  EXPECT_THAT(outcome(Binding::make(nullptr)), StartsWith("invalid_argument: binding: session: null"));
  Binding binding = bind(test_models::relu());
  std::vector<float> x = {1, -2, 3};
  take(binding.bind_input(0, over(x, {3})));
  take(binding.bind_output(0));
  take(binding.run(options_));
  Binding taken = std::move(binding);
  EXPECT_THAT(outcome(binding.run(options_)), StartsWith("failed_precondition: binding: moved away"));
  EXPECT_THAT(outcome(binding.bind_input(0, over(x, {3}))), StartsWith("failed_precondition: binding: moved away"));
  EXPECT_THAT(outcome(binding.bind_output(0)), StartsWith("failed_precondition: binding: moved away"));
  EXPECT_THAT(outcome(binding.output(0)), StartsWith("failed_precondition: binding: moved away"));
  EXPECT_THAT(outcome(binding.synchronise_inputs()), StartsWith("failed_precondition: binding: moved away"));
  binding.clear();
  take(taken.run(options_));
  const RunOptions options = std::move(options_);
  EXPECT_THAT(outcome(taken.run(options_)), StartsWith("invalid_argument: run options: moved away"));
}

TEST_F(OrtBinding, O13_RefusesSequencesAndMapsOfAnotherDtype) {
  std::vector<std::int64_t> whole = {1, 2};
  std::vector<Value> parts;
  parts.push_back(over(whole, {1, 2}));
  Binding sequences = bind(test_models::sequence_concat());
  EXPECT_THAT(outcome(sequences.bind_input(0, take(Value::sequence(parts)))),
              StartsWith("invalid_argument: input parts: type: expected sequence(tensor(f32)), got sequence(tensor(i64))"));
  Binding maps = bind(test_models::map_input());
  EXPECT_THAT(outcome(maps.bind_input(0, take(Value::map(over(whole, {2}), over(whole, {2}))))),
              StartsWith("invalid_argument: input scores: type: expected map(string, tensor(f32)), got map(i64, tensor(i64))"));
  Binding optionals = bind(test_models::optional_has());
  EXPECT_THAT(outcome(optionals.bind_input(0, over(whole, {2}))),
              StartsWith("invalid_argument: input x: type: expected tensor(f32), got tensor(i64)"));
}

TEST_F(OrtBinding, O34_RunsWithoutSynchronisingAndWaitsAsACallOfItsOwn) {
  Binding binding = bind(test_models::relu());
  std::vector<float> x = {1, -2, 3}, y(3);
  take(binding.bind_input(0, over(x, {3})));
  take(binding.bind_output(0, over(y, {3})));
  RunOptions options = take(RunOptions::make(environment_->library(), {.synchronise = false}));
  EXPECT_FALSE(take(options.spec()).synchronise);
  EXPECT_EQ(take(options.config("disable_synchronize_execution_providers")), "1");
  take(binding.synchronise_inputs());
  take(binding.run(options));
  take(binding.synchronise_outputs());
  EXPECT_THAT(y, ElementsAre(1, 0, 3));
}

// Streams of a device are proven where there is one: processors have none.
TEST_F(OrtBinding, O34_AProcessorHasNoStream) {
  for (const Device& device : take(devices(environment_))) {
    if (device.provider() != "CPUExecutionProvider") continue;
    EXPECT_THAT(outcome(Stream::make(device)), StartsWith("invalid_argument: stream on CPUExecutionProvider"));
    EXPECT_THAT(outcome(Stream::make(device, {{"", "x"}})), StartsWith("invalid_argument: stream options"));
  }
  const auto cleared = options_.use_stream(nullptr);
  if (environment_->library()->level() >= 24) {
    take(cleared);
  } else {
    EXPECT_THAT(outcome(cleared), StartsWith("unimplemented"));
  }
}

TEST_F(OrtBinding, O19_TerminatedRunsAreCancelledUntilResumed) {
  Binding binding = bind(test_models::long_running());
  std::vector<float> x = test_models::random_floats(4096, 1);
  std::vector<std::int64_t> iterations = {100000000};
  take(binding.bind_input(0, over(x, {64, 64})));
  take(binding.bind_input(1, over(iterations, {})));
  take(binding.bind_output(0));
  for (int i = 0; i < 3; ++i) {
    std::thread stopper([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      options_.terminate();
    });
    EXPECT_THAT(outcome(binding.run(options_)), StartsWith("cancelled"));
    stopper.join();
    EXPECT_TRUE(options_.terminated());
    EXPECT_THAT(outcome(binding.run(options_)), StartsWith("cancelled")) << "it sticks";
    options_.resume();
    iterations[0] = 1;
    take(binding.run(options_));
    iterations[0] = 100000000;
  }
}

TEST_F(OrtBinding, O19_RunOptionsMove) {
  RunOptions made = take(RunOptions::make(environment_->library(), {.tag = "mine"}));
  made.terminate();
  RunOptions options = std::move(made);
  EXPECT_TRUE(options.terminated());
  options.resume();
  Binding binding = bind(test_models::relu());
  std::vector<float> x = {1, -2};
  take(binding.bind_input(0, over(x, {2})));
  take(binding.bind_output(0));
  take(binding.run(options));
  EXPECT_EQ(take(options.spec()).tag, "mine");
}

TEST_F(OrtBinding, O19_TextsWithANulAreRefused) {
  EXPECT_THAT(outcome(RunOptions::make(environment_->library(), {.tag = std::string("\0", 1)})),
              StartsWith("invalid_argument: tag"));
  EXPECT_THAT(outcome(RunOptions::make(environment_->library(), {.config = {{"k", std::string("\0", 1)}}})),
              StartsWith("invalid_argument: config"));
}

TEST_F(OrtBinding, O19_AConfigEntryReachesTheRun) {
  const auto session = open_model(test_models::relu());
  const Allocator arena = take(session->host_allocator());
  Binding binding = take(Binding::make(session));
  const auto reserved_after = [&](std::size_t elements, RunOptions& options) {
    std::vector<float> x(elements, 1.0f);
    take(binding.bind_input(0, over(x, {static_cast<std::int64_t>(elements)})));
    take(binding.bind_output(0));
    take(binding.run(options));
    binding.clear();
    return *take(arena.statistics()).bytes_reserved;
  };
  RunOptions shrinks =
      take(RunOptions::make(environment_->library(), {.config = {{"memory.enable_memory_arena_shrinkage", "cpu:0"}}}));
  const auto small = reserved_after(1, options_), large = reserved_after(1 << 22, options_);
  EXPECT_GE(large, small + (1 << 24));
  EXPECT_EQ(reserved_after(1, options_), large);
  EXPECT_EQ(reserved_after(1, shrinks), small);
}

TEST_F(OrtBinding, O19_RunOptionsTellWhatTheyAre) {
  const RunSpec plain = take(options_.spec());
  EXPECT_EQ(plain.tag, "");
  EXPECT_EQ(plain.log_severity, std::nullopt);
  EXPECT_TRUE(plain.synchronise);
  RunOptions options = take(RunOptions::make(
      environment_->library(),
      {.tag = "mine", .config = {{"a.b", "1"}, {"c", ""}}, .log_severity = Severity::error, .log_verbosity = 3}));
  const RunSpec spec = take(options.spec());
  EXPECT_EQ(spec.tag, "mine");
  EXPECT_EQ(spec.log_severity, Severity::error);
  EXPECT_EQ(spec.log_verbosity, 3);
  EXPECT_EQ(take(options.config("a.b")), "1");
  EXPECT_EQ(take(options.config("c")), "");
  EXPECT_EQ(take(options.config("d")), std::nullopt);
  take(options.set_config("d", "new"));
  take(options.set_config("a.b", "2"));
  EXPECT_EQ(take(options.config("d")), "new");
  EXPECT_EQ(take(options.config("a.b")), "2");
  EXPECT_THAT(outcome(options.set_config("", "x")), StartsWith("invalid_argument: config"));
  EXPECT_THAT(outcome(options.set_config("k", std::string("\0", 1))), StartsWith("invalid_argument: config"));
  EXPECT_THAT(outcome(options.config(std::string("\0", 1))), StartsWith("invalid_argument: config"));
  EXPECT_THAT(outcome(RunOptions::make(environment_->library(), {.config = {{"k", "1"}, {"k", "2"}}})),
              StartsWith("invalid_argument: config"));
}

TEST_F(OrtBinding, O19_RunOptionsThatWereMovedAwaySaySo) {
  const RunOptions taken = std::move(options_);
  options_.terminate();
  options_.resume();
  const std::string away = "invalid_argument: run options: moved away";
  EXPECT_THAT(outcome(options_.spec()), StartsWith(away));
  EXPECT_THAT(outcome(options_.config("k")), StartsWith(away));
  EXPECT_THAT(outcome(options_.set_config("k", "v")), StartsWith(away));
  EXPECT_THAT(outcome(options_.enable_profiling("x")), StartsWith(away));
  EXPECT_THAT(outcome(options_.disable_profiling()), StartsWith(away));
  EXPECT_THAT(outcome(options_.add_adapter(nullptr)), StartsWith(away));
  EXPECT_THAT(outcome(options_.use_stream(nullptr)), StartsWith(away));
}

TEST_F(OrtBinding, O19_TheTagReachesTheLog) {
  std::vector<std::string> said;
  std::mutex mutex;
  const std::string model = test_models::relu();
  SessionSpec spec = spec_of(model);
  spec.log_severity = Severity::verbose;
  spec.log_sink = [&](const LogRecord& record) {
    const std::lock_guard lock(mutex);
    said.emplace_back(record.message);
  };
  const auto session = take(Session::open(spec));
  Binding binding = take(Binding::make(session));
  std::vector<float> x = {1};
  take(binding.bind_input(0, over(x, {1})));
  take(binding.bind_output(0));
  take(binding.run(options_));
  EXPECT_THAT(said, testing::Not(testing::Contains(HasSubstr("tagged"))));
  RunOptions tagged = take(RunOptions::make(environment_->library(), {.tag = "tagged", .log_severity = Severity::info}));
  take(binding.run(tagged));
  EXPECT_THAT(said, testing::Contains(HasSubstr("tagged")));
}

TEST_F(OrtBinding, O19_ARunIsProfiledByItself) {
  std::string pattern = std::filesystem::temp_directory_path() / "laneway-ort-XXXXXX";
  const std::filesystem::path folder = mkdtemp(pattern.data());
  const auto enabled = options_.enable_profiling(folder / "run");
  if (!enabled) {
    EXPECT_EQ(enabled.error().code(), ErrorCode::unimplemented);
  } else {
    Binding binding = bind(test_models::relu());
    std::vector<float> x = {1, -2};
    take(binding.bind_input(0, over(x, {2})));
    take(binding.bind_output(0));
    take(binding.run(options_));
    take(options_.disable_profiling());
    take(binding.run(options_));
    ASSERT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
    std::ifstream trace(std::filesystem::directory_iterator(folder)->path());
    EXPECT_THAT(std::string(std::istreambuf_iterator<char>(trace), {}), HasSubstr("\"Relu"));
  }
  std::filesystem::remove_all(folder);
}

// ---- ports that are not dense numbers -----------------------------------------------------------------------------------

TEST_F(OrtBinding, O12_RunsStrings) {
  const std::vector<std::string> texts = {"", "zwei", "三"};
  const Value value = take(Value::strings(environment_->host_allocator(), texts, {3}));
  EXPECT_EQ(take(run_once(open_model(test_models::string_identity()), {&value})[0].string_elements()), texts);
}

TEST_F(OrtBinding, O13_RunsSequences) {
  std::vector<float> a = {1, 2}, b = {3, 4, 5, 6};
  std::vector<Value> parts;
  parts.push_back(over(a, {1, 2}));
  parts.push_back(over(b, {2, 2}));
  const Value sequence = take(Value::sequence(parts));
  const auto joined = run_once(open_model(test_models::sequence_concat()), {&sequence});
  EXPECT_THAT(elements_of<float>(joined[0]), ElementsAre(1, 2, 3, 4, 5, 6));
  const auto same = run_once(open_model(test_models::sequence_identity()), {&sequence});
  EXPECT_EQ(take(same[0].child_count()), 2u);
  EXPECT_THAT(elements_of<float>(take(same[0].child(1))), ElementsAre(3, 4, 5, 6));
  const Value whole = over(b, {2, 2});
  const auto split = run_once(open_model(test_models::sequence_split()), {&whole});
  EXPECT_EQ(take(split[0].child_count()), 2u);
  EXPECT_THAT(elements_of<float>(take(split[0].child(1))), ElementsAre(5, 6));
}

TEST_F(OrtBinding, O13_RunsMaps) {
  std::vector<float> scores = {0.5f, 7};
  const Value keys = take(Value::strings(environment_->host_allocator(), std::vector<std::string>{"c", "a"}, {2}));
  const Value map = take(Value::map(keys, over(scores, {2})));
  const auto vector = run_once(open_model(test_models::map_input()), {&map});
  EXPECT_THAT(elements_of<float>(vector[0]), ElementsAre(7, 0, 0.5f));
  std::vector<float> x = {1, 2, 3, 4, 5, 6};
  const Value rows = over(x, {2, 3});
  const auto maps = run_once(open_model(test_models::map_output()), {&rows});
  ASSERT_EQ(take(maps[0].child_count()), 2u);
  const Value second = take(maps[0].child(1));
  EXPECT_EQ(take(second.kind()), PortKind::map);
  EXPECT_THAT(take(take(second.child(0)).string_elements()), ElementsAre("a", "b", "c"));
  EXPECT_THAT(elements_of<float>(take(second.child(1))), ElementsAre(4, 5, 6));
}

TEST_F(OrtBinding, O13_RunsMapsFromIntegers) {
  test_models::OnnxModel model;
  model.opsets.push_back({"ai.onnx.ml", 3});
  model.input("x", DType::f32, {"n", 3});
  model.node("ZipMap", {"x"}, {"maps"}, {{"classlabels_int64s", {7, -1, 5}}}, "ai.onnx.ml");
  model.output("maps", test_models::sequence_of(test_models::map_of(DType::i64, test_models::tensor(DType::f32, {}))));
  std::vector<float> x = test_models::random_floats(6, 9);
  const Value rows = over(x, {2, 3});
  const auto maps = run_once(open_model(model.bytes()), {&rows});
  EXPECT_EQ(to_string(take(maps[0].type())), "sequence(map(i64, tensor(f32)))");
  const Value second = take(maps[0].child(1));
  EXPECT_THAT(elements_of<std::int64_t>(take(second.child(0))), ElementsAre(-1, 5, 7));
  EXPECT_THAT(elements_of<float>(take(second.child(1))), ElementsAre(x[4], x[5], x[3]));
}

TEST_F(OrtBinding, O13_RunsOptionals) {
  std::vector<float> x = {1, 2};
  const Value value = over(x, {2});
  const auto same = run_once(open_model(test_models::optional_identity()), {&value});
  ASSERT_TRUE(take(same[0].holds_anything()));
  EXPECT_THAT(elements_of<float>(same[0]), ElementsAre(1, 2));
  EXPECT_EQ(elements_of<bool>(run_once(open_model(test_models::optional_has()), {&value})[0]), std::vector<bool>{true});
}

// ONNX Runtime crashes where it is given one.
TEST_F(OrtBinding, O13_RefusesAnOptionalThatHoldsNothing) {
  test_models::OnnxModel model;
  model.opsets = {{"", 18}};
  const test_models::Type type = test_models::tensor(DType::f32, {2});
  model.node("Optional", {}, {"y"}, {{"type", type}}).output("y", test_models::optional_of(type));
  const std::vector<Value> none = run_once(open_model(model.bytes()), {});
  EXPECT_FALSE(take(none[0].holds_anything()));
  EXPECT_THAT(outcome(none[0].kind()), StartsWith("invalid_argument: value: an optional that holds nothing"));
  EXPECT_THAT(outcome(none[0].tensor()), StartsWith("invalid_argument"));
  Binding binding = bind(test_models::optional_has());
  EXPECT_THAT(outcome(binding.bind_input(0, none[0])), StartsWith("unimplemented: input x: an optional that holds nothing"));
}

TEST_F(OrtBinding, O14_RunsSparseTensors) {
  // Row 0 has 2 in column 1, row 2 has 3 in column 3.
  const std::vector<float> numbers = {2, 3};
  CooTensor a{.dense_shape = {3, 4}, .dtype = DType::f32, .values = std::vector<std::byte>(8), .indices = {0, 1, 2, 3}};
  std::memcpy(a.values.data(), numbers.data(), 8);
  const Value sparse = take(Value::sparse(environment_->host_allocator(), a));
  std::vector<float> b = {1, 2, 3, 4, 5, 6, 7, 8};
  const Value dense = over(b, {4, 2});
  const auto product = run_once(open_model(test_models::sparse_input()), {&sparse, &dense});
  EXPECT_THAT(elements_of<float>(product[0]), ElementsAre(6, 8, 0, 0, 21, 24));
}

TEST_F(OrtBinding, O17_EightThreadsShareASession) {
  const auto session = open_model(test_models::mlp());
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 8; ++seed) {
    threads.emplace_back([&, seed] {
      std::vector<float> x = test_models::random_floats(32, seed), y(4);
      const Value value = over(x, {1, 32});
      const std::vector<float> expected = elements_of<float>(run_once(session, {&value})[0]);
      Binding binding = take(Binding::make(session));
      RunOptions options = take(RunOptions::make(session->library()));
      take(binding.bind_input(0, value));
      take(binding.bind_output(0, over(y, {1, 4})));
      for (int i = 0; i < 200; ++i) {
        y.assign(4, -1);
        take(binding.run(options));
        ASSERT_EQ(y, expected);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace laneway::ort
