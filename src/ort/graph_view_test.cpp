#include "laneway/ort/graph_view.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <functional>

#include "laneway/ort/device.h"
#include "ort/model_editor.h"
#include "ort/sub_table.h"
#include "ort_support/models.h"

namespace laneway::ort {
namespace {

namespace fs = std::filesystem;
using test_models::OnnxGraph;
using test_models::OnnxModel;
using testing::ElementsAre;
using testing::Pair;
using testing::StartsWith;
using testing::UnorderedElementsAre;

std::function<void(const GraphView&)> reader;
void read(const OrtGraph* graph) { reader(GraphView(take(Library::open()), graph)); }

/// Opens the model on a provider that computes nothing and shows `look` every graph that it is asked about.
void show(const ModelSource& model, std::function<void(const GraphView&)> look) {
  const auto environment = take(Environment::get());
  const auto library = take(ProviderLibrary::load(environment, "GraphReader", LANEWAY_TEST_GRAPH_READER));
  void* const loaded = dlopen(LANEWAY_TEST_GRAPH_READER, RTLD_NOW);
  ASSERT_NE(loaded, nullptr);
  const auto set = reinterpret_cast<void (*)(void (*)(const OrtGraph*))>(dlsym(loaded, "set_graph_reader"));
  reader = std::move(look);
  set(read);
  SessionSpec spec{.model = model};
  spec.providers = {{.name = "GraphReader", .devices = library->devices()}};
  spec.optimisation = Optimisation::none;
  take(Session::open(spec));
  set(nullptr);
  dlclose(loaded);
}

std::vector<std::string> names_of(const std::vector<ValueView>& values) {
  std::vector<std::string> names;
  for (const ValueView& value : values) names.push_back(take(value.name()));
  return names;
}
std::vector<std::string> names_of(const NodeView::Values& values) {
  std::vector<std::string> names;
  for (const auto& value : values) names.push_back(value ? take(value->name()) : "(none)");
  return names;
}
std::vector<std::string> types_of(const GraphView& graph) {
  std::vector<std::string> types;
  for (const NodeView& node : take(graph.nodes())) types.push_back(take(node.type()));
  return types;
}
std::optional<NodeView> node_of(const GraphView& graph, const std::string& type) {
  for (const NodeView& node : take(graph.nodes())) {
    if (take(node.type()) == type) return node;
  }
  ADD_FAILURE() << "no " << type;
  return std::nullopt;
}
ValueView value_of(const std::vector<ValueView>& values, const std::string& name) {
  for (const ValueView& value : values) {
    if (take(value.name()) == name) return value;
  }
  ADD_FAILURE() << "no " << name;
  return values.at(0);
}

/// y = Elu(LeakyRelu(Clip(x + bias, max = w))) + e; z = If(flag) { -x } else { x + x }
class OrtGraphView : public testing::Test {
 protected:
  OrtGraphView() {
    std::string pattern = fs::temp_directory_path() / "laneway-graph-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    OnnxModel model;
    model.metadata = {{"author", "a test"}};
    model.model_version = 7;
    model.input("x", DType::f32, {"batch", 4}).input("bias", DType::f32, {4}).input("flag", DType::boolean, {});
    model.initializer("bias", Shape{4}, std::vector<float>{1, 2, 3, 4});
    model.initializer("w", Shape{}, std::vector<float>{6});
    model.initializer(
        "e", test_models::external_tensor(DType::f32, Shape{4}, {{"location", "e.bin"}, {"offset", "8"}, {"length", "16"}}));
    std::ofstream(folder_ / "e.bin", std::ios::binary)
        .write(reinterpret_cast<const char*>(std::array<float, 6>{0, 0, 5, 6, 7, 8}.data()), 24);
    model.node("Add", {"x", "bias"}, {"a"});
    model.node("Clip", {"a", "", "w"}, {"c"});
    model.node("LeakyRelu", {"c"}, {"l"}, {{"alpha", 0.25}});
    model.node("Elu", {"l"}, {"s"});
    model.node("Add", {"s", "e"}, {"y"});
    OnnxGraph then_graph("then"), else_graph("else");
    then_graph.node("Neg", {"x"}, {"m"}).output("m", DType::f32, {"batch", 4});
    else_graph.node("Add", {"x", "x"}, {"p"}).output("p", DType::f32, {"batch", 4});
    model.node("If", {"flag"}, {"z"}, {{"then_branch", then_graph}, {"else_branch", else_graph}});
    model.output("y", DType::f32, {"batch", 4}).output("z", DType::f32, {"batch", 4});
    std::ofstream(folder_ / "model.onnx", std::ios::binary) << model.bytes();
  }
  ~OrtGraphView() override { fs::remove_all(folder_); }

  /// The model's own graph, once.
  void look(const std::function<void(const GraphView&)>& at) const {
    int shown = 0;
    show(ModelPath{folder_ / "model.onnx"}, [&](const GraphView& graph) {
      if (take(graph.parent()) || shown++ != 0) return;
      at(graph);
    });
    EXPECT_GE(shown, 1);
  }

  fs::path folder_;
};

TEST_F(OrtGraphView, O30_ReadsWhatAGraphIs) {
  look([&](const GraphView& graph) {
    EXPECT_EQ(take(graph.name()), "graph");
    EXPECT_EQ(take(graph.model_path()), folder_ / "model.onnx");
    EXPECT_EQ(take(graph.ir_version()), 8);
    std::vector<std::pair<std::string, int>> sets;
    for (const OperatorSet& set : take(graph.operator_sets())) sets.emplace_back(set.domain, set.version);
    EXPECT_THAT(sets, testing::Contains(Pair("", 17)));
    const Metadata metadata = take(graph.metadata());
    EXPECT_EQ(metadata.version, 7);
    EXPECT_THAT(metadata.custom, ElementsAre(Pair("author", "a test")));
    EXPECT_THAT(names_of(take(graph.inputs())), ElementsAre("x", "bias", "flag"));
    EXPECT_THAT(names_of(take(graph.outputs())), ElementsAre("y", "z"));
    EXPECT_THAT(names_of(take(graph.initializers())), UnorderedElementsAre("bias", "w", "e"));
    EXPECT_THAT(types_of(graph), testing::UnorderedElementsAreArray({"Add", "Clip", "LeakyRelu", "Elu", "Add", "If"}));
    EXPECT_EQ(take(graph.input_count()), 3u);
    EXPECT_EQ(take(graph.output_count()), 2u);
    EXPECT_EQ(take(graph.initializer_count()), 3u);
    EXPECT_EQ(take(graph.node_count()), 6u);
  });
}

TEST_F(OrtGraphView, O30_ReadsValuesTheirRolesAndUses) {
  look([&](const GraphView& graph) {
    const auto inputs = take(graph.inputs()), outputs = take(graph.outputs()), weights = take(graph.initializers());
    const Port x = take(inputs[0].port());
    EXPECT_EQ(x.dtype, DType::f32);
    EXPECT_EQ(describe_shape(x), "[batch, 4]");
    const auto roles = [](const ValueView& value) {
      const ValueRoles r = take(value.roles());
      return std::string(r.required_input ? "required " : "") + (r.optional_input ? "optional " : "") +
             (r.output ? "output " : "") + (r.constant ? "constant " : "") + (r.from_outside ? "outside " : "");
    };
    EXPECT_EQ(roles(inputs[0]), "required ");
    EXPECT_EQ(roles(inputs[1]), "optional ");
    EXPECT_EQ(roles(outputs[0]), "output ");
    EXPECT_EQ(roles(value_of(weights, "w")), "constant ");

    EXPECT_FALSE(take(inputs[0].producer()));
    const auto producer = take(outputs[1].producer());
    ASSERT_TRUE(producer);
    EXPECT_EQ(take(producer->node.type()), "If");
    EXPECT_EQ(producer->index, 0u);
    std::vector<std::string> uses;
    for (const NodeUse& use : take(inputs[0].consumers())) {
      uses.push_back(take(use.node.type()) + (use.index ? " " + std::to_string(*use.index) : " within"));
    }
    EXPECT_THAT(uses, UnorderedElementsAre("Add 0", "If within"));
    EXPECT_THAT(take(outputs[0].consumers()), testing::IsEmpty());
  });
}

TEST_F(OrtGraphView, O30_ReadsWeightsAndWhereTheyLie) {
  look([&](const GraphView& graph) {
    const auto weights = take(graph.initializers());
    const auto elements = [&](const std::string& name) {
      const Tensor tensor = take(value_of(weights, name).initializer()).value();
      const auto floats = take(tensor.elements<float>());
      return std::vector<float>(floats.begin(), floats.end());
    };
    EXPECT_THAT(elements("bias"), ElementsAre(1, 2, 3, 4));
    EXPECT_THAT(elements("w"), ElementsAre(6));
    EXPECT_THAT(elements("e"), ElementsAre(5, 6, 7, 8));
    EXPECT_FALSE(take(take(graph.outputs())[0].initializer()));
    EXPECT_FALSE(take(value_of(weights, "w").external_place()));
    const auto place = take(value_of(weights, "e").external_place());
    ASSERT_TRUE(place);
    EXPECT_EQ(place->file.filename(), "e.bin");
    EXPECT_EQ(place->offset, 8);
    EXPECT_EQ(place->bytes, 16u);
  });
}

TEST_F(OrtGraphView, O30_ReadsNodesAndTheirAttributes) {
  look([&](const GraphView& graph) {
    const NodeView clip = node_of(graph, "Clip").value();
    EXPECT_EQ(take(clip.name()), "Clip_1");
    EXPECT_EQ(take(clip.domain()), "");
    EXPECT_EQ(take(clip.since_version()), 13);
    EXPECT_THAT(names_of(take(clip.inputs())), ElementsAre("a", "(none)", "w"));
    EXPECT_THAT(names_of(take(clip.outputs())), ElementsAre("c"));
    EXPECT_THAT(take(clip.implicit_inputs()), testing::IsEmpty());
    EXPECT_EQ(take(clip.provider()), std::nullopt) << "none has been chosen yet";
    EXPECT_EQ(take(take(clip.graph()).value().name()), "graph");

    const NodeView leaky = node_of(graph, "LeakyRelu").value();
    EXPECT_NE(take(leaky.id()), take(clip.id()));
    const auto attributes = take(leaky.attributes());
    ASSERT_EQ(attributes.size(), 1u);
    EXPECT_EQ(attributes[0].name, "alpha");
    EXPECT_EQ(std::get<float>(attributes[0].value), 0.25f);
    EXPECT_EQ(std::get<float>(take(leaky.attribute("alpha")).value().value), 0.25f);
    EXPECT_THAT(outcome(leaky.attribute("beta")), StartsWith("not_found"));
    EXPECT_THAT(outcome(leaky.attribute(std::string("a\0b", 3))), StartsWith("invalid_argument"));
    EXPECT_EQ(std::get<float>(take(node_of(graph, "Elu")->attribute("alpha")).value().value), 1.0f) << "the default";
  });
}

TEST_F(OrtGraphView, O30_ReadsSubgraphs) {
  look([&](const GraphView& graph) {
    const NodeView choice = node_of(graph, "If").value();
    EXPECT_THAT(names_of(take(choice.implicit_inputs())), ElementsAre("x"));
    EXPECT_THAT(take(choice.attributes()), testing::IsEmpty()) << "graphs apart";
    const auto bodies = take(choice.subgraphs());
    ASSERT_EQ(bodies.size(), 2u);
    for (const auto& [name, body] : bodies) {
      EXPECT_THAT(types_of(body), ElementsAre(name == "then_branch" ? "Neg" : "Add")) << name;
      EXPECT_EQ(take(take(body.parent()).value().type()), "If");
      const auto x = take(take(body.nodes())[0].inputs())[0].value();
      EXPECT_TRUE(take(x.roles()).from_outside);
    }
  });
}

TEST_F(OrtGraphView, O30_APartIsAGraphOfItsOwn) {
  look([&](const GraphView& graph) {
    const std::vector<NodeView> two = {node_of(graph, "Clip").value(), node_of(graph, "LeakyRelu").value()};
    const GraphView part = take(graph.part(two));
    EXPECT_THAT(types_of(part), ElementsAre("Clip", "LeakyRelu"));
    EXPECT_THAT(names_of(take(part.inputs())), testing::Contains("a"));
    EXPECT_THAT(names_of(take(part.outputs())), ElementsAre("l"));
  });
}

TEST_F(OrtGraphView, O30_AttributesOfEveryKind) {
  ModelGraph model = {.outputs = {{.name = "y", .rank_known = false}, {.name = "n", .dtype = DType::i64, .rank_known = false}}};
  model.inputs = {{.name = "x", .shape = {{.extent = 2}, {.extent = 1}}},
                  {.name = "t", .dtype = DType::string, .shape = {{.extent = 1}}}};
  model.operator_sets = {{"", 17}, {"ai.onnx.ml", 3}};
  model.nodes = {
      {.type = "Constant", .inputs = {}, .outputs = {"w"}, .attributes = {{"value", Tensor::of({1}, std::vector<float>{2.5f})}}},
      {.type = "Transpose", .inputs = {"x"}, .outputs = {"z"}, .attributes = {{"perm", std::vector<std::int64_t>{1, 0}}}},
      {.type = "Mul", .inputs = {"z", "w"}, .outputs = {"y"}},
      {.type = "LabelEncoder",
       .inputs = {"t"},
       .outputs = {"n"},
       .attributes = {{"keys_strings", std::vector<std::string>{"a", "", "bc"}},
                      {"values_int64s", std::vector<std::int64_t>{1, 2, 3}},
                      {"default_int64", 9},
                      {"default_string", "none"}},
       .domain = "ai.onnx.ml"}};
  show(model, [&](const GraphView& graph) {
    const NodeView encoder = node_of(graph, "LabelEncoder").value();
    EXPECT_EQ(take(encoder.domain()), "ai.onnx.ml");
    const auto value = [&](const char* name) { return take(encoder.attribute(name)).value().value; };
    EXPECT_THAT(std::get<std::vector<std::string>>(value("keys_strings")), ElementsAre("a", "", "bc"));
    EXPECT_THAT(std::get<std::vector<std::int64_t>>(value("values_int64s")), ElementsAre(1, 2, 3));
    EXPECT_EQ(std::get<std::int64_t>(value("default_int64")), 9);
    EXPECT_EQ(std::get<std::string>(value("default_string")), "none");
    EXPECT_THAT(std::get<std::vector<std::int64_t>>(take(node_of(graph, "Transpose")->attribute("perm")).value().value),
                ElementsAre(1, 0));
  });
}

// A graph of the model editor, which is all that there is outside of providers, knows little; the rest is an error.
TEST(OrtEditorGraph, O30_TellsItsNameAndCounts) {
  const auto library = take(Library::open());
  const auto editor = take(model_editor(library));
  const auto native = take(make<OrtGraph>(editor, LANEWAY_ORT_FN(CreateGraph)));
  const GraphView graph(library, native.get());
  EXPECT_EQ(take(graph.name()), "ModelEditorGraph");
  EXPECT_EQ(take(graph.node_count()), 0u);
  EXPECT_EQ(take(graph.input_count()), 0u);
  EXPECT_THAT(outcome(graph.operator_sets()), StartsWith("unimplemented"));
  EXPECT_THAT(outcome(graph.parent()), StartsWith("unimplemented"));
}

}  // namespace
}  // namespace laneway::ort
