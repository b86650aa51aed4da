#include "toy_engine/toy_engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <thread>
#include <vector>

#include "toy_engine/toys.h"

namespace laneway {
namespace {

// A plan of a toy bound to buffers of its own, as a lane would.
struct Bench {
  explicit Bench(ToyModel model, const PlanSpec& spec) : toy(std::make_shared<Toy>(std::move(model))), engine(make_toy(toy)) {
    auto made = engine->specialise(spec);
    if (!made) return;
    plan = *made;
    const auto join = [](const PlannedPort& port, auto& buffers) -> Attachment {
      if (!port.capacity) return EngineOwned{};
      buffers.emplace_back(port.bytes / sizeof(float) + 1, -7.0f);
      return Memory{buffers.back().data(), port.bytes};
    };
    std::vector<Attachment> ins, outs;
    for (const PlannedPort& port : plan->inputs()) ins.push_back(join(port, inputs));
    for (const PlannedPort& port : plan->outputs()) outs.push_back(join(port, outputs));
    if (auto bound = plan->bind({.inputs = ins, .outputs = outs})) binding = *std::move(bound);
  }
  Expected<> run() {
    if (!stop.begin(*binding)) return Error::busy();
    Expected<> done = binding->run(stop);
    stop.end();
    return done;
  }

  std::shared_ptr<Toy> toy;
  OpenEngine engine;
  std::shared_ptr<const Plan> plan;
  std::vector<std::vector<float>> inputs, outputs;
  StopSignal stop;
  std::unique_ptr<Binding> binding;
};

TEST(ToyEngine, ComputesAtExactShapesWithinItsCapacity) {
  Bench bench(toys::affine(2, 1), {.inputs = {Shape{8, 4}}});
  ASSERT_TRUE(bench.binding);
  const Shape shape{3, 4};
  ASSERT_TRUE(bench.binding->resize({&shape, 1}));
  for (std::size_t i = 0; i < 32; ++i) bench.inputs[0][i] = static_cast<float>(i);
  ASSERT_TRUE(bench.run());
  for (std::size_t i = 0; i < 12; ++i) EXPECT_EQ(bench.outputs[0][i], 2 * static_cast<float>(i) + 1);
  EXPECT_EQ(bench.outputs[0][12], -7.0f);
  EXPECT_EQ(bench.toy->counters.elements.value(), 12);
  const auto view = bench.binding->output(0);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->bytes, 48u);
  EXPECT_EQ(to_string(view->shape), "[3, 4]");
}

TEST(ToyEngine, FailsWhereTheScriptSaysAndSpoilsItsOutputs) {
  Bench bench(toys::affine(), {.inputs = {Shape{1, 4}}});
  ASSERT_TRUE(bench.run());
  bench.toy->phase(ToyPhase::run).fail_next(Error(ErrorCode::internal, "broken"));
  const float before = bench.outputs[0][0];
  auto failed = bench.run();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message(), "broken");
  EXPECT_NE(bench.outputs[0][0], before);
  EXPECT_FALSE(bench.binding->output(0));
  EXPECT_TRUE(bench.run());
  EXPECT_EQ(bench.outputs[0][0], before);
}

TEST(ToyEngine, StopsAtANode) {
  Bench bench(toys::affine(), {.inputs = {Shape{1, 4}}});
  bench.toy->phase(ToyPhase::run).gate.close();
  Expected<> result;
  std::thread runner([&] { result = bench.run(); });
  ASSERT_TRUE(bench.toy->phase(ToyPhase::run).gate.wait_for(1));
  EXPECT_TRUE(bench.stop.request(StopCause::cancelled));
  runner.join();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::cancelled);
  EXPECT_EQ(bench.toy->counters.interrupts.value(), 1);
  bench.toy->phase(ToyPhase::run).gate.open();
  EXPECT_TRUE(bench.run());
}

TEST(ToyEngine, KeepsTheResultOfARunThatHadFinished) {
  Bench bench(toys::affine(), {.inputs = {Shape{1, 4}}});
  bench.toy->finish.close();
  Expected<> result;
  std::thread runner([&] { result = bench.run(); });
  ASSERT_TRUE(bench.toy->finish.wait_for(1));
  bench.stop.request(StopCause::cancelled);
  bench.toy->finish.open();
  runner.join();
  EXPECT_TRUE(result);
}

TEST(ToyEngine, NotesTwoThreadsInOneBinding) {
  Bench bench(toys::affine(), {.inputs = {Shape{1, 4}}});
  bench.toy->phase(ToyPhase::run).gate.close();
  std::thread runner([&] { EXPECT_TRUE(bench.run()); });
  ASSERT_TRUE(bench.toy->phase(ToyPhase::run).gate.wait_for(1));
  const Shape shape{1, 4};
  EXPECT_TRUE(bench.binding->resize({&shape, 1}));
  bench.toy->phase(ToyPhase::run).gate.open();
  runner.join();
  ASSERT_EQ(bench.toy->violations().size(), 1u);
  EXPECT_EQ(bench.toy->violations()[0], "resize: another thread is in this binding");
}

TEST(ToyEngine, NotesPlansThatGoBeforeTheirBindings) {
  Bench bench(toys::affine(), {.inputs = {Shape{1, 4}}});
  bench.plan.reset();
  EXPECT_EQ(bench.toy->violations(), std::vector<std::string>{"plan destroyed before its bindings"});
}

TEST(ToyEngine, GivesDataDependentOutputsItsOwnMemory) {
  Bench bench(toys::nonzero(), {.inputs = {Shape{1, 5}}});
  ASSERT_FALSE(bench.plan->outputs()[0].capacity);
  EXPECT_FALSE(bench.binding->output(0));
  bench.inputs[0] = {0, 3, 0, 0, 2};
  ASSERT_TRUE(bench.run());
  const auto first = bench.binding->output(0);
  ASSERT_TRUE(first);
  EXPECT_EQ(to_string(first->shape), "[2, 2]");
  const void* address = first->data;
  EXPECT_EQ(static_cast<const std::int64_t*>(address)[3], 4);
  ASSERT_TRUE(bench.run());
  EXPECT_NE(bench.binding->output(0)->data, address)
      << "an owned output moves, so that whoever keeps the old address is found out";
}

TEST(ToyEngine, LeavesABufferItCannotFillForMemoryOfItsOwn) {
  Bench bench(toys::declares_100(), {.inputs = {Shape{6}, Shape{6}}});
  ASSERT_EQ(bench.plan->outputs()[0].bytes, 400u);
  bench.inputs[0] = {5, 6, 7, 8, 9, 10};
  auto* keep = reinterpret_cast<bool*>(bench.inputs[1].data());
  std::ranges::copy(std::array{true, false, true, true, false, true}, keep);
  ASSERT_TRUE(bench.run());
  const auto view = bench.binding->output(0);
  ASSERT_TRUE(view);
  EXPECT_EQ(to_string(view->shape), "[4]");
  EXPECT_EQ(static_cast<const float*>(view->data)[3], 10.0f);
  EXPECT_EQ(bench.outputs[0][0], -7.0f);
}

TEST(ToyEngine, RefusesAProvenShapeThatTurnsOutWrong) {
  Bench bench(toys::growing_state(), {.inputs = {Shape{6}, Shape{3}}, .proven = {{.output = 1, .shape = std::size_t{1}}}});
  ASSERT_EQ(bench.plan->outputs()[1].bytes, 12u);
  auto failed = bench.run();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), ErrorCode::failed_precondition);
}

TEST(ToyEngine, CopiesWhatLiesElsewhereAtEveryRun) {
  ToyModel model = toys::affine(3, 0);
  model.placement = Placement::device;
  Bench bench(model, {.inputs = {Shape{1, 4}}});
  EXPECT_EQ(bench.plan->inputs()[0].placement, Placement::device);
  for (float value : {1.0f, 2.0f, 5.0f}) {
    bench.inputs[0].assign(4, value);
    ASSERT_TRUE(bench.run());
    EXPECT_EQ(bench.outputs[0][3], 3 * value);
  }
  EXPECT_EQ(bench.toy->counters.copies.value(), 6);
}

TEST(ToyEngine, CountsTheBytesOfPlansFromTheirFirstBinding) {
  ToyModel model = toys::affine();
  model.bytes = [](std::span<const Shape> shapes) {
    return PlanBytes{.shared = 100, .per_binding = static_cast<std::size_t>(shapes[0][0])};
  };
  std::shared_ptr<Toy> toy;
  {
    Bench bench(model, {.inputs = {Shape{8, 4}}});
    toy = bench.toy;
    EXPECT_EQ(toy->counters.plan_bytes.value(), 108);
    bench.binding.reset();
    EXPECT_EQ(toy->counters.plan_bytes.value(), 100);
    auto unbound = bench.engine->specialise({.inputs = {Shape{2, 4}}});
    EXPECT_EQ(toy->counters.plan_bytes.value(), 100);
  }
  EXPECT_EQ(toy->complaints(), "");
  EXPECT_EQ(toy->counters.plan_bytes.highest(), 108);
}

TEST(ToyEngine, ToldNotToResizeRefusesAnotherShape) {
  ToyModel model = toys::affine();
  model.traits.resizable = false;
  Bench bench(model, {.inputs = {Shape{8, 4}}});
  const Shape same{8, 4}, other{4, 4};
  EXPECT_TRUE(bench.binding->resize({&same, 1}));
  auto refused = bench.binding->resize({&other, 1});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::unimplemented);
}

TEST(ToyEngine, AllocatesAndCounts) {
  auto toy = std::make_shared<Toy>(toys::affine());
  const OpenEngine engine = make_toy(toy);
  {
    auto made = engine->allocate(1000, Placement::host, 0);
    ASSERT_TRUE(made);
    EXPECT_EQ(made->memory.bytes, 1000u);
    EXPECT_EQ(toy->counters.allocations.value(), 1);
  }
  EXPECT_EQ(toy->counters.allocations.value(), 0);
  EXPECT_FALSE(engine->allocate(1000, Placement::device, 0));
}

}  // namespace
}  // namespace laneway
