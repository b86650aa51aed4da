#include "graph/evaluation.h"

#include <algorithm>

#include "graph/op_info.h"
#include "laneway/graph/evaluate.h"

namespace laneway::graph {
namespace {

Sizes sizes_of(const Shape& shape) { return Sizes(shape.extents().begin(), shape.extents().end()); }

Expected<> check_input(const Value& input, const Tensor& given) {
  const auto wrong = [&](const std::string& expected, const std::string& got) {
    return Error(ErrorCode::invalid_argument, "input " + input.name + ": expected " + expected + ", got " + got);
  };
  const std::string got = std::string(name(given.dtype)) + to_string(given.shape);
  if (given.dtype != input.type.dtype) return wrong(to_string(input.type), got);
  if (!input.type.shape) return {};
  if (input.type.shape->size() != given.shape.rank()) return wrong(to_string(input.type), got);
  for (std::size_t i = 0; i < given.shape.rank(); ++i) {
    const auto fixed = (*input.type.shape)[i].number();
    if (fixed && *fixed != given.shape[i]) return wrong(to_string(input.type), got);
  }
  return {};
}

Expected<> run(const Node& node, std::vector<Tensor>& values) {
  std::vector<const Tensor*> inputs;
  for (const ValueId id : node.inputs) inputs.push_back(id == left_out ? nullptr : &values[static_cast<std::size_t>(id)]);
  std::vector<Tensor> outputs(node.outputs.size());
  Evaluation evaluation(inputs, outputs);
  if (auto done = info_of(node.op).evaluate(node.op, evaluation); !done)
    return std::move(done).error().with_context(describe(node));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (node.outputs[i] != left_out) values[static_cast<std::size_t>(node.outputs[i])] = std::move(outputs[i]);
  }
  return {};
}

}  // namespace

Expected<std::vector<std::int64_t>> Evaluation::integers(std::size_t index) const {
  auto result = input(index).integers();
  if (result) return *std::move(result);
  return Error(ErrorCode::invalid_argument,
               "input " + std::to_string(index) + ": expected i64 or i32, got " + std::string(name(input(index).dtype)));
}

std::vector<std::int64_t> strides_of(const Shape& shape) {
  std::vector<std::int64_t> strides(shape.rank(), 1);
  for (std::size_t i = shape.rank(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

std::vector<std::int64_t> broadcast_strides(const Shape& shape, std::size_t rank) {
  std::vector<std::int64_t> strides = strides_of(shape);
  for (std::size_t i = 0; i < shape.rank(); ++i) {
    if (shape[i] == 1) strides[i] = 0;
  }
  strides.insert(strides.begin(), rank - shape.rank(), 0);
  return strides;
}

Expected<Shape> broadcast(const Shape& a, const Shape& b) {
  std::vector<std::int64_t> extents;
  const std::size_t rank = std::max(a.rank(), b.rank());
  for (std::size_t i = 0; i < rank; ++i) {
    const std::int64_t x = i + a.rank() < rank ? 1 : a[i + a.rank() - rank], y = i + b.rank() < rank ? 1 : b[i + b.rank() - rank];
    if (x != y && x != 1 && y != 1)
      return Error(ErrorCode::invalid_argument, "shapes do not broadcast: " + to_string(a) + " and " + to_string(b));
    extents.push_back(x == 1 ? y : x);
  }
  return Shape::of(extents);
}

Expected<Shape> inferred_shape(const Op& op, const Evaluation& node) {
  Graph graph;
  Node one{.name = "one", .op = op, .inputs = {}, .outputs = {}};
  for (std::size_t i = 0; i < node.input_count(); ++i) {
    if (!node.has_input(i)) {
      one.inputs.push_back(left_out);
      continue;
    }
    const Tensor& tensor = node.input(i);
    one.inputs.push_back(graph.add(
        {.name = std::to_string(i), .type = {.dtype = tensor.dtype, .shape = sizes_of(tensor.shape)}, .constant = tensor}));
  }
  const ValueId output = graph.add({.name = "output", .type = {}});
  one.outputs = {output};
  Inference inference(graph, one);
  LANEWAY_TRY(info_of(op).infer(op, inference));
  const auto& shape = graph[output].type.shape;
  std::vector<std::int64_t> extents;
  for (std::size_t i = 0; shape && i < shape->size(); ++i) extents.push_back((*shape)[i].number().value_or(-1));
  if (!shape) return Error(ErrorCode::invalid_argument, "a shape that cannot be known");
  return Shape::of(extents);
}

Expected<std::vector<Tensor>> evaluate(const Graph& graph, std::span<const Tensor> inputs) {
  if (inputs.size() != graph.inputs.size()) {
    return Error(ErrorCode::invalid_argument,
                 "inputs: expected " + std::to_string(graph.inputs.size()) + ", got " + std::to_string(inputs.size()));
  }
  std::vector<Tensor> values(graph.values.size());
  for (std::size_t i = 0; i < graph.values.size(); ++i) {
    if (graph.values[i].constant) values[i] = *graph.values[i].constant;
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    LANEWAY_TRY(check_input(graph[graph.inputs[i]], inputs[i]));
    values[static_cast<std::size_t>(graph.inputs[i])] = inputs[i];
  }
  for (const Node& node : graph.nodes) LANEWAY_TRY(run(node, values));
  std::vector<Tensor> outputs;
  for (const ValueId id : graph.outputs) outputs.push_back(values[static_cast<std::size_t>(id)]);
  return outputs;
}

}  // namespace laneway::graph
