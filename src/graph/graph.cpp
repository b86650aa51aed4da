#include "laneway/graph/graph.h"

#include <algorithm>
#include <cstring>

#include "graph/op_info.h"

namespace laneway::graph {
namespace {

template <class T>
std::vector<std::int64_t> widened(std::span<const std::byte> bytes) {
  std::vector<std::int64_t> result;
  for (std::size_t at = 0; at + sizeof(T) <= bytes.size(); at += sizeof(T)) {
    T element{};
    std::memcpy(&element, bytes.data() + at, sizeof element);
    result.push_back(element);
  }
  return result;
}

std::string names_of(const Graph& graph, std::span<const ValueId> ids) {
  std::string text;
  for (const ValueId id : ids) text += (text.empty() ? "" : ", ") + (id == left_out ? std::string("-") : graph[id].name);
  return text;
}

}  // namespace

Tensor Tensor::of_strings(const Shape& shape, std::vector<std::string> elements) {
  const auto kept = std::make_shared<const std::vector<std::string>>(std::move(elements));
  return {.dtype = DType::string, .shape = shape, .strings = *kept, .owner = kept};
}

std::optional<std::vector<std::int64_t>> Tensor::integers() const {
  if (dtype == DType::i64) return widened<std::int64_t>(bytes);
  if (dtype == DType::i32) return widened<std::int32_t>(bytes);
  return std::nullopt;
}

bool operator==(const Tensor& a, const Tensor& b) noexcept {
  return a.dtype == b.dtype && a.shape == b.shape && std::ranges::equal(a.bytes, b.bytes) &&
         std::ranges::equal(a.strings, b.strings);
}

std::string to_string(const Type& type) {
  const std::string kind = type.kind == PortKind::tensor ? "" : std::string(name(type.kind)) + " of ";
  return kind + std::string(name(type.dtype)) + (type.shape ? to_string(*type.shape) : "[...]");
}

std::string describe(const Node& node) { return "node " + node.name + " (" + std::string(name(node.op)) + ")"; }

std::string to_string(const Graph& graph) {
  std::string text = "graph " + graph.name + "\n";
  const auto line = [&](std::string_view what, ValueId id) {
    text.append(what).append(" ").append(graph[id].name).append(": ").append(to_string(graph[id].type)).append("\n");
  };
  for (const ValueId id : graph.inputs) line("input", id);
  for (std::size_t i = 0; i < graph.values.size(); ++i) {
    if (graph.values[i].constant) line("constant", ValueId(i));
  }
  for (const Node& node : graph.nodes) {
    text += names_of(graph, node.outputs) + " = " + std::string(name(node.op)) + "(" + names_of(graph, node.inputs) + ")";
    for (const ValueId id : node.outputs) {
      if (id != left_out) text += " : " + to_string(graph[id].type);
    }
    text += "\n";
  }
  for (const ValueId id : graph.outputs) line("output", id);
  return text;
}

}  // namespace laneway::graph
