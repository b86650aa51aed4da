#include <algorithm>
#include <charconv>
#include <string>

#include "core/guard.h"
#include "graph/onnx/wire.h"
#include "laneway/graph/onnx/model_view.h"

// One function per message of onnx.proto: read(fields, view). Fields nobody needs are skipped.
namespace laneway::onnx {
namespace {

using namespace schema;

void read(Fields&& fields, PropertyView& property);
void read(Fields&& fields, OpsetView& opset);
void read(Fields&& fields, DimensionView& dimension);
void read(Fields&& fields, TypeView& type);
void read(Fields&& fields, ValueView& value);
void read(Fields&& fields, TensorView& tensor);
void read(Fields&& fields, SparseTensorView& sparse);
void read(Fields&& fields, AttributeView& attribute);
void read(Fields&& fields, NodeView& node);
void read(Fields&& fields, GraphView& graph);
void read(Fields&& fields, FunctionView& function);

/// One more message of a repeated field.
template <class View>
void read_next(Fields& fields, const char* name, std::vector<View>& list) {
  const std::size_t index = list.size();
  read(fields.message(name, index), list.emplace_back());
}

std::string_view domain_of(std::string_view text) { return text == "ai.onnx" ? std::string_view() : text; }

void require(Fields& fields, std::string_view value, const char* what) {
  if (value.empty() && !fields.failed()) fields.fail(std::string(what) + ": missing");
}

void read(Fields&& fields, PropertyView& property) {
  while (fields.next()) {
    switch (fields.number()) {
      case StringStringEntryProto::key: property.key = fields.text(); break;
      case StringStringEntryProto::value: property.value = fields.text(); break;
      default: fields.skip();
    }
  }
}

void read(Fields&& fields, OpsetView& opset) {
  while (fields.next()) {
    switch (fields.number()) {
      case OperatorSetIdProto::domain: opset.domain = domain_of(fields.text()); break;
      case OperatorSetIdProto::version: opset.version = fields.integer(); break;
      default: fields.skip();
    }
  }
}

// ---- types --------------------------------------------------------------------------------------------------------------

/// 0 is what writers put where they do not know.
std::optional<DType> read_dtype(Fields& fields) {
  const std::int64_t number = fields.integer();
  const std::optional<DType> dtype = dtype_of_number(number);
  if (!dtype && number != 0) {
    fields.fail("element type " + std::to_string(number) + ": unknown (the file is newer than this reader, or damaged)",
                ErrorCode::unimplemented);
  }
  return dtype;
}

void read(Fields&& fields, DimensionView& dimension) {
  while (fields.next()) {
    switch (fields.number()) {
      case TensorShapeProto::Dimension::dim_value: {
        const std::int64_t extent = fields.integer();
        if (extent >= 0) dimension.extent = extent;
        break;
      }
      case TensorShapeProto::Dimension::dim_param: dimension.symbol = fields.text(); break;
      default: fields.skip();
    }
  }
  if (dimension.extent && !dimension.symbol.empty()) fields.fail("dimension: has both an extent and a symbol");
}

void read(Fields&& fields, std::vector<DimensionView>& shape) {
  while (fields.next()) {
    if (fields.number() == TensorShapeProto::dim) {
      read_next(fields, "dim", shape);
    } else {
      fields.skip();
    }
  }
}

/// The tensor, sequence, map or optional in a type: their messages have the same two fields, but for their meaning.
void read_kind(Fields&& fields, TypeView::Kind kind, TypeView& type) {
  using Kind = TypeView::Kind;
  if (type.kind != Kind::unknown) fields.fail("type: is of two kinds");
  type.kind = kind;
  const bool is_tensor = kind == Kind::tensor || kind == Kind::sparse_tensor;
  const std::uint32_t element_field =
      kind == Kind::map ? std::uint32_t{TypeProto::Map::value_type} : TypeProto::Sequence::elem_type;
  while (fields.next()) {
    if (kind != Kind::opaque && !is_tensor && fields.number() == element_field) {
      read(fields.message("element"), type.element.emplace_back());
    } else if (is_tensor && fields.number() == TypeProto::Tensor::shape) {
      read(fields.message("shape"), type.shape.emplace());
    } else if (fields.number() == 1 && (is_tensor || kind == Kind::map)) {
      type.dtype = read_dtype(fields);
    } else {
      fields.skip();
    }
  }
  if (!is_tensor && kind != Kind::opaque && type.element.empty()) fields.fail("type: does not say of what");
}

void read(Fields&& fields, TypeView& type) {
  using Kind = TypeView::Kind;
  while (fields.next()) {
    switch (fields.number()) {
      case TypeProto::tensor_type: read_kind(fields.message("tensor_type"), Kind::tensor, type); break;
      case TypeProto::sparse_tensor_type: read_kind(fields.message("sparse_tensor_type"), Kind::sparse_tensor, type); break;
      case TypeProto::sequence_type: read_kind(fields.message("sequence_type"), Kind::sequence, type); break;
      case TypeProto::map_type: read_kind(fields.message("map_type"), Kind::map, type); break;
      case TypeProto::optional_type: read_kind(fields.message("optional_type"), Kind::optional, type); break;
      case TypeProto::opaque_type: read_kind(fields.message("opaque_type"), Kind::opaque, type); break;
      default: fields.skip();
    }
  }
}

void read(Fields&& fields, ValueView& value) {
  while (fields.next()) {
    switch (fields.number()) {
      case ValueInfoProto::name: value.name = fields.text(); break;
      case ValueInfoProto::type: read(fields.message("type"), value.type); break;
      default: fields.skip();
    }
  }
  require(fields, value.name, "name");
}

// ---- constants ----------------------------------------------------------------------------------------------------------

/// What a TensorProto holds, until it is known whether it fits together.
struct TensorFields {
  std::vector<std::int64_t> dims;
  std::optional<DType> dtype;
  std::optional<std::span<const std::byte>> raw;
  std::uint32_t typed_field = 0;  // number of the one that has elements
  std::size_t typed_count = 0;
  std::vector<PropertyView> external;
  bool is_external = false;
};

/// The typed field that elements of this type stand in, and how many of its numbers make one element.
struct TypedLayout {
  std::uint32_t field;
  const char* name;
  std::size_t numbers_per_element = 1;
};
TypedLayout typed_layout(DType dtype) {
  switch (dtype) {
    case DType::f32: return {TensorProto::float_data, "float_data"};
    case DType::complex64: return {TensorProto::float_data, "float_data", 2};
    case DType::f64: return {TensorProto::double_data, "double_data"};
    case DType::complex128: return {TensorProto::double_data, "double_data", 2};
    case DType::i64: return {TensorProto::int64_data, "int64_data"};
    case DType::u64:
    case DType::u32: return {TensorProto::uint64_data, "uint64_data"};
    case DType::string: return {TensorProto::string_data, "string_data"};
    default: return {TensorProto::int32_data, "int32_data"};
  }
}

void count_typed(Fields& fields, TensorFields& tensor) {
  const std::uint32_t number = fields.number();
  std::size_t count = 0;
  switch (number) {
    case TensorProto::float_data: count = fields.fixed(4).size() / 4; break;
    case TensorProto::double_data: count = fields.fixed(8).size() / 8; break;
    case TensorProto::string_data: fields.text(), count = 1; break;
    default: fields.each_integer([&count](std::uint64_t) { ++count; });
  }
  if (count == 0) return;  // some writers write empty lists
  if (tensor.typed_field != 0 && tensor.typed_field != number) return fields.fail("tensor: has elements of two types");
  tensor.typed_field = number;
  tensor.typed_count += count;
}

void read(Fields& fields, TensorFields& tensor, std::string_view& name) {
  while (fields.next()) {
    switch (fields.number()) {
      case TensorProto::dims:
        fields.each_integer([&](std::uint64_t extent) { tensor.dims.push_back(static_cast<std::int64_t>(extent)); });
        break;
      case TensorProto::data_type: tensor.dtype = read_dtype(fields); break;
      case TensorProto::name: name = fields.text(); break;
      case TensorProto::raw_data: tensor.raw = fields.bytes(); break;
      case TensorProto::float_data:
      case TensorProto::double_data:
      case TensorProto::int32_data:
      case TensorProto::int64_data:
      case TensorProto::uint64_data:
      case TensorProto::string_data: count_typed(fields, tensor); break;
      case TensorProto::external_data: read_next(fields, "external_data", tensor.external); break;
      case TensorProto::data_location: tensor.is_external = fields.integer() == data_location_external; break;
      case TensorProto::segment: fields.fail("tensor: stored in segments", ErrorCode::unimplemented); break;
      default: fields.skip();
    }
  }
}

std::optional<std::size_t> decimal(std::string_view text) {
  std::size_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

void set_external(Fields& fields, const TensorFields& from, std::size_t bytes, TensorView& tensor) {
  ExternalData external;
  std::optional<std::size_t> offset = 0, length = bytes;
  for (const PropertyView& entry : from.external) {
    if (entry.key == "location") external.location = entry.value;
    if (entry.key == "offset") offset = decimal(entry.value);
    if (entry.key == "length") length = decimal(entry.value);
  }
  require(fields, external.location, "external data: location");
  if (!offset || !length) return fields.fail("external data: offset or length: not a number that fits");
  if (*length != bytes) {
    return fields.fail("external data: expected " + std::to_string(bytes) + " bytes, got a length of " + std::to_string(*length));
  }
  external.offset = *offset;
  tensor.data = external;
}

/// Whether the payload is what dtype and shape ask for, and which of the three it is.
void set_payload(Fields& fields, const TensorFields& from, TensorView& tensor) {
  const Expected<std::size_t> count = element_count(tensor.shape);
  if (!count) return fields.fail(count.error().message());
  const bool is_text = tensor.dtype == DType::string;
  const Expected<std::size_t> bytes = is_text ? Expected<std::size_t>(std::size_t{0}) : byte_count(tensor.dtype, tensor.shape);
  if (!bytes) return fields.fail(bytes.error().message());
  const auto what = [&tensor] { return " (" + std::string(name(tensor.dtype)) + " " + to_string(tensor.shape) + ")"; };

  if (from.is_external + from.raw.has_value() + (from.typed_field != 0) > 1) return fields.fail("tensor: has its elements twice");
  if ((from.is_external || from.raw) && is_text) return fields.fail("tensor: strings cannot be raw or external");
  if (from.is_external) return set_external(fields, from, *bytes, tensor);
  if (from.raw) {
    if (from.raw->size() != *bytes) {
      fields.fail("raw_data: expected " + std::to_string(*bytes) + " bytes" + what() + ", got " +
                  std::to_string(from.raw->size()));
    }
    tensor.data = RawData{*from.raw};
    return;
  }
  const TypedLayout layout = typed_layout(tensor.dtype);
  const std::size_t numbers = is_packed(tensor.dtype) ? *bytes : *count * layout.numbers_per_element;  // packed: one per byte
  if (from.typed_field != 0 && from.typed_field != layout.field) {
    return fields.fail("tensor: expected the elements" + what() + " in " + layout.name + ", got field " +
                       std::to_string(from.typed_field));
  }
  if (from.typed_count != numbers) {
    return fields.fail(std::string(layout.name) + ": expected " + std::to_string(numbers) + " elements" + what() + ", got " +
                       std::to_string(from.typed_count));
  }
  tensor.data = TypedData{fields.whole()};
}

void set_shape(Fields& fields, const std::vector<std::int64_t>& dims, Shape& shape) {
  if (fields.failed()) return;
  Expected<Shape> checked = Shape::of(dims);
  if (!checked) return fields.fail(checked.error().message(), checked.error().code());
  shape = *checked;
}

void read(Fields&& fields, TensorView& tensor) {
  TensorFields found;
  read(fields, found, tensor.name);
  if (!fields.failed() && !found.dtype) fields.fail("data_type: missing");
  set_shape(fields, found.dims, tensor.shape);
  if (fields.failed()) return;
  tensor.dtype = *found.dtype;
  set_payload(fields, found, tensor);
}

void read(Fields&& fields, SparseTensorView& sparse) {
  std::vector<std::int64_t> dims;
  bool has_values = false, has_indices = false;
  while (fields.next()) {
    switch (fields.number()) {
      case SparseTensorProto::values: read(fields.message("values"), sparse.values), has_values = true; break;
      case SparseTensorProto::indices: read(fields.message("indices"), sparse.indices), has_indices = true; break;
      case SparseTensorProto::dims:
        fields.each_integer([&](std::uint64_t extent) { dims.push_back(static_cast<std::int64_t>(extent)); });
        break;
      default: fields.skip();
    }
  }
  set_shape(fields, dims, sparse.dense_shape);
  if (fields.failed()) return;
  if (!has_values || !has_indices) return fields.fail("sparse tensor: values or indices: missing");
  const Shape& indices = sparse.indices.shape;
  const bool fit = sparse.values.shape.rank() == 1 && sparse.indices.dtype == DType::i64 &&
                   (indices == Shape(sparse.values.shape[0]) || indices == Shape(sparse.values.shape[0], dims.size()));
  if (!fit) fields.fail("sparse tensor: indices: expected i64 [n] or [n, rank] for n values");
}

// ---- graphs -------------------------------------------------------------------------------------------------------------

/// The type a field of AttributeProto belongs to; undefined for those that hold no value.
AttributeType type_of_field(std::uint32_t number) {
  switch (number) {
    case AttributeProto::f: return AttributeType::float_;
    case AttributeProto::i: return AttributeType::int_;
    case AttributeProto::s: return AttributeType::string;
    case AttributeProto::t: return AttributeType::tensor;
    case AttributeProto::g: return AttributeType::graph;
    case AttributeProto::floats: return AttributeType::floats;
    case AttributeProto::ints: return AttributeType::ints;
    case AttributeProto::strings: return AttributeType::strings;
    case AttributeProto::tensors: return AttributeType::tensors;
    case AttributeProto::graphs: return AttributeType::graphs;
    case AttributeProto::sparse_tensor: return AttributeType::sparse_tensor;
    case AttributeProto::sparse_tensors: return AttributeType::sparse_tensors;
    case AttributeProto::tp: return AttributeType::type;
    case AttributeProto::type_protos: return AttributeType::types;
    default: return AttributeType::undefined;
  }
}

/// The value as the C++ type T; a default one the first time.
template <class T>
T& value_as(AttributeView& attribute) {
  if (!std::holds_alternative<T>(attribute.value)) attribute.value.emplace<T>();
  return std::get<T>(attribute.value);
}

template <class View>
void read_alone(Fields& fields, AttributeView& attribute, const char* name) {
  read(fields.message(name), value_as<std::vector<View>>(attribute).emplace_back());
}
void read_floats(Fields& fields, std::vector<float>& floats) {
  const std::span<const std::byte> bytes = fields.fixed(sizeof(float));
  const std::size_t before = floats.size();
  floats.resize(before + bytes.size() / sizeof(float));
  std::copy(bytes.begin(), bytes.end(), std::as_writable_bytes(std::span(floats).subspan(before)).begin());
}

void read_value(Fields& fields, AttributeView& attribute) {
  switch (fields.number()) {
    case AttributeProto::f: value_as<float>(attribute) = fields.f32(); break;
    case AttributeProto::i: value_as<std::int64_t>(attribute) = fields.integer(); break;
    case AttributeProto::s: value_as<std::string_view>(attribute) = fields.text(); break;
    case AttributeProto::t: read_alone<TensorView>(fields, attribute, "t"); break;
    case AttributeProto::g: read_alone<GraphView>(fields, attribute, "g"); break;
    case AttributeProto::tp: read_alone<TypeView>(fields, attribute, "tp"); break;
    case AttributeProto::sparse_tensor: read_alone<SparseTensorView>(fields, attribute, "sparse_tensor"); break;
    case AttributeProto::floats: read_floats(fields, value_as<std::vector<float>>(attribute)); break;
    case AttributeProto::ints: {
      auto& list = value_as<std::vector<std::int64_t>>(attribute);
      fields.each_integer([&](std::uint64_t value) { list.push_back(static_cast<std::int64_t>(value)); });
      break;
    }
    case AttributeProto::strings: value_as<std::vector<std::string_view>>(attribute).push_back(fields.text()); break;
    case AttributeProto::tensors: read_next(fields, "tensors", value_as<std::vector<TensorView>>(attribute)); break;
    case AttributeProto::graphs: read_next(fields, "graphs", value_as<std::vector<GraphView>>(attribute)); break;
    case AttributeProto::sparse_tensors:
      read_next(fields, "sparse_tensors", value_as<std::vector<SparseTensorView>>(attribute));
      break;
    default: read_next(fields, "type_protos", value_as<std::vector<TypeView>>(attribute));
  }
}

/// Gives an attribute whose value's field was not written, because it is protobuf's default, that default.
void set_default_value(Fields& fields, AttributeView& attribute) {
  switch (attribute.type) {
    case AttributeType::float_: attribute.value = 0.0f; break;
    case AttributeType::int_: attribute.value = std::int64_t{0}; break;
    case AttributeType::string: attribute.value = std::string_view(); break;
    case AttributeType::floats: attribute.value.emplace<std::vector<float>>(); break;
    case AttributeType::ints: attribute.value.emplace<std::vector<std::int64_t>>(); break;
    case AttributeType::strings: attribute.value.emplace<std::vector<std::string_view>>(); break;
    case AttributeType::tensors: attribute.value.emplace<std::vector<TensorView>>(); break;
    case AttributeType::graphs: attribute.value.emplace<std::vector<GraphView>>(); break;
    case AttributeType::sparse_tensors: attribute.value.emplace<std::vector<SparseTensorView>>(); break;
    case AttributeType::types: attribute.value.emplace<std::vector<TypeView>>(); break;
    default: fields.fail("attribute: has no value");
  }
}

void read(Fields&& fields, AttributeView& attribute) {
  std::int64_t declared = 0;
  AttributeType found = AttributeType::undefined;
  while (fields.next()) {
    const AttributeType type = type_of_field(fields.number());
    if (type != AttributeType::undefined) {
      if (found != AttributeType::undefined && found != type) fields.fail("attribute: has values of two types");
      found = type;
      if (!fields.failed()) read_value(fields, attribute);
      continue;
    }
    switch (fields.number()) {
      case AttributeProto::name: attribute.name = fields.text(); break;
      case AttributeProto::type: declared = fields.integer(); break;
      case AttributeProto::ref_attr_name: attribute.reference = fields.text(); break;
      default: fields.skip();
    }
  }
  require(fields, attribute.name, "name");
  if (declared < 0 || declared >= attribute_types)
    fields.fail("type " + std::to_string(declared) + ": unknown", ErrorCode::unimplemented);
  if (fields.failed()) return;
  // The first files did not write the type; it follows from the value.
  attribute.type = declared == 0 ? found : static_cast<AttributeType>(declared);
  if (found != AttributeType::undefined && found != attribute.type) {
    fields.fail("attribute: expected a value of type " + std::to_string(declared) + ", got one of type " +
                std::to_string(static_cast<int>(found)));
  } else if (found == AttributeType::undefined && attribute.reference.empty()) {
    set_default_value(fields, attribute);
  }
}

void read(Fields&& fields, NodeView& node) {
  while (fields.next()) {
    switch (fields.number()) {
      case NodeProto::input: node.inputs.push_back(fields.text()); break;
      case NodeProto::output: node.outputs.push_back(fields.text()); break;
      case NodeProto::name: node.name = fields.text(); break;
      case NodeProto::op_type: node.op_type = fields.text(); break;
      case NodeProto::domain: node.domain = domain_of(fields.text()); break;
      case NodeProto::overload: node.overload = fields.text(); break;
      case NodeProto::attribute: read_next(fields, "attribute", node.attributes); break;
      default: fields.skip();
    }
  }
  require(fields, node.op_type, "op_type");
}

void read(Fields&& fields, GraphView& graph) {
  while (fields.next()) {
    switch (fields.number()) {
      case GraphProto::name: graph.name = fields.text(); break;
      case GraphProto::doc_string: graph.doc = fields.text(); break;
      case GraphProto::node: read_next(fields, "node", graph.nodes); break;
      case GraphProto::input: read_next(fields, "input", graph.inputs); break;
      case GraphProto::output: read_next(fields, "output", graph.outputs); break;
      case GraphProto::value_info: read_next(fields, "value_info", graph.values); break;
      case GraphProto::initializer:
        read_next(fields, "initializer", graph.initializers);
        require(fields, graph.initializers.back().name, "initializer: name");
        break;
      case GraphProto::sparse_initializer:
        read_next(fields, "sparse_initializer", graph.sparse_initializers);
        require(fields, graph.sparse_initializers.back().values.name, "sparse_initializer: name");
        break;
      case GraphProto::metadata_props: read_next(fields, "metadata_props", graph.metadata); break;
      default: fields.skip();
    }
  }
}

void read(Fields&& fields, FunctionView& function) {
  while (fields.next()) {
    switch (fields.number()) {
      case FunctionProto::name: function.name = fields.text(); break;
      case FunctionProto::domain: function.domain = domain_of(fields.text()); break;
      case FunctionProto::overload: function.overload = fields.text(); break;
      case FunctionProto::doc_string: function.doc = fields.text(); break;
      case FunctionProto::input: function.inputs.push_back(fields.text()); break;
      case FunctionProto::output: function.outputs.push_back(fields.text()); break;
      case FunctionProto::attribute: function.attributes.push_back(fields.text()); break;
      case FunctionProto::attribute_proto: read_next(fields, "attribute_proto", function.default_attributes); break;
      case FunctionProto::opset_import: read_next(fields, "opset_import", function.opsets); break;
      case FunctionProto::node: read_next(fields, "node", function.nodes); break;
      case FunctionProto::value_info: read_next(fields, "value_info", function.values); break;
      default: fields.skip();
    }
  }
  require(fields, function.name, "name");
}

void read(Fields&& fields, ModelView& model) {
  bool has_graph = false;
  while (fields.next()) {
    switch (fields.number()) {
      case ModelProto::ir_version: model.ir_version = fields.integer(); break;
      case ModelProto::model_version: model.model_version = fields.integer(); break;
      case ModelProto::producer_name: model.producer_name = fields.text(); break;
      case ModelProto::producer_version: model.producer_version = fields.text(); break;
      case ModelProto::domain: model.domain = fields.text(); break;
      case ModelProto::doc_string: model.doc = fields.text(); break;
      case ModelProto::graph: read(fields.message("graph"), model.graph), has_graph = true; break;
      case ModelProto::opset_import: read_next(fields, "opset_import", model.opsets); break;
      case ModelProto::metadata_props: read_next(fields, "metadata_props", model.metadata); break;
      case ModelProto::functions: read_next(fields, "functions", model.functions); break;
      default: fields.skip();
    }
  }
  if (fields.failed()) return;
  if (!has_graph) return fields.fail("graph: missing");
  if (model.ir_version < 1) return fields.fail("ir_version: expected 1 or more, got " + std::to_string(model.ir_version));
  if (model.opsets.empty() && model.ir_version >= 3) fields.fail("opset_import: missing");
}

}  // namespace

Expected<ModelView> parse(std::span<const std::byte> bytes) {
  constexpr std::size_t bytes_max = INT32_MAX;  // protobuf's own limit
  const auto refuse = [](std::string_view why, ErrorCode code = ErrorCode::invalid_argument) {
    const bool newer = code == ErrorCode::unimplemented;
    return Error(code, (newer ? "model: beyond this reader: " : "model: not a valid ONNX file: ") + std::string(why));
  };
  return guarded([&]() -> Expected<ModelView> {
    if (bytes.empty()) return refuse("empty");
    if (bytes.size() > bytes_max) {
      return refuse("expected less than 2 GiB, got " + std::to_string(bytes.size()) +
                    " bytes (larger weights go to external data)");
    }
    Parse parse(bytes);
    ModelView model;
    read(Fields(parse), model);
    if (parse.failed()) return refuse(parse.error().message(), parse.error().code());
    return model;
  });
}

}  // namespace laneway::onnx
