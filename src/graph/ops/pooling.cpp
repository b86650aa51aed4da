// Pools: the largest, the mean, the norm of a window or of a whole image.
#include <array>

#include "graph/op_info.h"
#include "graph/ops/window.h"

namespace laneway::graph {
namespace {

PoolFunction function_of(std::string_view type) {
  if (type.find("Max") != std::string_view::npos) return PoolFunction::max;
  return type.find("Lp") != std::string_view::npos ? PoolFunction::lp : PoolFunction::average;
}

constexpr std::array pool_onnx = {OnnxOperator{"", "MaxPool"}, OnnxOperator{"", "AveragePool"}, OnnxOperator{"", "LpPool", 2}};

Expected<Op> read_pool(NodeReader& node) {
  Pool op;
  op.function = function_of(node.type());
  LANEWAY_TRY_ASSIGN(op.kernel, node.integers("kernel_shape", {}));
  if (op.kernel.empty()) return Inference::wrong("attribute kernel_shape: expected extents, got none");
  LANEWAY_TRY_ASSIGN(op.window, read_window(node, op.kernel.size()));
  LANEWAY_TRY_ASSIGN(op.window.ceil, node.flag("ceil_mode", false));
  if (op.function == PoolFunction::average) { LANEWAY_TRY_ASSIGN(op.count_padding, node.flag("count_include_pad", false)); }
  if (op.function == PoolFunction::lp) { LANEWAY_TRY_ASSIGN(op.p, node.integer("p", 2)); }
  if (op.function == PoolFunction::max) { LANEWAY_TRY_ASSIGN(op.column_major, node.flag("storage_order", false)); }
  return Op(op);
}

Expected<> infer_pool(const Pool& op, Inference& node) {
  std::optional<Sizes> shape;
  LANEWAY_TRY(node.rank(0, op.kernel.size() + 2));
  if (node.shape(0)) {
    const Sizes& x = *node.shape(0);
    const Sizes kernel(op.kernel.begin(), op.kernel.end());
    LANEWAY_TRY_ASSIGN(const Sizes spatial, windowed(op.window, std::span(x).subspan(2), kernel));
    shape = Sizes{x[0], x[1]};
    shape->insert(shape->end(), spatial.begin(), spatial.end());
  }
  node.output(0, node.dtype(0), shape);
  node.output(1, DType::i64, shape);
  return {};
}

constexpr std::array global_onnx = {OnnxOperator{"", "GlobalMaxPool"}, OnnxOperator{"", "GlobalAveragePool"},
                                    OnnxOperator{"", "GlobalLpPool", 2}};

Expected<Op> read_global(NodeReader& node) {
  GlobalPool op{.function = function_of(node.type())};
  if (op.function == PoolFunction::lp) { LANEWAY_TRY_ASSIGN(op.p, node.integer("p", 2)); }
  return Op(op);
}

Expected<> infer_global(const GlobalPool&, Inference& node) {
  std::optional<Sizes> shape = node.shape(0);
  if (shape && shape->size() < 3) return Inference::wrong("input 0: rank: expected 3 or more, got shape " + to_string(*shape));
  for (std::size_t i = 2; shape && i < shape->size(); ++i) (*shape)[i] = 1;
  node.output(0, node.dtype(0), std::move(shape));
  return {};
}

}  // namespace

template <>
const OpInfo& info_of<Pool>() {
  static constexpr OpInfo info = {.name = "Pool",
                                  .onnx = pool_onnx,
                                  .inputs_min = 1,
                                  .inputs_max = 1,
                                  .outputs_max = 2,
                                  .read = read_pool,
                                  .infer = infer_as<Pool, infer_pool>};
  return info;
}
template <>
const OpInfo& info_of<GlobalPool>() {
  static constexpr OpInfo info = {.name = "GlobalPool",
                                  .onnx = global_onnx,
                                  .inputs_min = 1,
                                  .inputs_max = 1,
                                  .read = read_global,
                                  .infer = infer_as<GlobalPool, infer_global>};
  return info;
}

}  // namespace laneway::graph
