#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/onnx_writer.h"

/// The models that tests and benches run, as ONNX files in memory. Weights are random but the same everywhere and always.
/// In the signatures below [batch] is a symbol, [?] an unknown dimension.
namespace laneway::test_models {

inline std::span<const std::byte> as_bytes(std::string_view model) {
  return std::as_bytes(std::span(model.data(), model.size()));
}

/// Uniform in [-scale, scale); `seed` and nothing else decides.
std::vector<float> random_floats(std::size_t count, std::uint64_t seed, float scale = 1.0f);

// ---- the four that scripts/models writes --------------------------------------------------------------------------------

std::string identity();  ///< x [1, 16] -> y [1, 16]
std::string mlp();    ///< x [1, 32] -> y [1, 4]: 32-64-64-4 with ReLU, weights "fc1.weight" [32, 64], "fc1.bias" [64], fc2, fc3.
std::string mnist();  ///< image [1, 1, 28, 28] -> logits [1, 10]: the topology of the model zoo's MNIST-12.
/// A transformer of 2 layers, width 64, 4 heads, vocabulary 1000, at most 512 tokens, its attention masked:
/// ids i64 [batch, sequence], mask i64 [batch, sequence] of 0 and 1 -> hidden [batch, sequence, 64], pooled [batch, 64].
std::string encoder();

// ---- ports of every kind ------------------------------------------------------------------------------------------------

/// x -> y of any numeric dtype and shape; scalars, rank 8, extents of 0 and symbols too.
std::string identity(DType dtype, const Dims& dims);
std::string string_identity();    ///< x string [n] -> y string [n]
std::string mixed_dtypes();       ///< A f32 [batch, 4] -> A_out; B i64 [batch, 2] -> B_out
std::string sequence_identity();  ///< x sequence of f32 tensors -> y the same
std::string sequence_split();     ///< x f32 [n, 2] -> parts: a sequence of n tensors [1, 2]
std::string sequence_concat();    ///< parts: a sequence of f32 tensors [?, 2] -> y f32 [?, 2]
std::string map_input();          ///< scores: map of string to f32 -> y f32 [1, 3]: what it has for "a", "b", "c", else 0
std::string map_output();         ///< x f32 [n, 3] -> maps: a sequence of n maps of string ("a", "b", "c") to f32
std::string optional_identity();  ///< x optional of f32 [2] -> y the same
std::string optional_has();       ///< x optional of f32 [2] -> y boolean []: whether it holds something
std::string sparse_input();       ///< a sparse f32 [3, 4], b f32 [4, 2] -> y f32 [3, 2] = a b (an operator of ONNX Runtime's own)

// ---- inputs and outputs that may be left out ----------------------------------------------------------------------------

std::string default_input();  ///< x [4], bias [4] with the default {1, 2, 3, 4} -> y = x + bias
std::string two_inputs();     ///< a [batch, 4], b [batch, 4] -> y = a - b
/// x [4], index i64 [] -> y = x + 1, picked [] = x[index]: an index out of range fails the run, but only if `picked` is computed.
std::string two_outputs();
/// x [4] -> y = x + 1, huge [1024, 1024, 64]: 256 MiB that only a run that wants them needs.
std::string huge_second_output();

// ---- shapes that only a run shows ---------------------------------------------------------------------------------------

std::string nonzero();       ///< x f32 [?, ?] -> y i64 [2, ?]
std::string declares_100();  ///< x f32 [n], keep boolean [n] -> y f32, declared as [100]: the elements kept
std::string resize_like();   ///< x f32 [?, ?, ?, 3] -> y [?, ?, ?, 3]: height and width doubled, nearest
std::string unknown_rank();  ///< x f32 of any rank -> y = -x
/// x f32 [n], shape i64 [r] -> y of rank r: x reshaped.
std::string reshape_to_input();

// ---- rows that mix, over [batch, sequence, 8] ---------------------------------------------------------------------------

std::string mean_pool();                ///< x -> y [batch, 8]: the mean over the sequence
std::string softmax_over_sequence();    ///< x -> y the same
std::string normalise_over_sequence();  ///< x -> y the same: zero mean, unit variance along the sequence
std::string attention();                ///< x -> y the same: one head, y = softmax(x xT / sqrt(8)) x
std::string masked_attention();         ///< x, mask f32 [batch, sequence] of 0 and 1 -> y the same
std::string sequence_in_the_middle();   ///< x [batch, sequence, 8] -> y [batch, 8, sequence]: cumulative sum, then transposed
std::string two_symbols();              ///< a [rows, 8], b [8, columns] -> y [rows, columns] = a b
std::string relu();                     ///< x [n] -> y [n]

// ---- time and state -----------------------------------------------------------------------------------------------------

/// x [64, 64], iterations i64 [] -> y: that many times y = tanh(y w). Some 10 us each; stops between any two nodes.
std::string long_running();
/// x [n], state [n] -> y = x + state, stateN = state + 1; with `open_shape` stateN is declared as [?].
std::string counter(bool open_shape = false);
/// x [n], state [n] -> y = x, stateN: state doubled in length, declared as [?]: no link can hold it.
std::string growing_state();
/// x [1, width] -> y [1, width]: `layers` MatMuls of width x width, "w0", "w1"...; for bytes that can be seen.
std::string wide_mlp(std::int64_t width, int layers);

// ---- wrong models -------------------------------------------------------------------------------------------------------

std::string unknown_operator();  ///< Its one node is a "NoSuchOperator", named "NoSuchOperator_0".
std::string division();          ///< a, b i32 [n] -> y = a / b: a zero in b is no value the model can take.

}  // namespace laneway::test_models
