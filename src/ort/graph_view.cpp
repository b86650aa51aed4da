#include "laneway/ort/graph_view.h"

#include "ort/attribute.h"
#include "ort/call.h"
#include "ort/external_place.h"
#include "ort/metadata.h"
#include "ort/text.h"
#include "ort/type_info.h"

namespace laneway::ort {
namespace {

/// A function's one result, by way of its last argument.
template <class Result, class Find, class Native>
Expected<Result> ask(const Library& library, const Entry<Find>& function, const Native* native) {
  Result result{};
  LANEWAY_TRY(call(library, function, native, &result));
  return result;
}

template <class Find, class Native>
Expected<std::string> ask_text(const Library& library, const Entry<Find>& function, const Native* native) {
  LANEWAY_TRY_ASSIGN(const char* text, ask<const char*>(library, function, native));
  return std::string(text ? text : "");
}

/// A list that the caller makes room for.
template <class Element, class Count, class Get, class Native>
Expected<std::vector<const Element*>> list(const Library& library, const Entry<Count>& count_of, const Entry<Get>& get,
                                           const Native* native) {
  LANEWAY_TRY_ASSIGN(const std::size_t count, ask<std::size_t>(library, count_of, native));
  std::vector<const Element*> elements(count);
  LANEWAY_TRY(call(library, get, native, elements.data(), count));
  return elements;
}

template <class View, class Native>
std::vector<View> views(const std::shared_ptr<const Library>& library, const std::vector<const Native*>& natives) {
  std::vector<View> views;
  for (const Native* native : natives) views.emplace_back(library, native);
  return views;
}

NodeView::Values values(const std::shared_ptr<const Library>& library, const std::vector<const OrtValueInfo*>& natives) {
  NodeView::Values values;
  for (const OrtValueInfo* native : natives) {
    values.push_back(native ? std::optional(ValueView(library, native)) : std::nullopt);
  }
  return values;
}

}  // namespace

// ---- values ---------------------------------------------------------------------------------------------------------------

Expected<std::string> ValueView::name() const { return ask_text(*library_, LANEWAY_ORT_FN(GetValueInfoName), native_); }

Expected<Port> ValueView::port() const {
  LANEWAY_TRY_ASSIGN(std::string name, this->name());
  LANEWAY_TRY_ASSIGN(const OrtTypeInfo* type, ask<const OrtTypeInfo*>(*library_, LANEWAY_ORT_FN(GetValueInfoTypeInfo), native_));
  return port_of(library_, std::move(name), *type);
}

Expected<ValueRoles> ValueView::roles() const {
  ValueRoles roles;
  LANEWAY_TRY_ASSIGN(roles.required_input, ask<bool>(*library_, LANEWAY_ORT_FN(ValueInfo_IsRequiredGraphInput), native_));
  LANEWAY_TRY_ASSIGN(roles.optional_input, ask<bool>(*library_, LANEWAY_ORT_FN(ValueInfo_IsOptionalGraphInput), native_));
  LANEWAY_TRY_ASSIGN(roles.output, ask<bool>(*library_, LANEWAY_ORT_FN(ValueInfo_IsGraphOutput), native_));
  LANEWAY_TRY_ASSIGN(roles.constant, ask<bool>(*library_, LANEWAY_ORT_FN(ValueInfo_IsConstantInitializer), native_));
  LANEWAY_TRY_ASSIGN(roles.from_outside, ask<bool>(*library_, LANEWAY_ORT_FN(ValueInfo_IsFromOuterScope), native_));
  return roles;
}

Expected<std::optional<NodeUse>> ValueView::producer() const {
  const OrtNode* node = nullptr;
  std::size_t output = 0;
  LANEWAY_TRY(call(*library_, LANEWAY_ORT_FN(ValueInfo_GetValueProducer), native_, &node, &output));
  if (!node) return std::optional<NodeUse>();
  return std::optional(NodeUse{NodeView(library_, node), output});
}

Expected<std::vector<NodeUse>> ValueView::consumers() const {
  LANEWAY_TRY_ASSIGN(const auto count, ask<std::size_t>(*library_, LANEWAY_ORT_FN(ValueInfo_GetValueNumConsumers), native_));
  std::vector<const OrtNode*> nodes(count);
  std::vector<std::int64_t> inputs(count);
  LANEWAY_TRY(call(*library_, LANEWAY_ORT_FN(ValueInfo_GetValueConsumers), native_, nodes.data(), inputs.data(), count));
  std::vector<NodeUse> uses;
  for (std::size_t i = 0; i < count; ++i) {
    uses.push_back({NodeView(library_, nodes[i]), std::nullopt});
    if (inputs[i] >= 0) uses.back().index = static_cast<std::size_t>(inputs[i]);
  }
  return uses;
}

Expected<std::optional<Tensor>> ValueView::initializer() const {
  LANEWAY_TRY_ASSIGN(const OrtValue* value,
                     ask<const OrtValue*>(*library_, LANEWAY_ORT_FN(ValueInfo_GetInitializerValue), native_));
  if (!value) return std::optional<Tensor>();
  LANEWAY_TRY_ASSIGN(Tensor tensor, to_tensor(library_, value, nullptr));
  return std::optional(std::move(tensor));
}

Expected<std::optional<ExternalPlace>> ValueView::external_place() const {
  LANEWAY_TRY_ASSIGN(const auto info,
                     make<OrtExternalInitializerInfo>(library_, LANEWAY_ORT_FN(ValueInfo_GetExternalInitializerInfo), native_));
  return info ? std::optional(to_place(*library_, info.get())) : std::nullopt;
}

// ---- nodes ----------------------------------------------------------------------------------------------------------------

Expected<std::size_t> NodeView::id() const { return ask<std::size_t>(*library_, LANEWAY_ORT_FN(Node_GetId), native_); }
Expected<std::string> NodeView::name() const { return ask_text(*library_, LANEWAY_ORT_FN(Node_GetName), native_); }
Expected<std::string> NodeView::type() const { return ask_text(*library_, LANEWAY_ORT_FN(Node_GetOperatorType), native_); }
Expected<std::string> NodeView::domain() const { return ask_text(*library_, LANEWAY_ORT_FN(Node_GetDomain), native_); }
Expected<int> NodeView::since_version() const { return ask<int>(*library_, LANEWAY_ORT_FN(Node_GetSinceVersion), native_); }

Expected<std::optional<std::string>> NodeView::provider() const {
  LANEWAY_TRY_ASSIGN(const char* name, ask<const char*>(*library_, LANEWAY_ORT_FN(Node_GetEpName), native_));
  return name && *name ? std::optional<std::string>(name) : std::nullopt;
}

Expected<NodeView::Values> NodeView::inputs() const {
  LANEWAY_TRY_ASSIGN(const auto natives,
                     list<OrtValueInfo>(*library_, LANEWAY_ORT_FN(Node_GetNumInputs), LANEWAY_ORT_FN(Node_GetInputs), native_));
  return values(library_, natives);
}
Expected<NodeView::Values> NodeView::outputs() const {
  LANEWAY_TRY_ASSIGN(const auto natives,
                     list<OrtValueInfo>(*library_, LANEWAY_ORT_FN(Node_GetNumOutputs), LANEWAY_ORT_FN(Node_GetOutputs), native_));
  return values(library_, natives);
}
Expected<NodeView::Values> NodeView::implicit_inputs() const {
  LANEWAY_TRY_ASSIGN(const auto natives, list<OrtValueInfo>(*library_, LANEWAY_ORT_FN(Node_GetNumImplicitInputs),
                                                            LANEWAY_ORT_FN(Node_GetImplicitInputs), native_));
  return values(library_, natives);
}

Expected<std::vector<Attribute>> NodeView::attributes() const {
  LANEWAY_TRY_ASSIGN(const auto natives, list<OrtOpAttr>(*library_, LANEWAY_ORT_FN(Node_GetNumAttributes),
                                                         LANEWAY_ORT_FN(Node_GetAttributes), native_));
  std::vector<Attribute> attributes;
  for (const OrtOpAttr* native : natives) {
    LANEWAY_TRY_ASSIGN(const auto type, ask<OrtOpAttrType>(*library_, LANEWAY_ORT_FN(OpAttr_GetType), native));
    if (type == ORT_OP_ATTR_GRAPH) continue;
    LANEWAY_TRY_ASSIGN(Attribute attribute, to_attribute(library_, native));
    attributes.push_back(std::move(attribute));
  }
  return attributes;
}

Expected<std::optional<Attribute>> NodeView::attribute(const std::string& name) const {
  LANEWAY_TRY(no_nul("attribute", name));
  const OrtOpAttr* native = nullptr;
  LANEWAY_TRY(call(*library_, LANEWAY_ORT_FN(Node_GetAttributeByName), native_, name.c_str(), &native));
  if (!native) return std::optional<Attribute>();
  LANEWAY_TRY_ASSIGN(Attribute attribute, to_attribute(library_, native));
  return std::optional(std::move(attribute));
}

Expected<std::vector<std::pair<std::string, GraphView>>> NodeView::subgraphs() const {
  LANEWAY_TRY_ASSIGN(const auto count, ask<std::size_t>(*library_, LANEWAY_ORT_FN(Node_GetNumSubgraphs), native_));
  std::vector<const OrtGraph*> graphs(count);
  std::vector<const char*> names(count);
  LANEWAY_TRY(call(*library_, LANEWAY_ORT_FN(Node_GetSubgraphs), native_, graphs.data(), count, names.data()));
  std::vector<std::pair<std::string, GraphView>> subgraphs;
  for (std::size_t i = 0; i < count; ++i) subgraphs.emplace_back(names[i], GraphView(library_, graphs[i]));
  return subgraphs;
}

Expected<std::optional<GraphView>> NodeView::graph() const {
  LANEWAY_TRY_ASSIGN(const OrtGraph* graph, ask<const OrtGraph*>(*library_, LANEWAY_ORT_FN(Node_GetGraph), native_));
  return graph ? std::optional(GraphView(library_, graph)) : std::nullopt;
}

// ---- graphs ---------------------------------------------------------------------------------------------------------------

Expected<std::string> GraphView::name() const { return ask_text(*library_, LANEWAY_ORT_FN(Graph_GetName), native()); }

Expected<std::filesystem::path> GraphView::model_path() const {
  LANEWAY_TRY_ASSIGN(std::string path, ask_text(*library_, LANEWAY_ORT_FN(Graph_GetModelPath), native()));
  return std::filesystem::path(std::move(path));
}

Expected<std::int64_t> GraphView::ir_version() const {
  return ask<std::int64_t>(*library_, LANEWAY_ORT_FN(Graph_GetOnnxIRVersion), native());
}

Expected<std::vector<OperatorSet>> GraphView::operator_sets() const {
  LANEWAY_TRY_ASSIGN(const auto count, ask<std::size_t>(*library_, LANEWAY_ORT_FN(Graph_GetNumOperatorSets), native()));
  std::vector<const char*> domains(count);
  std::vector<std::int64_t> versions(count);
  LANEWAY_TRY(call(*library_, LANEWAY_ORT_FN(Graph_GetOperatorSets), native(), domains.data(), versions.data(), count));
  std::vector<OperatorSet> sets;
  for (std::size_t i = 0; i < count; ++i) sets.push_back({domains[i], static_cast<int>(versions[i])});
  return sets;
}

Expected<Metadata> GraphView::metadata() const {
  LANEWAY_TRY_ASSIGN(const auto handle, make<OrtModelMetadata>(library_, LANEWAY_ORT_FN(Graph_GetModelMetadata), native()));
  LANEWAY_TRY_ASSIGN(const Allocator allocator, Allocator::host(library_));
  return read_metadata(*library_, allocator, handle.get());
}

Expected<std::size_t> GraphView::input_count() const {
  return ask<std::size_t>(*library_, LANEWAY_ORT_FN(Graph_GetNumInputs), native());
}
Expected<std::size_t> GraphView::output_count() const {
  return ask<std::size_t>(*library_, LANEWAY_ORT_FN(Graph_GetNumOutputs), native());
}
Expected<std::size_t> GraphView::initializer_count() const {
  return ask<std::size_t>(*library_, LANEWAY_ORT_FN(Graph_GetNumInitializers), native());
}
Expected<std::size_t> GraphView::node_count() const {
  return ask<std::size_t>(*library_, LANEWAY_ORT_FN(Graph_GetNumNodes), native());
}

Expected<std::vector<ValueView>> GraphView::inputs() const {
  LANEWAY_TRY_ASSIGN(const auto natives, list<OrtValueInfo>(*library_, LANEWAY_ORT_FN(Graph_GetNumInputs),
                                                            LANEWAY_ORT_FN(Graph_GetInputs), native()));
  return views<ValueView>(library_, natives);
}
Expected<std::vector<ValueView>> GraphView::outputs() const {
  LANEWAY_TRY_ASSIGN(const auto natives, list<OrtValueInfo>(*library_, LANEWAY_ORT_FN(Graph_GetNumOutputs),
                                                            LANEWAY_ORT_FN(Graph_GetOutputs), native()));
  return views<ValueView>(library_, natives);
}
Expected<std::vector<ValueView>> GraphView::initializers() const {
  LANEWAY_TRY_ASSIGN(const auto natives, list<OrtValueInfo>(*library_, LANEWAY_ORT_FN(Graph_GetNumInitializers),
                                                            LANEWAY_ORT_FN(Graph_GetInitializers), native()));
  return views<ValueView>(library_, natives);
}
Expected<std::vector<NodeView>> GraphView::nodes() const {
  LANEWAY_TRY_ASSIGN(const auto natives,
                     list<OrtNode>(*library_, LANEWAY_ORT_FN(Graph_GetNumNodes), LANEWAY_ORT_FN(Graph_GetNodes), native()));
  return views<NodeView>(library_, natives);
}

Expected<std::optional<NodeView>> GraphView::parent() const {
  LANEWAY_TRY_ASSIGN(const OrtNode* node, ask<const OrtNode*>(*library_, LANEWAY_ORT_FN(Graph_GetParentNode), native()));
  return node ? std::optional(NodeView(library_, node)) : std::nullopt;
}

Expected<GraphView> GraphView::part(std::span<const NodeView> nodes) const {
  std::vector<const OrtNode*> natives;
  for (const NodeView& node : nodes) natives.push_back(node.native());
  LANEWAY_TRY_ASSIGN(auto handle,
                     make<OrtGraph>(library_, LANEWAY_ORT_FN(Graph_GetGraphView), native(), natives.data(), natives.size()));
  GraphView part(library_, nullptr);
  part.native_ = std::move(handle);
  return part;
}

}  // namespace laneway::ort
