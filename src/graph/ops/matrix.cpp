// Products of matrices.
#include <array>

#include "graph/op_info.h"

namespace laneway::graph {
namespace {

bool fit(const Size& a, const Size& b) { return !a.number() || !b.number() || a == b; }

Error inner_extents_differ(const Sizes& a, const Sizes& b) {
  return Inference::wrong("inner extents differ: " + to_string(a) + " and " + to_string(b));
}

constexpr std::array matmul_onnx = {OnnxOperator{"", "MatMul"}};

Expected<Op> read_matmul(NodeReader&) { return Op(MatMul{}); }

Expected<> infer_matmul(const MatMul&, Inference& node) {
  LANEWAY_TRY(node.same_dtype(0, 1));
  if (!node.shape(0) || !node.shape(1)) return node.output(0, node.dtype(0), std::nullopt), Expected<>();
  Sizes a = *node.shape(0), b = *node.shape(1);
  if (a.empty() || b.empty()) return Inference::wrong("expected vectors or matrices, got a scalar");
  const bool row = a.size() == 1, column = b.size() == 1;
  if (row) a.insert(a.begin(), Size(1));
  if (column) b.push_back(1);
  if (!fit(a.back(), b[b.size() - 2])) return inner_extents_differ(*node.shape(0), *node.shape(1));
  LANEWAY_TRY_ASSIGN(Sizes shape, node.broadcast({a.begin(), a.end() - 2}, {b.begin(), b.end() - 2}));
  if (!row) shape.push_back(a[a.size() - 2]);
  if (!column) shape.push_back(b.back());
  node.output(0, node.dtype(0), std::move(shape));
  return {};
}

constexpr std::array gemm_onnx = {OnnxOperator{"", "Gemm", 7}};

Expected<Op> read_gemm(NodeReader& node) {
  Gemm op;
  LANEWAY_TRY_ASSIGN(op.alpha, node.number("alpha", 1));
  LANEWAY_TRY_ASSIGN(op.beta, node.number("beta", 1));
  LANEWAY_TRY_ASSIGN(op.transpose_a, node.flag("transA", false));
  LANEWAY_TRY_ASSIGN(op.transpose_b, node.flag("transB", false));
  return Op(op);
}

Expected<> infer_gemm(const Gemm& op, Inference& node) {
  LANEWAY_TRY(node.same_dtype(0, 1));
  LANEWAY_TRY(node.rank(0, 2));
  LANEWAY_TRY(node.rank(1, 2));
  if (node.has_input(2)) LANEWAY_TRY(node.same_dtype(0, 2));
  if (!node.shape(0) || !node.shape(1)) return node.output(0, node.dtype(0), std::nullopt), Expected<>();
  const Sizes &a = *node.shape(0), &b = *node.shape(1);
  if (!fit(a[op.transpose_a ? 0 : 1], b[op.transpose_b ? 1 : 0])) return inner_extents_differ(a, b);
  const Sizes shape = {a[op.transpose_a ? 1 : 0], b[op.transpose_b ? 0 : 1]};
  if (node.has_input(2) && node.shape(2)) {
    LANEWAY_TRY_ASSIGN(const Sizes sum, node.broadcast(shape, *node.shape(2)));
    if (sum.size() != 2) return Inference::wrong("input 2: expected a shape that broadcasts to " + to_string(shape));
  }
  node.output(0, node.dtype(0), shape);
  return {};
}

}  // namespace

template <>
const OpInfo& info_of<MatMul>() {
  static constexpr OpInfo info = {.name = "MatMul",
                                  .onnx = matmul_onnx,
                                  .inputs_min = 2,
                                  .inputs_max = 2,
                                  .read = read_matmul,
                                  .infer = infer_as<MatMul, infer_matmul>};
  return info;
}
template <>
const OpInfo& info_of<Gemm>() {
  static constexpr OpInfo info = {.name = "Gemm",
                                  .onnx = gemm_onnx,
                                  .inputs_min = 2,
                                  .inputs_max = 3,
                                  .read = read_gemm,
                                  .infer = infer_as<Gemm, infer_gemm>};
  return info;
}

}  // namespace laneway::graph
