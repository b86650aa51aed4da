#include "engines/ort/weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

#include "laneway/graph/onnx/tensor_reader.h"
#include "models/models.h"
#include "models/onnx_writer.h"

namespace laneway::engines_ort {
namespace {

using test_models::as_bytes;

onnx::ModelView parsed(std::span<const std::byte> bytes) {
  auto view = onnx::parse(bytes);
  if (!view) ADD_FAILURE() << view.error().message();
  return *std::move(view);
}

std::vector<std::byte> data_of(const onnx::TensorView& weight) {
  const auto bytes = onnx::TensorReader().bytes(weight);
  EXPECT_TRUE(bytes);
  return {bytes->bytes.begin(), bytes->bytes.end()};
}

TEST(OrtWeights, L42_ALaidOutModelDiffersInTheDataGivenOnly) {
  const std::string model = test_models::mlp();
  const onnx::ModelView before = parsed(as_bytes(model));
  std::vector<float> values(64, 0.25f);
  const std::span<const std::byte> bytes = std::as_bytes(std::span(values));
  const auto laid_out = lay_out(as_bytes(model), {{"fc1.bias", bytes}});
  ASSERT_TRUE(laid_out);
  const onnx::ModelView after = parsed(laid_out->bytes);
  ASSERT_EQ(after.graph.initializers.size(), before.graph.initializers.size());
  for (std::size_t i = 0; i < after.graph.initializers.size(); ++i) {
    const onnx::TensorView& weight = after.graph.initializers[i];
    EXPECT_EQ(weight.name, before.graph.initializers[i].name);
    EXPECT_EQ(weight.shape, before.graph.initializers[i].shape);
    const auto expected =
        weight.name == "fc1.bias" ? std::vector<std::byte>(bytes.begin(), bytes.end()) : data_of(before.graph.initializers[i]);
    EXPECT_EQ(data_of(weight), expected) << weight.name;
  }
  EXPECT_EQ(after.graph.nodes.size(), before.graph.nodes.size());
  EXPECT_EQ(after.ir_version, before.ir_version);
  EXPECT_EQ(after.opsets.size(), before.opsets.size());
  EXPECT_EQ(after.graph.name, before.graph.name);
}

TEST(OrtWeights, L20_DataLaidOutLieOnBoundaries) {
  test_models::OnnxModel m;
  WeightData data;
  std::vector<std::vector<std::uint8_t>> kept;
  const std::vector<std::string> names = {"a",    "bb",    "ccc",
                                          "dddd", "eeeee", "a_name_that_is_longer_than_sixty_four_characters_and_goes_on_and_on"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Shape shape{i * 7};
    kept.emplace_back(i * 7, static_cast<std::uint8_t>(i));
    m.initializer(names[i], shape, kept.back());
  }
  m.input("x", DType::f32, {1}).node("Relu", {"x"}, {"y"}).output("y", DType::f32, {1});
  for (std::size_t i = 0; i < names.size(); ++i) data.emplace(names[i], std::as_bytes(std::span(kept[i])));
  const std::string model = m.bytes();
  const auto laid_out = lay_out(as_bytes(model), data);
  ASSERT_TRUE(laid_out);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::span<const std::byte> at = laid_out->data.at(names[i]);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(at.data()) % 64, 0u) << names[i];
    EXPECT_GE(at.data(), laid_out->bytes.data());
    EXPECT_LE(at.data() + at.size(), laid_out->bytes.data() + laid_out->bytes.size());
    EXPECT_TRUE(std::ranges::equal(at, std::as_bytes(std::span(kept[i])))) << names[i];
  }
  EXPECT_EQ(parsed(laid_out->bytes).graph.initializers.size(), names.size());
}

TEST(OrtWeights, L06_OnlyWhatOutputsNeedIsSelected) {
  test_models::OnnxModel m;
  m.input("x", DType::f32, {4}).input("w_in", DType::f32, {4});
  m.initializer("w_in", Shape{4}, std::vector<float>(4)).initializer("used", Shape{4}, std::vector<float>(4));
  m.initializer("unused", Shape{4}, std::vector<float>(4));
  m.node("Add", {"late", "used"}, {"first"});  // stands before what it needs
  m.node("Add", {"x", "unused"}, {"second"});
  m.node("Relu", {"x"}, {"late"});
  m.node("Relu", {"second"}, {"", "third"});
  m.output("first", DType::f32, {4}).output("second", DType::f32, {4}).output("third", DType::f32, {4});
  const std::string model = m.bytes();
  const std::string_view wanted[] = {"first"};
  const Selection selection = select(parsed(as_bytes(model)).graph, wanted);
  EXPECT_EQ(selection.nodes, (std::vector<bool>{true, false, true, false}));
  EXPECT_EQ(selection.initializers, (std::vector<bool>{true, true, false})) << "ports keep their defaults";
  EXPECT_EQ(selection.outputs, (std::vector<bool>{true, false, false}));
  const auto part = lay_out(as_bytes(model), {}, &selection);
  ASSERT_TRUE(part);
  const onnx::ModelView view = parsed(part->bytes);
  ASSERT_EQ(view.graph.nodes.size(), 2u);
  EXPECT_EQ(view.graph.nodes[0].op_type, "Add");
  EXPECT_EQ(view.graph.nodes[1].op_type, "Relu");
  EXPECT_EQ(view.graph.inputs.size(), 2u);
  ASSERT_EQ(view.graph.outputs.size(), 1u);
  EXPECT_EQ(view.graph.outputs[0].name, "first");
}

}  // namespace
}  // namespace laneway::engines_ort
