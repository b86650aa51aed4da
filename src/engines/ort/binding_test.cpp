// Lanes at the seam: addresses, shapes, what comes back, stopping.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

#include "models/onnx_writer.h"
#include "ort_support/seam.h"

namespace laneway {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
using Floats = std::vector<float>;
using Extents = std::vector<std::int64_t>;

Floats floats(std::size_t count, std::uint64_t seed) { return test_models::random_floats(count, seed); }

Shape length(std::size_t extent) { return Shape{extent}; }

// ---- addresses -----------------------------------------------------------------------------------------------------------

TEST(OrtBinding, L12_ARingOfFramesIsReadAndWrittenWhereItLies) {
  const OpenEngine engine = open_ort(test_models::relu());
  Bound bound(engine, {.inputs = {length(7)}});
  constexpr std::size_t slots = 100;
  std::vector<Floats> in(slots), out(slots, Floats(7));
  for (std::size_t frame = 0; frame < 1'000; ++frame) {
    const std::size_t slot = frame % slots;
    in[slot] = floats(7, frame);
    must(bound.binding().rebind_input(0, {in[slot].data(), 7 * sizeof(float)}));
    must(bound.binding().rebind_output(0, {out[slot].data(), 7 * sizeof(float)}));
    must(bound.run());
    ASSERT_EQ(must(bound.binding().output(0)).data, out[slot].data());
    for (std::size_t i = 0; i < 7; ++i) ASSERT_EQ(out[slot][i], std::max(0.0f, in[slot][i])) << "frame " << frame;
  }
}

TEST(OrtBinding, L12_TheUseOfAPortIsWhatTheNextRunDoes) {
  const OpenEngine engine = open_ort(test_models::declares_100());
  Bound bound(engine, {.inputs = {length(100), length(100)}});
  const auto* x = std::get<Memory>(bound.inputs()[0]).data;
  const auto* y = std::get<Memory>(bound.outputs()[0]).data;
  const Floats values = floats(100, 1);
  const auto run = [&](std::size_t kept) {
    bound.write(0, values);
    std::vector<std::uint8_t> keep(100);
    std::fill_n(keep.begin(), kept, std::uint8_t{1});
    bound.write(1, keep);
    must(bound.run());
    EXPECT_EQ(bound.read<float>(0), Floats(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(kept)));
  };
  const auto use = [&] { return bound.binding().output_use(0).value(); };
  EXPECT_EQ(use().address, y);
  run(100);
  EXPECT_EQ(use().address, y);
  EXPECT_EQ(use().copied, "");
  run(50);
  EXPECT_EQ(use().address, nullptr) << "ONNX Runtime finds memory from here on";
  EXPECT_THAT(use().copied, HasSubstr("copied"));
  run(100);
  EXPECT_EQ(use().address, nullptr);
  EXPECT_THAT(use().copied, HasSubstr("copied"));
  EXPECT_EQ(bound.binding().input_use(0).value().address, x);
  Floats other(100);
  must(bound.binding().rebind_input(0, {other.data(), 400}));
  EXPECT_EQ(bound.binding().input_use(0).value().address, other.data());
  EXPECT_FALSE(bound.binding().input_use(9));
  EXPECT_FALSE(bound.binding().output_use(9));
}

TEST(OrtBinding, L12_ARefusedAddressLeavesTheOneBefore) {
  const OpenEngine engine = open_ort(test_models::relu());
  Bound bound(engine, {.inputs = {length(3)}});
  bound.write<float>(0, {-1, 2, -3});
  Floats other(3);
  const auto* odd = reinterpret_cast<std::byte*>(other.data()) + 1;
  EXPECT_THAT(outcome(bound.binding().rebind_input(0, {other.data(), 11})), HasSubstr("expected 12 bytes, got 11"));
  EXPECT_THAT(outcome(bound.binding().rebind_input(0, {const_cast<std::byte*>(odd), 12})), HasSubstr("misaligned"));
  EXPECT_THAT(outcome(bound.binding().rebind_output(0, {nullptr, 12})), HasSubstr("null address"));
  EXPECT_THAT(outcome(bound.binding().rebind_output(0, {other.data(), 12, Placement::device})),
              HasSubstr("output y: lies on a device"));
  EXPECT_THAT(outcome(bound.binding().rebind_input(1, {other.data(), 12})), StartsWith("out_of_range"));
  must(bound.run());
  EXPECT_EQ(bound.read<float>(0), (Floats{0, 2, 0}));
}

TEST(OrtBinding, L12_AddressesReboundAtOneShapeHoldAtTheOthers) {
  const OpenEngine engine = open_ort(test_models::relu());
  Bound bound(engine, {.inputs = {length(5)}});
  must(bound.resize({length(2)}));
  Floats in = {-1, 2, 3, -4, 5}, out(5);
  must(bound.binding().rebind_input(0, {in.data(), 20}));
  must(bound.binding().rebind_output(0, {out.data(), 20}));
  must(bound.resize({length(5)}));  // bound to other addresses when it was last used
  must(bound.run());
  EXPECT_EQ(out, (Floats{0, 2, 3, 0, 5}));
}

TEST(OrtBinding, L05_AFailedBindPoisonsNothing) {
  const OpenEngine engine = open_ort(test_models::two_inputs());
  const auto plan = must(engine->specialise({.inputs = {Shape{2, 4}, Shape{2, 4}}}));
  Floats a = floats(8, 1), b = floats(8, 2), y(8);
  const Attachment good[] = {Memory{a.data(), 32}, Memory{b.data(), 32}}, small[] = {Memory{a.data(), 32}, Memory{b.data(), 31}};
  const Attachment absent[] = {Memory{a.data(), 32}, Absent{}},
                   far[] = {Memory{a.data(), 32, Placement::device}, Memory{b.data(), 32}};
  const Attachment out[] = {Memory{y.data(), 32}};
  EXPECT_THAT(outcome(plan->bind({.inputs = small, .outputs = out})),
              HasSubstr("input b: buffer too small: expected 32 bytes, got 31"));
  EXPECT_THAT(outcome(plan->bind({.inputs = absent, .outputs = out})), HasSubstr("input b: joined to nothing"));
  EXPECT_THAT(outcome(plan->bind({.inputs = far, .outputs = out})), HasSubstr("input a: lies on a device"));
  EXPECT_THAT(outcome(plan->bind({.inputs = good, .outputs = {}})), HasSubstr("wrong number of ports"));
  EXPECT_THAT(outcome(plan->bind({.inputs = good, .outputs = out, .device = 1})), HasSubstr("expected 0 (the processor), got 1"));
  const auto binding = must(plan->bind({.inputs = good, .outputs = out, .device = 0}));
  StopSignal stop;
  stop.begin(*binding);
  must(binding->run(stop));
  stop.end();
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(y[i], a[i] - b[i]);
}

// ONNX Runtime writes no memory that is bound for an output which is an input too.
TEST(OrtBinding, L09_AnOutputThatIsAnInputIsThatInput) {
  test_models::OnnxModel model;
  model.input("x", DType::f32, {3}).initializer("w", Shape{2}, Floats{5, 6}).node("Relu", {"x"}, {"y"});
  model.output("x", DType::f32, {3}).output("w", DType::f32, {2}).output("y", DType::f32, {3});
  Bound bound(open_ort(model.bytes()), {.inputs = {length(3)}});
  for (const Floats& x : {Floats{1, -2, 3}, Floats{-4, 5, -6}}) {
    bound.write(0, x);
    must(bound.run());
    EXPECT_EQ(bound.read<float>(0), x);
    EXPECT_EQ(bound.read<float>(1), (Floats{5, 6}));
    EXPECT_EQ(bound.read<float>(2)[0], std::max(0.0f, x[0]));
  }
}

TEST(OrtBinding, L11_TensorsWithoutElementsNeedNoAddress) {
  const OpenEngine engine = open_ort(test_models::identity(DType::f32, {"n", 3}));
  const auto plan = must(engine->specialise({.inputs = {Shape{0, 3}}}));
  const Attachment nothing[] = {Memory{}};
  const auto binding = must(plan->bind({.inputs = nothing, .outputs = nothing}));
  StopSignal stop;
  stop.begin(*binding);
  must(binding->run(stop));
  stop.end();
  EXPECT_EQ(Extents(must(binding->output(0)).shape.begin(), must(binding->output(0)).shape.end()), (Extents{0, 3}));
}

// ---- shapes --------------------------------------------------------------------------------------------------------------

// x [4] -> right [4]: x + 1; wrong [?]: its positive elements, declared as [4].
std::string one_right_one_wrong() {
  test_models::OnnxModel m;
  m.input("x", DType::f32, {4}).initializer("zero", Shape{}, Floats{0}).initializer("one", Shape{}, Floats{1});
  m.node("Greater", {"x", "zero"}, {"keep"}).node("Compress", {"x", "keep"}, {"wrong"}).node("Add", {"x", "one"}, {"right"});
  m.output("right", DType::f32, {4}).output("wrong", DType::f32, {4});
  return m.bytes();
}

TEST(OrtBinding, L10_ARunThatFailsForAShapeIsRepeatedWithThatOutputEngineOwned) {
  Bound bound(open_ort(one_right_one_wrong()), {.inputs = {length(4)}});
  const void* const right = std::get<Memory>(bound.outputs()[0]).data;
  const void* const wrong = std::get<Memory>(bound.outputs()[1]).data;
  bound.write<float>(0, {1, 2, 3, 4});
  must(bound.run());
  EXPECT_EQ(must(bound.binding().output(1)).data, wrong) << "as declared, so where it was bound";
  for (const Floats& x : {Floats{1, -2, 3, -4}, Floats{-1, -1, -1, -1}, Floats{5, 6, 7, 8}, Floats{-1, -1, 2, -1}}) {
    bound.write(0, x);
    must(bound.run());
    Floats positive;
    std::ranges::copy_if(x, std::back_inserter(positive), [](float value) { return value > 0; });
    EXPECT_EQ(bound.read<float>(1), positive);
    EXPECT_EQ(bound.shape(1), Extents{std::ssize(positive)});
    EXPECT_EQ(must(bound.binding().output(0)).data, right) << "the other one stays where it is";
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(static_cast<const float*>(right)[i], x[i] + 1);
  }
}

TEST(OrtBinding, L10_AnOutputOfTheDeclaredShapeIsInTheCallersMemoryEvenAfterAnother) {
  Bound bound(open_ort(one_right_one_wrong()), {.inputs = {length(4)}});
  bound.write<float>(0, {1, -2, 3, -4});
  must(bound.run());
  bound.write<float>(0, {5, 6, 7, 8});
  must(bound.run());
  const auto* memory = static_cast<const float*>(std::get<Memory>(bound.outputs()[1]).data);
  EXPECT_EQ(Floats(memory, memory + 4), (Floats{5, 6, 7, 8}));
  EXPECT_EQ(must(bound.binding().output(1)).data, memory);
}

TEST(OrtBinding, L10_AProvenOutputOfAnotherShapeIsRefusedNamingBoth) {
  Bound bound(open_ort(test_models::nonzero()), {.inputs = {Shape{2, 3}}, .proven = {{.output = 0, .shape = Shape{2, 6}}}});
  bound.write<float>(0, {1, 0, 2, 0, 0, 3});
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(outcome(bound.run()),
                AllOf(StartsWith("failed_precondition: output y"), HasSubstr("proven [2, 6]"), HasSubstr("got [2, 3]")));
    EXPECT_THAT(outcome(bound.binding().output(0)), StartsWith("failed_precondition"));
  }
  bound.write<float>(0, {1, 2, 3, 4, 5, 6});
  must(bound.run());
  EXPECT_EQ(must(bound.binding().output(0)).data, std::get<Memory>(bound.outputs()[0]).data);
  EXPECT_EQ(bound.read<std::int64_t>(0), (std::vector<std::int64_t>{0, 0, 0, 1, 1, 1, 0, 1, 2, 0, 1, 2}));
}

TEST(OrtBinding, L10_AShapeThatOnlyARunShowsIsUnknownBeforeIt) {
  Bound bound(open_ort(test_models::nonzero()), {.inputs = {Shape{1, 3}}});
  EXPECT_TRUE(std::holds_alternative<EngineOwned>(bound.outputs()[0]));
  EXPECT_THAT(outcome(bound.binding().output(0)), StartsWith("failed_precondition: output y: no result"));
  bound.write<float>(0, {1, 0, 2});
  must(bound.run());
  EXPECT_EQ(bound.read<std::int64_t>(0), (std::vector<std::int64_t>{0, 0, 0, 2}));
  must(bound.resize({Shape{1, 2}}));
  EXPECT_THAT(outcome(bound.binding().output(0)), StartsWith("failed_precondition")) << "of another shape";
}

TEST(OrtBinding, L33_EveryShapeGivesItsOwnResultHoweverFewAreKept) {
  std::mt19937 random(7);
  for (const std::size_t shapes_max : {1u, 2u, 64u}) {
    const OpenEngine engine = open_ort(test_models::softmax_over_sequence(), {.shapes_max = shapes_max});
    const OpenEngine fresh = open_ort(test_models::softmax_over_sequence());
    Bound bound(engine, {.inputs = {Shape{2, 12, 8}}});
    for (int i = 0; i < 60; ++i) {
      const auto batch = std::uniform_int_distribution<std::size_t>(1, 2)(random);
      const auto sequence = std::uniform_int_distribution<std::size_t>(1, 12)(random);
      const Floats x = floats(batch * sequence * 8, static_cast<std::uint64_t>(i));
      must(bound.resize({Shape{batch, sequence, 8}}));
      bound.write(0, x);
      must(bound.run());
      Bound expected(fresh, {.inputs = {Shape{batch, sequence, 8}}});
      expected.write(0, x);
      must(expected.run());
      ASSERT_EQ(bound.read<float>(0), expected.read<float>(0));
      ASSERT_EQ(bound.shape(0), (Extents{static_cast<std::int64_t>(batch), static_cast<std::int64_t>(sequence), 8}));
    }
  }
}

TEST(OrtBinding, L35_ARefusedShapeLeavesTheOneBefore) {
  Bound bound(open_ort(test_models::two_inputs()), {.inputs = {Shape{3, 4}, Shape{3, 4}}});
  must(bound.resize({Shape{2, 4}, Shape{2, 4}}));
  EXPECT_THAT(outcome(bound.resize({Shape{2, 4}, Shape{1, 4}})), StartsWith("invalid_argument: dimension batch"));
  EXPECT_THAT(outcome(bound.resize({Shape{4, 4}, Shape{4, 4}})), StartsWith("out_of_range"));
  EXPECT_THAT(outcome(bound.resize({Shape{2, 3}, Shape{2, 3}})), StartsWith("invalid_argument: port a"));
  bound.write(0, Floats{1, 2, 3, 4, 5, 6, 7, 8});
  bound.write(1, Floats{8, 7, 6, 5, 4, 3, 2, 1});
  must(bound.run());
  EXPECT_EQ(bound.read<float>(0), (Floats{-7, -5, -3, -1, 1, 3, 5, 7}));
}

// ---- stopping ------------------------------------------------------------------------------------------------------------

struct LongRunning : Bound {
  LongRunning() : Bound(open_ort(test_models::long_running()), {.inputs = {Shape{64, 64}, Shape{}}}) {
    write(0, floats(64 * 64, 3));
  }
};

TEST(OrtBinding, L21_ACancelledRunEndsAndTheNextSucceeds) {
  LongRunning bound;
  bound.write<std::int64_t>(1, {50'000'000});  // minutes, were it left alone
  Expected<> result;
  std::thread runner([&] { result = bound.run(); });
  while (!bound.stop().request(StopCause::cancelled)) std::this_thread::yield();
  runner.join();
  EXPECT_THAT(outcome(result), StartsWith("cancelled"));
  EXPECT_THAT(outcome(bound.binding().output(0)), HasSubstr("no result"));
  bound.write<std::int64_t>(1, {2});
  must(bound.run());
  EXPECT_EQ(bound.read<float>(0).size(), 64u * 64u);
}

// Requests at any moment: a run that says no more than it was asked to is right, and none is stopped for the one before.
TEST(OrtBinding, L21_EveryRunIsRightOrWasAskedToStop) {
  LongRunning bound;
  bound.write<std::int64_t>(1, {20});
  must(bound.run());
  const Floats expected = bound.read<float>(0);
  std::atomic<bool> over{false};
  std::vector<std::thread> cancellers;
  for (unsigned i = 0; i < 2; ++i) {
    cancellers.emplace_back([&, i] {
      std::mt19937 random(i);
      while (!over) {
        bound.stop().request(StopCause::cancelled);
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 400));
      }
    });
  }
  int stopped = 0, finished = 0;
  for (int i = 0; i < 3'000; ++i) {
    ASSERT_TRUE(bound.stop().begin(bound.binding()));
    const Expected<> result = bound.binding().run(bound.stop());
    const StopCause cause = bound.stop().end();
    if (result) {
      ++finished;
      ASSERT_EQ(bound.read<float>(0), expected);
    } else {
      ++stopped;
      ASSERT_EQ(result.error().code(), ErrorCode::cancelled) << result.error().message();
      ASSERT_EQ(cause, StopCause::cancelled);
    }
  }
  over = true;
  for (std::thread& canceller : cancellers) canceller.join();
  EXPECT_GT(stopped, 0);
  EXPECT_GT(finished, 0);
  must(bound.run());
  EXPECT_EQ(bound.read<float>(0), expected);
}

// ---- numbers -------------------------------------------------------------------------------------------------------------

TEST(OrtBinding, L24_DenormalsAreAsTheSpecSaysOnTheCallingThread) {
  test_models::OnnxModel model;
  model.input("x", DType::f32, {2}).initializer("half", Shape{}, Floats{0.5f}).node("Mul", {"x", "half"}, {"y"});
  model.output("y", DType::f32, {2});
  Bound kept(open_ort(model.bytes()), {.inputs = {length(2)}});
  Bound flushed(open_ort(model.bytes(), {.denormals_as_zero = true}), {.inputs = {length(2)}});
  for (Bound* bound : {&kept, &flushed, &kept}) {
    bound->write<float>(0, {2e-38f, 4});
    must(bound->run());
    EXPECT_EQ(bound->read<float>(0), (bound == &kept ? Floats{1e-38f, 2} : Floats{0, 2}));
  }
}

TEST(OrtBinding, L07_ValuesTheModelCannotTakeAreInvalid) {
  Bound gather(open_ort(test_models::two_outputs()), {.inputs = {length(4), Shape{}}});
  gather.write<std::int64_t>(1, {77});
  EXPECT_THAT(outcome(gather.run()), AllOf(StartsWith("invalid_argument"), HasSubstr("Gather"), HasSubstr("77")));
  gather.write<std::int64_t>(1, {-1});
  gather.write<float>(0, {1, 2, 3, 4});
  must(gather.run());
  EXPECT_EQ(gather.read<float>(1), Floats{4});
}

}  // namespace
}  // namespace laneway
