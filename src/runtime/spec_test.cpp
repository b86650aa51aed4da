// What a spec says is heeded or refused, never dropped.
#include <numeric>

#include "runtime/toy_fixture.h"

namespace laneway {
namespace {

class SpecTest : public OnToy {
 protected:
  /// Refused, and in these words.
  static void expect_refused(const RuntimeSpec& spec, std::initializer_list<std::string> words) {
    const auto result = open(spec);
    EXPECT_EQ(code_of(result), ErrorCode::invalid_argument);
    for (const std::string& word : words) EXPECT_NE(message_of(result).find(word), std::string::npos) << message_of(result);
  }
  static RuntimeSpec fixed(std::shared_ptr<Toy> toy) {
    RuntimeSpec result = spec(std::move(toy));
    result.dimensions = batch(3);
    return result;
  }
};
INSTANTIATE_ON_TOY(SpecTest);

TEST_P(SpecTest, L43_WhatAnOpenEngineCannotHeedIsRefused) {
  const OpenEngine engine = make_toy(make(toys::affine()));
  const RuntimeSpec plain{.model = engine, .dimensions = batch(3)};
  ASSERT_OK(open(plain));
  RuntimeSpec wrong = plain;
  wrong.engine = "no_such_engine";
  expect_refused(wrong, {"engine", "no_such_engine"});
  wrong.engine = ToyEngineSpec{make(toys::affine())};
  expect_refused(wrong, {"engine"});
  wrong.engine = "toy";  // which it is
  EXPECT_OK(open(wrong));
  wrong.threads.count = 2;
  expect_refused(wrong, {"threads"});
  wrong.threads = {};
  const float weight = 1;
  wrong.weights = {{.name = "w", .shape = Shape(1), .memory = {.data = const_cast<float*>(&weight), .bytes = 4}}};
  expect_refused(wrong, {"weights", "w"});
  auto runtime = open(plain);
  ASSERT_OK(runtime);
  EXPECT_OK(open(runtime->spec())) << "a resolved spec opens again";
}

TEST_P(SpecTest, L03_APortNamedTwiceIsRefused) {
  RuntimeSpec twice = fixed(make(toys::affine()));
  twice.ports = {{.name = "x"}, {.name = "y"}, {.name = "x", .pages = PagePolicy{.alignment_bytes = 128}}};
  expect_refused(twice, {"ports: x: named twice"});
  twice.ports = {};
  twice.per_lane = {{.ports = {{.name = "y"}, {.name = "y"}}}};
  expect_refused(twice, {"per_lane[0].ports: y: named twice"});
  twice.per_lane = {};
  twice.outputs = {"y", "y"};
  expect_refused(twice, {"outputs: y: named twice"});
}

TEST_P(SpecTest, L04_DtypesAndShapesOfOneLaneAreRefused) {
  RuntimeSpec wrong = fixed(make(toys::affine()));
  wrong.per_lane = {{.ports = {{.name = "x", .dtype = DType::u8}}}};
  expect_refused(wrong, {"per_lane[0].ports: x", "f32", "u8"});
  wrong.per_lane = {{.ports = {{.name = "x", .shape = Shape(7, 7)}}}};
  expect_refused(wrong, {"per_lane[0].ports: x", "shape"});
  wrong.per_lane = {{.ports = {{.name = "x", .dtype = DType::f32}}}};
  EXPECT_OK(open(wrong));
}

TEST_P(SpecTest, L06_AnOptionalInputNamedForOneLaneIsGiven) {
  std::vector<float> bias(4, 100.0f);
  RuntimeSpec two = spec(make(toys::default_input()));
  two.lanes = 2;
  two.per_lane = {{.ports = {{.name = "bias", .memory = Memory{.data = bias.data(), .bytes = 16}}}}};
  auto runtime = open(two);
  ASSERT_OK(runtime);
  for (const std::size_t lane : {0, 1}) {
    auto x = runtime->lanes()[lane]->input<float>("x");
    ASSERT_OK(x);
    std::iota(x->begin(), x->end(), 1.0f);
    ASSERT_OK(runtime->lanes()[lane]->run());
  }
  EXPECT_EQ(runtime->lanes()[0]->output<float>("y")->data[3], 104.0f);
  EXPECT_EQ(runtime->lanes()[1]->output<float>("y")->data[3], 4.0f) << "given to all lanes: ours are zeros";
}

TEST_P(SpecTest, L43_OneMemoryForTwoOutputsIsRefused) {
  std::vector<float> results(24);
  const Memory first{.data = results.data(), .bytes = 48}, second{.data = results.data() + 12, .bytes = 48};
  const Memory between{.data = results.data() + 11, .bytes = 48};
  RuntimeSpec two = fixed(make(toys::affine()));
  two.lanes = 2;
  two.per_lane = {{.ports = {{.name = "y", .memory = first}}}, {.ports = {{.name = "y", .memory = between}}}};
  expect_refused(two, {"per_lane[1].ports: y", "another output"});
  two.per_lane[1].ports[0].memory = second;
  auto runtime = open(two);
  ASSERT_OK(runtime);
  for (const auto& lane : runtime->lanes()) ASSERT_OK(lane->run());
  EXPECT_EQ(results[23], 1.0f);
}

TEST_P(SpecTest, L43_OneMemoryForTheOutputOfManyBucketsIsRefused) {
  std::vector<float> memory(400);
  const Memory mine{.data = memory.data(), .bytes = 1600};
  RuntimeSpec buckets = bucketed(make(toys::affine()));
  buckets.per_lane = {{.ports = {{.name = "y", .memory = mine}}}};
  expect_refused(buckets, {"per_lane[0].ports: y", "buckets"});
  buckets.per_lane = {};
  buckets.ports = {{.name = "y", .memory = mine}};
  expect_refused(buckets, {"ports: y", "buckets"});
}

TEST_P(SpecTest, L41_MemoryForALinkedPortIsRefusedWhereverItIsGiven) {
  std::vector<float> memory(64);
  RuntimeSpec linked = spec(make(toys::counter()));
  linked.dimensions = {{"n", 3}};
  linked.links = {{.output = "stateN", .input = "state"}};
  for (const char* port : {"state", "stateN"}) {
    const PortSpec said{.name = port, .memory = Memory{.data = memory.data(), .bytes = 256}};
    linked.ports = {said};
    linked.per_lane = {};
    expect_refused(linked, {"ports: " + std::string(port), "linked"});
    linked.ports = {};
    linked.per_lane = {{.ports = {said}}};
    expect_refused(linked, {"per_lane[0].ports: " + std::string(port), "linked"});
  }
}

TEST_P(SpecTest, L35_LanesWhereThereAreBucketsAndTheReverseAreClearErrors) {
  auto fixed_shapes = open(fixed(make(toys::affine())));
  ASSERT_OK(fixed_shapes);
  ASSERT_OK(fixed_shapes->lane(0));
  EXPECT_EQ(*fixed_shapes->lane(0), fixed_shapes->lanes()[0].get());
  EXPECT_EQ(code_of(fixed_shapes->lane(1)), ErrorCode::out_of_range);
  EXPECT_EQ(code_of(fixed_shapes->lease({{"batch", 3}})), ErrorCode::failed_precondition);
  auto varying = open(bucketed(make(toys::affine())));
  ASSERT_OK(varying);
  const auto none = varying->lane(0);
  EXPECT_EQ(code_of(none), ErrorCode::failed_precondition);
  EXPECT_NE(message_of(none).find("buckets"), std::string::npos) << message_of(none);
  EXPECT_NE(message_of(none).find("lease()"), std::string::npos) << message_of(none);
}

// ---- a model per bucket ---------------------------------------------------------------------------------------------------

class ModelForTest : public SpecTest {
 protected:
  static Expected<Lease> lease_of(const ToyModel& described, const ToyModel& given, std::int64_t extent = 3) {
    RuntimeSpec per_bucket = bucketed(make(described), {.ladders = {{.dimension = "batch", .from = 8, .to = 8}}});
    per_bucket.buckets->model_for = [engine = make_toy(given)](std::span<const NamedExtent>) -> Expected<ModelSource> {
      return ModelSource(engine);
    };
    auto runtime = open(per_bucket);
    if (!runtime) return runtime.error();
    return runtime->lease(batch(extent));
  }
  static ToyModel model(std::vector<Port> inputs) { return toys::copies(std::move(inputs)); }
};
INSTANTIATE_ON_TOY(ModelForTest);

TEST_P(ModelForTest, L44_AModelOfOtherPortsIsRefusedByName) {
  const auto refused = [](const ToyModel& described, const ToyModel& given, std::initializer_list<std::string> words) {
    const auto lease = lease_of(described, given);
    EXPECT_EQ(code_of(lease), ErrorCode::invalid_argument);
    for (const std::string& word : words) EXPECT_NE(message_of(lease).find(word), std::string::npos) << message_of(lease);
  };
  const Port x = toys::tensor("x", {"batch", 4}), z = toys::tensor("z", {"batch", 4});
  EXPECT_OK(lease_of(model({x, z}), model({x, z})));
  refused(model({x}), model({toys::tensor("x", {"batch", 4}, DType::u8)}), {"input x", "f32", "u8"});
  refused(model({x, z}), model({z, x}), {"input x", "got z"});
  refused(model({x}), model({x, z}), {"inputs", "expected 1 (x)", "got 2 (x, z)"});
  refused(model({x}), model({toys::tensor("x", {"batch", 4, 1})}), {"input x", "[batch, 4]", "[batch, 4, 1]"});
  refused(model({x}), model({toys::tensor("x", {"batch", 5})}), {"input x", "[batch, 4]", "[batch, 5]"});
  Port sparse = x;
  sparse.kind = PortKind::sequence;
  refused(model({x}), model({sparse}), {"input x", "kind", "sequence"});
  ToyModel other_output = model({x});
  other_output.outputs[0].dtype = DType::f64;
  refused(model({x}), other_output, {"output x_out", "f64"});
}

TEST_P(ModelForTest, L44_AnUnknownEngineForTheModelsOfBucketsIsRefusedByOpen) {
  RuntimeSpec per_bucket{.model = make_toy(make(toys::affine())), .engine = "no_such_engine", .buckets = BucketSpec{}};
  per_bucket.buckets->model_for = [](std::span<const NamedExtent>) -> Expected<ModelSource> { return toy_source(); };
  EXPECT_EQ(code_of(open(per_bucket)), ErrorCode::not_found);
  per_bucket.engine = "ort";
  EXPECT_OK(open(per_bucket));
}

TEST_P(ModelForTest, L44_ANullEngineIsRefused) {
  RuntimeSpec per_bucket = bucketed(make(toys::affine()));
  per_bucket.buckets->model_for = [](std::span<const NamedExtent>) -> Expected<ModelSource> { return ModelSource(OpenEngine()); };
  auto runtime = open(per_bucket);
  ASSERT_OK(runtime);
  EXPECT_EQ(code_of(runtime->lease(batch(3))), ErrorCode::invalid_argument);
}

// Each model is of the one size it is for, as those of static-shape providers are.
TEST_P(ModelForTest, L44_ModelsOfOneSizeArePadded) {
  for (const bool of_one_size : {false, true}) {
    ToyModel described = toys::affine();
    described.traits.resizable = false;
    RuntimeSpec padded = bucketed(make(described), {.ladders = {{.dimension = "batch", .from = 4, .to = 16}}});
    padded.buckets->padding = PaddingSpec{.rows_independent = true};
    padded.buckets->model_for = [=](std::span<const NamedExtent> capacity) -> Expected<ModelSource> {
      const int rows = static_cast<int>(capacity[0].extent);
      ToyModel model = of_one_size ? toys::affine(rows, 1, toys::tensor("x", {rows, 4})) : toys::affine(rows, 1);
      model.traits.resizable = false;
      return ModelSource(make_toy(std::move(model)));
    };
    auto runtime = open(padded);
    ASSERT_OK(runtime);
    for (const std::int64_t rows : {5, 8, 3, 6}) {
      auto lease = runtime->lease(batch(rows));
      ASSERT_OK(lease);
      auto x = (*lease)->input<float>("x");
      ASSERT_EQ(x->size(), static_cast<std::size_t>(4 * rows));
      std::iota(x->begin(), x->end(), 1.0f);
      ASSERT_OK((*lease)->run());
      const auto y = (*lease)->output<float>("y");
      ASSERT_OK(y);
      ASSERT_EQ(y->data.size(), x->size());
      for (std::size_t i = 0; i < x->size(); ++i) ASSERT_EQ(y->data[i], (rows <= 4 ? 4.0f : 8.0f) * (*x)[i] + 1);
    }
  }
}

}  // namespace
}  // namespace laneway
