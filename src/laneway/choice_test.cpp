#include "laneway/candidate.h"
#include "runtime/toy_fixture.h"

namespace laneway {
namespace {

class ChoiceTest : public OnToy {
 protected:
  Candidate candidate(const char* name, const std::shared_ptr<Toy>& toy) {
    return {.name = name, .automatic = true, .about = "", .open = [toy](const OpenSpec& open) {
              return ToyEngineSpec{toy}.open(open);
            }};
  }
  static RuntimeSpec automatic() { return {.model = toy_source(), .engine = "auto", .dimensions = batch(3)}; }
  Expected<Runtime> open_either(const RuntimeSpec& spec = automatic()) {
    const Candidate candidates[] = {candidate("first", first), candidate("second", second)};
    return open_first(spec, candidates, {});
  }

  const Error unimplemented{ErrorCode::unimplemented, "node 7: no such kernel"};
  std::shared_ptr<Toy> first = make(toys::affine()), second = make(toys::affine());
};
INSTANTIATE_ON_TOY(ChoiceTest);

TEST_P(ChoiceTest, L20_TheFirstEngineThatCanIsTaken) {
  auto runtime = open_either();
  ASSERT_OK(runtime);
  EXPECT_EQ(runtime->report().reason, "first choice");
  EXPECT_EQ(second->phase(ToyPhase::open).calls(), 0);
}

TEST_P(ChoiceTest, L20_AutoGoesOnWhereOpenIsUnimplemented) {
  first->phase(ToyPhase::open).fail_next(unimplemented, 10);
  auto runtime = open_either();
  ASSERT_OK(runtime);
  EXPECT_EQ(runtime->report().reason, "after first: node 7: no such kernel");
  EXPECT_EQ(second->phase(ToyPhase::open).calls(), 1);
  ASSERT_OK(runtime->lanes()[0]->run());
}

TEST_P(ChoiceTest, L20_AutoGoesOnWhereTheSpecialiseOfOpenIsUnimplemented) {
  first->phase(ToyPhase::specialise).fail_next(unimplemented);
  auto runtime = open_either();
  ASSERT_OK(runtime);
  EXPECT_EQ(runtime->report().reason, "after first: node 7: no such kernel");
  EXPECT_EQ(first->complaints(), "") << "nothing is left of the engine that refused";
}

TEST_P(ChoiceTest, L20_AutoStopsAtEveryOtherError) {
  first->phase(ToyPhase::open).fail_next(Error(ErrorCode::resource_exhausted, "no room"), 10);
  EXPECT_EQ(code_of(open_either()), ErrorCode::resource_exhausted);
  EXPECT_EQ(second->phase(ToyPhase::open).calls(), 0);
}

TEST_P(ChoiceTest, L20_WithBucketsTheFirstChoiceStays) {
  first->phase(ToyPhase::specialise).fail_next(unimplemented);
  RuntimeSpec varying = automatic();
  varying.dimensions = {};
  varying.buckets = BucketSpec{};
  auto runtime = open_either(varying);
  ASSERT_OK(runtime);
  EXPECT_EQ(runtime->report().reason, "first choice");
  EXPECT_EQ(code_of(runtime->lease(batch(3))), ErrorCode::unimplemented);
}

TEST_P(ChoiceTest, L20_WhereAllRefuseEachIsNamed) {
  first->phase(ToyPhase::open).fail_next(unimplemented, 10);
  second->phase(ToyPhase::open).fail_next(Error(ErrorCode::unimplemented, "no strings"), 10);
  const auto result = open_either();
  EXPECT_EQ(code_of(result), ErrorCode::unimplemented);
  EXPECT_EQ(message_of(result), "first: node 7: no such kernel; second: no strings");
}

}  // namespace
}  // namespace laneway
