#include "laneway/ort/model_graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "ort_support/models.h"

namespace laneway::ort {
namespace {

using test_models::OnnxModel;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

Port port(std::string name, std::vector<Dimension> shape = {}, DType dtype = DType::f32) {
  return {.name = std::move(name), .dtype = dtype, .shape = std::move(shape)};
}
Dimension extent(std::int64_t value) { return {.extent = value}; }

ModelGraph sum() {
  return {.inputs = {port("a"), port("b")},
          .outputs = {port("c")},
          .nodes = {{.type = "Add", .inputs = {"a", "b"}, .outputs = {"c"}}}};
}

/// c = a + w, where w are the elements.
ModelGraph plus(Tensor w) {
  const Dimension length = extent(w.shape[0]);
  ModelGraph graph = {.inputs = {port("a", {length})}, .outputs = {port("c", {length})}};
  graph.initializers = {{"w", std::move(w)}};
  graph.nodes = {{.type = "Add", .inputs = {"a", "w"}, .outputs = {"c"}}};
  return graph;
}

std::shared_ptr<const Session> open_graph(const ModelSource& model) { return take(Session::open({.model = model})); }
std::string refused(const ModelSource& model) { return outcome(Session::open({.model = model})); }

/// The graph as it is, and by way of its bytes.
std::vector<std::shared_ptr<const Session>> both_ways(const ModelGraph& graph) {
  return {open_graph(graph), open_graph(take(to_bytes(graph)))};
}

float run_scalars(const std::shared_ptr<const Session>& session, float a, float b) {
  std::vector<float> first = {a}, second = {b};
  const Value x = over(first, {}), y = over(second, {});
  return elements_of<float>(run_once(session, {&x, &y})[0])[0];
}

std::vector<float> run_floats(const std::shared_ptr<const Session>& session, std::vector<float> x) {
  const Value value = over(x, {x.size()});
  return elements_of<float>(run_once(session, {&value})[0]);
}

TEST(OrtModelGraph, O29_TwoAndThreeAreFive) {
  for (const auto& session : both_ways(sum())) {
    EXPECT_EQ(run_scalars(session, 2, 3), 5);
    EXPECT_EQ(session->inputs()[1].name, "b");
    EXPECT_EQ(session->outputs()[0].name, "c");
  }
}

TEST(OrtModelGraph, O29_AnInitializer) {
  for (const auto& session : both_ways(plus(Tensor::of({1}, std::vector<float>{10})))) {
    EXPECT_THAT(run_floats(session, {5}), ElementsAre(15));
  }
}

// 128 bytes and more are used where they lie: what is written there later is what a run sees.
TEST(OrtModelGraph, O29_AnExternalInitializerIsUsedWhereItLies) {
  auto weights = std::make_shared<std::vector<float>>(40, 10.0f);
  const std::weak_ptr<std::vector<float>> watched = weights;
  Tensor w{.dtype = DType::f32, .shape = {40}, .bytes = std::as_bytes(std::span(*weights)), .owner = weights};
  SessionSpec spec{.model = plus(std::move(w))};
  spec.optimisation = Optimisation::none;
  auto session = take(Session::open(spec));
  EXPECT_THAT(run_floats(session, std::vector<float>(40, 5)), Each(15));
  std::ranges::fill(*weights, 20.0f);
  EXPECT_THAT(run_floats(session, std::vector<float>(40, 5)), Each(25)) << "not a copy";
  weights = nullptr;
  spec.model = ModelPath{};
  EXPECT_FALSE(watched.expired()) << "the session keeps the owner";
  EXPECT_THAT(run_floats(session, std::vector<float>(40, 1)), Each(21));
  session = nullptr;
  EXPECT_TRUE(watched.expired());
}

TEST(OrtModelGraph, O29_SmallAndMisplacedInitializersAreCopied) {
  std::vector<float> weights(41, 10.0f);
  for (const std::size_t count : {31u, 40u}) {  // 124 bytes; more, from an address that is no multiple of 16
    const auto bytes = std::as_bytes(std::span(weights)).subspan(sizeof(float), count * sizeof(float));
    SessionSpec spec{.model = plus({.dtype = DType::f32, .shape = {count}, .bytes = bytes})};
    spec.optimisation = Optimisation::none;
    const auto session = take(Session::open(spec));
    std::ranges::fill(weights, 20.0f);
    EXPECT_THAT(run_floats(session, std::vector<float>(count, 5)), Each(15));
    std::ranges::fill(weights, 10.0f);
  }
}

TEST(OrtModelGraph, O29_InitializersOfEveryDtype) {
  for (const DType dtype : {DType::f32, DType::f64, DType::f16, DType::bf16, DType::i64, DType::i32, DType::i16, DType::i8,
                            DType::u64, DType::u32, DType::u16, DType::u8, DType::boolean, DType::f8e4m3fn, DType::f8e5m2}) {
    const std::size_t size = take(byte_count(dtype, Shape{3}));
    std::vector<std::uint8_t> bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = dtype == DType::boolean ? i % 2 : static_cast<std::uint8_t>(i + 1);
    ModelGraph graph = {.inputs = {}, .outputs = {port("y", {extent(3)}, dtype)}, .operator_sets = {{"", 19}}};
    graph.initializers = {{"w", {.dtype = dtype, .shape = {3}, .bytes = std::as_bytes(std::span(bytes))}}};
    graph.nodes = {{.type = "Identity", .inputs = {"w"}, .outputs = {"y"}}};
    for (const auto& session : both_ways(graph)) {
      const auto y = run_once(session, {});
      const TensorView view = take(y[0].tensor());
      const auto* first = static_cast<const std::uint8_t*>(view.data);
      EXPECT_EQ(view.dtype, dtype);
      EXPECT_EQ(std::vector<std::uint8_t>(first, first + view.bytes), bytes) << name(dtype);
    }
  }
}

TEST(OrtModelGraph, O29_AttributesThatAreNumbersAndListsOfThem) {
  ModelGraph graph = {.inputs = {port("x", {extent(2), extent(3)})}, .outputs = {port("y", {extent(3), extent(2)})}};
  graph.nodes = {
      {.type = "Transpose", .inputs = {"x"}, .outputs = {"t"}, .attributes = {{"perm", std::vector<std::int64_t>{1, 0}}}},
      {.type = "LeakyRelu", .inputs = {"t"}, .outputs = {"y"}, .attributes = {{"alpha", 0.5f}}, .name = "leaky"}};
  for (const auto& session : both_ways(graph)) {
    std::vector<float> x = {1, -2, 3, -4, 5, -6};
    const Value value = over(x, {2, 3});
    EXPECT_THAT(elements_of<float>(run_once(session, {&value})[0]), ElementsAre(1, -2, -1, 5, 3, -3));
  }
}

TEST(OrtModelGraph, O29_AttributesThatAreTextsAndListsOfThem) {
  ModelGraph graph = {.inputs = {port("x", {{.extent = std::nullopt, .symbol = "n"}}, DType::string)},
                      .outputs = {port("y", {{.extent = std::nullopt, .symbol = "n"}})}};
  graph.operator_sets = {{"", 17}, {"ai.onnx.ml", 3}};
  graph.nodes = {{.type = "LabelEncoder",
                  .inputs = {"x"},
                  .outputs = {"y"},
                  .attributes = {{"keys_strings", std::vector<std::string>{"one", "zwölf", ""}},
                                 {"values_floats", std::vector<float>{1, 12, -1}},
                                 {"default_float", 0.5f},
                                 {"default_string", "none"}},
                  .domain = "ai.onnx.ml"}};
  for (const auto& session : both_ways(graph)) {
    const Value x =
        take(Value::strings(session->environment()->host_allocator(), std::vector<std::string>{"zwölf", "", "two", "one"}, {4}));
    EXPECT_THAT(elements_of<float>(run_once(session, {&x})[0]), ElementsAre(12, -1, 0.5f, 1));
  }
}

// y = negative ? -x : x + {1, 2}
ModelGraph choice() {
  const std::vector<Dimension> two = {extent(2)};
  const ModelGraph minus = {
      .outputs = {port("m", two)}, .nodes = {{.type = "Neg", .inputs = {"x"}, .outputs = {"m"}}}, .name = "minus"};
  ModelGraph more = {.outputs = {port("p", two)}, .name = "more"};
  more.nodes = {
      {.type = "Constant", .inputs = {}, .outputs = {"w"}, .attributes = {{"value", Tensor::of({2}, std::vector<float>{1, 2})}}},
      {.type = "Add", .inputs = {"x", "w"}, .outputs = {"p"}}};
  ModelGraph graph = {.inputs = {port("x", two), port("negative", {}, DType::boolean)}, .outputs = {port("y", two)}};
  graph.nodes = {{.type = "If",
                  .inputs = {"negative"},
                  .outputs = {"y"},
                  .attributes = {{"then_branch", std::make_shared<const ModelGraph>(minus)},
                                 {"else_branch", std::make_shared<const ModelGraph>(std::move(more))}}}};
  return graph;
}

TEST(OrtModelGraph, O29_AttributesThatAreTensorsAndGraphs) {
  for (const auto& session : both_ways(choice())) {
    for (const bool negative : {true, false}) {
      std::vector<float> x = {10, 20};
      std::vector<std::uint8_t> flag = {negative};
      const Value value = over(x, {2});
      const Value condition = take(Value::borrow(session->environment()->host_memory(), flag.data(), 1, DType::boolean, {}));
      const auto y = elements_of<float>(run_once(session, {&value, &condition})[0]);
      EXPECT_THAT(y, negative ? ElementsAre(-10, -20) : ElementsAre(11, 22));
    }
  }
}

TEST(OrtModelGraph, O29_PortsOfOtherKindsAndUnknownRank) {
  ModelGraph graph = {
      .inputs = {{.name = "x", .rank_known = false}},
      .outputs = {{.name = "s", .kind = PortKind::sequence, .rank_known = false}, {.name = "y", .rank_known = false}}};
  graph.nodes = {{.type = "SequenceConstruct", .inputs = {"x", "x"}, .outputs = {"s"}},
                 {.type = "Neg", .inputs = {"x"}, .outputs = {"y"}}};
  const auto session = open_graph(graph);
  EXPECT_EQ(session->outputs()[0].kind, PortKind::sequence);
  std::vector<float> x = {1, 2};
  const Value value = over(x, {1, 2});
  const auto got = run_once(session, {&value});
  EXPECT_EQ(take(got[0].child_count()), 2u);
  EXPECT_THAT(elements_of<float>(got[1]), ElementsAre(-1, -2));
}

TEST(OrtModelGraph, O29_SharesPackedWeightsWhereAContainerIsGiven) {
  SessionSpec spec{.model = plus(Tensor::of({40}, std::vector<float>(40, 2)))};
  spec.prepacked = take(PrepackedWeights::make(take(Library::open())));
  EXPECT_THAT(run_floats(take(Session::open(spec)), std::vector<float>(40, 1)), Each(3));
}

// ---- changing another model -----------------------------------------------------------------------------------------------

std::string five() {  // Y = A + B
  OnnxModel model;
  model.input("A", DType::f32, {}).input("B", DType::f32, {}).output("Y", DType::f32, {});
  model.node("Add", {"A", "B"}, {"Y"});
  return model.bytes();
}

ModelGraph rename_to_z() {
  ModelGraph changes = {.outputs = {port("Z")}};
  changes.nodes = {{.type = "Identity", .inputs = {"Y"}, .outputs = {"Z"}}};
  return changes;
}

TEST(OrtModelGraph, O29_AFragmentRenamesTheOutput) {
  const std::string model = five();
  const auto folder = std::filesystem::temp_directory_path() / ("laneway-graph-" + std::to_string(getpid()) + ".onnx");
  std::ofstream(folder, std::ios::binary) << model;
  for (const bool file : {true, false}) {
    const EditedModel edited = file ? EditedModel(ModelPath{folder}, rename_to_z())
                                    : EditedModel(ModelBytes{test_models::as_bytes(model)}, rename_to_z());
    const auto session = open_graph(edited);
    ASSERT_EQ(session->outputs().size(), 1u);
    EXPECT_EQ(session->outputs()[0].name, "Z");
    EXPECT_EQ(session->inputs().size(), 2u) << "as they were";
    EXPECT_EQ(run_scalars(session, 2, 3), 5);
  }
  std::filesystem::remove(folder);
}

// Before the model, too: X = 2 A is computed first; a weight and another operator set come with the change.
TEST(OrtModelGraph, O29_AFragmentMayComeFirstAndBringWeightsAndOperatorSets) {
  const std::string model = five();
  auto weights = std::make_shared<std::vector<float>>(64, 2.0f);
  const std::weak_ptr<std::vector<float>> watched = weights;
  ModelGraph changes = {.outputs = {port("Y"), port("S", {extent(64)}), port("L", {extent(1)}, DType::i64)}};
  changes.initializers = {
      {"w", {.dtype = DType::f32, .shape = {64}, .bytes = std::as_bytes(std::span(*weights)), .owner = weights}},
      {"k", Tensor::of({1}, std::vector<std::int64_t>{7})}};
  changes.nodes = {
      {.type = "Mul", .inputs = {"Y", "w"}, .outputs = {"S"}},
      {.type = "LabelEncoder",
       .inputs = {"k"},
       .outputs = {"L"},
       .attributes = {{"keys_int64s", std::vector<std::int64_t>{7}}, {"values_int64s", std::vector<std::int64_t>{70}}},
       .domain = "ai.onnx.ml"}};
  changes.operator_sets = {{"", 1}, {"ai.onnx.ml", 3}};  // the model's own version of "" counts
  auto session = open_graph(EditedModel(ModelBytes{test_models::as_bytes(model)}, std::move(changes)));
  weights = nullptr;
  EXPECT_FALSE(watched.expired());
  std::vector<float> a = {2}, b = {3};
  const Value first = over(a, {}), second = over(b, {});
  {
    const auto got = run_once(session, {&first, &second});
    EXPECT_EQ(elements_of<float>(got[0])[0], 5);
    EXPECT_THAT(elements_of<float>(got[1]), AllOf(testing::SizeIs(64), Each(10)));
    EXPECT_THAT(elements_of<std::int64_t>(got[2]), ElementsAre(70));
  }
  session = nullptr;
  EXPECT_TRUE(watched.expired());
}

// ---- what is wrong --------------------------------------------------------------------------------------------------------

TEST(OrtModelGraph, O29_WrongGraphsAreErrorsAndLeakNothing) {
  ModelGraph graph = sum();
  graph.nodes[0].type = "NoSuchOperator";
  EXPECT_THAT(refused(graph), AllOf(StartsWith("invalid_argument: model"), HasSubstr("NoSuchOperator")));
  graph = sum();
  graph.nodes[0].inputs[1] = "nowhere";
  EXPECT_THAT(refused(graph), StartsWith("invalid_argument: model"));
  graph = plus(Tensor::of({3}, std::vector<float>{1, 2}));
  EXPECT_THAT(refused(graph), HasSubstr("initializer w: tensor f32 [3]: expected 12 bytes, got 8"));
  EXPECT_THAT(outcome(to_bytes(graph)), HasSubstr("initializer w: tensor f32 [3]: expected 12 bytes, got 8"));
  graph = plus(Tensor::of({2}, std::vector<float>{1, 2}));
  graph.initializers.push_back(graph.initializers[0]);
  EXPECT_THAT(refused(graph), AllOf(StartsWith("invalid_argument"), HasSubstr("already been added")));
  graph = choice();
  graph.nodes[0].attributes[0].value = std::shared_ptr<const ModelGraph>();
  EXPECT_THAT(refused(graph), HasSubstr("node If: attribute then_branch: graph: null"));
  graph = sum();
  graph.inputs[0].kind = PortKind::map;
  EXPECT_THAT(refused(graph), HasSubstr("port a: kind"));
}

TEST(OrtModelGraph, O29_TextsWithANulAreRefused) {
  const std::string nul("a\0b", 3);
  const auto with = [&](auto edit) {
    ModelGraph graph = plus(Tensor::of({1}, std::vector<float>{1}));
    edit(graph);
    return refused(graph);
  };
  EXPECT_THAT(with([&](ModelGraph& g) { g.nodes[0].type = nul; }), HasSubstr("holds a NUL"));
  EXPECT_THAT(with([&](ModelGraph& g) { g.nodes[0].name = nul; }), HasSubstr("holds a NUL"));
  EXPECT_THAT(with([&](ModelGraph& g) { g.nodes[0].domain = nul; }), HasSubstr("holds a NUL"));
  EXPECT_THAT(with([&](ModelGraph& g) { g.nodes[0].inputs[0] = nul; }), HasSubstr("holds a NUL"));
  EXPECT_THAT(with([&](ModelGraph& g) { g.nodes[0].outputs[0] = nul; }), HasSubstr("holds a NUL"));
  EXPECT_THAT(with([&](ModelGraph& g) { g.nodes[0].attributes = {{nul, 1}}; }), HasSubstr("holds a NUL"));
  EXPECT_THAT(with([&](ModelGraph& g) { g.initializers[0].name = nul; }), HasSubstr("holds a NUL"));
  EXPECT_THAT(with([&](ModelGraph& g) { g.inputs[0].name = nul; }), HasSubstr("holds a NUL"));
  EXPECT_THAT(with([&](ModelGraph& g) { g.inputs[0].shape[0] = {.extent = {}, .symbol = nul}; }), HasSubstr("holds a NUL"));
  EXPECT_THAT(with([&](ModelGraph& g) { g.operator_sets[0].domain = nul; }), HasSubstr("holds a NUL"));
}

TEST(OrtModelGraph, O29_WrongChangesAreErrorsAndLeakNothing) {
  const std::string model = five(), broken = model.substr(0, model.size() / 2);
  const auto bytes = [](const std::string& of) { return ModelBytes{test_models::as_bytes(of)}; };
  EXPECT_THAT(refused(EditedModel(ModelPath{"/nowhere.onnx"}, rename_to_z())), StartsWith("not_found: model /nowhere.onnx"));
  EXPECT_THAT(refused(EditedModel(ModelBytes{}, rename_to_z())), StartsWith("invalid_argument: model: bytes: none"));
  EXPECT_THAT(refused(EditedModel(bytes(broken), rename_to_z())), StartsWith("invalid_argument: model"));
  ModelGraph changes = rename_to_z();
  changes.nodes[0].inputs = {"nowhere"};
  EXPECT_THAT(refused(EditedModel(bytes(model), changes)), StartsWith("invalid_argument: model"));
  changes = rename_to_z();
  changes.nodes[0].attributes = {{"value", Tensor::of({1}, std::vector<float>{1})}};
  EXPECT_THAT(refused(EditedModel(bytes(model), changes)), StartsWith("unimplemented: model: node Identity: attribute value"));
  changes = rename_to_z();
  changes.outputs[0].kind = PortKind::sequence;
  EXPECT_THAT(refused(EditedModel(bytes(model), changes)), StartsWith("unimplemented: model: port Z: kind: expected tensor"));
  EXPECT_EQ(refused(EditedModel(bytes(model), rename_to_z())), "success");
}

TEST(OrtModelGraph, O29_ATensorKnowsItsElements) {
  const Tensor tensor = Tensor::of({2, 2}, std::vector<std::int16_t>{1, -2, 3, -4});
  EXPECT_EQ(outcome(tensor.validate()), "success");
  const auto elements = take(tensor.elements<std::int16_t>());
  EXPECT_THAT(std::vector<std::int16_t>(elements.begin(), elements.end()), ElementsAre(1, -2, 3, -4));
  EXPECT_EQ(outcome(tensor.elements<float>()), "invalid_argument: tensor i16 [2, 2]: dtype: expected f32, got i16");
  EXPECT_EQ(outcome(Tensor::of({3}, std::vector<std::string>{"a"}).validate()),
            "invalid_argument: tensor string [3]: expected 3 strings, got 1");
}

}  // namespace
}  // namespace laneway::ort
