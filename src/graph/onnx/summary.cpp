#include "laneway/graph/onnx/summary.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "laneway/core/checked.h"
#include "laneway/graph/onnx/tensor_reader.h"

namespace laneway::onnx {
namespace {

std::vector<Dimension> dimensions(const std::vector<DimensionView>& shape) {
  std::vector<Dimension> result;
  result.reserve(shape.size());
  for (const DimensionView& dimension : shape) result.push_back({dimension.extent, std::string(dimension.symbol)});
  return result;
}

PortKind kind_of(TypeView::Kind kind) {
  switch (kind) {
    case TypeView::Kind::sparse_tensor: return PortKind::sparse_tensor;
    case TypeView::Kind::sequence: return PortKind::sequence;
    case TypeView::Kind::map: return PortKind::map;
    case TypeView::Kind::optional: return PortKind::optional;
    default: return PortKind::tensor;
  }
}

Expected<Port> port_of(const ValueView& value) {
  const auto refuse = [&value](ErrorCode code, const char* problem) {
    return Error(code, "port '" + std::string(value.name) + "': " + problem);
  };
  using Kind = TypeView::Kind;
  const TypeView& type = value.type;
  if (type.kind == Kind::unknown) return refuse(ErrorCode::invalid_argument, "the model does not say its type");
  if (type.kind == Kind::opaque) return refuse(ErrorCode::unimplemented, "of an opaque type");
  const auto is_tensor = [](const TypeView& t) { return t.kind == Kind::tensor || t.kind == Kind::sparse_tensor; };
  if (is_tensor(type) && !type.dtype) return refuse(ErrorCode::invalid_argument, "the model does not say its element type");

  Port port{.name = std::string(value.name), .kind = kind_of(type.kind), .rank_known = false};
  const TypeView& held = type.element.empty() ? type : type.element.front();
  if (!is_tensor(held)) return port;
  port.dtype = held.dtype.value_or(port.dtype);
  const bool has_shape = is_tensor(type) || type.kind == Kind::optional;  // the elements of a sequence or map need not agree
  if (!has_shape || !held.shape) return port;
  port.rank_known = true;
  port.shape = dimensions(*held.shape);
  return port;
}

std::set<std::string_view> initialized_names(const GraphView& graph) {
  std::set<std::string_view> names;
  for (const TensorView& tensor : graph.initializers) names.insert(tensor.name);
  for (const SparseTensorView& tensor : graph.sparse_initializers) names.insert(tensor.values.name);
  return names;
}

Expected<> require_unique(const std::vector<ValueView>& values) {
  std::set<std::string_view> seen;
  for (const ValueView& value : values) {
    if (!seen.insert(value.name).second) {
      return Error(ErrorCode::invalid_argument, "port '" + std::string(value.name) + "': its name is given twice");
    }
  }
  return {};
}

/// Calls `visit(const NodeView&)` and `visit(const GraphView&)` for everything in these nodes and in the graphs they hold.
template <class Visit>
void walk(const std::vector<NodeView>& nodes, Visit& visit);

template <class Visit>
void walk(const GraphView& graph, Visit& visit) {
  visit(graph);
  walk(graph.nodes, visit);
}

template <class Visit>
void walk(const std::vector<NodeView>& nodes, Visit& visit) {
  for (const NodeView& node : nodes) {
    visit(node);
    for (const AttributeView& attribute : node.attributes) {
      const auto* graphs = std::get_if<std::vector<GraphView>>(&attribute.value);
      if (graphs == nullptr) continue;
      for (const GraphView& graph : *graphs) walk(graph, visit);
    }
  }
}

template <class Visit>
void walk(const ModelView& model, Visit visit) {
  walk(model.graph, visit);
  for (const FunctionView& function : model.functions) walk(function.nodes, visit);
}

std::size_t bytes_of(const TensorView& tensor) {
  if (tensor.dtype != DType::string) return *byte_count(tensor.dtype, tensor.shape);
  std::size_t bytes = 0;
  if (const auto texts = strings(tensor)) {
    for (const std::string_view text : *texts) bytes += text.size();
  }
  return bytes;
}

/// External tensors may claim any size: a sum beyond 64 bits stays at the most there is.
std::size_t sum(std::size_t a, std::size_t b) { return checked_add(a, b).value_or(SIZE_MAX); }

std::size_t bytes_of(const SparseTensorView& tensor) { return sum(bytes_of(tensor.values), bytes_of(tensor.indices)); }

template <class View>
std::size_t bytes_of(const std::vector<View>& tensors) {
  std::size_t bytes = 0;
  for (const View& tensor : tensors) bytes = sum(bytes, bytes_of(tensor));
  return bytes;
}

struct WeightCounter {
  std::size_t& bytes;

  void operator()(const GraphView& graph) const {
    add(graph.initializers);
    add(graph.sparse_initializers);
  }
  void operator()(const NodeView& node) const {
    for (const AttributeView& attribute : node.attributes) {
      if (const auto* dense = std::get_if<std::vector<TensorView>>(&attribute.value)) add(*dense);
      if (const auto* sparse = std::get_if<std::vector<SparseTensorView>>(&attribute.value)) add(*sparse);
    }
  }
  template <class View>
  void add(const std::vector<View>& tensors) const {
    bytes = sum(bytes, bytes_of(tensors));
  }
};

struct OperatorCounter {
  std::map<std::pair<std::string_view, std::string_view>, std::size_t>& counts;
  void operator()(const GraphView&) const {}
  void operator()(const NodeView& node) const { ++counts[{node.domain, node.op_type}]; }
};

}  // namespace

Expected<std::vector<Port>> input_ports(const ModelView& model) {
  constexpr std::int64_t overridable_from = 4;
  LANEWAY_TRY(require_unique(model.graph.inputs));
  const std::set<std::string_view> initialized = initialized_names(model.graph);
  std::vector<Port> ports, optional_ports;
  for (const ValueView& input : model.graph.inputs) {
    const bool has_default = initialized.contains(input.name);
    if (has_default && model.ir_version < overridable_from) continue;
    LANEWAY_TRY_ASSIGN(Port port, port_of(input));
    port.optional = has_default;
    (has_default ? optional_ports : ports).push_back(std::move(port));
  }
  std::move(optional_ports.begin(), optional_ports.end(), std::back_inserter(ports));
  return ports;
}

Expected<std::vector<Port>> output_ports(const ModelView& model) {
  LANEWAY_TRY(require_unique(model.graph.outputs));
  std::vector<Port> ports;
  for (const ValueView& output : model.graph.outputs) {
    LANEWAY_TRY_ASSIGN(Port port, port_of(output));
    ports.push_back(std::move(port));
  }
  return ports;
}

std::vector<OperatorCount> count_operators(const ModelView& model) {
  std::map<std::pair<std::string_view, std::string_view>, std::size_t> counts;
  walk(model, OperatorCounter{counts});
  std::vector<OperatorCount> result;
  result.reserve(counts.size());
  for (const auto& [key, count] : counts) result.push_back({key.first, key.second, count});
  return result;
}

std::size_t weight_bytes(const ModelView& model) {
  std::size_t bytes = 0;
  walk(model, WeightCounter{bytes});
  return bytes;
}

}  // namespace laneway::onnx
