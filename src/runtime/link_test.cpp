// What a lane keeps from run to run: the state of links, and warmth.
#include <algorithm>
#include <cstring>

#include "runtime/toy_fixture.h"

namespace laneway {
namespace {

using namespace std::chrono_literals;

class LinkTest : public OnToy {
 protected:
  // y = x + state, stateN = state + 1
  static RuntimeSpec linked(std::shared_ptr<Toy> toy) {
    RuntimeSpec result = spec(std::move(toy));
    result.dimensions = {{"n", 3}};
    result.links = {{.output = "stateN", .input = "state"}};
    result.warm_up_runs = 2;
    return result;
  }
  static float first(Lane& lane) { return lane.output<float>("y")->data[0]; }
};
INSTANTIATE_ON_TOY(LinkTest);

TEST_P(LinkTest, L41_StateIsCarriedWithoutACopy) {
  for (const bool open_shape : {false, true}) {
    auto toy = make(toys::counter(open_shape));
    auto runtime = open(linked(toy));
    ASSERT_OK(runtime);
    Lane& lane = *runtime->lanes()[0];
    std::ranges::fill(*lane.input<float>("x"), 10.0f);
    for (int i = 0; i < 20; ++i) {
      ASSERT_EQ(lane.input<float>("state").operator*()[0], static_cast<float>(i)) << "warm-up leaves no trace";
      ASSERT_OK(lane.run());
      ASSERT_EQ(first(lane), static_cast<float>(10 + i));
    }
    EXPECT_OK(runtime->audit().require_zero_copy());
    EXPECT_EQ(toy->counters.copies.value(), 0);
    ASSERT_OK(lane.reset());
    ASSERT_OK(lane.run());
    EXPECT_EQ(first(lane), 10.0f);
  }
}

TEST_P(LinkTest, L30_PrimingLeavesStateAndFailuresAsTheyWere) {
  auto toy = make(toys::counter());
  auto runtime = open(linked(toy));
  ASSERT_OK(runtime);
  Lane& lane = *runtime->lanes()[0];
  std::ranges::fill(*lane.input<float>("x"), 10.0f);
  for (int i = 0; i < 5; ++i) ASSERT_OK(lane.run());
  for (const int runs : {1, 2}) {
    ASSERT_OK(runtime->prime(runs));
    EXPECT_EQ((*lane.input<float>("state"))[0], 5.0f);
  }
  toy->phase(ToyPhase::run).fail_next(Error(ErrorCode::internal, "broken"));
  EXPECT_EQ(code_of(lane.run()), ErrorCode::internal);
  ASSERT_OK(runtime->prime());
  EXPECT_EQ(code_of(lane.output("y")), ErrorCode::failed_precondition) << "the run that failed has no output";
  ASSERT_OK(lane.run());
  EXPECT_EQ(first(lane), 15.0f);
  EXPECT_EQ((*lane.input<float>("state"))[0], 6.0f);
}

TEST_P(LinkTest, L41_InitialStateIsTheSpecs) {
  auto toy = make(toys::counter());
  RuntimeSpec from_five = linked(toy);
  auto probe = open(from_five);
  ASSERT_OK(probe);
  const std::size_t count = probe->lanes()[0]->input<float>("state")->size();
  const std::vector<float> fives(count, 5.0f);
  from_five.links[0].initial.resize(count * sizeof(float));
  std::memcpy(from_five.links[0].initial.data(), fives.data(), count * sizeof(float));
  auto runtime = open(from_five);
  ASSERT_OK(runtime);
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 3; ++i) {
      ASSERT_OK(runtime->lanes()[0]->run());
      ASSERT_EQ(first(*runtime->lanes()[0]), static_cast<float>(5 + i));
    }
    ASSERT_OK(runtime->lanes()[0]->reset());
  }
}

TEST_P(LinkTest, L41_AFailedOrCancelledRunLeavesTheStateBefore) {
  auto toy = make(toys::counter());
  auto runtime = open(linked(toy));
  ASSERT_OK(runtime);
  Lane& lane = *runtime->lanes()[0];
  ASSERT_OK(lane.run());
  ASSERT_OK(lane.run());
  toy->phase(ToyPhase::run).fail_next(Error(ErrorCode::internal, "broken"));
  EXPECT_EQ(code_of(lane.run()), ErrorCode::internal);
  toy->phase(ToyPhase::run).gate.close();
  EXPECT_EQ(code_of(lane.run(5ms)), ErrorCode::deadline_exceeded);
  toy->phase(ToyPhase::run).gate.open();
  EXPECT_EQ(lane.input<float>("state").operator*()[0], 2.0f);
  ASSERT_OK(lane.run());
  EXPECT_EQ(first(lane), 2.0f);
}

TEST_P(LinkTest, L41_EveryNewLeaseStartsFromTheInitialState) {
  auto toy = make(toys::counter());
  RuntimeSpec buckets = linked(toy);
  buckets.dimensions = {};
  buckets.buckets = BucketSpec{};
  auto runtime = open(buckets);
  ASSERT_OK(runtime);
  const std::vector<NamedExtent> key = {{"n", 3}};
  for (int round = 0; round < 3; ++round) {
    auto lease = runtime->lease(key);
    ASSERT_OK(lease);
    for (int i = 0; i <= round; ++i) {
      ASSERT_OK((*lease)->run());
      ASSERT_EQ(first(**lease), static_cast<float>(i));
    }
  }
}

TEST_P(LinkTest, L41_LinkedPortsMustAgree) {
  auto toy = make(toys::copies({toys::tensor("a", {4}), toys::tensor("b", {5}), toys::tensor("c", {4}, DType::i64)}));
  const auto linking = [&](const char* output, const char* input) {
    RuntimeSpec wrong = spec(toy);
    wrong.links = {{.output = output, .input = input}};
    return open(wrong);
  };
  EXPECT_EQ(code_of(linking("a_out", "b")), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(linking("a_out", "c")), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(linking("a_out", "z")), ErrorCode::not_found);
  EXPECT_OK(linking("a_out", "a"));
}

TEST_P(LinkTest, L41_AnOutputOfAnotherShapeIsNamed) {
  auto toy = make(toys::growing_state());
  RuntimeSpec growing = linked(toy);
  growing.dimensions = {{"n", 3}, {"m", 2}};
  growing.warm_up_runs = 0;
  auto runtime = open(growing);
  ASSERT_OK(runtime);
  EXPECT_EQ(code_of(runtime->lanes()[0]->run()), ErrorCode::failed_precondition);
}

TEST_P(LinkTest, L41_LinkedMemoryIsTheLanesOwn) {
  auto runtime = open(linked(make(toys::counter())));
  ASSERT_OK(runtime);
  std::vector<float> mine(1024);
  EXPECT_EQ(code_of(runtime->lanes()[0]->rebind("state", {.data = mine.data(), .bytes = 4096})), ErrorCode::failed_precondition);
  EXPECT_EQ(code_of(runtime->lanes()[0]->rebind_output("stateN", {.data = mine.data(), .bytes = 4096})),
            ErrorCode::failed_precondition);
}

class WarmthTest : public OnToy {};
INSTANTIATE_ON_TOY(WarmthTest);

TEST_P(WarmthTest, L30_LanesInUseAreLeftAloneByPrimeAndWarm) {
  auto toy = make(toys::affine());
  RuntimeSpec two = bucketed(toy);
  two.lanes = 2;
  auto runtime = open(two);
  ASSERT_OK(runtime);
  auto held = runtime->lease(batch(4));
  ASSERT_OK(held);
  ASSERT_OK(runtime->prime(3)) << "this very thread has a lane: waiting for it would never end";
  EXPECT_EQ(toy->phase(ToyPhase::run).calls(), 3) << "the other lane";
  const std::vector<std::vector<NamedExtent>> shapes = {batch(4)};
  ASSERT_OK(runtime->warm(shapes, 2));
  EXPECT_EQ(toy->phase(ToyPhase::run).calls(), 5);
  { const Lease gone = *std::move(held); }
  ASSERT_OK(runtime->prime());
  EXPECT_EQ(toy->phase(ToyPhase::run).calls(), 7);
}

TEST_P(WarmthTest, L30_ALaneThatRunsIsLeftAloneByPrime) {
  auto toy = make(toys::affine());
  RuntimeSpec fixed = spec(toy);
  fixed.dimensions = batch(3);
  fixed.warm_up_runs = 0;
  auto runtime = open(fixed);
  ASSERT_OK(runtime);
  toy->phase(ToyPhase::run).gate.close();
  std::thread runner([&] { EXPECT_OK(runtime->lanes()[0]->run()); });
  ASSERT_TRUE(toy->phase(ToyPhase::run).gate.wait_for(1));
  EXPECT_OK(runtime->prime(5));
  toy->phase(ToyPhase::run).gate.open();
  runner.join();
  EXPECT_EQ(toy->phase(ToyPhase::run).calls(), 1);
}

TEST_P(WarmthTest, L30_LanesWithValuesArePrimedOnceTheyHoldSome) {
  auto toy = make(toys::copies({toys::tensor("text", {2}, DType::string)}));
  auto runtime = open(spec(toy));
  ASSERT_OK(runtime);
  ASSERT_OK(runtime->prime());
  EXPECT_EQ(toy->phase(ToyPhase::run).calls(), 0) << "nothing to run on yet";
  **runtime->lanes()[0]->input_value("text") = strings({"a", "b"});
  ASSERT_OK(runtime->prime(2));
  EXPECT_EQ(toy->phase(ToyPhase::run).calls(), 2);
}

}  // namespace
}  // namespace laneway
