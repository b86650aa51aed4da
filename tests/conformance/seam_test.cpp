// What the runtime relies on, asked of the engine directly: engine -> plan -> binding.
#include <cmath>
#include <cstring>
#include <limits>

#include "conformance/conformance.h"
#include "conformance/oracle.h"
#include "laneway/memory/buffer.h"

namespace laneway::conformance {
namespace {

constexpr std::byte canary{0x5c};
constexpr std::size_t guard_bytes = 64;

// A buffer with canaries before and behind.
class Guarded {
 public:
  explicit Guarded(std::size_t bytes) : bytes_(bytes), buffer_(must(Buffer::allocate(bytes + 2 * guard_bytes))) {
    std::memset(buffer_.data(), static_cast<int>(canary), buffer_.bytes());
  }
  Memory memory() { return {buffer_.data() + guard_bytes, bytes_}; }
  template <class T>
  std::span<T> as() {
    return {reinterpret_cast<T*>(buffer_.data() + guard_bytes), bytes_ / sizeof(T)};
  }
  /// Whether nothing was written but the first `used` bytes.
  bool untouched_but(std::size_t used) const {
    const auto is_canary = [](std::byte byte) { return byte == canary; };
    const std::span all(buffer_.data(), buffer_.bytes());
    return std::ranges::all_of(all.first(guard_bytes), is_canary) &&
           std::ranges::all_of(all.subspan(guard_bytes + used), is_canary);
  }

 private:
  std::size_t bytes_;
  Buffer buffer_;
};

// A plan bound to guarded buffers, as a lane would.
struct Bound {
  Bound(OpenEngine open_engine, const PlanSpec& spec) : engine(std::move(open_engine)), plan(must(engine->specialise(spec))) {
    for (const PlannedPort& port : plan->inputs()) {
      inputs.emplace_back(port.bytes);
      in.emplace_back(inputs.back().memory());
    }
    for (const PlannedPort& port : plan->outputs()) {
      outputs.emplace_back(port.bytes);
      out.push_back(port.capacity ? Attachment(outputs.back().memory()) : Attachment(EngineOwned{}));
    }
    binding = must(plan->bind({.inputs = in, .outputs = out}));
  }
  Expected<> run() {
    stop.begin(*binding);
    Expected<> done = binding->run(stop);
    stop.end();
    return done;
  }
  std::vector<std::int64_t> output_shape(std::size_t index) const {
    const OutputView view = must(binding->output(index));
    return {view.shape.begin(), view.shape.end()};
  }

  OpenEngine engine;
  std::shared_ptr<const Plan> plan;
  std::vector<Guarded> inputs, outputs;
  std::vector<Attachment> in, out;
  StopSignal stop;
  std::unique_ptr<Binding> binding;
};

TEST_P(Conformance, L05_WrongNumbersOfPortsAreRefusedAndPoisonNothing) {
  Bound bound(engine("two_inputs"), {.inputs = {Shape{2, 4}, Shape{2, 4}}});
  std::ranges::fill(bound.inputs[0].as<float>(), 5.0f);
  std::ranges::fill(bound.inputs[1].as<float>(), 3.0f);
  const std::span<const Attachment> in = bound.in, out = bound.out;
  expect_error(bound.plan->bind({.inputs = in.first(1), .outputs = out}), ErrorCode::invalid_argument, {"2", "1"});
  expect_error(bound.plan->bind({.inputs = in, .outputs = {}}), ErrorCode::invalid_argument);
  expect_error(bound.engine->specialise({.inputs = {Shape{2, 4}}}), ErrorCode::invalid_argument, {"2", "1"});
  expect_error(bound.engine->specialise({.inputs = {Shape{-2, 4}, Shape{-2, 4}}}), ErrorCode::invalid_argument, {"-2"});
  EXPECT_TRUE(bound.plan->bind({.inputs = in, .outputs = out}));
  must(bound.run());
  for (const float y : bound.outputs[0].as<float>()) EXPECT_EQ(y, 2.0f);
}

TEST_P(Conformance, L05_WrongBuffersAreRefusedAndThePreviousOnesHold) {
  Bound bound(engine("two_inputs"), {.inputs = {Shape{2, 4}, Shape{2, 4}}});
  std::ranges::fill(bound.inputs[0].as<float>(), 5.0f);
  std::ranges::fill(bound.inputs[1].as<float>(), 3.0f);
  const Memory good = bound.inputs[0].memory();
  const Memory small{good.data, good.bytes - 1}, null{nullptr, good.bytes},
      odd{static_cast<std::byte*>(good.data) + 1, good.bytes};
  for (const Memory& memory : {small, null, odd}) {
    expect_error(bound.binding->rebind_input(0, memory), ErrorCode::invalid_argument, {"a"});
    expect_error(bound.binding->rebind_output(0, memory), ErrorCode::invalid_argument, {"y"});
    std::vector<Attachment> wrong = bound.in;
    wrong[1] = memory;
    expect_error(bound.plan->bind({.inputs = wrong, .outputs = bound.out}), ErrorCode::invalid_argument, {"b"});
  }
  expect_error(bound.binding->rebind_input(2, good), ErrorCode::out_of_range, {"2"});
  expect_error(bound.binding->rebind_output(1, good), ErrorCode::out_of_range, {"1"});
  expect_error(bound.binding->output(1), ErrorCode::out_of_range, {"1"});
  must(bound.run());
  for (const float y : bound.outputs[0].as<float>()) EXPECT_EQ(y, 2.0f);
}

TEST_P(Conformance, L07_ARequiredInputJoinedToNothingIsRefusedByName) {
  Bound bound(engine("two_inputs"), {.inputs = {Shape{2, 4}, Shape{2, 4}}});
  for (const Attachment& nothing : {Attachment(Absent{}), Attachment(EngineOwned{}), Attachment(Memory{})}) {
    std::vector<Attachment> in = bound.in;
    in[1] = nothing;
    expect_error(bound.plan->bind({.inputs = in, .outputs = bound.out}), ErrorCode::invalid_argument, {"b"});
  }
  expect_error(bound.engine->specialise({.inputs = {Shape{2, 4}, Shape{2, 4}}, .given = {true, false}}),
               ErrorCode::invalid_argument, {"b"});
}

TEST_P(Conformance, L10_AnOutputWhoseShapeIsNotProvenBelongsToTheEngine) {
  const OpenEngine resize = engine("resize_like");
  const auto plan = must(resize->specialise({.inputs = {Shape{1, 2, 3, 3}}}));
  EXPECT_FALSE(plan->outputs()[0].capacity);
  const auto proven =
      must(resize->specialise({.inputs = {Shape{1, 2, 3, 3}}, .proven = {{.output = 0, .shape = Shape{1, 4, 6, 3}}}}));
  ASSERT_TRUE(proven->outputs()[0].capacity);
  EXPECT_EQ(proven->outputs()[0].bytes, 288u);
  const OpenEngine pool = engine("mean_pool");
  const auto pooled = must(pool->specialise({.inputs = {Shape{2, 5, 8}}}));
  EXPECT_EQ(pooled->outputs()[0].capacity, Shape(2, 8));
}

TEST_P(Conformance, L10_AWrongProofFailsTheRun) {
  Bound bound(engine("resize_like"), {.inputs = {Shape{1, 2, 3, 3}}, .proven = {{.output = 0, .shape = Shape{1, 4, 7, 3}}}});
  std::ranges::fill(bound.inputs[0].as<float>(), 1.0f);
  for (int i = 0; i < 2; ++i) {
    expect_error(bound.run(), ErrorCode::failed_precondition, {"y", "[1, 4, 7, 3]", "[1, 4, 6, 3]"});
    expect_error(bound.binding->output(0), ErrorCode::failed_precondition, {"y"});
  }
  EXPECT_TRUE(bound.outputs[0].untouched_but(bound.plan->outputs()[0].bytes));
}

TEST_P(Conformance, L21_AStopAskedForBeforeTheFirstNodeIsObeyed) {
  Bound bound(engine("two_inputs"), {.inputs = {Shape{2, 4}, Shape{2, 4}}});
  std::ranges::fill(bound.inputs[0].as<float>(), 5.0f);
  std::ranges::fill(bound.inputs[1].as<float>(), 3.0f);
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(bound.stop.begin(*bound.binding));
    ASSERT_TRUE(bound.stop.request(StopCause::cancelled));
    expect_error(bound.binding->run(bound.stop), ErrorCode::cancelled);
    EXPECT_EQ(bound.stop.end(), StopCause::cancelled);
    expect_error(bound.binding->output(0), ErrorCode::failed_precondition);
    must(bound.run());
    for (const float y : bound.outputs[0].as<float>()) EXPECT_EQ(y, 2.0f);
  }
}

TEST_P(Conformance, L33_NothingBeyondTheExactBytesIsReadOrWritten) {
  Bound bound(engine("softmax_over_sequence"), {.inputs = {Shape{2, 16, 8}}});
  ASSERT_EQ(bound.plan->inputs()[0].bytes, 1024u);
  for (int i = 0; i < 100; ++i) {
    const std::int64_t batch = between(1, 2), sequence = between(1, 16);
    const Shape exact{batch, sequence, 8};
    const auto count = static_cast<std::size_t>(batch * sequence * 8);
    must(bound.binding->resize({&exact, 1}));
    const std::vector<float> x = floats(count);
    const auto in = bound.inputs[0].as<float>(), out = bound.outputs[0].as<float>();
    std::ranges::fill(in, std::numeric_limits<float>::quiet_NaN());
    std::ranges::copy(x, in.begin());
    std::memset(out.data(), static_cast<int>(canary), out.size_bytes());
    must(bound.run());
    const OutputView view = must(bound.binding->output(0));
    EXPECT_EQ(view.bytes, count * sizeof(float));
    EXPECT_EQ(view.data, out.data());
    ASSERT_TRUE(bound.outputs[0].untouched_but(view.bytes)) << to_string(exact);
    ASSERT_NO_FATAL_FAILURE(
        expect_near(out.first(count),
                    oracle::softmax_over_sequence({static_cast<std::size_t>(batch), static_cast<std::size_t>(sequence), x})));
  }
}

TEST_P(Conformance, L33_OneBindingEqualsAPlanOfEachExactShape) {
  const OpenEngine shared = engine("attention");
  Bound bound(shared, {.inputs = {Shape{2, 24, 8}}});
  for (std::int64_t sequence = 24; sequence >= 1; --sequence) {
    const Shape exact{2, sequence, 8};
    Bound fresh(shared, {.inputs = {exact}});
    const std::vector<float> x = floats(static_cast<std::size_t>(2 * sequence * 8));
    must(bound.binding->resize({&exact, 1}));
    for (Bound* each : {&bound, &fresh}) {
      std::ranges::copy(x, each->inputs[0].as<float>().begin());
      must(each->run());
    }
    ASSERT_NO_FATAL_FAILURE(expect_near(bound.outputs[0].as<float>().first(x.size()), fresh.outputs[0].as<float>()));
  }
}

TEST_P(Conformance, L35_InputsThatDisagreeAreRefusedAndThePreviousShapesHold) {
  Bound bound(engine("two_inputs"), {.inputs = {Shape{4, 4}, Shape{4, 4}}});
  const auto resize = [&](const Shape& a, const Shape& b) {
    const Shape shapes[] = {a, b};
    return bound.binding->resize(shapes);
  };
  must(resize(Shape{3, 4}, Shape{3, 4}));
  const std::vector<float> a = floats(12), b = floats(12);
  std::ranges::copy(a, bound.inputs[0].as<float>().begin());
  std::ranges::copy(b, bound.inputs[1].as<float>().begin());
  expect_error(resize(Shape{2, 4}, Shape{3, 4}), ErrorCode::invalid_argument, {"batch", "2", "3"});
  expect_error(resize(Shape{2, 5}, Shape{2, 5}), ErrorCode::invalid_argument, {"a", "[2, 5]"});
  expect_error(resize(Shape{2}, Shape{2}), ErrorCode::invalid_argument, {"a"});
  expect_error(resize(Shape{5, 4}, Shape{5, 4}), ErrorCode::out_of_range, {"a", "[4, 4]", "[5, 4]"});
  expect_error(resize(Shape{-1, 4}, Shape{-1, 4}), ErrorCode::invalid_argument);
  const Shape one[] = {Shape{2, 4}};
  expect_error(bound.binding->resize(one), ErrorCode::invalid_argument, {"2", "1"});
  EXPECT_EQ(bound.output_shape(0), shape({3, 4}));
  must(bound.run());
  for (std::size_t i = 0; i < 12; ++i) EXPECT_EQ(bound.outputs[0].as<float>()[i], a[i] - b[i]);
}

TEST_P(Conformance, L35_ValuesTheModelCannotTakeFailTheRunAlone) {
  Bound bound(engine("two_outputs"), {.inputs = {Shape{4}, Shape{}}});
  const std::vector<float> x = floats(4);
  std::ranges::copy(x, bound.inputs[0].as<float>().begin());
  std::int64_t& index = bound.inputs[1].as<std::int64_t>()[0];
  for (const std::int64_t good : {0, 3, 1}) {
    index = 4;
    expect_error(bound.run(), ErrorCode::invalid_argument);
    expect_error(bound.binding->output(1), ErrorCode::failed_precondition);
    index = good;
    must(bound.run());
    EXPECT_EQ(bound.outputs[1].as<float>()[0], x[static_cast<std::size_t>(good)]);
  }
}

}  // namespace
}  // namespace laneway::conformance
