#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <protozero/pbf_writer.hpp>
#include <random>

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

/// Encodes fields by hand, for files that no writer makes.
template <class Write>
std::string message(Write&& write) {
  std::string encoded;
  protozero::pbf_writer writer(encoded);
  write(writer);
  return encoded;
}

/// A model whose graph is these bytes.
std::string model_around(const std::string& graph) {
  return message([&](auto& writer) {
    writer.add_int64(ModelProto::ir_version, 8);
    writer.add_message(ModelProto::graph, graph);
    writer.add_message(ModelProto::opset_import, message([](auto& opset) { opset.add_int64(OperatorSetIdProto::version, 17); }));
  });
}

/// A model whose one node has an attribute of these bytes.
std::string model_with_attribute(const std::string& attribute) {
  return model_around(message([&](auto& graph) {
    graph.add_message(GraphProto::node, message([&](auto& node) {
                        node.add_string(NodeProto::op_type, "Op");
                        node.add_message(NodeProto::attribute, attribute);
                      }));
  }));
}

std::string model_with_initializer(const std::string& tensor) {
  return model_around(message([&](auto& graph) { graph.add_message(GraphProto::initializer, tensor); }));
}

std::string refusal(const std::string& bytes, ErrorCode code = ErrorCode::invalid_argument) {
  const auto model = parse(as_bytes(bytes));
  if (model) return "accepted";
  EXPECT_EQ(model.error().code(), code) << model.error().message();
  return std::string(model.error().message());
}

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
  EXPECT_THAT(refusal(a_tensor), HasSubstr("graph.node[0].attribute[0]: attribute: has no value"));
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

std::string file_in_deps(const char* name) {
  std::ifstream file(std::string(LANEWAY_TEST_DEPS_DIR "/models/") + name, std::ios::binary);
  EXPECT_TRUE(file) << name << " is missing: run scripts/setup";
  return {std::istreambuf_iterator<char>(file), {}};
}

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

// ---- bad files ----------------------------------------------------------------------------------------------------------

TEST(OnnxParse, L02_EmptyAndForeignFilesAreInvalidArguments) {
  EXPECT_EQ(refusal(""), "model: not a valid ONNX file: empty");
  const std::string prefix = "model: not a valid ONNX file: ";
  for (const std::string& foreign :
       {std::string("Hello, world, this is plain text.\n"), std::string(1000, '\0'), std::string(64, '\xff'),
        std::string("\x7f"
                    "ELF\x02\x01\x01",
                    7),
        std::string("PK\x03\x04 and so on"), std::string("{\"json\": 1}")}) {
    EXPECT_THAT(refusal(foreign), testing::StartsWith(prefix)) << foreign;
  }
}

TEST(OnnxParse, L02_RandomBytesAreInvalidArguments) {
  std::mt19937_64 random(20260101);
  for (int i = 0; i < 3000; ++i) {
    std::string bytes(1 + random() % 300, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    const auto model = parse(as_bytes(bytes));
    ASSERT_FALSE(model);
    ASSERT_TRUE(model.error().code() == ErrorCode::invalid_argument || model.error().code() == ErrorCode::unimplemented);
  }
}

TEST(OnnxParse, L02_WhatAModelMustHaveIsNamedWhereMissing) {
  EXPECT_THAT(refusal(message([](auto& writer) { writer.add_int64(ModelProto::ir_version, 8); })), HasSubstr("graph: missing"));
  EXPECT_THAT(refusal(message([](auto& writer) { writer.add_message(ModelProto::graph, std::string()); })),
              HasSubstr("ir_version"));
  EXPECT_THAT(refusal(message([](auto& writer) {
                writer.add_int64(ModelProto::ir_version, 8);
                writer.add_message(ModelProto::graph, std::string());
              })),
              HasSubstr("opset_import: missing"));
  EXPECT_THAT(refusal(model_around(message([](auto& graph) { graph.add_message(GraphProto::node, std::string()); }))),
              HasSubstr("graph.node[0]: op_type: missing"));
}

/// Cuts that the reader must find are those inside a field of the model; one between two fields gives a shorter model.
void expect_cuts_found(const std::string& bytes, std::size_t step) {
  std::size_t refused = 0, cuts = 0;
  for (std::size_t cut = 0; cut < bytes.size(); cut += step, ++cuts) {
    const std::string head = bytes.substr(0, cut);  // of its own, so that the address sanitizer sees reads beyond it
    const auto model = parse(as_bytes(head));
    if (model) {
      EXPECT_FALSE(model->opsets.empty());
    } else {
      ++refused;
      EXPECT_EQ(model.error().code(), ErrorCode::invalid_argument) << cut << ": " << model.error().message();
    }
  }
  EXPECT_GE(refused + 2, cuts);
}

TEST(OnnxParse, L02_TruncatedAtEveryByteIsAnInvalidArgument) {
  expect_cuts_found(test_models::mixed_dtypes(), 1);
  expect_cuts_found(test_models::long_running().substr(0, 2000), 1);
}

TEST(OnnxParse, C04_TruncatedAtEveryPercentIsAnInvalidArgument) {
  const std::string magika = file_in_deps("magika/model.onnx"), encoder = test_models::encoder();
  expect_cuts_found(magika, magika.size() / 100);
  expect_cuts_found(encoder, encoder.size() / 100);
}

TEST(OnnxParse, C04_MutatedFilesAreErrorsOrModels) {
  const std::vector<std::string> seeds = {test_models::mixed_dtypes(), test_models::long_running(), test_models::map_output(),
                                          test_models::sequence_concat(), test_models::default_input()};
  std::mt19937_64 random(4);
  std::size_t refused = 0;
  for (int i = 0; i < 100000; ++i) {
    std::string bytes = seeds[static_cast<std::size_t>(i) % seeds.size()];
    for (std::uint64_t n = 1 + random() % 4; n > 0; --n) {
      const std::size_t at = random() % std::min<std::size_t>(bytes.size(), 600);
      bytes[at] = static_cast<char>(random() % 3 == 0 ? random() : static_cast<unsigned char>(bytes[at]) ^ (1u << random() % 8));
    }
    refused += !parse(as_bytes(bytes));
  }
  EXPECT_GT(refused, 10000u);
  EXPECT_LT(refused, 100000u);
}

TEST(OnnxParse, C04_NestingHasAnEnd) {
  OnnxGraph graph("innermost");
  graph.node("Relu", {"x"}, {"y"});
  const auto nested = [](OnnxGraph inner, int levels) {
    for (int i = 0; i < levels; ++i) {
      OnnxGraph outer("outer");
      outer.node("If", {"c"}, {"y"}, {{"then_branch", inner}});
      inner = outer;
    }
    return model_around(inner.encoded());
  };
  const std::string allowed = nested(graph, 20), refused = nested(graph, 21);
  EXPECT_TRUE(parse(as_bytes(allowed)));
  EXPECT_THAT(refusal(refused), HasSubstr("nested deeper than 64 messages"));
  test_models::Type type = test_models::tensor_of_any_rank(DType::f32);
  for (int i = 0; i < 5000; ++i) type = test_models::sequence_of(type);
  OnnxModel m;
  m.input("x", type);
  EXPECT_THAT(refusal(m.bytes()), HasSubstr("nested deeper than 64 messages"));
}

TEST(OnnxParse, C04_PayloadsMustFitTheirShapes) {
  const auto tensor = [](DType dtype, const Shape& shape, std::string_view data) {
    OnnxModel m;
    m.initializer("w", test_models::raw_tensor(dtype, shape, data));
    return m.bytes();
  };
  EXPECT_TRUE(parse(as_bytes(tensor(DType::f32, {2, 2}, std::string(16, 'x')))));
  EXPECT_THAT(refusal(tensor(DType::f32, {2, 2}, std::string(12, 'x'))),
              HasSubstr("graph.initializer[0]: raw_data: expected 16 bytes (f32 [2, 2]), got 12"));
  EXPECT_THAT(refusal(tensor(DType::f32, {2, 2}, std::string(20, 'x'))), HasSubstr("expected 16 bytes"));
  EXPECT_TRUE(parse(as_bytes(tensor(DType::i4, {3}, "xx"))));
  EXPECT_THAT(refusal(tensor(DType::i4, {3}, "xxx")), HasSubstr("expected 2 bytes (i4 [3])"));
  EXPECT_THAT(refusal(tensor(DType::u8, {-1}, "")), HasSubstr("graph.initializer[0]"));
  EXPECT_THAT(refusal(tensor(DType::u8, {std::int64_t{1} << 40, std::int64_t{1} << 40}, "")), HasSubstr("graph.initializer[0]"));
  EXPECT_THAT(refusal(tensor(DType::string, {1}, "text")), HasSubstr("strings cannot be raw"));
}

TEST(OnnxParse, C04_TypedElementsMustFitTheirShapes) {
  const auto with = [](const test_models::Tensor& tensor) {
    OnnxModel m;
    m.initializer("w", tensor);
    return m.bytes();
  };
  using test_models::typed_tensor;
  EXPECT_TRUE(parse(as_bytes(with(typed_tensor(DType::i64, {3}, std::vector<std::int64_t>{1, -2, 3})))));
  EXPECT_TRUE(parse(as_bytes(with(typed_tensor(DType::complex64, {2}, std::vector<float>{1, 2, 3, 4})))));
  EXPECT_TRUE(parse(as_bytes(with(typed_tensor(DType::i4, {3}, std::vector<std::int32_t>{0x21, 0x03})))));
  EXPECT_THAT(refusal(with(typed_tensor(DType::i64, {3}, std::vector<std::int64_t>{1, 2}))),
              HasSubstr("int64_data: expected 3 elements (i64 [3]), got 2"));
  EXPECT_THAT(refusal(with(typed_tensor(DType::f32, {3}, std::vector<std::int64_t>{1, 2, 3}))),
              HasSubstr("in float_data, got field 7"));
  EXPECT_THAT(refusal(with(test_models::string_tensor({2}, {"only one"}))), HasSubstr("string_data: expected 2 elements"));
}

TEST(OnnxParse, PassesOverEmptyListsOfElements) {
  const std::string bytes = model_with_initializer(message([](auto& writer) {
    writer.add_string(TensorProto::name, "w");
    writer.add_int32(TensorProto::data_type, 1);
    writer.add_int64(TensorProto::dims, 1);
    for (const auto field : {TensorProto::float_data, TensorProto::int32_data, TensorProto::int64_data})
      writer.add_string(field, "");
    writer.add_bytes(TensorProto::raw_data, "\0\0\x80\x3f", 4);
  }));
  const auto model = parse(as_bytes(bytes));
  ASSERT_TRUE(model) << model.error().message();
  EXPECT_EQ(std::get<RawData>(model->graph.initializers.at(0).data).bytes.size(), 4u);
}

TEST(OnnxParse, C04_ElementTypesAndRanksBeyondOursAreUnimplemented) {
  const auto tensor = [](std::int32_t type, std::size_t rank) {
    return model_with_initializer(message([&](auto& writer) {
      writer.add_string(TensorProto::name, "w");
      writer.add_int32(TensorProto::data_type, type);
      for (std::size_t i = 0; i < rank; ++i) writer.add_int64(TensorProto::dims, 1);
      writer.add_bytes(TensorProto::raw_data, "\0", 1);
    }));
  };
  EXPECT_TRUE(parse(as_bytes(tensor(2, Shape::rank_max))));
  EXPECT_THAT(refusal(tensor(27, 1), ErrorCode::unimplemented),
              HasSubstr("model: beyond this reader: graph.initializer[0]: element type 27: unknown"));
  EXPECT_THAT(refusal(tensor(2, Shape::rank_max + 1), ErrorCode::unimplemented), HasSubstr("graph.initializer[0]"));
  EXPECT_THAT(refusal(tensor(0, 1)), HasSubstr("data_type: missing"));
}

TEST(OnnxParse, C04_ContradictionsAreNamed) {
  const std::string two_types = model_with_attribute(message([](auto& writer) {
    writer.add_string(AttributeProto::name, "a");
    writer.add_int64(AttributeProto::i, 1);
    writer.add_float(AttributeProto::f, 1);
  }));
  EXPECT_THAT(refusal(two_types), HasSubstr("graph.node[0].attribute[0]: attribute: has values of two types"));
  const std::string wrong_type = model_with_attribute(message([](auto& writer) {
    writer.add_string(AttributeProto::name, "a");
    writer.add_int64(AttributeProto::i, 1);
    writer.add_enum(AttributeProto::type, 1);
  }));
  EXPECT_THAT(refusal(wrong_type), HasSubstr("expected a value of type 1, got one of type 2"));
  std::string twice = test_models::identity();
  protozero::pbf_writer(twice).add_message(ModelProto::graph, std::string());
  EXPECT_THAT(refusal(twice), HasSubstr("graph: comes twice"));
  const std::string wrong_wire = message([](auto& writer) { writer.add_string(ModelProto::ir_version, "8"); });
  EXPECT_THAT(refusal(wrong_wire), HasSubstr("field 1: wire type: expected 0, got 2 (byte"));
}

}  // namespace
}  // namespace laneway::onnx
