#include "models/onnx_writer.h"

#include <protozero/pbf_writer.hpp>

#include "laneway/graph/onnx/schema.h"

namespace laneway::test_models {
namespace {

using namespace onnx::schema;  // the names of ONNX's messages
using Writer = protozero::pbf_writer;

void add_entry(Writer& parent, std::uint32_t field, std::string_view key, std::string_view value) {
  Writer entry(parent, field);
  entry.add_string(StringStringEntryProto::key, key.data(), key.size());
  entry.add_string(StringStringEntryProto::value, value.data(), value.size());
}

void add_text(Writer& writer, std::uint32_t field, std::string_view text) { writer.add_string(field, text.data(), text.size()); }

// Messages are encoded apart and added whole: a nested writer leaves out an empty one, but an empty shape is that of a scalar,
// and an empty dimension an unknown one.
void add_shape(Writer& type, const Dims& dims) {
  std::string shape;
  for (const Dim& dim : dims) {
    std::string dimension;
    Writer writer(dimension);
    if (!dim.symbol().empty()) {
      writer.add_string(TensorShapeProto::Dimension::dim_param, dim.symbol());
    } else if (dim.extent() >= 0) {
      writer.add_int64(TensorShapeProto::Dimension::dim_value, dim.extent());
    }
    Writer(shape).add_message(TensorShapeProto::dim, dimension);
  }
  type.add_message(TypeProto::Tensor::shape, shape);
}

Type tensor_type(std::uint32_t field, DType dtype, const Dims* dims) {
  Type type;
  Writer writer(type.encoded);
  Writer body(writer, field);
  body.add_int32(TypeProto::Tensor::elem_type, number_of(dtype));
  if (dims) add_shape(body, *dims);
  return type;
}

Type container_type(std::uint32_t field, const Type& element) {
  Type type;
  Writer writer(type.encoded);
  Writer body(writer, field);
  body.add_message(TypeProto::Sequence::elem_type, element.encoded);
  return type;
}

template <class Write>
Tensor tensor_with(DType dtype, const Shape& shape, Write&& write_elements) {
  Tensor tensor;
  Writer writer(tensor.encoded);
  writer.add_packed_int64(TensorProto::dims, shape.extents().begin(), shape.extents().end());
  writer.add_int32(TensorProto::data_type, number_of(dtype));
  write_elements(writer);
  return tensor;
}

/// The fields every attribute has, then its value by `write_value`.
template <class Write>
std::string attribute_with(const char* name, AttributeType type, Write&& write_value) {
  std::string encoded;
  Writer writer(encoded);
  writer.add_string(AttributeProto::name, name);
  write_value(writer);
  writer.add_enum(AttributeProto::type, static_cast<std::int32_t>(type));
  return encoded;
}

void add_value_info(std::string& graph, std::uint32_t field, std::string_view name, const Type& type) {
  Writer writer(graph);
  Writer info(writer, field);
  add_text(info, ValueInfoProto::name, name);
  info.add_message(ValueInfoProto::type, type.encoded);
}

void add_named_tensor(Writer& parent, std::uint32_t field, std::string_view name, const Tensor& tensor) {
  std::string encoded = tensor.encoded;
  Writer writer(encoded);
  add_text(writer, TensorProto::name, name);
  parent.add_message(field, encoded);
}

}  // namespace

Type tensor(DType dtype, const Dims& dims) { return tensor_type(TypeProto::tensor_type, dtype, &dims); }
Type tensor_of_any_rank(DType dtype) { return tensor_type(TypeProto::tensor_type, dtype, nullptr); }
Type sparse_tensor(DType dtype, const Dims& dims) { return tensor_type(TypeProto::sparse_tensor_type, dtype, &dims); }
Type sequence_of(const Type& element) { return container_type(TypeProto::sequence_type, element); }
Type optional_of(const Type& element) { return container_type(TypeProto::optional_type, element); }

Type map_of(DType key, const Type& value) {
  Type type;
  Writer writer(type.encoded);
  Writer body(writer, TypeProto::map_type);
  body.add_int32(TypeProto::Map::key_type, number_of(key));
  body.add_message(TypeProto::Map::value_type, value.encoded);
  return type;
}

Tensor raw_tensor(DType dtype, const Shape& shape, std::string_view data) {
  return tensor_with(dtype, shape, [&](Writer& writer) { writer.add_bytes(TensorProto::raw_data, data.data(), data.size()); });
}

Tensor string_tensor(const Shape& shape, const std::vector<std::string>& elements) {
  return tensor_with(DType::string, shape, [&](Writer& writer) {
    for (const std::string& element : elements) writer.add_bytes(TensorProto::string_data, element);
  });
}

Tensor typed_tensor(DType dtype, const Shape& shape, const std::vector<float>& elements) {
  return tensor_with(dtype, shape,
                     [&](Writer& writer) { writer.add_packed_float(TensorProto::float_data, elements.begin(), elements.end()); });
}
Tensor typed_tensor(DType dtype, const Shape& shape, const std::vector<double>& elements) {
  return tensor_with(dtype, shape, [&](Writer& writer) {
    writer.add_packed_double(TensorProto::double_data, elements.begin(), elements.end());
  });
}
Tensor typed_tensor(DType dtype, const Shape& shape, const std::vector<std::int32_t>& elements) {
  return tensor_with(dtype, shape,
                     [&](Writer& writer) { writer.add_packed_int32(TensorProto::int32_data, elements.begin(), elements.end()); });
}
Tensor typed_tensor(DType dtype, const Shape& shape, const std::vector<std::int64_t>& elements) {
  return tensor_with(dtype, shape,
                     [&](Writer& writer) { writer.add_packed_int64(TensorProto::int64_data, elements.begin(), elements.end()); });
}
Tensor typed_tensor(DType dtype, const Shape& shape, const std::vector<std::uint64_t>& elements) {
  return tensor_with(dtype, shape, [&](Writer& writer) {
    writer.add_packed_uint64(TensorProto::uint64_data, elements.begin(), elements.end());
  });
}

Tensor external_tensor(DType dtype, const Shape& shape, const std::vector<std::pair<std::string, std::string>>& entries) {
  return tensor_with(dtype, shape, [&](Writer& writer) {
    for (const auto& [key, value] : entries) add_entry(writer, TensorProto::external_data, key, value);
    writer.add_enum(TensorProto::data_location, data_location_external);
  });
}

Attribute::Attribute(const char* name, std::int64_t value)
    : encoded_(attribute_with(name, AttributeType::int_, [&](Writer& writer) { writer.add_int64(AttributeProto::i, value); })) {}
Attribute::Attribute(const char* name, float value)
    : encoded_(attribute_with(name, AttributeType::float_, [&](Writer& writer) { writer.add_float(AttributeProto::f, value); })) {
}
Attribute::Attribute(const char* name, const char* value)
    : encoded_(attribute_with(name, AttributeType::string, [&](Writer& writer) { writer.add_bytes(AttributeProto::s, value); })) {
}
// Lists are written unpacked, as onnx.proto declares them.
Attribute::Attribute(const char* name, const std::vector<std::int64_t>& values)
    : encoded_(attribute_with(name, AttributeType::ints, [&](Writer& writer) {
        for (const std::int64_t value : values) writer.add_int64(AttributeProto::ints, value);
      })) {}
Attribute::Attribute(const char* name, const std::vector<float>& values)
    : encoded_(attribute_with(name, AttributeType::floats, [&](Writer& writer) {
        for (const float value : values) writer.add_float(AttributeProto::floats, value);
      })) {}
Attribute::Attribute(const char* name, const std::vector<std::string>& values)
    : encoded_(attribute_with(name, AttributeType::strings, [&](Writer& writer) {
        for (const std::string& value : values) writer.add_bytes(AttributeProto::strings, value);
      })) {}
Attribute::Attribute(const char* name, const Tensor& value)
    : encoded_(attribute_with(name, AttributeType::tensor,
                              [&](Writer& writer) { writer.add_message(AttributeProto::t, value.encoded); })) {}
Attribute::Attribute(const char* name, const OnnxGraph& value)
    : encoded_(attribute_with(name, AttributeType::graph,
                              [&](Writer& writer) { writer.add_message(AttributeProto::g, value.encoded()); })) {}
Attribute::Attribute(const char* name, const Type& value)
    : encoded_(attribute_with(name, AttributeType::type,
                              [&](Writer& writer) { writer.add_message(AttributeProto::tp, value.encoded); })) {}

OnnxGraph::OnnxGraph(std::string_view name) {
  Writer writer(encoded_);
  add_text(writer, GraphProto::name, name);
}

OnnxGraph& OnnxGraph::input(std::string_view name, const Type& type) {
  add_value_info(encoded_, GraphProto::input, name, type);
  return *this;
}
OnnxGraph& OnnxGraph::output(std::string_view name, const Type& type) {
  add_value_info(encoded_, GraphProto::output, name, type);
  return *this;
}
OnnxGraph& OnnxGraph::value_info(std::string_view name, const Type& type) {
  add_value_info(encoded_, GraphProto::value_info, name, type);
  return *this;
}

OnnxGraph& OnnxGraph::initializer(std::string_view name, const Tensor& tensor) {
  Writer writer(encoded_);
  add_named_tensor(writer, GraphProto::initializer, name, tensor);
  return *this;
}

OnnxGraph& OnnxGraph::sparse_initializer(std::string_view name, const Shape& dense_shape, const std::vector<float>& values,
                                         const std::vector<std::int64_t>& indices) {
  Writer writer(encoded_);
  Writer sparse(writer, GraphProto::sparse_initializer);
  const Shape count(values.size());
  add_named_tensor(sparse, SparseTensorProto::values, name, test_models::tensor(count, values));
  sparse.add_message(SparseTensorProto::indices, test_models::tensor(count, indices).encoded);
  sparse.add_packed_int64(SparseTensorProto::dims, dense_shape.extents().begin(), dense_shape.extents().end());
  return *this;
}

OnnxGraph& OnnxGraph::node(std::string_view type, const Names& inputs, const Names& outputs,
                           const std::vector<Attribute>& attributes, std::string_view domain) {
  Writer writer(encoded_);
  Writer node(writer, GraphProto::node);
  for (const std::string& input : inputs) node.add_string(NodeProto::input, input);
  for (const std::string& output : outputs) node.add_string(NodeProto::output, output);
  node.add_string(NodeProto::name, std::string(type) + "_" + std::to_string(nodes_++));
  add_text(node, NodeProto::op_type, type);
  for (const Attribute& attribute : attributes) node.add_message(NodeProto::attribute, attribute.encoded());
  if (!domain.empty()) add_text(node, NodeProto::domain, domain);
  return *this;
}

std::string OnnxModel::bytes() const {
  std::string result;
  Writer writer(result);
  writer.add_int64(ModelProto::ir_version, ir_version);
  add_text(writer, ModelProto::producer_name, producer_name);
  add_text(writer, ModelProto::producer_version, producer_version);
  if (!domain.empty()) add_text(writer, ModelProto::domain, domain);
  if (model_version != 0) writer.add_int64(ModelProto::model_version, model_version);
  if (!doc.empty()) add_text(writer, ModelProto::doc_string, doc);
  writer.add_message(ModelProto::graph, encoded());
  for (const auto& [name, version] : opsets) {
    Writer opset(writer, ModelProto::opset_import);
    add_text(opset, OperatorSetIdProto::domain, name);
    opset.add_int64(OperatorSetIdProto::version, version);
  }
  for (const auto& [key, value] : metadata) add_entry(writer, ModelProto::metadata_props, key, value);
  return result;
}

}  // namespace laneway::test_models
