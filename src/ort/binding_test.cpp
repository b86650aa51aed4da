#include "laneway/ort/binding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>
#include <vector>

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

TEST_F(OrtBinding, ReadsAndWritesInPlaceAtEachRun) {
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

TEST_F(OrtBinding, AnOutputOfItsOwnHasEachRunsShape) {
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

TEST_F(OrtBinding, AnOutputThatIsMovedAwayOutlivesTheNextRun) {
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

TEST_F(OrtBinding, MixesValuesOfTheCallersWithItsOwn) {
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

TEST_F(OrtBinding, RefusesWrongDtypesShapesAndKindsBeforeOnnxRuntimeSeesThem) {
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

TEST_F(OrtBinding, WantsAllRequiredInputsAndAnOutput) {
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

TEST_F(OrtBinding, OutputsMayBeLeftOut) {
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

TEST_F(OrtBinding, ARunThatFailsLeavesNoOutputAndTheNextOneSucceeds) {
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

TEST_F(OrtBinding, RebindsToAnotherShapeAndAddress) {
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

TEST_F(OrtBinding, AShapeThatDoesNotComeOutFailsTheRunAndNoMore) {
  Binding binding = bind(test_models::relu());
  std::vector<float> x = {1, 2, 3}, y(4);
  take(binding.bind_input(0, over(x, {3})));
  take(binding.bind_output(0, over(y, {4})));
  EXPECT_THAT(outcome(binding.run(options_)), HasSubstr("ONNX Runtime: "));
  take(binding.bind_output(0, over(y, {3})));
  take(binding.run(options_));
  EXPECT_THAT(y, ElementsAre(1, 2, 3, 0));
}

TEST_F(OrtBinding, TerminatedRunsAreCancelledUntilResumed) {
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

TEST_F(OrtBinding, RunOptionsTakeTagsAndEntriesAndMove) {
  RunOptions made = take(
      RunOptions::make(environment_->library(), {.tag = "mine", .config = {{"memory.enable_memory_arena_shrinkage", "cpu:0"}}}));
  made.terminate();
  RunOptions options = std::move(made);
  EXPECT_TRUE(options.terminated());
  options.resume();
  Binding binding = bind(test_models::relu());
  std::vector<float> x = {1, -2};
  take(binding.bind_input(0, over(x, {2})));
  take(binding.bind_output(0));
  take(binding.run(options));
  EXPECT_THAT(outcome(RunOptions::make(environment_->library(), {.tag = std::string("\0", 1)})),
              StartsWith("invalid_argument: tag"));
  EXPECT_THAT(outcome(RunOptions::make(environment_->library(), {.config = {{"k", std::string("\0", 1)}}})),
              StartsWith("invalid_argument: config k"));
}

TEST_F(OrtBinding, ARunIsProfiledByItself) {
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
    const auto files = std::distance(std::filesystem::directory_iterator(folder), {});
    EXPECT_EQ(files, 1);
  }
  std::filesystem::remove_all(folder);
}

// ---- ports that are not dense numbers -----------------------------------------------------------------------------------

TEST_F(OrtBinding, RunsStrings) {
  const std::vector<std::string> texts = {"", "zwei", "三"};
  const Value value = take(Value::strings(environment_->host_allocator(), texts, {3}));
  EXPECT_EQ(take(run_once(open_model(test_models::string_identity()), {&value})[0].string_elements()), texts);
}

TEST_F(OrtBinding, RunsSequences) {
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

TEST_F(OrtBinding, RunsMaps) {
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

TEST_F(OrtBinding, RunsOptionals) {
  std::vector<float> x = {1, 2};
  const Value value = over(x, {2});
  const auto same = run_once(open_model(test_models::optional_identity()), {&value});
  ASSERT_TRUE(same[0].holds_anything());
  EXPECT_THAT(elements_of<float>(same[0]), ElementsAre(1, 2));
  EXPECT_EQ(elements_of<bool>(run_once(open_model(test_models::optional_has()), {&value})[0]), std::vector<bool>{true});
}

// ONNX Runtime crashes where it is given one.
TEST_F(OrtBinding, RefusesAnOptionalThatHoldsNothing) {
  test_models::OnnxModel model;
  model.opsets = {{"", 18}};
  const test_models::Type type = test_models::tensor(DType::f32, {2});
  model.node("Optional", {}, {"y"}, {{"type", type}}).output("y", test_models::optional_of(type));
  const std::vector<Value> none = run_once(open_model(model.bytes()), {});
  EXPECT_FALSE(none[0].holds_anything());
  EXPECT_THAT(outcome(none[0].kind()), StartsWith("invalid_argument: value: an optional that holds nothing"));
  EXPECT_THAT(outcome(none[0].tensor()), StartsWith("invalid_argument"));
  Binding binding = bind(test_models::optional_has());
  EXPECT_THAT(outcome(binding.bind_input(0, none[0])), StartsWith("unimplemented: input x: an optional that holds nothing"));
}

TEST_F(OrtBinding, RunsSparseTensors) {
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

TEST_F(OrtBinding, EightThreadsShareASession) {
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
