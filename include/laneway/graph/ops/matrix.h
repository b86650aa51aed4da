#pragma once

namespace laneway::graph {

/// NumPy's matmul: the last two axes multiply, those before broadcast, a vector is a row or a column.
struct MatMul {
  friend bool operator==(const MatMul&, const MatMul&) = default;
};

/// alpha a b + beta c, of matrices; c broadcasts and may be left out.
struct Gemm {
  float alpha = 1, beta = 1;
  bool transpose_a = false, transpose_b = false;

  friend bool operator==(const Gemm&, const Gemm&) = default;
};

}  // namespace laneway::graph
