// Flows with models that are made, changed, read and compiled, and with operators of the caller's.
#include <dlfcn.h>

#include "laneway/ort/compile.h"
#include "laneway/ort/graph_view.h"
#include "laneway/ort/native_operator.h"
#include "laneway/ort/run.h"
#include "ort_faults/faults.h"
#include "ort_support/folder.h"
#include "ort_support/operators.h"

namespace laneway::faults {
namespace {

using namespace ort;

class OrtModelFaults : public OrtFaults {
 protected:
  /// y, of which `at` is the last element, where x = {1, 2}.
  Expected<> run_on_one_and_two(const SessionSpec& spec, float at) const {
    LANEWAY_TRY_ASSIGN(const auto session, Session::open(spec));
    LANEWAY_TRY_ASSIGN(RunOptions options, RunOptions::make(library_));
    LANEWAY_TRY_ASSIGN(const Value x, Value::copy<float>(environment_->host_allocator(), std::vector<float>{1, 2}, {2}));
    const RunInput inputs[] = {{0, &x}};
    RunOutput outputs[] = {{0}};
    LANEWAY_TRY(run(*session, options, inputs, outputs));
    LANEWAY_TRY_ASSIGN(const TensorView y, outputs[0].value->tensor());
    return check(static_cast<const float*>(y.data)[1] == at, "output");
  }
};

ModelGraph graph() {
  const std::vector<Dimension> two = {{.extent = 2}};
  ModelGraph made = {.inputs = {{.name = "x", .shape = two}}, .outputs = {{.name = "y", .shape = two}}};
  made.initializers = {{"small", Tensor::of({2}, std::vector<float>{1, 1})},
                       {"large", Tensor::of({64}, std::vector<float>(64, 3.0f))},
                       {"first", Tensor::of({1}, std::vector<std::int64_t>{0})},
                       {"second", Tensor::of({1}, std::vector<std::int64_t>{2})}};
  made.nodes = {{.type = "Slice", .inputs = {"large", "first", "second"}, .outputs = {"threes"}},
                {.type = "Add", .inputs = {"x", "small"}, .outputs = {"a"}},
                {.type = "LeakyRelu", .inputs = {"a"}, .outputs = {"b"}, .attributes = {{"alpha", 0.5f}}, .name = "leaky"},
                {.type = "Mul", .inputs = {"b", "threes"}, .outputs = {"y"}}};
  return made;
}

std::string graph_as_bytes() {
  const ModelBytes bytes = take(to_bytes(graph()));
  return {reinterpret_cast<const char*>(bytes.bytes.data()), bytes.bytes.size()};
}

TEST_F(OrtModelFaults, O02_AModelMadeByTheEditor) {
  fail_everything([&] { return run_on_one_and_two({.model = graph()}, 9); });
}

TEST_F(OrtModelFaults, O02_AModelMadeAsBytes) {
  ModelGraph with_tensor = graph();
  with_tensor.nodes.push_back({.type = "Constant", .inputs = {}, .outputs = {"c"}, .attributes = {}});
  with_tensor.nodes.back().attributes = {{"value", Tensor::of({1}, std::vector<float>{1})}};
  fail_everything([&] { return run_on_one_and_two({.model = with_tensor}, 9); });
}

TEST_F(OrtModelFaults, O02_AModelThatIsChanged) {
  const Folder folder;
  const std::string model = test_models::relu();
  const auto file = folder.write("model.onnx", model);
  ModelGraph changes = {.outputs = {{.name = "z", .shape = {{.extent = std::nullopt, .symbol = "n"}}}}};
  changes.nodes = {{.type = "Neg", .inputs = {"y"}, .outputs = {"z"}}};
  changes.operator_sets = {{"", 1}, {"ai.onnx.ml", 3}};
  const Reasons missing = {{"SessionGetOpsetForDomain", "whatever it fails for, the domain counts as one to be added"}};
  fail_everything(
      [&]() -> Expected<> {
        LANEWAY_TRY(run_on_one_and_two({.model = EditedModel(ModelPath{file}, changes)}, -2));
        return run_on_one_and_two({.model = EditedModel(ModelBytes{test_models::as_bytes(model)}, changes)}, -2);
      },
      missing);
}

TEST_F(OrtModelFaults, O02_CompilingToMemory) {
  const std::string model = test_models::relu();
  fail_everything([&]() -> Expected<> {
    LANEWAY_TRY_ASSIGN(const ModelBytes compiled, compile({.session = spec_of(model)}));
    return run_on_one_and_two({.model = compiled}, 2);
  });
}

TEST_F(OrtModelFaults, O02_CompilingAModelMadeInMemory) {
  fail_everything([&]() -> Expected<> {
    LANEWAY_TRY_ASSIGN(const ModelBytes compiled, compile({.session = {.model = graph()}}));
    return run_on_one_and_two({.model = compiled}, 9);
  });
}

TEST_F(OrtModelFaults, O02_CompilingToFiles) {
  const Folder folder;
  CompileSpec spec{.session = {.model = ModelPath{folder.write("model.onnx", graph_as_bytes())}}};
  spec.context_folder = folder.path();
  spec.context_name = "context";
  spec.weights_file = "weights.bin";
  spec.weights_bytes_min = 64;
  fail_everything([&]() -> Expected<> {
    LANEWAY_TRY(compile_to(spec, folder.path() / "compiled.onnx"));
    return run_on_one_and_two({.model = ModelPath{folder.path() / "compiled.onnx"}}, 9);
  });
}

TEST_F(OrtModelFaults, O02_CompilingToFunctionsOfTheCallers) {
  const std::string model = graph_as_bytes();
  fail_everything([&]() -> Expected<> {
    CompileSpec spec{.session = spec_of(model)};
    spec.session.optimisation = Optimisation::none;
    std::size_t weights = 0, bytes = 0;
    spec.place_weight = [&](const std::string&, const Tensor& weight,
                            const std::optional<ExternalPlace>&) -> Expected<std::optional<ExternalPlace>> {
      ++weights;
      if (weight.bytes.size() < 64) return std::optional<ExternalPlace>();
      return std::optional(ExternalPlace{.file = "mine.bin", .offset = 0, .bytes = weight.bytes.size()});
    };
    LANEWAY_TRY(compile_to(spec, [&](std::span<const std::byte> part) -> Expected<> {
      bytes += part.size();
      return {};
    }));
    return check(weights > 0 && bytes > 0, "parts");
  });
}

// ---- graphs that are read -------------------------------------------------------------------------------------------------

Expected<> read_value(const ValueView& value) {
  LANEWAY_TRY(value.name());
  LANEWAY_TRY(value.port());
  LANEWAY_TRY(value.roles());
  LANEWAY_TRY(value.producer());
  LANEWAY_TRY(value.consumers());
  LANEWAY_TRY(value.initializer());
  LANEWAY_TRY(value.external_place());
  return {};
}

Expected<> read_graph(const GraphView& graph);

Expected<> read_node(const NodeView& node) {
  LANEWAY_TRY(node.id());
  LANEWAY_TRY(node.name());
  LANEWAY_TRY(node.type());
  LANEWAY_TRY(node.domain());
  LANEWAY_TRY(node.since_version());
  LANEWAY_TRY(node.provider());
  LANEWAY_TRY(node.inputs());
  LANEWAY_TRY(node.outputs());
  LANEWAY_TRY(node.implicit_inputs());
  LANEWAY_TRY_ASSIGN(const auto attributes, node.attributes());
  for (const Attribute& attribute : attributes) LANEWAY_TRY(node.attribute(attribute.name));
  LANEWAY_TRY(node.graph());
  LANEWAY_TRY_ASSIGN(const auto bodies, node.subgraphs());
  for (const auto& [name, body] : bodies) LANEWAY_TRY(read_graph(body));
  return {};
}

Expected<> read_graph(const GraphView& graph) {
  LANEWAY_TRY(graph.name());
  LANEWAY_TRY(graph.model_path());
  LANEWAY_TRY(graph.ir_version());
  LANEWAY_TRY(graph.operator_sets());
  LANEWAY_TRY(graph.metadata());
  LANEWAY_TRY(graph.parent());
  LANEWAY_TRY_ASSIGN(const auto inputs, graph.inputs());
  LANEWAY_TRY_ASSIGN(const auto initializers, graph.initializers());
  LANEWAY_TRY_ASSIGN(const auto outputs, graph.outputs());
  for (const auto& values : {inputs, initializers, outputs}) {
    for (const ValueView& value : values) LANEWAY_TRY(read_value(value));
  }
  LANEWAY_TRY_ASSIGN(const auto nodes, graph.nodes());
  for (const NodeView& node : nodes) LANEWAY_TRY(read_node(node));
  LANEWAY_TRY_ASSIGN(const GraphView part, graph.part(nodes));
  LANEWAY_TRY(part.node_count());
  return {};
}

Expected<> what_was_read;
bool was_read = false;

TEST_F(OrtModelFaults, O02_ReadingAGraph) {
  ModelGraph model = graph();
  const ModelGraph body = {.outputs = {{.name = "m", .shape = {{.extent = 2}}}},
                           .nodes = {{.type = "Neg", .inputs = {"b"}, .outputs = {"m"}}},
                           .name = "body"};
  model.nodes.push_back({.type = "ConstantOfShape",
                         .inputs = {"second"},
                         .outputs = {"filled"},
                         .attributes = {{"value", Tensor::of({1}, std::vector<float>{1})}}});
  model.outputs.push_back({.name = "filled", .shape = {{.extent = 2}}});
  const auto shared = std::make_shared<const ModelGraph>(body);
  model.inputs.push_back({.name = "flag", .dtype = DType::boolean});
  model.outputs.push_back({.name = "z", .shape = {{.extent = 2}}});
  model.nodes.push_back(
      {.type = "If", .inputs = {"flag"}, .outputs = {"z"}, .attributes = {{"then_branch", shared}, {"else_branch", shared}}});
  const auto provider = take(ProviderLibrary::load(environment_, "GraphReader", LANEWAY_TEST_GRAPH_READER));
  void* const loaded = dlopen(LANEWAY_TEST_GRAPH_READER, RTLD_NOW);
  const auto set = reinterpret_cast<void (*)(void (*)(const OrtGraph*))>(dlsym(loaded, "set_graph_reader"));
  set([](const OrtGraph* native) {
    const auto library = Library::open();
    if (!what_was_read || !library) return;
    was_read = true;
    what_was_read = read_graph(GraphView(*library, native));
  });
  SessionSpec spec{.model = model};
  spec.providers = {{.name = "GraphReader", .devices = provider->devices()}};
  spec.optimisation = Optimisation::none;
  fail_each_call([&]() -> Expected<> {
    was_read = false;
    what_was_read = {};
    LANEWAY_TRY(Session::open(spec));
    LANEWAY_TRY(check(was_read, "read"));
    return std::move(what_was_read);
  });
  set(nullptr);
  dlclose(loaded);
}

// ---- operators ------------------------------------------------------------------------------------------------------------

/// y = x x + bias, with all that a kernel can ask for on the way.
struct Busy {
  static Expected<Busy> create(const KernelInfo& info) {
    LANEWAY_TRY_ASSIGN(auto multiply,
                       NativeOperator::make(info, {.type = "Mul", .version = 14, .types = {{"T", DType::f32}}, .inputs = 2}));
    LANEWAY_TRY_ASSIGN(auto softmax,
                       NativeOperator::make(
                           info, {.type = "Softmax", .version = 13, .types = {{"T", DType::f32}}, .attributes = {{"axis", 0}}}));
    LANEWAY_TRY_ASSIGN(const float bias, info.attribute<float>("number"));
    LANEWAY_TRY(info.attribute<std::int64_t>("integer"));
    LANEWAY_TRY(info.attribute<std::string>("text"));
    LANEWAY_TRY(info.attribute<std::vector<std::int64_t>>("integers"));
    LANEWAY_TRY(info.attribute<std::vector<float>>("numbers"));
    LANEWAY_TRY(info.attribute<Tensor>("tensor"));
    LANEWAY_TRY(info.inputs());
    LANEWAY_TRY(info.outputs());
    LANEWAY_TRY(info.node_name());
    if (info.library()->level() >= 24) {
      LANEWAY_TRY(info.operator_type());
      LANEWAY_TRY(info.operator_domain());
      LANEWAY_TRY(info.operator_since_version());
      LANEWAY_TRY(info.config());
    }
    if (info.library()->level() >= 27) LANEWAY_TRY(info.attribute<std::vector<std::string>>("strings"));
    LANEWAY_TRY(info.constant_input(0));
    LANEWAY_TRY_ASSIGN(auto copy, info.copy());
    LANEWAY_TRY_ASSIGN(auto memory, info.allocate(64));
    info.log(Severity::verbose, "made");
    return Busy{std::move(multiply), std::move(copy), std::move(memory), bias};
  }
  static Expected<> infer(const ShapeInference& node) {
    LANEWAY_TRY_ASSIGN(const Port x, node.input(0));
    LANEWAY_TRY(node.attribute<std::string>("text"));
    return node.set_output(0, x.shape);
  }
  Expected<> compute(const KernelContext& context, const Input<float>& x, Output<float>& y) const {
    LANEWAY_TRY_ASSIGN(const std::span<float> out, y.allocate(x.shape()));
    LANEWAY_TRY_ASSIGN(const Allocation scratch, context.scratch(x.elements().size_bytes()));
    LANEWAY_TRY(multiply.invoke(context, {x, x}, {y}));
    if (context.log_severity() <= Severity::fatal && !context.stream()) context.log(Severity::verbose, "computed");
    return context.parallel_for(out.size(), [&](std::size_t i) { out[i] += bias; });
  }
  NativeOperator multiply;
  KernelInfo info;
  Allocation memory;
  float bias;
};

TEST_F(OrtModelFaults, O02_OperatorsOfTheCallers) {
  const std::string model = one_node("Busy", {{"number", 0.5},
                                              {"integer", 42},
                                              {"text", "three"},
                                              {"integers", {7, -8}},
                                              {"numbers", {1.5, -2.5}},
                                              {"strings", {"a", "bc", ""}},
                                              {"tensor", test_models::tensor(Shape{1, 2}, std::vector<double>{3.25, 4.5})}});
  fail_everything([&]() -> Expected<> {
    SessionSpec spec = spec_of(model);
    LANEWAY_TRY_ASSIGN(auto domain,
                       OperatorDomain::make({.name = domain_name, .operators = {Operator::of<Busy>({.name = "Busy"})}}));
    spec.operators = {std::move(domain)};
    return run_on_one_and_two(spec, 4.5f);
  });
}

struct Shout {
  Expected<> compute(const Input<std::string>& x, Output<std::string>& y) const {
    std::vector<std::string> loud(x.elements().begin(), x.elements().end());
    for (std::string& text : loud) text += "!";
    return y.assign(x.shape(), loud);
  }
};

TEST_F(OrtModelFaults, O02_OperatorsOnStrings) {
  test_models::OnnxModel model = model_with_domain();
  model.input("x", DType::string, {"n"});
  model.node("Shout", {"x"}, {"y"}, {}, domain_name);
  model.output("y", DType::string, {"n"});
  const std::string bytes = model.bytes();
  const std::vector<std::string> texts = {"a", "a text that is too long to be kept in place"};
  fail_everything([&]() -> Expected<> {
    SessionSpec spec = spec_of(bytes);
    LANEWAY_TRY_ASSIGN(auto domain,
                       OperatorDomain::make({.name = domain_name, .operators = {Operator::of<Shout>({.name = "Shout"})}}));
    spec.operators = {std::move(domain)};
    LANEWAY_TRY_ASSIGN(const auto session, Session::open(spec));
    LANEWAY_TRY_ASSIGN(RunOptions options, RunOptions::make(library_));
    LANEWAY_TRY_ASSIGN(const Value x, Value::strings(environment_->host_allocator(), texts, {2}));
    const RunInput inputs[] = {{0, &x}};
    RunOutput outputs[] = {{0}};
    LANEWAY_TRY(run(*session, options, inputs, outputs));
    LANEWAY_TRY_ASSIGN(const auto said, outputs[0].value->string_elements());
    return check(said[1] == texts[1] + "!", "strings");
  });
}

TEST_F(OrtModelFaults, O02_OperatorsOfALibrary) {
  const std::string model = one_node("Double");
  SessionSpec spec = spec_of(model);
  spec.operator_libraries = {LANEWAY_TEST_OPERATOR_LIBRARY};
  fail_everything([&] { return run_on_one_and_two(spec, 4); });
}

TEST_F(OrtModelFaults, O02_OperatorsOfAFunction) {
  ASSERT_NE(dlopen(LANEWAY_TEST_OPERATOR_LIBRARY, RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE), nullptr);
  const std::string model = one_node("Double");
  SessionSpec spec = spec_of(model);
  spec.operator_functions = {"RegisterCustomOps"};
  fail_everything([&] { return run_on_one_and_two(spec, 4); });
}

}  // namespace
}  // namespace laneway::faults
