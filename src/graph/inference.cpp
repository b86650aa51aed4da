#include "graph/inference.h"

#include <algorithm>

#include "graph/op_info.h"

namespace laneway::graph {

Error Inference::wrong(std::string what) { return Error(ErrorCode::invalid_argument, std::move(what)); }

std::optional<Sizes> Inference::contents(std::size_t index) const {
  const Value& value = input(index);
  if (value.contents) return value.contents;
  if (!value.constant) return std::nullopt;
  const auto integers = value.constant->integers();
  return integers ? std::optional(Sizes(integers->begin(), integers->end())) : std::nullopt;
}

void Inference::output(std::size_t index, DType dtype, std::optional<Sizes> shape, std::optional<Sizes> contents) {
  if (!has_output(index)) return;
  Value& value = graph_[node_.outputs[index]];
  // What the file says of it helps where the rule does not know.
  if (!shape) {
    shape = value.type.shape;
  } else if (value.type.shape && value.type.shape->size() == shape->size()) {
    for (std::size_t i = 0; i < shape->size(); ++i) {
      const bool ours_is_open =
          !(*shape)[i].number() && std::ranges::none_of((*shape)[i].symbols(), [&](const std::string& name) {
            return std::ranges::find(graph_.symbols, name) != graph_.symbols.end();
          });
      if (ours_is_open && (*value.type.shape)[i].number()) (*shape)[i] = (*value.type.shape)[i];
    }
  }
  value.type = {.dtype = dtype, .shape = std::move(shape)};
  value.contents = std::move(contents);
}

Size Inference::unknown(std::size_t output, std::size_t axis) {
  return Size::symbol("?" + graph_[node_.outputs[output]].name + "." + std::to_string(axis));
}

Expected<std::size_t> Inference::axis(std::int64_t axis, std::size_t rank) const {
  const auto signed_rank = static_cast<std::int64_t>(rank);
  const std::int64_t positive = axis < 0 ? axis + signed_rank : axis;
  if (axis >= -signed_rank && positive < signed_rank) return static_cast<std::size_t>(positive);
  return wrong("axis: expected " + std::to_string(-signed_rank) + " to " + std::to_string(signed_rank - 1) + ", got " +
               std::to_string(axis));
}

Expected<> Inference::same_dtype(std::size_t a, std::size_t b) const {
  if (dtype(a) == dtype(b)) return {};
  return wrong("input " + std::to_string(b) + ": dtype: expected " + std::string(name(dtype(a))) + " as of input " +
               std::to_string(a) + ", got " + std::string(name(dtype(b))));
}

Expected<> Inference::one_of(std::size_t index, std::initializer_list<DType> dtypes) const {
  if (std::ranges::find(dtypes, dtype(index)) != dtypes.end()) return {};
  std::string expected;
  for (const DType one : dtypes) expected.append(expected.empty() ? "" : ", ").append(name(one));
  return wrong("input " + std::to_string(index) + ": dtype: expected one of " + expected + ", got " +
               std::string(name(dtype(index))));
}

Expected<> Inference::rank(std::size_t index, std::size_t expected) const {
  if (!shape(index) || shape(index)->size() == expected) return {};
  return wrong("input " + std::to_string(index) + ": rank: expected " + std::to_string(expected) + ", got shape " +
               to_string(*shape(index)));
}

Expected<Sizes> Inference::broadcast(const Sizes& a, const Sizes& b) const {
  const Sizes& longer = a.size() >= b.size() ? a : b;
  const Sizes& shorter = a.size() >= b.size() ? b : a;
  Sizes result = longer;
  const std::size_t offset = longer.size() - shorter.size();
  for (std::size_t i = 0; i < shorter.size(); ++i) {
    const auto both = graph::broadcast(longer[offset + i], shorter[i]);
    if (!both) return wrong("shapes do not broadcast: " + to_string(a) + " and " + to_string(b));
    result[offset + i] = *both;
  }
  return result;
}

Expected<> infer(Graph& graph) {
  for (const Node& node : graph.nodes) {
    Inference inference(graph, node);
    if (auto done = info_of(node.op).infer(node.op, inference); !done)
      return std::move(done).error().with_context(describe(node));
    for (const ValueId output : node.outputs) {
      if (output == left_out || !graph[output].type.shape) continue;
      for (const Size& extent : *graph[output].type.shape) {
        if (!extent.valid() || (extent.number() && *extent.number() < 0)) {
          return Error(ErrorCode::invalid_argument, describe(node) + ": output " + graph[output].name +
                                                        ": a shape that cannot be: " + to_string(*graph[output].type.shape));
        }
      }
    }
  }
  return {};
}

}  // namespace laneway::graph
