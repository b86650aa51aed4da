#include "laneway/graph/onnx/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/onnx/test_files.h"
#include "models/models.h"
#include "models/onnx_writer.h"

namespace laneway::onnx {
namespace {

using test_models::as_bytes;
using test_models::OnnxGraph;
using test_models::OnnxModel;
using testing::HasSubstr;

std::size_t count_of(const ModelView& model, std::string_view op_type, std::string_view domain = "") {
  for (const OperatorCount& entry : count_operators(model)) {
    if (entry.op_type == op_type && entry.domain == domain) return entry.count;
  }
  return 0;
}

TEST(OnnxSummary, L01_DescribesTheConvolutionNet) {
  const std::string bytes = test_models::mnist();
  const auto model = parse(as_bytes(bytes));
  ASSERT_TRUE(model);
  const auto inputs = input_ports(*model), outputs = output_ports(*model);
  ASSERT_TRUE(inputs && outputs);
  EXPECT_EQ(*inputs, (std::vector<Port>{{.name = "image", .dtype = DType::f32, .shape = {{1}, {1}, {28}, {28}}}}));
  EXPECT_EQ(*outputs, (std::vector<Port>{{.name = "logits", .dtype = DType::f32, .shape = {{1}, {10}}}}));
  EXPECT_EQ(count_of(*model, "Conv"), 2u);
  EXPECT_EQ(count_of(*model, "MaxPool"), 2u);
  EXPECT_EQ(count_of(*model, "Softmax"), 0u);
  EXPECT_EQ(weight_bytes(*model), 4u * (8 * 25 + 8 + 16 * 8 * 25 + 16 + 256 * 10 + 10) + 8 * 2);
}

TEST(OnnxSummary, L08_DescribesMixedDTypesAndSymbols) {
  const std::string bytes = test_models::mixed_dtypes();
  const auto inputs = input_ports(*parse(as_bytes(bytes)));
  ASSERT_TRUE(inputs);
  ASSERT_EQ(inputs->size(), 2u);
  EXPECT_EQ((*inputs)[0], (Port{.name = "A", .dtype = DType::f32, .shape = {{std::nullopt, "batch"}, {4}}}));
  EXPECT_EQ((*inputs)[1], (Port{.name = "B", .dtype = DType::i64, .shape = {{std::nullopt, "batch"}, {2}}}));
}

TEST(OnnxSummary, L10_UnknownExtentsHaveNoSymbol) {
  const std::string bytes = test_models::resize_like();
  const auto outputs = output_ports(*parse(as_bytes(bytes)));
  ASSERT_TRUE(outputs);
  EXPECT_EQ(outputs->at(0).shape, (std::vector<Dimension>{{}, {}, {}, {3}}));
}

TEST(OnnxSummary, L11_ScalarsRankEightAndZeroSizes) {
  const auto shape_of = [](const test_models::Dims& dims) {
    const std::string bytes = test_models::identity(DType::f32, dims);
    const auto ports = input_ports(*parse(as_bytes(bytes)));
    EXPECT_TRUE(ports && ports->at(0).rank_known);
    return ports->at(0).shape;
  };
  EXPECT_TRUE(shape_of({}).empty());
  EXPECT_EQ(shape_of({1, 2, 1, 3, 1, 2, 1, 2}).size(), 8u);
  EXPECT_EQ(shape_of({0, 3})[0].extent, 0);
  const std::string any = test_models::unknown_rank();
  EXPECT_FALSE(input_ports(*parse(as_bytes(any)))->at(0).rank_known);
}

TEST(OnnxSummary, TellsThePortsOfOtherKinds) {
  const auto only_input = [](const std::string& bytes) { return input_ports(*parse(as_bytes(bytes)))->at(0); };
  const Port sequence = only_input(test_models::sequence_identity());
  EXPECT_EQ(sequence.kind, PortKind::sequence);
  EXPECT_EQ(sequence.dtype, DType::f32);
  EXPECT_FALSE(sequence.rank_known);
  EXPECT_EQ(only_input(test_models::map_input()), (Port{.name = "scores", .kind = PortKind::map, .rank_known = false}));
  EXPECT_EQ(only_input(test_models::optional_has()), (Port{.name = "x", .kind = PortKind::optional, .shape = {{2}}}));
  EXPECT_EQ(only_input(test_models::string_identity()).dtype, DType::string);
  const Port sparse = only_input(test_models::sparse_input());
  EXPECT_EQ(sparse.kind, PortKind::sparse_tensor);
  EXPECT_EQ(sparse.shape, (std::vector<Dimension>{{3}, {4}}));
}

TEST(OnnxSummary, L06_InputsWithADefaultAreOptionalAndComeLast) {
  OnnxModel m;
  m.input("bias", DType::f32, {2}).input("x", DType::f32, {2});
  m.initializer("bias", Shape{2}, std::vector<float>{1, 2}).initializer("constant", Shape{1}, std::vector<float>{3});
  const auto names = [&m] {
    std::vector<std::pair<std::string, bool>> result;
    const std::string bytes = m.bytes();
    const auto ports = input_ports(*parse(as_bytes(bytes)));
    for (const Port& port : *ports) result.emplace_back(port.name, port.optional);
    return result;
  };
  EXPECT_EQ(names(), (std::vector<std::pair<std::string, bool>>{{"x", false}, {"bias", true}}));
  m.ir_version = 3;
  EXPECT_EQ(names(), (std::vector<std::pair<std::string, bool>>{{"x", false}})) << "before IR version 4 it is a constant";
}

TEST(OnnxSummary, CountsInnerGraphsAndTheirWeights) {
  OnnxGraph inner("inner");
  inner.initializer("w", Shape{3}, std::vector<double>{1, 2, 3});
  inner.node("Relu", {"w"}, {"y"}).node("Scaler", {"y"}, {"z"}, {}, "ai.onnx.ml");
  OnnxModel m;
  m.initializer("v", Shape{5}, std::vector<std::int8_t>{1, 2, 3, 4, 5});
  m.initializer("packed", test_models::raw_tensor(DType::i4, {3}, "xx"));
  m.initializer("texts", test_models::string_tensor({2}, {"abc", "de"}));
  m.sparse_initializer("sparse", {100, 100}, {1, 2}, {3, 4});
  m.node("If", {"c"}, {"y"}, {{"then_branch", inner}, {"else_branch", inner}});
  m.node("Constant", {}, {"k"}, {{"value", test_models::tensor(Shape{2}, std::vector<float>{1, 2})}});
  m.node("Relu", {"y"}, {"z"});
  const std::string bytes = m.bytes();
  const auto model = parse(as_bytes(bytes));
  ASSERT_TRUE(model) << model.error().message();
  EXPECT_EQ(count_of(*model, "Relu"), 3u);
  EXPECT_EQ(count_of(*model, "Scaler", "ai.onnx.ml"), 2u);
  EXPECT_EQ(count_of(*model, "If"), 1u);
  EXPECT_EQ(weight_bytes(*model), 5u + 2 + 5 + 2 * (4 + 8) + 2 * 24 + 8);
}

TEST(OnnxSummary, C04_PortsNobodyCanJoinAreRefused) {
  OnnxModel twice;
  twice.input("x", DType::f32, {1}).input("x", DType::f32, {2});
  const std::string duplicated = twice.bytes();
  const auto refused = input_ports(*parse(as_bytes(duplicated)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::invalid_argument);
  EXPECT_THAT(std::string(refused.error().message()), HasSubstr("port 'x'"));

  OnnxModel untyped;
  untyped.output("y", test_models::Type{});
  const std::string without_type = untyped.bytes();
  const auto no_type = output_ports(*parse(as_bytes(without_type)));
  ASSERT_FALSE(no_type);
  EXPECT_THAT(std::string(no_type.error().message()), HasSubstr("port 'y': the model does not say its type"));
}

// As the Python package onnx counts them.
TEST(OnnxSummary, DescribesTheRealModels) {
  const std::string magika = file_in_deps("magika/model.onnx"), silero = file_in_deps("silero_vad/silero_vad.onnx");
  const auto magika_model = parse(as_bytes(magika)), silero_model = parse(as_bytes(silero));
  ASSERT_TRUE(magika_model && silero_model);
  EXPECT_EQ(input_ports(*magika_model)->at(0).dtype, DType::i32);
  EXPECT_EQ(input_ports(*magika_model)->at(0).shape, (std::vector<Dimension>{{std::nullopt, "unk__214"}, {2048}}));
  EXPECT_EQ(count_of(*magika_model, "Mul"), 24u);
  EXPECT_EQ(count_of(*silero_model, "Constant"), 341u);
  EXPECT_EQ(count_of(*silero_model, "If"), 25u);
  EXPECT_EQ(output_ports(*silero_model)->at(1).shape, (std::vector<Dimension>{{}, {}, {}}));
}

}  // namespace
}  // namespace laneway::onnx
