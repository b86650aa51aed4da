#include "ort/model_editor.h"

#include <algorithm>

#include "ort/attribute.h"
#include "ort/native_type.h"
#include "ort/sub_table.h"
#include "ort/text.h"

namespace laneway::ort {
namespace {

using Editor = SubTable<OrtModelEditorApi>;

/// Handles that a function of the C API takes over one by one, setting the entries of its array to null.
template <class Native>
struct HandedOver {
  std::vector<Handle<Native>> owned = {};
  std::vector<Native*> natives = {};

  HandedOver() = default;
  HandedOver(const HandedOver&) = delete;
  HandedOver& operator=(const HandedOver&) = delete;
  void add(Handle<Native> handle) {
    natives.push_back(handle.get());
    owned.push_back(std::move(handle));
  }
  ~HandedOver() {
    for (std::size_t i = 0; i < owned.size(); ++i) {
      if (!natives[i]) static_cast<void>(owned[i].release());
    }
  }
};

std::vector<const char*> texts_of(const std::vector<std::string>& strings) {
  std::vector<const char*> texts;
  for (const std::string& text : strings) texts.push_back(text.c_str());
  return texts;
}

Expected<> check_names(const Node& node) {
  LANEWAY_TRY(no_nul("node", node.name));
  LANEWAY_TRY(no_nul("node", node.type));
  LANEWAY_TRY(no_nul("node " + node.type + ": domain", node.domain));
  for (const std::string& input : node.inputs) LANEWAY_TRY(no_nul("node " + node.type + ": input", input));
  for (const std::string& output : node.outputs) LANEWAY_TRY(no_nul("node " + node.type + ": output", output));
  return {};
}

Expected<> add_node(const Editor& editor, OrtGraph* graph, const Node& node) {
  LANEWAY_TRY(check_names(node));
  HandedOver<OrtOpAttr> attributes;
  for (const Attribute& attribute : node.attributes) {
    auto made = to_native(editor.library, attribute);
    if (!made) return std::move(made).error().with_context("node " + node.type);
    attributes.add(*std::move(made));
  }
  const auto inputs = texts_of(node.inputs), outputs = texts_of(node.outputs);
  LANEWAY_TRY_ASSIGN(auto made, make<OrtNode>(editor, LANEWAY_ORT_FN(CreateNode), node.type.c_str(), node.domain.c_str(),
                                              node.name.c_str(), inputs.data(), inputs.size(), outputs.data(), outputs.size(),
                                              attributes.natives.data(), attributes.natives.size()));
  LANEWAY_TRY(call(editor, LANEWAY_ORT_FN(AddNodeToGraph), graph, made.get()));
  static_cast<void>(made.release());  // the graph's now
  return {};
}

Expected<> add_initializer(const Editor& editor, OrtGraph* graph, const NamedTensor& initializer) {
  constexpr std::size_t external_bytes_min = 128;  // of ONNX Runtime, whose shape inference needs the small ones
  constexpr std::size_t alignment = alignof(std::max_align_t);
  LANEWAY_TRY(no_nul("initializer", initializer.name));
  const std::span bytes = initializer.tensor.bytes;
  const bool external = bytes.size() >= external_bytes_min && reinterpret_cast<std::uintptr_t>(bytes.data()) % alignment == 0;
  auto made = to_native(editor.library, initializer.tensor, !external);
  if (!made) return std::move(made).error().with_context("initializer " + initializer.name);
  LANEWAY_TRY(call(editor, LANEWAY_ORT_FN(AddInitializerToGraph), graph, initializer.name.c_str(), made->get(), external));
  static_cast<void>(made->release());
  return {};
}

/// Inputs or outputs. None: as they are in the model that is changed.
template <class Set>
Expected<> set_ports(const Editor& editor, OrtGraph* graph, const Entry<Set>& set, const std::vector<Port>& ports) {
  if (ports.empty()) return {};
  HandedOver<OrtValueInfo> values;
  for (const Port& port : ports) {
    LANEWAY_TRY(no_nul("port", port.name));
    if (port.kind != PortKind::tensor) {
      return Error(ErrorCode::unimplemented, "port " + port.name + ": kind: expected tensor, got " +
                                                 std::string(name(port.kind)) + " (the model editor takes no other)");
    }
    LANEWAY_TRY_ASSIGN(const auto tensor, tensor_info(editor.library, port));
    const OrtTensorTypeAndShapeInfo* const shape = tensor.get();
    LANEWAY_TRY_ASSIGN(const auto type, make<OrtTypeInfo>(editor, LANEWAY_ORT_FN(CreateTensorTypeInfo), shape));
    const OrtTypeInfo* const typed = type.get();
    LANEWAY_TRY_ASSIGN(auto value, make<OrtValueInfo>(editor, LANEWAY_ORT_FN(CreateValueInfo), port.name.c_str(), typed));
    values.add(std::move(value));
  }
  return call(editor, set, graph, values.natives.data(), values.natives.size());
}

Expected<Handle<OrtModel>> make_model_of(const Editor& editor, const ModelGraph& graph, const std::vector<OperatorSet>& sets) {
  LANEWAY_TRY_ASSIGN(auto made, make<OrtGraph>(editor, LANEWAY_ORT_FN(CreateGraph)));
  LANEWAY_TRY(set_ports(editor, made.get(), LANEWAY_ORT_FN(SetGraphInputs), graph.inputs));
  LANEWAY_TRY(set_ports(editor, made.get(), LANEWAY_ORT_FN(SetGraphOutputs), graph.outputs));
  for (const NamedTensor& initializer : graph.initializers) LANEWAY_TRY(add_initializer(editor, made.get(), initializer));
  for (const Node& node : graph.nodes) LANEWAY_TRY(add_node(editor, made.get(), node));
  std::vector<const char*> domains;
  std::vector<int> versions;
  for (const OperatorSet& set : sets) {
    LANEWAY_TRY(no_nul("operator set", set.domain));
    domains.push_back(set.domain.c_str());
    versions.push_back(set.version);
  }
  LANEWAY_TRY_ASSIGN(auto model,
                     make<OrtModel>(editor, LANEWAY_ORT_FN(CreateModel), domains.data(), versions.data(), sets.size()));
  LANEWAY_TRY(call(editor, LANEWAY_ORT_FN(AddGraphToModel), model.get(), made.get()));
  static_cast<void>(made.release());
  return model;
}

// Those that the session's model does not have: of the others its own versions count.
std::vector<OperatorSet> sets_to_add(const Editor& editor, const OrtSession* session, const ModelGraph& changes) {
  std::vector<OperatorSet> missing;
  for (const OperatorSet& set : changes.operator_sets) {
    int version = 0;
    if (!call(editor, LANEWAY_ORT_FN(SessionGetOpsetForDomain), session, set.domain.c_str(), &version)) missing.push_back(set);
  }
  return missing;
}

Expected<Handle<OrtSession>> open_to_edit(const Editor& editor, const OrtEnv* env, const EditedModel& model,
                                          const OrtSessionOptions* options) {
  if (const auto* path = std::get_if<ModelPath>(&model.base)) {
    return make<OrtSession>(editor, LANEWAY_ORT_FN(CreateModelEditorSession), env, path->path.c_str(), options);
  }
  const std::span bytes = std::get<ModelBytes>(model.base).bytes;
  const void* const data = bytes.data();
  return make<OrtSession>(editor, LANEWAY_ORT_FN(CreateModelEditorSessionFromArray), env, data, bytes.size(), options);
}

}  // namespace

bool editor_takes(const ModelGraph& graph) noexcept {
  const auto port = [](const Port& p) { return p.kind == PortKind::tensor && p.rank_known && is_numeric(p.dtype); };
  const auto attribute = [](const Attribute& a) {
    const auto* text = std::get_if<std::string>(&a.value);
    const bool whole = !text || text->find('\0') == text->npos;
    return whole && !std::holds_alternative<Tensor>(a.value) && a.value.index() + 1 < std::variant_size_v<AttributeValue>;
  };
  const auto node = [&](const Node& n) { return std::ranges::all_of(n.attributes, attribute); };
  const auto tensor = [](const NamedTensor& t) { return is_numeric(t.tensor.dtype); };
  return std::ranges::all_of(graph.inputs, port) && std::ranges::all_of(graph.outputs, port) &&
         std::ranges::all_of(graph.nodes, node) && std::ranges::all_of(graph.initializers, tensor);
}

Expected<Handle<OrtModel>> make_model(const std::shared_ptr<const Library>& library, const ModelGraph& graph) {
  LANEWAY_TRY_ASSIGN(const Editor editor, model_editor(library));
  return make_model_of(editor, graph, graph.operator_sets);
}

Expected<Handle<OrtSession>> make_session(const Environment& environment, const ModelGraph& graph, OrtSessionOptions* options) {
  LANEWAY_TRY_ASSIGN(const Editor editor, model_editor(environment.library()));
  LANEWAY_TRY_ASSIGN(const auto model, make_model_of(editor, graph, graph.operator_sets));
  const OrtEnv* const env = environment.native();
  const OrtModel* const native = model.get();
  const OrtSessionOptions* const chosen = options;
  return make<OrtSession>(editor, LANEWAY_ORT_FN(CreateSessionFromModel), env, native, chosen);
}

Expected<Handle<OrtSession>> make_session(const Environment& environment, const EditedModel& model, OrtSessionOptions* options,
                                          OrtPrepackedWeightsContainer* prepacked) {
  LANEWAY_TRY_ASSIGN(const Editor editor, model_editor(environment.library()));
  LANEWAY_TRY_ASSIGN(auto session, open_to_edit(editor, environment.native(), model, options));
  const std::vector<OperatorSet> sets = sets_to_add(editor, session.get(), *model.changes);
  LANEWAY_TRY_ASSIGN(const auto changes, make_model_of(editor, *model.changes, sets));
  LANEWAY_TRY(call(editor, LANEWAY_ORT_FN(ApplyModelToModelEditorSession), session.get(), changes.get()));
  const OrtSessionOptions* const chosen = options;
  LANEWAY_TRY(call(editor, LANEWAY_ORT_FN(FinalizeModelEditorSession), session.get(), chosen, prepacked));
  return session;
}

}  // namespace laneway::ort
