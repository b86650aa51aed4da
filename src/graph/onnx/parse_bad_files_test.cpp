#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <protozero/pbf_writer.hpp>
#include <random>

#include "graph/onnx/test_files.h"
#include "laneway/graph/onnx/model_view.h"
#include "models/models.h"
#include "models/onnx_writer.h"

// What parse() must refuse, and what it must survive.
namespace laneway::onnx {
namespace {

using namespace schema;
using test_models::as_bytes;
using test_models::OnnxGraph;
using test_models::OnnxModel;
using testing::HasSubstr;

std::string refusal(const std::string& bytes, ErrorCode code = ErrorCode::invalid_argument) {
  const auto model = parse(as_bytes(bytes));
  if (model) return "accepted";
  EXPECT_EQ(model.error().code(), code) << model.error().message();
  return std::string(model.error().message());
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
