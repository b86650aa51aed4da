#include "models/models.h"

#include <cmath>
#include <numeric>
#include <random>

namespace laneway::test_models {
namespace {

std::vector<float> weights(const Shape& shape, std::uint64_t seed, std::int64_t fan_in) {
  std::size_t count = 1;
  for (const std::int64_t extent : shape.extents()) count *= static_cast<std::size_t>(extent);
  return random_floats(count, seed, std::sqrt(3.0f / static_cast<float>(fan_in)));  // keeps the variance of what comes in
}

void add_weight(OnnxGraph& graph, const std::string& name, const Shape& shape, std::uint64_t seed, std::int64_t fan_in) {
  graph.initializer(name, shape, weights(shape, seed, fan_in));
}

void add_scalar(OnnxGraph& graph, std::string_view name, float value) {
  graph.initializer(name, Shape{}, std::vector<float>{value});
}

void add_i64(OnnxGraph& graph, std::string_view name, const std::vector<std::int64_t>& values) {
  graph.initializer(name, Shape(values.size()), values);
}

/// y = x w + b under the prefix's name.
void add_linear(OnnxGraph& graph, const std::string& prefix, const std::string& x, const std::string& y, std::int64_t from,
                std::int64_t to, std::uint64_t seed) {
  add_weight(graph, prefix + ".weight", {from, to}, seed, from);
  add_weight(graph, prefix + ".bias", {to}, seed + 1, from);
  graph.node("MatMul", {x, prefix + ".weight"}, {prefix + ".product"});
  graph.node("Add", {prefix + ".product", prefix + ".bias"}, {y});
}

}  // namespace

std::vector<float> random_floats(std::size_t count, std::uint64_t seed, float scale) {
  std::mt19937_64 random(seed);  // the standard fixes its numbers; it does not fix those of its distributions
  std::vector<float> result(count);
  for (float& value : result) value = (static_cast<float>(random() >> 40) * 0x1p-23f - 1.0f) * scale;
  return result;
}

// ---- the four that scripts/models writes --------------------------------------------------------------------------------

std::string identity() { return identity(DType::f32, {1, 16}); }

std::string mlp() {
  OnnxModel m;
  m.input("x", DType::f32, {1, 32}).output("y", DType::f32, {1, 4});
  add_linear(m, "fc1", "x", "h1", 32, 64, 1);
  m.node("Relu", {"h1"}, {"r1"});
  add_linear(m, "fc2", "r1", "h2", 64, 64, 3);
  m.node("Relu", {"h2"}, {"r2"});
  add_linear(m, "fc3", "r2", "y", 64, 4, 5);
  return m.bytes();
}

std::string mnist() {
  OnnxModel m;
  m.input("image", DType::f32, {1, 1, 28, 28}).output("logits", DType::f32, {1, 10});
  const auto block = [&m](const std::string& n, const std::string& x, std::int64_t from, std::int64_t to, std::int64_t pool) {
    add_weight(m, "conv" + n + ".weight", {to, from, 5, 5}, 10 * static_cast<std::uint64_t>(to), from * 25);
    add_weight(m, "conv" + n + ".bias", {to, 1, 1}, 10 * static_cast<std::uint64_t>(to) + 1, from * 25);
    m.node("Conv", {x, "conv" + n + ".weight"}, {"conv" + n}, {{"kernel_shape", {5, 5}}, {"auto_pad", "SAME_UPPER"}});
    m.node("Add", {"conv" + n, "conv" + n + ".bias"}, {"plus" + n});
    m.node("Relu", {"plus" + n}, {"relu" + n});
    m.node("MaxPool", {"relu" + n}, {"pool" + n}, {{"kernel_shape", {pool, pool}}, {"strides", {pool, pool}}});
  };
  block("1", "image", 1, 8, 2);
  block("2", "pool1", 8, 16, 3);
  add_i64(m, "flat_shape", {1, 256});
  m.node("Reshape", {"pool2", "flat_shape"}, {"flat"});
  add_weight(m, "fc.weight", {256, 10}, 7, 256);
  add_weight(m, "fc.bias", {1, 10}, 8, 256);
  m.node("MatMul", {"flat", "fc.weight"}, {"product"});
  m.node("Add", {"product", "fc.bias"}, {"logits"});
  return m.bytes();
}

namespace {

constexpr std::int64_t width = 64, heads = 4, head_width = width / heads, tokens = 1000, positions = 512;

void add_layer_norm(OnnxGraph& graph, const std::string& prefix, const std::string& x, const std::string& y) {
  graph.initializer(prefix + ".scale", Shape{width}, std::vector<float>(width, 1.0f));
  add_weight(graph, prefix + ".bias", {width}, 900, 300);
  graph.node("LayerNormalization", {x, prefix + ".scale", prefix + ".bias"}, {y}, {{"axis", -1}, {"epsilon", 1e-5}});
}

/// softmax(q kT / sqrt(d) + bias) v over [batch, head, sequence, head_width], back to [batch, sequence, width].
void add_attention(OnnxGraph& graph, const std::string& p, const std::string& x, const std::string& y, std::uint64_t seed) {
  const auto split = [&](const std::string& what, std::uint64_t salt, std::initializer_list<std::int64_t> order) {
    add_linear(graph, p + "." + what, x, p + "." + what + ".flat", width, width, seed + salt);
    graph.node("Reshape", {p + "." + what + ".flat", "split_shape"}, {p + "." + what + ".split"});
    graph.node("Transpose", {p + "." + what + ".split"}, {p + "." + what}, {{"perm", order}});
  };
  split("query", 0, {0, 2, 1, 3});
  split("key", 2, {0, 2, 3, 1});
  split("value", 4, {0, 2, 1, 3});
  graph.node("MatMul", {p + ".query", p + ".key"}, {p + ".raw_scores"});
  graph.node("Mul", {p + ".raw_scores", "score_scale"}, {p + ".scaled_scores"});
  graph.node("Add", {p + ".scaled_scores", "mask_bias"}, {p + ".scores"});
  graph.node("Softmax", {p + ".scores"}, {p + ".shares"}, {{"axis", -1}});
  graph.node("MatMul", {p + ".shares", p + ".value"}, {p + ".heads"});
  graph.node("Transpose", {p + ".heads"}, {p + ".rows"}, {{"perm", {0, 2, 1, 3}}});
  graph.node("Reshape", {p + ".rows", "join_shape"}, {p + ".joined"});
  add_linear(graph, p + ".out", p + ".joined", y, width, width, seed + 6);
}

/// GELU in its erf form between two linear steps.
void add_feed_forward(OnnxGraph& graph, const std::string& p, const std::string& x, const std::string& y, std::uint64_t seed) {
  add_linear(graph, p + ".up", x, p + ".h", width, 2 * width, seed);
  graph.node("Mul", {p + ".h", "inverse_sqrt_2"}, {p + ".scaled"});
  graph.node("Erf", {p + ".scaled"}, {p + ".erf"});
  graph.node("Add", {p + ".erf", "one"}, {p + ".gate"});
  graph.node("Mul", {p + ".h", p + ".gate"}, {p + ".twice"});
  graph.node("Mul", {p + ".twice", "half"}, {p + ".gelu"});
  add_linear(graph, p + ".down", p + ".gelu", y, 2 * width, width, seed + 2);
}

void add_embedding(OnnxGraph& graph) {
  add_weight(graph, "token_embedding", {tokens, width}, 11, 3);
  add_weight(graph, "position_embedding", {positions, width}, 12, 12);
  graph.node("Gather", {"token_embedding", "ids"}, {"token_rows"});
  graph.node("Shape", {"ids"}, {"ids_shape"});
  add_i64(graph, "axis_0", {0});
  add_i64(graph, "one_i64", {1});
  add_i64(graph, "two_i64", {2});
  graph.node("Slice", {"ids_shape", "one_i64", "two_i64", "axis_0"}, {"length_1d"});
  graph.node("Squeeze", {"length_1d", "axis_0"}, {"length"});
  graph.initializer("zero_i64", Shape{}, std::vector<std::int64_t>{0});
  graph.initializer("step_i64", Shape{}, std::vector<std::int64_t>{1});
  graph.node("Range", {"zero_i64", "length", "step_i64"}, {"position_ids"});
  graph.node("Gather", {"position_embedding", "position_ids"}, {"position_rows"});
  graph.node("Add", {"token_rows", "position_rows"}, {"embedded"});
}

/// "mask_f32" [batch, sequence] and "mask_bias" [batch, 1, 1, sequence]: 0 where a token counts, -10000 where not.
void add_mask_bias(OnnxGraph& graph) {
  graph.node("Cast", {"mask"}, {"mask_f32"}, {{"to", 1}});
  graph.node("Sub", {"one", "mask_f32"}, {"masked"});
  add_scalar(graph, "far_below", -10000.0f);
  graph.node("Mul", {"masked", "far_below"}, {"flat_bias"});
  add_i64(graph, "axes_1_2", {1, 2});
  graph.node("Unsqueeze", {"flat_bias", "axes_1_2"}, {"mask_bias"});
}

void add_masked_mean(OnnxGraph& graph) {
  add_i64(graph, "axis_2", {2});
  add_i64(graph, "axis_1", {1});
  graph.node("Unsqueeze", {"mask_f32", "axis_2"}, {"mask_rows"});
  graph.node("Mul", {"hidden", "mask_rows"}, {"counted"});
  graph.node("ReduceSum", {"counted", "axis_1"}, {"sum"}, {{"keepdims", 0}});
  graph.node("ReduceSum", {"mask_rows", "axis_1"}, {"count"}, {{"keepdims", 0}});
  graph.node("Max", {"count", "one"}, {"count_or_one"});
  graph.node("Div", {"sum", "count_or_one"}, {"pooled"});
}

}  // namespace

std::string encoder() {
  OnnxModel m;
  m.input("ids", DType::i64, {"batch", "sequence"}).input("mask", DType::i64, {"batch", "sequence"});
  m.output("hidden", DType::f32, {"batch", "sequence", width}).output("pooled", DType::f32, {"batch", width});
  add_scalar(m, "one", 1.0f);
  add_scalar(m, "half", 0.5f);
  add_scalar(m, "inverse_sqrt_2", std::sqrt(0.5f));
  add_scalar(m, "score_scale", 1.0f / std::sqrt(static_cast<float>(head_width)));
  add_i64(m, "split_shape", {0, 0, heads, head_width});
  add_i64(m, "join_shape", {0, 0, width});
  add_embedding(m);
  add_mask_bias(m);
  std::string x = "embedded";
  for (std::uint64_t i = 0; i < 2; ++i) {
    const std::string p = "layer" + std::to_string(i);
    const std::uint64_t seed = 100 + 50 * i;
    add_attention(m, p + ".attention", x, p + ".attended", seed);
    m.node("Add", {x, p + ".attended"}, {p + ".residual1"});
    add_layer_norm(m, p + ".norm1", p + ".residual1", p + ".normed1");
    add_feed_forward(m, p + ".ffn", p + ".normed1", p + ".fed", seed + 20);
    m.node("Add", {p + ".normed1", p + ".fed"}, {p + ".residual2"});
    x = i == 1 ? "hidden" : p + ".out";
    add_layer_norm(m, p + ".norm2", p + ".residual2", x);
  }
  add_masked_mean(m);
  return m.bytes();
}

// ---- ports of every kind ------------------------------------------------------------------------------------------------

std::string identity(DType dtype, const Dims& dims) {
  OnnxModel m;
  m.input("x", dtype, dims).node("Identity", {"x"}, {"y"}).output("y", dtype, dims);
  return m.bytes();
}

std::string string_identity() { return identity(DType::string, {"n"}); }

std::string mixed_dtypes() {
  OnnxModel m;
  m.input("A", DType::f32, {"batch", 4}).input("B", DType::i64, {"batch", 2});
  m.node("Identity", {"A"}, {"A_out"}).node("Identity", {"B"}, {"B_out"});
  m.output("A_out", DType::f32, {"batch", 4}).output("B_out", DType::i64, {"batch", 2});
  return m.bytes();
}

std::string sequence_identity() {
  const Type type = sequence_of(tensor_of_any_rank(DType::f32));
  OnnxModel m;
  m.input("x", type).node("Identity", {"x"}, {"y"}).output("y", type);
  return m.bytes();
}

std::string sequence_split() {
  OnnxModel m;
  m.input("x", DType::f32, {"n", 2});
  m.initializer("one", Shape{}, std::vector<std::int64_t>{1});
  m.node("SplitToSequence", {"x", "one"}, {"parts"}, {{"axis", 0}});
  m.output("parts", sequence_of(tensor(DType::f32, {1, 2})));
  return m.bytes();
}

std::string sequence_concat() {
  OnnxModel m;
  m.input("parts", sequence_of(tensor(DType::f32, {Dim{}, 2})));
  m.node("ConcatFromSequence", {"parts"}, {"y"}, {{"axis", 0}});
  m.output("y", DType::f32, {Dim{}, 2});
  return m.bytes();
}

std::string map_input() {
  OnnxModel m;
  m.opsets.push_back({"ai.onnx.ml", 3});
  m.input("scores", map_of(DType::string, tensor(DType::f32, {})));
  m.node("DictVectorizer", {"scores"}, {"y"}, {{"string_vocabulary", {"a", "b", "c"}}}, "ai.onnx.ml");
  m.output("y", DType::f32, {1, 3});
  return m.bytes();
}

std::string map_output() {
  OnnxModel m;
  m.opsets.push_back({"ai.onnx.ml", 3});
  m.input("x", DType::f32, {"n", 3});
  m.node("ZipMap", {"x"}, {"maps"}, {{"classlabels_strings", {"a", "b", "c"}}}, "ai.onnx.ml");
  m.output("maps", sequence_of(map_of(DType::string, tensor(DType::f32, {}))));
  return m.bytes();
}

std::string optional_identity() {
  const Type type = optional_of(tensor(DType::f32, {2}));
  OnnxModel m;
  m.input("x", type).node("Identity", {"x"}, {"y"}).output("y", type);
  return m.bytes();
}

std::string optional_has() {
  OnnxModel m;
  m.input("x", optional_of(tensor(DType::f32, {2})));
  m.node("OptionalHasElement", {"x"}, {"y"}).output("y", DType::boolean, {});
  return m.bytes();
}

std::string sparse_input() {
  OnnxModel m;
  m.opsets.push_back({"com.microsoft", 1});
  m.input("a", sparse_tensor(DType::f32, {3, 4})).input("b", DType::f32, {4, 2});
  m.node("SparseToDenseMatMul", {"a", "b"}, {"y"}, {}, "com.microsoft");
  m.output("y", DType::f32, {3, 2});
  return m.bytes();
}

// ---- inputs and outputs that may be left out ----------------------------------------------------------------------------

std::string default_input() {
  OnnxModel m;
  m.input("x", DType::f32, {4}).input("bias", DType::f32, {4});
  m.initializer("bias", Shape{4}, std::vector<float>{1, 2, 3, 4});
  m.node("Add", {"x", "bias"}, {"y"}).output("y", DType::f32, {4});
  return m.bytes();
}

std::string two_inputs() {
  OnnxModel m;
  m.input("a", DType::f32, {"batch", 4}).input("b", DType::f32, {"batch", 4});
  m.node("Sub", {"a", "b"}, {"y"}).output("y", DType::f32, {"batch", 4});
  return m.bytes();
}

std::string two_outputs() {
  OnnxModel m;
  m.input("x", DType::f32, {4}).input("index", DType::i64, {});
  add_scalar(m, "one", 1.0f);
  m.node("Add", {"x", "one"}, {"y"}).node("Gather", {"x", "index"}, {"picked"});
  m.output("y", DType::f32, {4}).output("picked", DType::f32, {});
  return m.bytes();
}

std::string huge_second_output() {
  OnnxModel m;
  m.input("x", DType::f32, {4});
  add_scalar(m, "one", 1.0f);
  add_i64(m, "axis", {0});
  add_i64(m, "shape", {1024, 1024, 64});
  m.node("Add", {"x", "one"}, {"y"}).node("ReduceSum", {"x", "axis"}, {"sum"}).node("Expand", {"sum", "shape"}, {"huge"});
  m.output("y", DType::f32, {4}).output("huge", DType::f32, {1024, 1024, 64});
  return m.bytes();
}

// ---- shapes that only a run shows ---------------------------------------------------------------------------------------

std::string nonzero() {
  OnnxModel m;
  m.input("x", DType::f32, {-1, -1}).node("NonZero", {"x"}, {"y"}).output("y", DType::i64, {2, -1});
  return m.bytes();
}

std::string declares_100() {
  OnnxModel m;
  m.input("x", DType::f32, {"n"}).input("keep", DType::boolean, {"n"});
  m.node("Compress", {"x", "keep"}, {"y"}, {{"axis", 0}}).output("y", DType::f32, {100});
  return m.bytes();
}

std::string resize_like() {
  OnnxModel m;
  m.input("x", DType::f32, {-1, -1, -1, 3});
  m.initializer("scales", Shape{4}, std::vector<float>{1, 2, 2, 1});
  m.node("Resize", {"x", "", "scales"}, {"y"},
         {{"mode", "nearest"}, {"coordinate_transformation_mode", "asymmetric"}, {"nearest_mode", "floor"}});
  m.output("y", DType::f32, {-1, -1, -1, 3});
  return m.bytes();
}

std::string unknown_rank() {
  OnnxModel m;
  m.input("x", tensor_of_any_rank(DType::f32)).node("Neg", {"x"}, {"y"}).output("y", tensor_of_any_rank(DType::f32));
  return m.bytes();
}

std::string reshape_to_input() {
  OnnxModel m;
  m.input("x", DType::f32, {"n"}).input("shape", DType::i64, {"r"});
  m.node("Reshape", {"x", "shape"}, {"y"}).output("y", tensor_of_any_rank(DType::f32));
  return m.bytes();
}

// ---- rows that mix, over [batch, sequence, 8] ---------------------------------------------------------------------------

namespace {

const Dims rows = {"batch", "sequence", 8};

/// y = softmax(x xT / sqrt(8) + bias) x; an empty name: no bias.
void add_self_attention(OnnxGraph& graph, const std::string& bias) {
  add_scalar(graph, "scale", 1.0f / std::sqrt(8.0f));
  graph.node("Transpose", {"x"}, {"xT"}, {{"perm", {0, 2, 1}}});
  graph.node("MatMul", {"x", "xT"}, {"raw"}).node("Mul", {"raw", "scale"}, {"scaled"});
  if (!bias.empty()) graph.node("Add", {"scaled", bias}, {"biased"});
  graph.node("Softmax", {bias.empty() ? "scaled" : "biased"}, {"shares"}, {{"axis", -1}});
  graph.node("MatMul", {"shares", "x"}, {"y"});
}

}  // namespace

std::string mean_pool() {
  OnnxModel m;
  m.input("x", DType::f32, rows);
  m.node("ReduceMean", {"x"}, {"y"}, {{"axes", {1}}, {"keepdims", 0}}).output("y", DType::f32, {"batch", 8});
  return m.bytes();
}

std::string softmax_over_sequence() {
  OnnxModel m;
  m.input("x", DType::f32, rows).node("Softmax", {"x"}, {"y"}, {{"axis", 1}}).output("y", DType::f32, rows);
  return m.bytes();
}

std::string normalise_over_sequence() {
  OnnxModel m;
  m.input("x", DType::f32, rows);
  add_scalar(m, "epsilon", 1e-5f);
  m.node("ReduceMean", {"x"}, {"mean"}, {{"axes", {1}}});
  m.node("Sub", {"x", "mean"}, {"centred"}).node("Mul", {"centred", "centred"}, {"squared"});
  m.node("ReduceMean", {"squared"}, {"variance"}, {{"axes", {1}}});
  m.node("Add", {"variance", "epsilon"}, {"safe"}).node("Sqrt", {"safe"}, {"deviation"});
  m.node("Div", {"centred", "deviation"}, {"y"}).output("y", DType::f32, rows);
  return m.bytes();
}

std::string attention() {
  OnnxModel m;
  m.input("x", DType::f32, rows);
  add_self_attention(m, "");
  m.output("y", DType::f32, rows);
  return m.bytes();
}

std::string masked_attention() {
  OnnxModel m;
  m.input("x", DType::f32, rows).input("mask", DType::f32, {"batch", "sequence"});
  add_scalar(m, "one", 1.0f);
  add_scalar(m, "far_above", 10000.0f);
  add_i64(m, "axis_1", {1});
  m.node("Sub", {"mask", "one"}, {"negative"}).node("Mul", {"negative", "far_above"}, {"flat"});
  m.node("Unsqueeze", {"flat", "axis_1"}, {"bias"});
  add_self_attention(m, "bias");
  m.output("y", DType::f32, rows);
  return m.bytes();
}

std::string sequence_in_the_middle() {
  OnnxModel m;
  m.input("x", DType::f32, rows);
  m.initializer("axis", Shape{}, std::vector<std::int64_t>{1});
  m.node("CumSum", {"x", "axis"}, {"sums"}).node("Transpose", {"sums"}, {"y"}, {{"perm", {0, 2, 1}}});
  m.output("y", DType::f32, {"batch", 8, "sequence"});
  return m.bytes();
}

std::string two_symbols() {
  OnnxModel m;
  m.input("a", DType::f32, {"rows", 8}).input("b", DType::f32, {8, "columns"});
  m.node("MatMul", {"a", "b"}, {"y"}).output("y", DType::f32, {"rows", "columns"});
  return m.bytes();
}

std::string relu() {
  OnnxModel m;
  m.input("x", DType::f32, {"n"}).node("Relu", {"x"}, {"y"}).output("y", DType::f32, {"n"});
  return m.bytes();
}

// ---- time and state -----------------------------------------------------------------------------------------------------

std::string long_running() {
  OnnxGraph body("body");
  body.input("i", DType::i64, {}).input("go", DType::boolean, {}).input("state", DType::f32, {64, 64});
  body.node("Identity", {"go"}, {"go_on"});
  body.node("MatMul", {"state", "w"}, {"product"}).node("Tanh", {"product"}, {"next"});
  body.output("go_on", DType::boolean, {}).output("next", DType::f32, {64, 64});
  OnnxModel m;
  m.input("x", DType::f32, {64, 64}).input("iterations", DType::i64, {});
  add_weight(m, "w", {64, 64}, 21, 64);
  m.node("Loop", {"iterations", "", "x"}, {"y"}, {{"body", body}}).output("y", DType::f32, {64, 64});
  return m.bytes();
}

std::string counter(bool open_shape) {
  OnnxModel m;
  m.input("x", DType::f32, {"n"}).input("state", DType::f32, {"n"});
  add_scalar(m, "one", 1.0f);
  m.node("Add", {"x", "state"}, {"y"}).node("Add", {"state", "one"}, {"stateN"});
  m.output("y", DType::f32, {"n"}).output("stateN", DType::f32, {open_shape ? Dim{} : Dim{"n"}});
  return m.bytes();
}

std::string growing_state() {
  OnnxModel m;
  m.input("x", DType::f32, {"n"}).input("state", DType::f32, {"m"});
  m.node("Identity", {"x"}, {"y"}).node("Concat", {"state", "state"}, {"stateN"}, {{"axis", 0}});
  m.output("y", DType::f32, {"n"}).output("stateN", DType::f32, {-1});
  return m.bytes();
}

std::string wide_mlp(std::int64_t columns, int layers) {
  OnnxModel m;
  m.input("x", DType::f32, {1, columns});
  std::string x = "x";
  for (int i = 0; i < layers; ++i) {
    const std::string n = std::to_string(i);
    const std::string y = i + 1 == layers ? "y" : "h" + n;
    add_weight(m, "w" + n, {columns, columns}, 300 + static_cast<std::uint64_t>(i), columns);
    m.node("MatMul", {x, "w" + n}, {y});
    x = y;
  }
  m.output("y", DType::f32, {1, columns});
  return m.bytes();
}

// ---- wrong models -------------------------------------------------------------------------------------------------------

std::string unknown_operator() {
  OnnxModel m;
  m.input("x", DType::f32, {2}).node("NoSuchOperator", {"x"}, {"y"}).output("y", DType::f32, {2});
  return m.bytes();
}

std::string division() {
  OnnxModel m;
  m.input("a", DType::i32, {"n"}).input("b", DType::i32, {"n"});
  m.node("Div", {"a", "b"}, {"y"}).output("y", DType::i32, {"n"});
  return m.bytes();
}

}  // namespace laneway::test_models
