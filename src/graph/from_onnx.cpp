#include "laneway/graph/from_onnx.h"

#include <algorithm>
#include <map>

#include "graph/op_info.h"
#include "laneway/graph/onnx/tensor_reader.h"

namespace laneway::graph {
namespace {

constexpr std::int64_t ir_least = 3, ir_most = 13, opset_least = 7, opset_most = 26;

Error wrong(std::string what) { return Error(ErrorCode::invalid_argument, std::move(what)); }
Error beyond(std::string what) { return Error(ErrorCode::unimplemented, std::move(what)); }

Expected<> in_range(std::string_view what, std::int64_t version, std::int64_t least, std::int64_t most) {
  if (version >= least && version <= most) return {};
  return beyond("model: " + std::string(what) + ": expected " + std::to_string(least) + " to " + std::to_string(most) + ", got " +
                std::to_string(version));
}

class Importer {
 public:
  Importer(const onnx::ModelView& model, const ImportSpec& spec)
      : model_(model), spec_(spec), reader_(spec.folder ? onnx::TensorReader(*spec.folder) : onnx::TensorReader()) {}

  Expected<Graph> run() {
    LANEWAY_TRY(in_range("IR version", model_.ir_version, ir_least, ir_most));
    LANEWAY_TRY_ASSIGN(version_, opset());
    const onnx::GraphView& graph = model_.graph;
    graph_.name = graph.name;
    for (const onnx::ValueView& value : graph.values) declared_[value.name] = &value.type;
    for (const onnx::ValueView& value : graph.outputs) declared_[value.name] = &value.type;
    for (const onnx::ValueView& value : graph.inputs) LANEWAY_TRY(add_input(value));
    if (!graph.sparse_initializers.empty()) return beyond("model: sparse initializers: expected none");
    for (const onnx::TensorView& tensor : graph.initializers) LANEWAY_TRY(add_initializer(tensor));
    for (const onnx::NodeView& node : graph.nodes) {
      if (auto added = add_node(node); !added) return std::move(added).error().with_context(label(node));
    }
    for (const onnx::ValueView& output : graph.outputs) {
      const auto found = ids_.find(output.name);
      if (found == ids_.end()) return wrong("output " + std::string(output.name) + ": expected a node that makes it");
      graph_.outputs.push_back(found->second);
    }
    LANEWAY_TRY(infer(graph_));
    LANEWAY_TRY(verify(graph_));
    return std::move(graph_);
  }

 private:
  Expected<std::int64_t> opset() const {
    const auto found = std::ranges::find(model_.opsets, std::string_view(), &onnx::OpsetView::domain);
    if (found == model_.opsets.end()) return wrong("model: operator set: expected one of ai.onnx");
    LANEWAY_TRY(in_range("operator set ai.onnx", found->version, opset_least, opset_most));
    return found->version;
  }

  // "node conv1 (Conv)"; where the file gives no name, by what it makes.
  static std::string name_of(const onnx::NodeView& node) {
    if (!node.name.empty()) return std::string(node.name);
    const auto made = std::ranges::find_if(node.outputs, [](std::string_view output) { return !output.empty(); });
    return "of " + std::string(made == node.outputs.end() ? std::string_view("nothing") : *made);
  }
  static std::string label(const onnx::NodeView& node) {
    return "node " + name_of(node) + " (" + std::string(node.op_type) + ")";
  }

  Size extent(const onnx::DimensionView& dimension, const std::string& value, std::size_t axis, bool input) {
    if (dimension.extent) return *dimension.extent;
    const std::string name = dimension.symbol.empty() ? value + "." + std::to_string(axis) : std::string(dimension.symbol);
    const auto fixed = std::ranges::find(spec_.dimensions, name, &NamedExtent::symbol);
    if (fixed != spec_.dimensions.end()) return fixed->extent;
    if (input && std::ranges::find(graph_.symbols, name) == graph_.symbols.end()) graph_.symbols.push_back(name);
    const bool known = std::ranges::find(graph_.symbols, name) != graph_.symbols.end();
    return Size::symbol(known ? name : "?" + name);
  }

  Expected<Type> type_of(const onnx::TypeView& view, const std::string& name, bool input) {
    if (view.kind != onnx::TypeView::Kind::tensor) return beyond("value " + name + ": expected a tensor");
    if (!view.dtype) return wrong("value " + name + ": dtype: expected one, got none");
    Type type{.dtype = *view.dtype};
    if (!view.shape) return type;
    type.shape.emplace();
    for (std::size_t axis = 0; axis < view.shape->size(); ++axis)
      type.shape->push_back(extent((*view.shape)[axis], name, axis, input));
    return type;
  }

  Expected<ValueId> add_value(std::string_view name, Value value) {
    if (name.empty()) return wrong("a value without a name");
    value.name = name;
    const ValueId id = graph_.add(std::move(value));
    if (ids_.emplace(name, id).second) return id;
    return wrong("value " + std::string(name) + ": made a second time");
  }

  Expected<> add_input(const onnx::ValueView& input) {
    LANEWAY_TRY_ASSIGN(Type type, type_of(input.type, std::string(input.name), true));
    LANEWAY_TRY_ASSIGN(const ValueId id, add_value(input.name, {.name = {}, .type = std::move(type)}));
    graph_.inputs.push_back(id);
    return {};
  }

  Expected<Tensor> tensor_of(const onnx::TensorView& view) {
    if (view.dtype == DType::string) {
      LANEWAY_TRY_ASSIGN(const auto texts, onnx::strings(view));
      return Tensor::of_strings(view.shape, {texts.begin(), texts.end()});
    }
    LANEWAY_TRY_ASSIGN(const onnx::TensorBytes bytes, reader_.bytes(view));
    return Tensor{
        .dtype = view.dtype, .shape = view.shape, .bytes = bytes.bytes, .owner = bytes.owner ? bytes.owner : spec_.owner};
  }

  static Type type_of(const Tensor& tensor) {
    return {.dtype = tensor.dtype, .shape = Sizes(tensor.shape.extents().begin(), tensor.shape.extents().end())};
  }

  Expected<> add_initializer(const onnx::TensorView& view) {
    auto tensor = tensor_of(view);
    if (!tensor) return std::move(tensor).error().with_context("initializer " + std::string(view.name));
    const auto input = ids_.find(view.name);
    if (input == ids_.end())
      return add_value(view.name, {.name = {}, .type = type_of(*tensor), .constant = *tensor}) ? Expected<>() : again(view.name);
    Value& value = graph_[input->second];  // an input that has a default
    if (value.constant) return again(view.name);
    value.type = type_of(*tensor);
    value.constant = *std::move(tensor);
    return {};
  }
  static Error again(std::string_view name) {
    return wrong("initializer " + std::string(name) + ": no name, or one that was there before");
  }

  // A node that says a tensor is the tensor.
  Expected<> add_constant(const onnx::NodeView& node) {
    if (node.outputs.size() != 1 || node.attributes.size() != 1) return wrong("expected one output and one attribute");
    const onnx::AttributeView& attribute = node.attributes.front();
    const auto add = [&](Tensor tensor) -> Expected<> {
      LANEWAY_TRY(add_value(node.outputs[0], {.name = {}, .type = type_of(tensor), .constant = tensor}));
      return {};
    };
    if (const auto* tensors = std::get_if<std::vector<onnx::TensorView>>(&attribute.value); tensors && tensors->size() == 1) {
      LANEWAY_TRY_ASSIGN(Tensor tensor, tensor_of(tensors->front()));
      return add(std::move(tensor));
    }
    if (const auto* number = std::get_if<float>(&attribute.value)) return add(Tensor::of({}, std::vector{*number}));
    if (const auto* number = std::get_if<std::int64_t>(&attribute.value)) return add(Tensor::of({}, std::vector{*number}));
    if (const auto* text = std::get_if<std::string_view>(&attribute.value))
      return add(Tensor::of_strings({}, {std::string(*text)}));
    if (const auto* numbers = std::get_if<std::vector<float>>(&attribute.value))
      return add(Tensor::of({numbers->size()}, *numbers));
    if (const auto* numbers = std::get_if<std::vector<std::int64_t>>(&attribute.value))
      return add(Tensor::of({numbers->size()}, *numbers));
    return beyond("attribute " + std::string(attribute.name) + ": expected a tensor or numbers");
  }

  Expected<> add_node(const onnx::NodeView& view) {
    if (view.domain.empty() && view.op_type == "Constant") return add_constant(view);
    const OpInfo* const info = info_of(view.domain, view.op_type);
    if (!info)
      return beyond("operator " + std::string(view.domain) + (view.domain.empty() ? "" : ".") + std::string(view.op_type) +
                    ": not known");
    const auto since = std::ranges::find(info->onnx, view.op_type, &OnnxOperator::name)->since;
    if (version_ < since)
      return beyond("operator set " + std::to_string(version_) + ": expected " + std::to_string(since) + " or later");
    NodeReader reader(view, version_);
    LANEWAY_TRY_ASSIGN(Op op, info->read(reader));
    LANEWAY_TRY(reader.finish());
    Node node{.name = name_of(view), .op = std::move(op), .inputs = {}, .outputs = {}};
    for (const std::string_view input : view.inputs) {
      const auto found = ids_.find(input);
      if (!input.empty() && found == ids_.end())
        return wrong("input " + std::string(input) + ": expected an input, a constant, or what a node before makes (a cycle?)");
      node.inputs.push_back(input.empty() ? left_out : found->second);
    }
    LANEWAY_TRY(check_counts(*info, node, view));
    for (const std::string_view output : view.outputs) { LANEWAY_TRY_ASSIGN(node.outputs.emplace_back(), add_output(output)); }
    graph_.nodes.push_back(std::move(node));
    return {};
  }

  static Expected<> check_counts(const OpInfo& info, const Node& node, const onnx::NodeView& view) {
    const auto given = static_cast<std::size_t>(std::ranges::count_if(node.inputs, [](ValueId id) { return id != left_out; }));
    if (given < info.inputs_min || node.inputs.size() > info.inputs_max)
      return wrong("inputs: expected " + std::to_string(info.inputs_min) + " or more of the operator's, got " +
                   std::to_string(view.inputs.size()));
    for (std::size_t i = 0; i < info.inputs_min && info.inputs_max != any_number; ++i) {
      if (node.inputs[i] == left_out) return wrong("input " + std::to_string(i) + ": left out, but required");
    }
    if (view.outputs.empty() || view.outputs.size() > info.outputs_max)
      return wrong("outputs: expected 1 to " + std::to_string(info.outputs_max) + ", got " + std::to_string(view.outputs.size()));
    return {};
  }

  Expected<ValueId> add_output(std::string_view name) {
    if (name.empty()) return left_out;
    Value value;
    if (const auto declared = declared_.find(name);
        declared != declared_.end() && declared->second->kind == onnx::TypeView::Kind::tensor && declared->second->dtype) {
      LANEWAY_TRY_ASSIGN(value.type, type_of(*declared->second, std::string(name), false));
    }
    return add_value(name, std::move(value));
  }

  const onnx::ModelView& model_;
  const ImportSpec& spec_;
  onnx::TensorReader reader_;
  std::int64_t version_ = 0;
  Graph graph_;
  std::map<std::string_view, ValueId> ids_;
  std::map<std::string_view, const onnx::TypeView*> declared_;  // by the file, of what nodes make
};

}  // namespace

Expected<Graph> from_onnx(const onnx::ModelView& model, const ImportSpec& spec) { return Importer(model, spec).run(); }

}  // namespace laneway::graph
