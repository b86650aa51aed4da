// The rules that make a graph one.
#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include "graph/op_info.h"

namespace laneway::graph {
namespace {

using Broken = std::vector<std::string>;

bool exists(const Graph& graph, ValueId id) { return static_cast<std::size_t>(id) < graph.values.size(); }

void ids_exist(const Graph& graph, Broken& broken) {
  const auto check = [&](const std::string& where, std::span<const ValueId> ids, bool may_be_left_out) {
    for (const ValueId id : ids) {
      if (!exists(graph, id) && !(may_be_left_out && id == left_out))
        broken.push_back(where + ": value " + std::to_string(static_cast<std::uint32_t>(id)) + ": expected one of " +
                         std::to_string(graph.values.size()));
    }
  };
  check("inputs", graph.inputs, false);
  check("outputs", graph.outputs, false);
  for (const Node& node : graph.nodes) {
    check(describe(node), node.inputs, true);
    check(describe(node), node.outputs, true);
  }
}

void values_are_made_once_and_before_they_are_read(const Graph& graph, Broken& broken) {
  std::vector<bool> made(graph.values.size());
  const auto make = [&](ValueId id, const std::string& where) {
    if (!exists(graph, id)) return;
    if (made[static_cast<std::size_t>(id)]) broken.push_back(where + ": value " + graph[id].name + ": made a second time");
    made[static_cast<std::size_t>(id)] = true;
  };
  for (const ValueId id : graph.inputs) make(id, "inputs");
  for (std::size_t i = 0; i < graph.values.size(); ++i) {
    const bool input = std::ranges::find(graph.inputs, ValueId(i)) != graph.inputs.end();
    if (graph.values[i].constant && !input) make(ValueId(i), "constants");
  }
  for (const Node& node : graph.nodes) {
    for (const ValueId id : node.inputs) {
      if (exists(graph, id) && !made[static_cast<std::size_t>(id)])
        broken.push_back(describe(node) + ": value " + graph[id].name + ": read before it is made");
    }
    for (const ValueId id : node.outputs) make(id, describe(node));
  }
  for (const ValueId id : graph.outputs) {
    if (exists(graph, id) && !made[static_cast<std::size_t>(id)])
      broken.push_back("outputs: value " + graph[id].name + ": never made");
  }
}

void nodes_have_as_many_ports_as_their_operator(const Graph& graph, Broken& broken) {
  for (const Node& node : graph.nodes) {
    const OpInfo& info = info_of(node.op);
    const auto given = static_cast<std::size_t>(std::ranges::count_if(node.inputs, [](ValueId id) { return id != left_out; }));
    if (given < info.inputs_min || node.inputs.size() > info.inputs_max)
      broken.push_back(describe(node) + ": inputs: expected " + std::to_string(info.inputs_min) + " or more, got " +
                       std::to_string(given));
    if (node.outputs.empty() || node.outputs.size() > info.outputs_max)
      broken.push_back(describe(node) + ": outputs: expected 1 to " + std::to_string(info.outputs_max) + ", got " +
                       std::to_string(node.outputs.size()));
  }
}

void constants_have_the_bytes_of_their_type(const Graph& graph, Broken& broken) {
  for (const Value& value : graph.values) {
    if (!value.constant) continue;
    const Tensor& tensor = *value.constant;
    const auto bytes = tensor.dtype == DType::string ? Expected<std::size_t>(0) : byte_count(tensor.dtype, tensor.shape);
    const auto elements = element_count(tensor.shape);
    const bool whole = bytes && elements && tensor.bytes.size() == *bytes &&
                       (tensor.dtype != DType::string || tensor.strings.size() == *elements);
    if (!whole)
      broken.push_back("constant " + value.name + ": expected the bytes of its shape, got " +
                       std::to_string(tensor.bytes.size()));
    const Sizes shape(tensor.shape.extents().begin(), tensor.shape.extents().end());
    if (value.type.dtype != tensor.dtype || value.type.shape != std::optional(shape))
      broken.push_back("constant " + value.name + ": expected " + to_string(value.type) + ", got " +
                       std::string(name(tensor.dtype)) + to_string(shape));
  }
}

void names_are_there_and_differ(const Graph& graph, Broken& broken) {
  std::set<std::string_view> seen;
  for (const Value& value : graph.values) {
    if (value.name.empty()) broken.push_back("values: one without a name");
    else if (!seen.insert(value.name).second) broken.push_back("value " + value.name + ": two of that name");
  }
}

struct Rule {
  std::string_view name;
  void (*check)(const Graph& graph, Broken& broken);
};
constexpr std::array rules = {
    Rule{"values exist", ids_exist},
    Rule{"names are there and differ", names_are_there_and_differ},
    Rule{"values are made once, before they are read", values_are_made_once_and_before_they_are_read},
    Rule{"nodes have as many ports as their operator", nodes_have_as_many_ports_as_their_operator},
    Rule{"constants have the bytes of their type", constants_have_the_bytes_of_their_type},
};

}  // namespace

Expected<> verify(const Graph& graph) {
  std::string text;
  for (const Rule& rule : rules) {
    Broken broken;
    rule.check(graph, broken);
    for (const std::string& one : broken) text.append("\n  - ").append(rule.name).append(": ").append(one);
  }
  if (text.empty()) return {};
  return Error(ErrorCode::internal, "graph " + graph.name + ": not a graph:" + text);
}

}  // namespace laneway::graph
