// What graph/ computes by obvious loops equals what ONNX Runtime computes: whole models, and operators one by one at odd sizes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

#include "laneway/graph/evaluate.h"
#include "laneway/graph/from_onnx.h"
#include "ort_support/models.h"

namespace laneway {
namespace {

using test_models::OnnxModel;
using Floats = std::vector<float>;
using Integers = std::vector<std::int64_t>;

/// One input of a model, with elements of its own.
struct Given {
  Shape shape;
  std::uint64_t seed;
};

graph::Tensor tensor_of(const Given& given) {
  return graph::Tensor::of(given.shape, test_models::random_floats(*element_count(given.shape), given.seed));
}

void expect_same(const graph::Tensor& ours, const ort::Value& theirs, float tolerance) {
  const ort::TensorView view = ort::take(theirs.tensor());
  ASSERT_EQ(ours.dtype, view.dtype);
  ASSERT_EQ(ours.shape, view.shape) << to_string(ours.shape) << " and " << to_string(view.shape);
  ASSERT_EQ(ours.bytes.size(), view.bytes);
  if (ours.dtype != DType::f32) {
    EXPECT_TRUE(std::ranges::equal(ours.bytes, std::span(static_cast<const std::byte*>(view.data), view.bytes)));
    return;
  }
  const auto* a = reinterpret_cast<const float*>(ours.bytes.data());
  const auto* b = static_cast<const float*>(view.data);
  for (std::size_t i = 0; i < view.bytes / sizeof(float); ++i) {
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    ASSERT_NEAR(a[i], b[i], tolerance * (1 + std::abs(b[i]))) << i;
  }
}

/// Runs it both ways on the same inputs.
void compare(const std::string& bytes, const std::vector<Given>& inputs, float tolerance = 1e-5f) {
  const auto parsed = onnx::parse(test_models::as_bytes(bytes));
  ASSERT_TRUE(parsed) << parsed.error().message();
  const auto graph = graph::from_onnx(*parsed);
  ASSERT_TRUE(graph) << graph.error().message();
  std::vector<graph::Tensor> tensors;
  std::vector<Floats> floats;
  std::vector<ort::Value> values;
  for (const Given& given : inputs) {
    tensors.push_back(tensor_of(given));
    floats.push_back(test_models::random_floats(*element_count(given.shape), given.seed));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) values.push_back(ort::over(floats[i], inputs[i].shape));
  std::vector<const ort::Value*> pointers;
  for (const ort::Value& value : values) pointers.push_back(&value);
  const auto theirs = ort::run_once(ort::open_model(bytes), pointers);
  const auto ours = graph::evaluate(*graph, tensors);
  ASSERT_TRUE(ours) << ours.error().message();
  ASSERT_EQ(ours->size(), theirs.size());
  for (std::size_t i = 0; i < theirs.size(); ++i) {
    expect_same((*ours)[i], theirs[i], tolerance);
    // What was inferred before a run is what came out.
    const auto& inferred = (*graph)[graph->outputs[i]].type.shape;
    ASSERT_TRUE(inferred);
    ASSERT_EQ(inferred->size(), (*ours)[i].shape.rank());
    for (std::size_t axis = 0; axis < inferred->size(); ++axis) {
      EXPECT_EQ((*inferred)[axis].number().value_or((*ours)[i].shape[axis]), (*ours)[i].shape[axis]);
    }
  }
}

TEST(Oracle, MatricesInAChain) { compare(test_models::mlp(), {{{1, 32}, 1}}); }
TEST(Oracle, AConvolutionNet) { compare(test_models::mnist(), {{{1, 1, 28, 28}, 2}}); }

/// A model of one node: inputs of these shapes first, then constants.
struct Case {
  std::string type;
  std::vector<Shape> inputs;
  std::vector<test_models::Attribute> attributes = {};
  std::vector<Integers> constants = {};
  int opset = 17;
};

void compare_node(const Case& one, DType output = DType::f32) {
  SCOPED_TRACE(one.type + " of " + (one.inputs.empty() ? "nothing" : to_string(one.inputs[0])));
  OnnxModel model;
  model.opsets = {{"", one.opset}};
  std::vector<std::string> names;
  std::vector<Given> given;
  for (const Shape& shape : one.inputs) {
    names.push_back("input" + std::to_string(names.size()));
    model.input(names.back(), DType::f32, {shape.extents().begin(), shape.extents().end()});
    given.push_back({shape, 100 + names.size()});
  }
  for (const Integers& constant : one.constants) {
    names.push_back("constant" + std::to_string(names.size()));
    model.initializer(names.back(), Shape{static_cast<std::int64_t>(constant.size())}, constant);
  }
  model.node(one.type, {names.begin(), names.end()}, {"y"}, one.attributes).output("y", test_models::tensor_of_any_rank(output));
  compare(model.bytes(), given);
}

TEST(Oracle, FunctionsOfOneElement) {
  for (const char* type : {"Identity",
                           "Neg",
                           "Abs",
                           "Sign",
                           "Ceil",
                           "Floor",
                           "Round",
                           "Reciprocal",
                           "Sqrt",
                           "Exp",
                           "Log",
                           "Erf",
                           "Relu",
                           "LeakyRelu",
                           "Elu",
                           "Selu",
                           "Celu",
                           "Sigmoid",
                           "HardSigmoid",
                           "HardSwish",
                           "Softplus",
                           "Softsign",
                           "ThresholdedRelu",
                           "Sin",
                           "Cos",
                           "Tan",
                           "Asin",
                           "Acos",
                           "Atan",
                           "Sinh",
                           "Cosh",
                           "Tanh",
                           "Asinh",
                           "Atanh"}) {
    compare_node({type, {{3, 7, 5}}});
    compare_node({type, {{0, 4}}});
    compare_node({type, {Shape{}}});
  }
  compare_node({"LeakyRelu", {{11}}, {{"alpha", 0.3}}});
  compare_node({"Selu", {{11}}, {{"alpha", 1.5}, {"gamma", 2.5}}});
  compare_node({"HardSigmoid", {{11}}, {{"alpha", 0.7}, {"beta", 0.1}}});
  compare_node({"IsNaN", {{5, 3}}}, DType::boolean);
  compare_node({"IsInf", {{5, 3}}, {{"detect_negative", 0}}}, DType::boolean);
}

TEST(Oracle, FunctionsOfTwoElementsBroadcast) {
  const std::vector<std::vector<Shape>> shapes = {{{3, 5}, {3, 5}},  {{3, 5}, {5}},    {{4, 1, 7}, {3, 1}}, {{2, 3}, Shape{}},
                                                  {Shape{}, {2, 3}}, {{0, 3}, {1, 3}}, {{1}, {6, 1, 2}}};
  for (const auto& pair : shapes) {
    for (const char* type : {"Add", "Sub", "Mul", "Div"}) compare_node({type, pair});
    for (const char* type : {"Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"})
      compare_node({type, pair}, DType::boolean);
  }
  compare_node({"Mod", {{3, 5}, {3, 5}}, {{"fmod", 1}}});
  compare_node({"PRelu", {{2, 3, 5}, {3, 1}}});
}

TEST(Oracle, Matrices) {
  for (const auto& pair : std::vector<std::vector<Shape>>{{{3, 7}, {7, 5}},
                                                          {{7}, {7, 5}},
                                                          {{3, 7}, {7}},
                                                          {{7}, {7}},
                                                          {{2, 3, 7}, {7, 5}},
                                                          {{2, 1, 3, 7}, {4, 7, 5}},
                                                          {{0, 7}, {7, 5}},
                                                          {{3, 0}, {0, 5}},
                                                          {{1, 1}, {1, 1}}}) {
    compare_node({"MatMul", pair});
  }
  compare_node({"Gemm", {{3, 7}, {7, 5}, {5}}});
  compare_node({"Gemm", {{7, 3}, {5, 7}, {3, 1}}, {{"transA", 1}, {"transB", 1}, {"alpha", 0.5}, {"beta", 2.0}}});
  compare_node({"Gemm", {{3, 7}, {7, 5}}, {{"alpha", -1.5}}});
}

TEST(Oracle, Convolutions) {
  compare_node({"Conv", {{2, 3, 7, 9}, {4, 3, 3, 3}, {4}}});
  compare_node(
      {"Conv", {{1, 4, 8, 5}, {6, 2, 3, 2}}, {{"group", 2}, {"strides", {2, 1}}, {"pads", {1, 0, 2, 1}}, {"dilations", {2, 1}}}});
  compare_node({"Conv", {{1, 4, 11}, {4, 1, 5}, {4}}, {{"group", 4}, {"pads", {2, 2}}}});
  compare_node({"Conv", {{1, 2, 4, 5, 6}, {3, 2, 2, 3, 2}}, {{"strides", {1, 2, 3}}}});
  for (const char* padding : {"SAME_UPPER", "SAME_LOWER", "VALID"}) {
    compare_node({"Conv", {{1, 2, 7, 8}, {3, 2, 3, 4}}, {{"auto_pad", padding}, {"strides", {2, 3}}}});
  }
}

TEST(Oracle, Pools) {
  for (const char* type : {"MaxPool", "AveragePool"}) {
    compare_node({type, {{2, 3, 9, 7}}, {{"kernel_shape", {3, 2}}}});
    compare_node({type, {{1, 2, 9, 7}}, {{"kernel_shape", {3, 3}}, {"strides", {2, 2}}, {"pads", {1, 1, 1, 1}}}});
    compare_node({type, {{1, 2, 8, 7}}, {{"kernel_shape", {3, 3}}, {"strides", {2, 3}}, {"ceil_mode", 1}}});
    compare_node({type, {{1, 2, 10}}, {{"kernel_shape", {4}}, {"auto_pad", "SAME_UPPER"}, {"strides", {3}}}});
  }
  compare_node({"AveragePool",
                {{1, 2, 9, 7}},
                {{"kernel_shape", {3, 3}}, {"strides", {2, 2}}, {"pads", {1, 1, 1, 1}}, {"count_include_pad", 1}}});
  compare_node({"MaxPool", {{1, 2, 9, 7}}, {{"kernel_shape", {2, 3}}, {"dilations", {3, 2}}}});
  compare_node({"LpPool", {{1, 2, 9, 7}}, {{"kernel_shape", {3, 2}}, {"p", 3}}});
  for (const char* type : {"GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool"}) compare_node({type, {{2, 3, 5, 7}}});
}

TEST(Oracle, Reductions) {
  for (const char* type :
       {"ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSumExp", "ReduceSumSquare"}) {
    compare_node({type, {{3, 5, 2}}});
    compare_node({type, {{3, 5, 2}}, {{"axes", {1}}}});
    compare_node({type, {{3, 5, 2}}, {{"axes", {-1, 0}}, {"keepdims", 0}}});
  }
  compare_node({"ReduceSum", {{3, 5, 2}}, {{"keepdims", 0}}, {{1}}});
  compare_node({"ReduceSum", {{3, 5, 2}}, {}, {{-1, 0}}});
  compare_node({"ReduceSum", {{3, 5}}, {{"noop_with_empty_axes", 1}}});
  for (const std::int64_t axis : {0, 1, 2, -1}) {
    for (const char* type : {"Softmax", "LogSoftmax"}) {
      compare_node({type, {{3, 5, 2}}, {{"axis", axis}}});
      compare_node({.type = type, .inputs = {{3, 5, 2}}, .attributes = {{"axis", axis}}, .opset = 11});
    }
  }
}

TEST(Oracle, ShapesAndMoves) {
  compare_node({"Shape", {{3, 0, 5}}, {{"start", 1}}}, DType::i64);
  compare_node({"Reshape", {{3, 4, 5}}, {}, {{0, -1, 2}}});
  compare_node({"Reshape", {{3, 4, 5}}, {}, {{-1}}});
  compare_node({"Flatten", {{3, 4, 5}}, {{"axis", 2}}});
  compare_node({"Flatten", {{3, 4, 5}}, {{"axis", -3}}});
  compare_node({"Squeeze", {{1, 4, 1, 5}}, {}, {{0, -2}}});
  compare_node({"Squeeze", {{1, 4, 1, 5}}});
  compare_node({"Unsqueeze", {{4, 5}}, {}, {{0, -1}}});
  compare_node({"Transpose", {{2, 3, 5}}});
  compare_node({"Transpose", {{2, 3, 5, 4}}, {{"perm", {2, 0, 3, 1}}}});
  compare_node({"Concat", {{2, 3}, {2, 4}, {2, 0}, {2, 1}}, {{"axis", -1}}});
  compare_node({"Concat", {{1, 3, 2}, {4, 3, 2}}, {{"axis", 0}}});
  compare_node({"Slice", {{7, 9}}, {}, {{1, -3}, {100, -100}, {0, 1}, {2, -2}}});
  compare_node({"Slice", {{7, 9}}, {}, {{2}, {5}}});
  compare_node({"Gather", {{5, 4, 3}}, {{"axis", 1}}, {{3, -4, 0, 3}}});
  compare_node({"Expand", {{3, 1}}, {}, {{2, 1, 6}}});
}

}  // namespace
}  // namespace laneway
