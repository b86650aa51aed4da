#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <protozero/pbf_writer.hpp>

#include "graph/onnx/test_files.h"
#include "laneway/graph/onnx/model_view.h"
#include "laneway/memory/mapped_file.h"
#include "models/models.h"
#include "models/onnx_writer.h"

namespace laneway::onnx {
namespace {

using namespace schema;
using test_models::as_bytes;
using test_models::Attribute;
using test_models::OnnxGraph;
using test_models::OnnxModel;
using testing::ElementsAre;
using testing::HasSubstr;

// ---- what a model says --------------------------------------------------------------------------------------------------

TEST(OnnxParse, ReadsTheModelsOwnFields) {
  OnnxModel m;
  m.ir_version = 9;
  m.opsets = {{"ai.onnx", 18}, {"ai.onnx.ml", 3}, {"com.example", 7}};
  m.producer_name = "maker";
  m.producer_version = "1.2.3";
  m.domain = "org.example";
  m.doc = "What it does.";
  m.model_version = 42;
  m.metadata = {{"author", "somebody"}, {"empty", ""}};
  const std::string bytes = m.bytes();
  const auto model = parse(as_bytes(bytes));
  ASSERT_TRUE(model) << model.error().message();
  EXPECT_EQ(model->ir_version, 9);
  EXPECT_EQ(model->model_version, 42);
  EXPECT_EQ(model->producer_name, "maker");
  EXPECT_EQ(model->producer_version, "1.2.3");
  EXPECT_EQ(model->domain, "org.example");
  EXPECT_EQ(model->doc, "What it does.");
  EXPECT_EQ(model->graph.name, "graph");
  ASSERT_EQ(model->opsets.size(), 3u);
  EXPECT_EQ(model->opsets[0].domain, "") << "ai.onnx is the domain without a name";
  EXPECT_EQ(model->opsets[0].version, 18);
  EXPECT_EQ(model->opsets[2].domain, "com.example");
  EXPECT_EQ(model->opsets[2].version, 7);
  ASSERT_EQ(model->metadata.size(), 2u);
  EXPECT_EQ(model->metadata[0].key, "author");
  EXPECT_EQ(model->metadata[0].value, "somebody");
  EXPECT_EQ(model->metadata[1].value, "");
}

TEST(OnnxParse, ReadsNodesInOrderWithLeftOutInputs) {
  OnnxModel m;
  m.node("Resize", {"x", "", "scales"}, {"y"}).node("Scaler", {"y"}, {"z", ""}, {}, "ai.onnx.ml");
  const std::string bytes = m.bytes();
  const auto model = parse(as_bytes(bytes));
  ASSERT_TRUE(model);
  ASSERT_EQ(model->graph.nodes.size(), 2u);
  const NodeView& resize = model->graph.nodes[0];
  EXPECT_EQ(resize.op_type, "Resize");
  EXPECT_EQ(resize.name, "Resize_0");
  EXPECT_EQ(resize.domain, "");
  EXPECT_THAT(resize.inputs, ElementsAre("x", "", "scales"));
  EXPECT_THAT(resize.outputs, ElementsAre("y"));
  EXPECT_EQ(model->graph.nodes[1].domain, "ai.onnx.ml");
  EXPECT_THAT(model->graph.nodes[1].outputs, ElementsAre("z", ""));
}

TEST(OnnxParse, ReadsTypesOfEveryKind) {
  OnnxModel m;
  m.input("tensor", DType::f16, {"batch", 3, -1, 0});
  m.input("any_rank", test_models::tensor_of_any_rank(DType::u8));
  m.input("scalar", DType::boolean, {});
  m.input("sparse", test_models::sparse_tensor(DType::f64, {5, "n"}));
  m.input("deep", test_models::sequence_of(test_models::map_of(DType::string, test_models::tensor(DType::i32, {2}))));
  m.input("maybe", test_models::optional_of(test_models::sequence_of(test_models::tensor_of_any_rank(DType::bf16))));
  const std::string bytes = m.bytes();
  const auto model = parse(as_bytes(bytes));
  ASSERT_TRUE(model) << model.error().message();
  const auto& inputs = model->graph.inputs;
  ASSERT_EQ(inputs.size(), 6u);
  using Kind = TypeView::Kind;

  EXPECT_EQ(inputs[0].name, "tensor");
  EXPECT_EQ(inputs[0].type.kind, Kind::tensor);
  EXPECT_EQ(inputs[0].type.dtype, DType::f16);
  ASSERT_EQ(inputs[0].type.shape->size(), 4u);
  EXPECT_EQ((*inputs[0].type.shape)[0].symbol, "batch");
  EXPECT_FALSE((*inputs[0].type.shape)[0].extent.has_value());
  EXPECT_EQ((*inputs[0].type.shape)[1].extent, 3);
  EXPECT_FALSE((*inputs[0].type.shape)[2].extent.has_value());
  EXPECT_EQ((*inputs[0].type.shape)[2].symbol, "");
  EXPECT_EQ((*inputs[0].type.shape)[3].extent, 0);

  EXPECT_FALSE(inputs[1].type.shape.has_value());
  ASSERT_TRUE(inputs[2].type.shape.has_value()) << "a scalar's rank is known: 0";
  EXPECT_TRUE(inputs[2].type.shape->empty());

  EXPECT_EQ(inputs[3].type.kind, Kind::sparse_tensor);
  EXPECT_EQ(inputs[3].type.dtype, DType::f64);
  EXPECT_EQ((*inputs[3].type.shape)[1].symbol, "n");

  const TypeView& deep = inputs[4].type;
  EXPECT_EQ(deep.kind, Kind::sequence);
  EXPECT_EQ(deep.element.at(0).kind, Kind::map);
  EXPECT_EQ(deep.element.at(0).dtype, DType::string);
  EXPECT_EQ(deep.element.at(0).element.at(0).dtype, DType::i32);

  EXPECT_EQ(inputs[5].type.kind, Kind::optional);
  EXPECT_EQ(inputs[5].type.element.at(0).kind, Kind::sequence);
  EXPECT_EQ(inputs[5].type.element.at(0).element.at(0).dtype, DType::bf16);
}

TEST(OnnxParse, ReadsNegativeExtentsAsUnknown) {
  const std::string dimension = message([](auto& writer) { writer.add_int64(TensorShapeProto::Dimension::dim_value, -1); });
  const std::string type = message([&](auto& writer) {
    writer.add_message(TypeProto::tensor_type, message([&](auto& tensor) {
                         tensor.add_int32(TypeProto::Tensor::elem_type, 1);
                         tensor.add_message(TypeProto::Tensor::shape,
                                            message([&](auto& shape) { shape.add_message(TensorShapeProto::dim, dimension); }));
                       }));
  });
  OnnxModel m;
  m.input("x", test_models::Type{type});
  const std::string bytes = m.bytes();
  const auto model = parse(as_bytes(bytes));
  ASSERT_TRUE(model);
  ASSERT_EQ(model->graph.inputs[0].type.shape->size(), 1u);
  EXPECT_FALSE((*model->graph.inputs[0].type.shape)[0].extent.has_value());
}

TEST(OnnxParse, ReadsAttributesOfEveryKind) {
  OnnxGraph body("body");
  body.node("Relu", {"a"}, {"b"});
  const auto tensor = test_models::tensor(Shape{2}, std::vector<std::int64_t>{7, -9});
  OnnxModel m;
  m.node("Op", {}, {"y"},
         {{"f", 2.5},
          {"i", -3},
          {"s", "text"},
          {"t", tensor},
          {"g", body},
          {"floats", {1.5, -2.0}},
          {"ints", {1, -1, 1 << 30}},
          {"strings", {"a", "", "c"}},
          {"type", test_models::tensor(DType::f32, {4})},
          {"none", std::vector<std::int64_t>{}}});
  const std::string bytes = m.bytes();
  const auto model = parse(as_bytes(bytes));
  ASSERT_TRUE(model) << model.error().message();
  const auto& attributes = model->graph.nodes.at(0).attributes;
  ASSERT_EQ(attributes.size(), 10u);
  EXPECT_EQ(attributes[0].name, "f");
  EXPECT_EQ(attributes[0].type, AttributeType::float_);
  EXPECT_EQ(std::get<float>(attributes[0].value), 2.5f);
  EXPECT_EQ(std::get<std::int64_t>(attributes[1].value), -3);
  EXPECT_EQ(std::get<std::string_view>(attributes[2].value), "text");
  EXPECT_EQ(attributes[3].type, AttributeType::tensor);
  EXPECT_EQ(std::get<std::vector<TensorView>>(attributes[3].value).at(0).shape, Shape{2});
  EXPECT_EQ(std::get<std::vector<GraphView>>(attributes[4].value).at(0).nodes.at(0).op_type, "Relu");
  EXPECT_THAT(std::get<std::vector<float>>(attributes[5].value), ElementsAre(1.5f, -2.0f));
  EXPECT_THAT(std::get<std::vector<std::int64_t>>(attributes[6].value), ElementsAre(1, -1, 1 << 30));
  EXPECT_THAT(std::get<std::vector<std::string_view>>(attributes[7].value), ElementsAre("a", "", "c"));
  EXPECT_EQ(std::get<std::vector<TypeView>>(attributes[8].value).at(0).dtype, DType::f32);
  EXPECT_EQ(attributes[9].type, AttributeType::ints);
  EXPECT_TRUE(std::get<std::vector<std::int64_t>>(attributes[9].value).empty());
}

TEST(OnnxParse, ReadsPackedAttributeListsToo) {
  const std::vector<std::int64_t> ints = {3, -4, 5000000000};
  const std::vector<float> floats = {0.5f, -7.0f};
  const std::string packed_ints = message([&](auto& writer) {
    writer.add_string(AttributeProto::name, "ints");
    writer.add_packed_int64(AttributeProto::ints, ints.begin(), ints.end());
    writer.add_enum(AttributeProto::type, 7);
  });
  const std::string packed_floats = message([&](auto& writer) {
    writer.add_string(AttributeProto::name, "floats");
    writer.add_packed_float(AttributeProto::floats, floats.begin(), floats.end());
    writer.add_enum(AttributeProto::type, 6);
  });
  const std::string a = model_with_attribute(packed_ints), b = model_with_attribute(packed_floats);
  const auto with_ints = parse(as_bytes(a)), with_floats = parse(as_bytes(b));
  ASSERT_TRUE(with_ints && with_floats);
  EXPECT_EQ(std::get<std::vector<std::int64_t>>(with_ints->graph.nodes[0].attributes[0].value), ints);
  EXPECT_EQ(std::get<std::vector<float>>(with_floats->graph.nodes[0].attributes[0].value), floats);
}

TEST(OnnxParse, GivesAttributesWithoutAFieldTheirDefault) {
  const auto bare = [](int type) {
    return model_with_attribute(message([&](auto& writer) {
      writer.add_string(AttributeProto::name, "a");
      writer.add_enum(AttributeProto::type, type);
    }));
  };
  const std::string an_int = bare(2), a_text = bare(3), a_tensor = bare(4);
  const auto with_int = parse(as_bytes(an_int)), with_text = parse(as_bytes(a_text));
  ASSERT_TRUE(with_int && with_text);
  EXPECT_EQ(std::get<std::int64_t>(with_int->graph.nodes[0].attributes[0].value), 0);
  EXPECT_EQ(std::get<std::string_view>(with_text->graph.nodes[0].attributes[0].value), "");
  const auto with_tensor = parse(as_bytes(a_tensor));
  ASSERT_FALSE(with_tensor);
  EXPECT_THAT(std::string(with_tensor.error().message()), HasSubstr("graph.node[0].attribute[0]: attribute: has no value"));
}

TEST(OnnxParse, InfersTheTypeThatOldFilesLeaveOut) {
  const std::string bytes = model_with_attribute(message([](auto& writer) {
    writer.add_string(AttributeProto::name, "axis");
    writer.add_int64(AttributeProto::i, 1);
  }));
  const auto model = parse(as_bytes(bytes));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->graph.nodes[0].attributes[0].type, AttributeType::int_);
}

TEST(OnnxParse, ReadsFunctions) {
  const std::string function = message([](auto& writer) {
    writer.add_string(FunctionProto::name, "Twice");
    writer.add_string(FunctionProto::domain, "org.example");
    writer.add_string(FunctionProto::input, "x");
    writer.add_string(FunctionProto::output, "y");
    writer.add_string(FunctionProto::attribute, "scale");
    writer.add_message(FunctionProto::attribute_proto, Attribute("alpha", 0.5).encoded());
    writer.add_message(FunctionProto::opset_import,
                       message([](auto& opset) { opset.add_int64(OperatorSetIdProto::version, 16); }));
    writer.add_message(FunctionProto::node, message([](auto& node) {
                         node.add_string(NodeProto::op_type, "Scale");
                         node.add_message(NodeProto::attribute, message([](auto& attribute) {
                                            attribute.add_string(AttributeProto::name, "by");
                                            attribute.add_string(AttributeProto::ref_attr_name, "scale");
                                            attribute.add_enum(AttributeProto::type, 1);
                                          }));
                       }));
  });
  std::string bytes = test_models::identity();
  protozero::pbf_writer(bytes).add_message(ModelProto::functions, function);
  const auto model = parse(as_bytes(bytes));
  ASSERT_TRUE(model) << model.error().message();
  ASSERT_EQ(model->functions.size(), 1u);
  const FunctionView& twice = model->functions[0];
  EXPECT_EQ(twice.name, "Twice");
  EXPECT_EQ(twice.domain, "org.example");
  EXPECT_THAT(twice.inputs, ElementsAre("x"));
  EXPECT_THAT(twice.outputs, ElementsAre("y"));
  EXPECT_THAT(twice.attributes, ElementsAre("scale"));
  EXPECT_EQ(std::get<float>(twice.default_attributes.at(0).value), 0.5f);
  EXPECT_EQ(twice.opsets.at(0).version, 16);
  const AttributeView& by = twice.nodes.at(0).attributes.at(0);
  EXPECT_EQ(by.reference, "scale");
  EXPECT_EQ(by.type, AttributeType::float_);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(by.value));
}

TEST(OnnxParse, C01_WeightsAreViewsIntoTheFile) {
  const std::string bytes = test_models::wide_mlp(96, 2);
  const auto model = parse(as_bytes(bytes));
  ASSERT_TRUE(model);
  ASSERT_EQ(model->graph.initializers.size(), 2u);
  for (const TensorView& tensor : model->graph.initializers) {
    const auto raw = std::get<RawData>(tensor.data).bytes;
    EXPECT_EQ(raw.size(), 96u * 96u * 4u);
    EXPECT_GE(raw.data(), as_bytes(bytes).data());
    EXPECT_LE(raw.data() + raw.size(), as_bytes(bytes).data() + bytes.size());
  }
}

std::size_t private_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return 1024 * std::stoul(line.substr(8));
  }
  ADD_FAILURE() << "no RssAnon in /proc/self/status";
  return 0;
}

/// A model of one weight of 1 GiB, which is a hole in the file.
void write_gigabyte_model(const std::filesystem::path& path) {
  constexpr std::size_t weight_bytes = std::size_t{1} << 30;
  const std::string fields = message([](auto& writer) {
    writer.add_int64(TensorProto::dims, std::int64_t{1} << 28);
    writer.add_int32(TensorProto::data_type, 1);
    writer.add_string(TensorProto::name, "w");
  });
  const auto header = [](std::uint32_t field, std::size_t length) {  // of a field that follows
    std::string encoded;
    protozero::add_varint_to_buffer(&encoded, field << 3 | 2u);
    protozero::add_varint_to_buffer(&encoded, length);
    return encoded;
  };
  const std::string raw = header(TensorProto::raw_data, weight_bytes);
  const std::string tensor = header(GraphProto::initializer, fields.size() + raw.size() + weight_bytes) + fields + raw;
  std::string model = message([](auto& writer) {
    writer.add_int64(ModelProto::ir_version, 8);
    writer.add_message(ModelProto::opset_import, message([](auto& opset) { opset.add_int64(OperatorSetIdProto::version, 17); }));
  });
  model += header(ModelProto::graph, tensor.size() + weight_bytes) + tensor;
  std::ofstream(path, std::ios::binary) << model;
  std::filesystem::resize_file(path, model.size() + weight_bytes);
}

TEST(OnnxParse, C01_AModelOfAGigabyteTakesNoMemory) {
  const auto path = std::filesystem::temp_directory_path() / ("laneway-gigabyte-" + std::to_string(getpid()) + ".onnx");
  write_gigabyte_model(path);
  const auto file = MappedFile::open(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(file) << file.error().message();
  const std::size_t before = private_bytes();
  const auto model = parse(file->data());
  ASSERT_TRUE(model) << model.error().message();
  EXPECT_LT(private_bytes(), before + (1u << 20));
  EXPECT_EQ(std::get<RawData>(model->graph.initializers.at(0).data).bytes.size(), std::size_t{1} << 30);
}

TEST(OnnxParse, ReadsSparseInitializers) {
  OnnxModel m;
  m.sparse_initializer("w", {3, 5}, {1.5f, -2.0f}, {4, 11});
  const std::string bytes = m.bytes();
  const auto model = parse(as_bytes(bytes));
  ASSERT_TRUE(model) << model.error().message();
  const SparseTensorView& w = model->graph.sparse_initializers.at(0);
  EXPECT_EQ(w.values.name, "w");
  EXPECT_EQ(w.dense_shape, (Shape{3, 5}));
  EXPECT_EQ(w.values.shape, Shape{2});
  EXPECT_EQ(w.indices.dtype, DType::i64);
}

TEST(OnnxParse, SkipsFieldsItDoesNotKnow) {
  std::string bytes = test_models::mlp();
  protozero::pbf_writer writer(bytes);
  writer.add_string(1000, "from the future");
  writer.add_fixed64(1001, 7);
  writer.add_fixed32(1002, 7);
  writer.add_uint64(1003, 7);
  EXPECT_TRUE(parse(as_bytes(bytes)));
}

// ---- real models --------------------------------------------------------------------------------------------------------

// The facts are those that the Python package onnx tells about the same files.
TEST(OnnxParse, C01_ReadsMagika) {
  const std::string bytes = file_in_deps("magika/model.onnx");
  const auto model = parse(as_bytes(bytes));
  ASSERT_TRUE(model) << model.error().message();
  EXPECT_EQ(model->ir_version, 8);
  EXPECT_EQ(model->producer_name, "tf2onnx");
  EXPECT_EQ(model->producer_version, "1.16.1 15c810");
  ASSERT_EQ(model->opsets.size(), 2u);
  EXPECT_EQ(model->opsets[0].version, 15);
  EXPECT_EQ(model->opsets[1].domain, "ai.onnx.ml");
  EXPECT_EQ(model->graph.nodes.size(), 95u);
  EXPECT_EQ(model->graph.initializers.size(), 36u);
  EXPECT_EQ(model->graph.inputs.at(0).name, "bytes");
  EXPECT_EQ(model->graph.outputs.at(0).name, "target_label");
  EXPECT_EQ(model->graph.outputs.at(0).type.shape->at(1).extent, 214);
}

TEST(OnnxParse, C01_ReadsSileroVadWithItsInnerGraphs) {
  const std::string bytes = file_in_deps("silero_vad/silero_vad.onnx");
  const auto model = parse(as_bytes(bytes));
  ASSERT_TRUE(model) << model.error().message();
  EXPECT_EQ(model->producer_name, "spox");
  EXPECT_EQ(model->graph.nodes.size(), 5u);
  EXPECT_EQ(model->graph.inputs.size(), 3u);
  EXPECT_EQ(model->graph.inputs[1].name, "state");
  EXPECT_EQ(model->graph.inputs[1].type.shape->at(2).extent, 128);
  EXPECT_FALSE(model->graph.outputs.at(1).type.shape->at(0).extent.has_value());
}

}  // namespace
}  // namespace laneway::onnx
