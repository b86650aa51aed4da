#pragma once
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "toy_engine/toy_engine.h"

/// Ready scripts. Each computes at the exact shapes of a run, like the ONNX model of the same name.
namespace laneway::toys {

/// A dimension in words: 4, or "batch".
struct Extent : Dimension {
  Extent(int value) : Dimension{value, {}} {}
  Extent(const char* name) : Dimension{std::nullopt, name} {}
};
Port tensor(std::string name, std::initializer_list<Extent> shape, DType dtype = DType::f32);

/// y = scale * x + offset, any numeric dtype but packed ones.
ToyModel affine(double scale = 2, double offset = 1, const Port& x = tensor("x", {"batch", 4}));
/// Outputs are the inputs, named with `_out` behind: dense ones by their bytes, Values as they are.
ToyModel copies(std::vector<Port> inputs);
/// a, b: f32 [batch, 3] -> sum, difference, product.
ToyModel arithmetic();
/// x: f32 [4], optional b: f32 [4], 10 everywhere by default -> y = x + b.
ToyModel optional_bias();

// Models that mix what they see along the sequence: padding one would change its answer. x: f32 [batch, sequence, 4].
ToyModel mean_pool();                     ///< -> y [batch, 4]
ToyModel softmax();                       ///< -> y as x
ToyModel normalise();                     ///< -> y as x, mean 0 and variance 1 along the sequence (epsilon 1e-5)
ToyModel attention(bool masked = false);  ///< -> y as x; q = k = v = x; masked: mask i64 [batch, sequence], 0 leaves a key out
/// x: f32 [rows, columns] -> y [columns, rows], each less the mean of its row of x.
ToyModel centred_transpose();

/// x, state: f32 [n] -> y = x + state, stateN = state + 1. `open`: the shape of stateN is not stated.
ToyModel stateful(bool open = false);
/// x: f32 [n] -> indices i64 [1, count] of what is not zero.
ToyModel non_zero();
/// x: f32 [n] -> y, declared [100]: the first four elements.
ToyModel lying();
/// x: f32 [?, ?, ?, 3] -> y [?, ?, ?, 3]: each pixel twice in height and width.
ToyModel upsample();
/// x: f32 [n], i: i64 [m] -> y [m] = x[i]; an index beyond is invalid_argument at run.
ToyModel gather();

}  // namespace laneway::toys
