// Products of matrices.
#include <array>
#include <numeric>
#include <type_traits>

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

// ---- reference kernels ----------------------------------------------------------------------------------------------------

// Whole numbers wrap, whatever their width.
template <class T>
using Sum = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;

Expected<> evaluate_matmul(const MatMul&, Evaluation& node) {
  std::vector<std::int64_t> a(node.input(0).shape.extents().begin(), node.input(0).shape.extents().end());
  std::vector<std::int64_t> b(node.input(1).shape.extents().begin(), node.input(1).shape.extents().end());
  const bool row = a.size() == 1, column = b.size() == 1;
  if (row) a.insert(a.begin(), 1);
  if (column) b.push_back(1);
  if (a.size() < 2 || b.size() < 2 || a.back() != b[b.size() - 2])
    return Inference::wrong("inner extents differ: " + to_string(node.input(0).shape) + " and " + to_string(node.input(1).shape));
  LANEWAY_TRY_ASSIGN(const Shape a_batch, Shape::of(std::span(a).first(a.size() - 2)));
  LANEWAY_TRY_ASSIGN(const Shape b_batch, Shape::of(std::span(b).first(b.size() - 2)));
  LANEWAY_TRY_ASSIGN(const Shape batch, broadcast(a_batch, b_batch));
  const auto a_strides = broadcast_strides(a_batch, batch.rank()), b_strides = broadcast_strides(b_batch, batch.rank());
  const std::int64_t m = a[a.size() - 2], k = a.back(), n = b.back();
  std::vector<std::int64_t> extents(batch.extents().begin(), batch.extents().end());
  if (!row) extents.push_back(m);
  if (!column) extents.push_back(n);
  LANEWAY_TRY_ASSIGN(const Shape shape, Shape::of(extents));
  LANEWAY_TRY_ASSIGN(const std::size_t batches, element_count(batch));
  return with_numbers(node.input(0).dtype, [&]<class T>(T) -> Expected<> {
    const std::vector<T> x = node.elements<T>(0), w = node.elements<T>(1);
    std::vector<T> y;
    Odometer at(batch.extents());
    for (std::size_t one = 0; one < batches; ++one, at.next()) {
      const auto i0 = std::inner_product(a_strides.begin(), a_strides.end(), at.index().begin(), std::int64_t{0}) * m * k;
      const auto j0 = std::inner_product(b_strides.begin(), b_strides.end(), at.index().begin(), std::int64_t{0}) * k * n;
      for (std::int64_t i = 0; i < m; ++i) {
        for (std::int64_t j = 0; j < n; ++j) {
          Sum<T> sum{};
          for (std::int64_t l = 0; l < k; ++l)
            sum += static_cast<Sum<T>>(x[static_cast<std::size_t>(i0 + i * k + l)]) *
                   static_cast<Sum<T>>(w[static_cast<std::size_t>(j0 + l * n + j)]);
          y.push_back(static_cast<T>(sum));
        }
      }
    }
    node.give(0, node.input(0).dtype, shape, std::move(y));
    return {};
  });
}

Expected<> evaluate_gemm(const Gemm& op, Evaluation& node) {
  const Shape &a = node.input(0).shape, &b = node.input(1).shape;
  const std::int64_t m = a[op.transpose_a ? 1 : 0], k = a[op.transpose_a ? 0 : 1], n = b[op.transpose_b ? 0 : 1];
  if (b[op.transpose_b ? 1 : 0] != k) return Inference::wrong("inner extents differ: " + to_string(a) + " and " + to_string(b));
  const Shape shape{m, n};
  const auto strides = node.has_input(2) ? broadcast_strides(node.input(2).shape, 2) : std::vector<std::int64_t>(2);
  if (node.has_input(2)) LANEWAY_TRY(broadcast(shape, node.input(2).shape));
  return with_numbers(node.input(0).dtype, [&]<class T>(T) -> Expected<> {
    const std::vector<T> x = node.elements<T>(0), w = node.elements<T>(1),
                         c = node.has_input(2) ? node.elements<T>(2) : std::vector<T>();
    std::vector<T> y;
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        double sum = 0;
        for (std::int64_t l = 0; l < k; ++l)
          sum += static_cast<double>(x[static_cast<std::size_t>(op.transpose_a ? l * m + i : i * k + l)]) *
                 static_cast<double>(w[static_cast<std::size_t>(op.transpose_b ? j * k + l : l * n + j)]);
        sum *= op.alpha;
        if (!c.empty()) sum += op.beta * static_cast<double>(c[static_cast<std::size_t>(i * strides[0] + j * strides[1])]);
        y.push_back(static_cast<T>(sum));
      }
    }
    node.give(0, node.input(0).dtype, shape, std::move(y));
    return {};
  });
}

}  // namespace

template <>
const OpInfo& info_of<MatMul>() {
  static constexpr OpInfo info = {.name = "MatMul",
                                  .onnx = matmul_onnx,
                                  .inputs_min = 2,
                                  .inputs_max = 2,
                                  .read = read_matmul,
                                  .infer = infer_as<MatMul, infer_matmul>,
                                  .evaluate = evaluate_as<MatMul, evaluate_matmul>};
  return info;
}
template <>
const OpInfo& info_of<Gemm>() {
  static constexpr OpInfo info = {.name = "Gemm",
                                  .onnx = gemm_onnx,
                                  .inputs_min = 2,
                                  .inputs_max = 3,
                                  .read = read_gemm,
                                  .infer = infer_as<Gemm, infer_gemm>,
                                  .evaluate = evaluate_as<Gemm, evaluate_gemm>};
  return info;
}

}  // namespace laneway::graph
