// Reductions over axes, and softmax.
#include <algorithm>
#include <array>

#include "graph/op_info.h"

namespace laneway::graph {
namespace {

using F = Reduce::Function;

struct ReduceName {
  OnnxOperator onnx;
  F function;
  int axes_are_input_since = 18;
};
constexpr std::array names = {
    ReduceName{{"", "ReduceSum"}, F::sum, 13},
    ReduceName{{"", "ReduceMean"}, F::mean},
    ReduceName{{"", "ReduceMax"}, F::max},
    ReduceName{{"", "ReduceMin"}, F::min},
    ReduceName{{"", "ReduceProd"}, F::prod},
    ReduceName{{"", "ReduceL1"}, F::l1},
    ReduceName{{"", "ReduceL2"}, F::l2},
    ReduceName{{"", "ReduceLogSum"}, F::log_sum},
    ReduceName{{"", "ReduceLogSumExp"}, F::log_sum_exp},
    ReduceName{{"", "ReduceSumSquare"}, F::sum_square},
};
constexpr auto reduce_onnx = [] {
  std::array<OnnxOperator, names.size()> result{};
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = names[i].onnx;
  return result;
}();

Expected<Op> read_reduce(NodeReader& node) {
  const ReduceName& name = *std::ranges::find(names, node.type(), [](const ReduceName& one) { return one.onnx.name; });
  Reduce op{.function = name.function};
  LANEWAY_TRY_ASSIGN(op.keep_axes, node.flag("keepdims", true));
  if (node.version() < name.axes_are_input_since) {
    LANEWAY_TRY_ASSIGN(op.axes, node.integers("axes"));
  } else {
    LANEWAY_TRY_ASSIGN(const bool none_is_none, node.flag("noop_with_empty_axes", false));
    op.none_is_all = !none_is_none;
  }
  return Op(op);
}

// nullopt: only a run shows them.
Expected<std::optional<std::vector<bool>>> reduced_axes(const Reduce& op, const Inference& node, std::size_t rank) {
  std::vector<std::int64_t> axes = op.axes.value_or(std::vector<std::int64_t>());
  if (node.has_input(1)) {
    const auto contents = node.contents(1);
    if (!contents) return std::optional<std::vector<bool>>();
    for (const Size& axis : *contents) {
      if (!axis.number()) return std::optional<std::vector<bool>>();
      axes.push_back(*axis.number());
    }
  }
  std::vector<bool> reduced(rank, axes.empty() && op.none_is_all);
  for (const std::int64_t one : axes) {
    LANEWAY_TRY_ASSIGN(const std::size_t axis, node.axis(one, rank));
    if (reduced[axis]) return Inference::wrong("axes: " + std::to_string(one) + ": named twice");
    reduced[axis] = true;
  }
  return std::optional(std::move(reduced));
}

Expected<> infer_reduce(const Reduce& op, Inference& node) {
  if (!node.shape(0)) return node.output(0, node.dtype(0), std::nullopt), Expected<>();
  const Sizes& x = *node.shape(0);
  LANEWAY_TRY_ASSIGN(const auto reduced, reduced_axes(op, node, x.size()));
  Sizes shape;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!reduced && !op.keep_axes) return node.output(0, node.dtype(0), std::nullopt), Expected<>();
    if (!reduced) shape.push_back(node.unknown(0, i));
    else if (!(*reduced)[i]) shape.push_back(x[i]);
    else if (op.keep_axes) shape.push_back(1);
  }
  node.output(0, node.dtype(0), std::move(shape));
  return {};
}

constexpr std::array softmax_onnx = {OnnxOperator{"", "Softmax"}, OnnxOperator{"", "LogSoftmax"}};

Expected<Op> read_softmax(NodeReader& node) {
  const bool flattened = node.version() < 13;
  Softmax op{.logarithm = node.type() == "LogSoftmax", .flattened = flattened};
  LANEWAY_TRY_ASSIGN(op.axis, node.integer("axis", flattened ? 1 : -1));
  return Op(op);
}

Expected<> infer_softmax(const Softmax& op, Inference& node) {
  // Flattened, an axis after the last one makes rows of one element.
  if (node.shape(0) && !(op.flattened && op.axis == static_cast<std::int64_t>(node.shape(0)->size()))) {
    LANEWAY_TRY(node.axis(op.axis, node.shape(0)->size()));
  }
  node.output(0, node.dtype(0), node.shape(0));
  return {};
}

}  // namespace

template <>
const OpInfo& info_of<Reduce>() {
  static constexpr OpInfo info = {.name = "Reduce",
                                  .onnx = reduce_onnx,
                                  .inputs_min = 1,
                                  .inputs_max = 2,
                                  .read = read_reduce,
                                  .infer = infer_as<Reduce, infer_reduce>};
  return info;
}
template <>
const OpInfo& info_of<Softmax>() {
  static constexpr OpInfo info = {.name = "Softmax",
                                  .onnx = softmax_onnx,
                                  .inputs_min = 1,
                                  .inputs_max = 1,
                                  .read = read_softmax,
                                  .infer = infer_as<Softmax, infer_softmax>};
  return info;
}

}  // namespace laneway::graph
