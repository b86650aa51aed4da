#include "laneway/ort/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnxruntime_c_api.h>

#include <algorithm>
#include <functional>
#include <thread>
#include <vector>

#include "laneway/diag/malloc_counter.h"
#include "ort_support/models.h"

namespace laneway::ort {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

// Of one call, as many make it: ONNX Runtime itself allocates once more or less now and then.
std::uint64_t allocations_of(const std::function<void()>& body) {
  constexpr std::uint64_t calls = 1000;
  const std::uint64_t before = malloc_totals()->count;
  for (std::uint64_t i = 0; i < calls; ++i) body();
  return (malloc_totals()->count - before + calls / 2) / calls;
}

class OrtRun : public testing::Test {
 protected:
  // By position, all outputs new.
  std::vector<Value> run_all(const Session& session, std::vector<const Value*> values) {
    std::vector<RunInput> inputs;
    std::vector<RunOutput> outputs;
    for (std::size_t i = 0; i < values.size(); ++i) inputs.push_back({i, values[i]});
    for (std::size_t i = 0; i < session.outputs().size(); ++i) outputs.push_back({i});
    take(run(session, options_, inputs, outputs));
    std::vector<Value> made;
    for (RunOutput& output : outputs) made.push_back(*std::move(output.value));
    return made;
  }

  std::shared_ptr<const Environment> environment_ = take(Environment::get());
  RunOptions options_ = take(RunOptions::make(environment_->library()));
};

TEST_F(OrtRun, O18_RunsByNamesInAnyOrder) {
  const auto session = open_model(test_models::mixed_dtypes());
  std::vector<float> a = test_models::random_floats(12, 1);
  std::vector<std::int64_t> b = {1, 2, 3, 4, 5, 6};
  const Value first = over(a, {3, 4}), second = over(b, {3, 2});
  const std::vector<NamedInput> inputs = {{"B", &second}, {"A", &first}};
  const std::vector<std::string_view> outputs = {"B_out", "A_out"};
  const std::vector<Value> values = take(run(*session, options_, inputs, outputs));
  ASSERT_EQ(values.size(), 2u);
  EXPECT_EQ(elements_of<std::int64_t>(values[0]), b);
  EXPECT_EQ(elements_of<float>(values[1]), a);
  EXPECT_EQ(elements_of<float>(take(run(*session, options_, inputs, std::span(outputs).last(1)))[0]), a);
}

TEST_F(OrtRun, O18_RunsByPositionsIntoNewMemoryOrTheCallers) {
  const auto session = open_model(test_models::two_outputs());
  std::vector<float> x = {1, 2, 3, 4}, y(4, -1);
  std::vector<std::int64_t> index = {2};
  const Value value = over(x, {4}), position = over(index, {});
  const RunInput inputs[] = {{1, &position}, {0, &value}};
  RunOutput outputs[] = {{1}, {0, over(y, {4})}};
  take(run(*session, options_, inputs, outputs));
  EXPECT_THAT(y, ElementsAre(2, 3, 4, 5));
  EXPECT_THAT(elements_of<float>(*outputs[0].value), ElementsAre(3));
  index[0] = 0;
  x[0] = 9;
  take(run(*session, options_, inputs, outputs));
  EXPECT_THAT(elements_of<float>(*outputs[0].value), ElementsAre(9)) << "written to where the first run put it";
  EXPECT_THAT(y, ElementsAre(10, 3, 4, 5));
}

TEST_F(OrtRun, O18_InputsMayBeLeftOutWhereTheModelHasADefault) {
  const auto session = open_model(test_models::default_input());
  std::vector<float> x = {1, 1, 1, 1}, bias = {5, 6, 7, 8};
  const Value value = over(x, {4}), given = over(bias, {4});
  EXPECT_THAT(elements_of<float>(run_all(*session, {&value})[0]), ElementsAre(2, 3, 4, 5));
  EXPECT_THAT(elements_of<float>(run_all(*session, {&value, &given})[0]), ElementsAre(6, 7, 8, 9));
}

TEST_F(OrtRun, O18_RunsValuesOfEveryKind) {
  std::vector<float> a = {1, 2}, b = {3, 4, 5, 6};
  std::vector<Value> parts;
  parts.push_back(over(a, {1, 2}));
  parts.push_back(over(b, {2, 2}));
  const Value sequence = take(Value::sequence(parts));
  EXPECT_THAT(elements_of<float>(run_all(*open_model(test_models::sequence_concat()), {&sequence})[0]),
              ElementsAre(1, 2, 3, 4, 5, 6));
  const std::vector<std::string> texts = {"", "zwei"};
  const Value strings = take(Value::strings(environment_->host_allocator(), texts, {2}));
  EXPECT_EQ(take(run_all(*open_model(test_models::string_identity()), {&strings})[0].string_elements()), texts);
}

TEST_F(OrtRun, O13_RunsAnOptionalThatHoldsASequence) {
  const test_models::Type type = test_models::optional_of(test_models::sequence_of(test_models::tensor(DType::f32, {"n"})));
  test_models::OnnxModel model;
  model.input("x", type).node("Identity", {"x"}, {"y"}).output("y", type);
  model.node("OptionalHasElement", {"x"}, {"there"}).output("there", DType::boolean, {});
  std::vector<float> a = {1, 2}, b = {3, 4, 5};
  std::vector<Value> parts;
  parts.push_back(over(a, {2}));
  parts.push_back(over(b, {3}));
  const Value sequence = take(Value::sequence(parts));
  const std::vector<Value> outputs = run_all(*open_model(model.bytes()), {&sequence});
  EXPECT_EQ(take(outputs[0].kind()), PortKind::sequence) << "an optional that holds something is what it holds";
  EXPECT_THAT(elements_of<float>(take(outputs[0].child(1))), ElementsAre(3, 4, 5));
  EXPECT_EQ(elements_of<bool>(outputs[1]), std::vector<bool>{true});
}

TEST_F(OrtRun, O18_WrongRunsAreRefusedAndLeaveTheOutputs) {
  const auto session = open_model(test_models::two_inputs());
  std::vector<float> x(8, 1);
  std::vector<std::int64_t> wrong(8);
  const Value good = over(x, {2, 4}), whole = over(wrong, {2, 4}), flat = over(x, {1, 8});
  RunOutput out[] = {{0}};
  const auto attempt = [&](std::vector<RunInput> inputs) { return outcome(run(*session, options_, inputs, out)); };
  EXPECT_THAT(attempt({{0, &good}}), StartsWith("failed_precondition: run: input b: expected a value, got none"));
  EXPECT_THAT(attempt({{0, &good}, {0, &good}, {1, &good}}), StartsWith("invalid_argument: input a: given twice"));
  EXPECT_THAT(attempt({{0, &good}, {2, &good}}), StartsWith("out_of_range: input 2"));
  EXPECT_THAT(attempt({{0, &good}, {1, nullptr}}), StartsWith("invalid_argument: input b: null"));
  EXPECT_THAT(attempt({{0, &good}, {1, &whole}}),
              AllOf(StartsWith("invalid_argument: input b: dtype"), HasSubstr("expected f32, got i64")));
  EXPECT_THAT(attempt({{0, &flat}, {1, &good}}), StartsWith("invalid_argument: input a: shape: expected [batch, 4], got [1, 8]"));
  const RunInput both[] = {{0, &good}, {1, &good}};
  EXPECT_THAT(outcome(run(*session, options_, both, {})), StartsWith("invalid_argument: run: outputs: expected one or more"));
  RunOutput twice[] = {{0}, {0}}, beyond[] = {{1}}, integers[] = {{0, over(wrong, {2, 4})}};
  EXPECT_THAT(outcome(run(*session, options_, both, twice)), StartsWith("invalid_argument: output y: given twice"));
  EXPECT_THAT(outcome(run(*session, options_, both, beyond)), StartsWith("out_of_range: output 1"));
  EXPECT_THAT(outcome(run(*session, options_, both, integers)), StartsWith("invalid_argument: output y: dtype"));
  const NamedInput unknown[] = {{"c", &good}};
  const std::string_view y[] = {"y"}, z[] = {"z"};
  EXPECT_THAT(outcome(run(*session, options_, unknown, y)), StartsWith("not_found: input c"));
  EXPECT_THAT(outcome(run(*session, options_, std::span<const NamedInput>(), z)), StartsWith("not_found: output z"));
  EXPECT_FALSE(out[0].value.has_value());
  take(run(*session, options_, both, out));
  EXPECT_EQ(elements_of<float>(*out[0].value), std::vector<float>(8, 0));
  const RunOptions taken = std::move(options_);
  EXPECT_THAT(outcome(run(*session, options_, both, out)), StartsWith("invalid_argument: run options: moved away"));
}

TEST_F(OrtRun, O18_ARunThatFailsLeavesTheOutputsAsTheyWere) {
  const auto session = open_model(test_models::two_outputs());
  std::vector<float> x = {1, 2, 3, 4};
  std::vector<std::int64_t> index = {99};
  const Value value = over(x, {4}), position = over(index, {});
  const RunInput inputs[] = {{0, &value}, {1, &position}};
  RunOutput outputs[] = {{0}, {1}};
  EXPECT_THAT(outcome(run(*session, options_, inputs, outputs)), StartsWith("invalid_argument: ONNX Runtime: INVALID_ARGUMENT"));
  EXPECT_FALSE(outputs[0].value || outputs[1].value);
  options_.terminate();
  EXPECT_EQ(outcome(run(*session, options_, inputs, outputs)), outcome(Expected<>(Error::cancelled())));
  options_.resume();
  index[0] = 1;
  take(run(*session, options_, inputs, outputs));
  EXPECT_THAT(elements_of<float>(*outputs[1].value), ElementsAre(2));
}

TEST_F(OrtRun, O18_OutputsOutliveTheSession) {
  std::vector<float> x = {1, -2, 3};
  const Value value = over(x, {3});
  const std::vector<Value> outputs = run_all(*open_model(test_models::relu()), {&value});
  EXPECT_THAT(elements_of<float>(outputs[0]), ElementsAre(1, 0, 3));
}

TEST_F(OrtRun, O18_MoreThanThirtyTwoPorts) {
  test_models::OnnxModel model;
  constexpr std::size_t ports = 40;
  for (std::size_t i = 0; i < ports; ++i) {
    const std::string in = "x" + std::to_string(i), out = "y" + std::to_string(i);
    model.input(in, DType::f32, {1}).output(out, DType::f32, {1}).node("Neg", {in}, {out});
  }
  const auto session = open_model(model.bytes());
  std::vector<std::vector<float>> numbers;
  std::vector<Value> values;
  std::vector<const Value*> inputs;
  for (std::size_t i = 0; i < ports; ++i) numbers.push_back({static_cast<float>(i) + 0.5f});
  for (std::size_t i = 0; i < ports; ++i) values.push_back(over(numbers[i], {1}));
  for (const Value& value : values) inputs.push_back(&value);
  const std::vector<Value> outputs = run_all(*session, inputs);
  for (std::size_t i = 0; i < ports; ++i) EXPECT_THAT(elements_of<float>(outputs[i]), ElementsAre(-numbers[i][0]));
}

TEST_F(OrtRun, O18_AllocatesExactlyWhatRunOfTheCApiDoes) {
  if (!malloc_totals()) GTEST_SKIP() << "this build has no counter of allocations";
  if (environment_->library()->level() < 24) GTEST_SKIP() << "with this library a look at a value allocates";
  const auto session = open_model(test_models::mlp());
  const OrtApi& api = *session->library()->api();
  std::vector<float> x = test_models::random_floats(32, 1), y(4);
  const Value value = over(x, {1, 32}), place = over(y, {1, 4});
  const char* const input_name = session->inputs()[0].name.c_str();
  const char* const output_name = session->outputs()[0].name.c_str();
  const OrtValue* const input = value.native();
  const auto raw = [&](OrtValue* output) {
    EXPECT_EQ(api.Run(session->native(), options_.native(), &input_name, &input, 1, &output_name, 1, &output), nullptr);
    if (output != place.native()) Release<OrtValue>{session->library()}(output);
  };
  const RunInput inputs[] = {{0, &value}};
  RunOutput into[] = {{0, over(y, {1, 4})}};
  const std::size_t wanted[] = {0};
  PreparedRun prepared = take(PreparedRun::make(session, wanted));
  take(prepared.set_input(0, std::make_shared<Value>(over(x, {1, 32}))));

  const std::uint64_t raw_new = allocations_of([&] { raw(nullptr); });
  const std::uint64_t raw_into = allocations_of([&] { raw(place.native()); });
  EXPECT_EQ(allocations_of([&] {
              RunOutput outputs[] = {{0}};
              EXPECT_TRUE(run(*session, options_, inputs, outputs));
            }),
            raw_new);
  EXPECT_EQ(allocations_of([&] { EXPECT_TRUE(run(*session, options_, inputs, into)); }), raw_into);
  EXPECT_EQ(allocations_of([&] { EXPECT_TRUE(prepared.run(options_)); }), raw_new);
  EXPECT_GT(raw_new, raw_into) << "nothing was counted";
}

TEST_F(OrtRun, O18_EightThreadsRunOneSession) {
  const auto session = open_model(test_models::mlp());
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 8; ++seed) {
    threads.emplace_back([&, seed] {
      RunOptions options = take(RunOptions::make(session->library()));
      std::vector<float> x = test_models::random_floats(32, seed);
      const Value value = over(x, {1, 32});
      const std::vector<float> expected = elements_of<float>(run_once(session, {&value})[0]);
      const RunInput inputs[] = {{0, &value}};
      for (int i = 0; i < 100; ++i) {
        RunOutput outputs[] = {{0}};
        take(run(*session, options, inputs, outputs));
        ASSERT_EQ(elements_of<float>(*outputs[0].value), expected);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// ---- prepared -----------------------------------------------------------------------------------------------------------

TEST_F(OrtRun, O18_APreparedRunTakesOtherInputsEachTime) {
  const auto session = open_model(test_models::relu());
  const std::size_t wanted[] = {0};
  PreparedRun prepared = take(PreparedRun::make(session, wanted));
  EXPECT_THAT(outcome(prepared.run(options_)), StartsWith("failed_precondition: run: input x: expected a value"));
  for (const std::int64_t n : {3, 1, 7}) {
    const std::vector<float> x = test_models::random_floats(static_cast<std::size_t>(n), static_cast<std::uint64_t>(n));
    take(prepared.set_input(0, std::make_shared<Value>(take(Value::copy<float>(environment_->host_allocator(), x, {n})))));
    for (int i = 0; i < 2; ++i) {
      take(prepared.run(options_));
      const std::vector<float> y = elements_of<float>(*take(prepared.output(0)));
      ASSERT_EQ(y.size(), x.size());
      for (std::size_t k = 0; k < x.size(); ++k) EXPECT_EQ(y[k], std::max(x[k], 0.0f));
    }
  }
}

TEST_F(OrtRun, O18_OutputsOfThePreparedRunBeforeGoBeforeTheNext) {
  const auto session = open_model(test_models::relu());
  const Allocator arena = take(session->host_allocator());
  const std::size_t wanted[] = {0};
  PreparedRun prepared = take(PreparedRun::make(session, wanted));
  const std::vector<float> x(1 << 20, 1.0f);
  take(prepared.set_input(0, std::make_shared<Value>(take(Value::copy<float>(environment_->host_allocator(), x, {1 << 20})))));
  take(prepared.run(options_));
  const void* const first = take(take(prepared.output(0))->tensor()).data;
  const auto most = *take(arena.statistics()).bytes_in_use_max;
  for (int i = 0; i < 3; ++i) take(prepared.run(options_));
  EXPECT_EQ(take(take(prepared.output(0))->tensor()).data, first) << "the arena had it free again";
  EXPECT_EQ(*take(arena.statistics()).bytes_in_use_max, most);
  const Value kept = std::move(*take(prepared.output(0)));
  take(prepared.run(options_));
  EXPECT_NE(take(take(prepared.output(0))->tensor()).data, first) << "what was moved away is not";
}

TEST_F(OrtRun, O18_WrongPreparedRunsAreRefused) {
  const auto session = open_model(test_models::two_outputs());
  const std::size_t none[] = {5}, twice[] = {1, 1}, wanted[] = {1};
  EXPECT_THAT(outcome(PreparedRun::make(nullptr, wanted)), StartsWith("invalid_argument: run: session: null"));
  EXPECT_THAT(outcome(PreparedRun::make(session, {})), StartsWith("invalid_argument: run: outputs"));
  EXPECT_THAT(outcome(PreparedRun::make(session, none)), StartsWith("out_of_range: output 5"));
  EXPECT_THAT(outcome(PreparedRun::make(session, twice)), StartsWith("invalid_argument: output picked: given twice"));
  PreparedRun prepared = take(PreparedRun::make(session, wanted));
  std::vector<float> x = {1, 2, 3, 4};
  std::vector<std::int64_t> index = {99};
  EXPECT_THAT(outcome(prepared.set_input(1, std::make_shared<Value>(over(x, {4})))), StartsWith("invalid_argument: input index"));
  EXPECT_THAT(outcome(prepared.set_input(2, nullptr)), StartsWith("out_of_range: input 2"));
  take(prepared.set_input(0, std::make_shared<Value>(over(x, {4}))));
  take(prepared.set_input(1, std::make_shared<Value>(over(index, {}))));
  EXPECT_THAT(outcome(prepared.output(0)), StartsWith("failed_precondition: output y: expected one that was asked for"));
  EXPECT_THAT(outcome(prepared.output(1)), StartsWith("failed_precondition: output picked: expected a run"));
  EXPECT_THAT(outcome(prepared.run(options_)), StartsWith("invalid_argument: ONNX Runtime"));
  EXPECT_THAT(outcome(prepared.output(1)), StartsWith("failed_precondition: output picked: expected a run"));
  index[0] = 3;
  take(prepared.run(options_));
  EXPECT_THAT(elements_of<float>(*take(prepared.output(1))), ElementsAre(4));
  take(prepared.set_input(1, nullptr));
  EXPECT_THAT(outcome(prepared.run(options_)), StartsWith("failed_precondition: run: input index"));
  PreparedRun taken = std::move(prepared);
  EXPECT_THAT(outcome(prepared.run(options_)), StartsWith("failed_precondition: run: moved away"));
  EXPECT_THAT(outcome(prepared.output(0)), StartsWith("failed_precondition: run: moved away"));
  EXPECT_THAT(outcome(prepared.set_input(0, nullptr)), StartsWith("failed_precondition: run: moved away"));
}

}  // namespace
}  // namespace laneway::ort
