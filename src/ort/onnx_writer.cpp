#include <climits>
#include <cstring>
#include <memory>

#include "laneway/ort/model_graph.h"
#include "laneway/ort/session.h"
#include "ort/dtype.h"

// ONNX's format, which is Google's wire format: fields of a number and a kind. Numbers are those of onnx.proto.
namespace laneway::ort {
namespace {

class Message {
 public:
  Message& integer(int field, std::int64_t value) {
    varint(static_cast<std::uint64_t>(field) << 3);
    varint(static_cast<std::uint64_t>(value));
    return *this;
  }
  Message& number(int field, float value) {
    varint(static_cast<std::uint64_t>(field) << 3 | 5);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Message& text(int field, std::string_view value) {
    varint(static_cast<std::uint64_t>(field) << 3 | 2);
    varint(value.size());
    bytes_.append(value);
    return *this;
  }
  Message& message(int field, const Message& value) { return text(field, value.bytes_); }
  const std::string& bytes() const noexcept { return bytes_; }

 private:
  void varint(std::uint64_t value) {
    for (; value >= 128; value >>= 7) bytes_.push_back(static_cast<char>(value | 128));
    bytes_.push_back(static_cast<char>(value));
  }
  std::string bytes_;
};

// ONNX and ONNX Runtime number the last three differently.
std::int64_t number_of(DType dtype) noexcept {
  switch (dtype) {
    case DType::f8e8m0: return 24;
    case DType::u2: return 25;
    case DType::i2: return 26;
    default: return to_native(dtype);
  }
}

Expected<Message> encode_graph(const ModelGraph& graph);

Expected<Message> encode(const Tensor& tensor) {
  LANEWAY_TRY(tensor.validate());
  Message message;
  for (const std::int64_t extent : tensor.shape.extents()) message.integer(1, extent);
  message.integer(2, number_of(tensor.dtype));
  if (tensor.dtype != DType::string) {
    message.text(9, {reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size()});
  }
  for (const std::string& text : tensor.strings) message.text(6, text);
  return message;
}

Message encode_tensor_type(const Port& port) {
  Message type;
  type.integer(1, number_of(port.dtype));
  if (!port.rank_known) return type;
  Message shape;
  for (const Dimension& dimension : port.shape) {
    Message encoded;
    if (dimension.extent) {
      encoded.integer(1, *dimension.extent);
    } else if (!dimension.symbol.empty()) {
      encoded.text(2, dimension.symbol);
    }
    shape.message(1, encoded);
  }
  return type.message(2, shape);
}

Expected<Message> encode(const Port& port) {
  const Message tensor = encode_tensor_type(port);
  const Message held = Message().message(1, Message().message(1, tensor));
  Message type;
  switch (port.kind) {
    case PortKind::tensor: type.message(1, tensor); break;
    case PortKind::sequence: type.message(4, held); break;
    case PortKind::sparse_tensor: type.message(8, tensor); break;
    case PortKind::optional: type.message(9, held); break;
    case PortKind::map:
      return Error(ErrorCode::unimplemented,
                   "port " + port.name + ": kind: expected any other, got map (its types are not known)");
  }
  return Message().text(1, port.name).message(2, type);
}

/// An attribute's fields but for its name: each kind has a field, and a number.
struct AttributeFields {
  Message& message;
  Expected<> result = {};

  void operator()(std::int64_t value) { message.integer(3, value).integer(20, 2); }
  void operator()(float value) { message.number(2, value).integer(20, 1); }
  void operator()(const std::string& value) { message.text(4, value).integer(20, 3); }
  void operator()(const std::vector<std::int64_t>& values) {
    for (const std::int64_t value : values) message.integer(8, value);
    message.integer(20, 7);
  }
  void operator()(const std::vector<float>& values) {
    for (const float value : values) message.number(7, value);
    message.integer(20, 6);
  }
  void operator()(const std::vector<std::string>& values) {
    for (const std::string& value : values) message.text(9, value);
    message.integer(20, 8);
  }
  void operator()(const Tensor& tensor) { add(5, 4, encode(tensor)); }
  void operator()(const std::shared_ptr<const ModelGraph>& graph) {
    add(6, 5, graph ? encode_graph(*graph) : Error(ErrorCode::invalid_argument, "graph: null: expected one"));
  }
  void add(int field, int kind, Expected<Message> encoded) {
    if (encoded) {
      message.message(field, *encoded).integer(20, kind);
    } else {
      result = std::move(encoded).error();
    }
  }
};

Expected<Message> encode(const Node& node) {
  Message message;
  for (const std::string& input : node.inputs) message.text(1, input);
  for (const std::string& output : node.outputs) message.text(2, output);
  message.text(3, node.name).text(4, node.type);
  for (const Attribute& attribute : node.attributes) {
    Message encoded;
    AttributeFields fields{encoded.text(1, attribute.name)};
    std::visit(fields, attribute.value);
    if (!fields.result) return std::move(fields.result).error().with_context("attribute " + attribute.name);
    message.message(5, encoded);
  }
  return message.text(7, node.domain);
}

Expected<Message> encode_graph(const ModelGraph& graph) {
  Message message;
  for (const Node& node : graph.nodes) {
    auto encoded = encode(node);
    if (!encoded) return std::move(encoded).error().with_context("node " + node.type);
    message.message(1, *encoded);
  }
  message.text(2, graph.name);
  for (const NamedTensor& initializer : graph.initializers) {
    auto encoded = encode(initializer.tensor);
    if (!encoded) return std::move(encoded).error().with_context("initializer " + initializer.name);
    message.message(5, encoded->text(8, initializer.name));
  }
  for (const Port& input : graph.inputs) {
    LANEWAY_TRY_ASSIGN(const Message encoded, encode(input));
    message.message(11, encoded);
  }
  for (const Port& output : graph.outputs) {
    LANEWAY_TRY_ASSIGN(const Message encoded, encode(output));
    message.message(12, encoded);
  }
  return message;
}

}  // namespace

Expected<ModelBytes> to_bytes(const ModelGraph& graph) {
  constexpr int ir_version = 10;  // what ONNX Runtime 1.23 reads, with every dtype that it computes
  LANEWAY_TRY_ASSIGN(const Message encoded, encode_graph(graph));
  Message model;
  model.integer(1, ir_version).text(2, "laneway").message(7, encoded);
  for (const OperatorSet& set : graph.operator_sets) { model.message(8, Message().text(1, set.domain).integer(2, set.version)); }
  if (model.bytes().size() > INT_MAX) {
    return Error(ErrorCode::unimplemented, "model: too large for ONNX's format: expected " + std::to_string(INT_MAX) +
                                               " bytes at most, got " + std::to_string(model.bytes().size()));
  }
  const auto owner = std::make_shared<const std::string>(model.bytes());
  return ModelBytes{.bytes = std::as_bytes(std::span(owner->data(), owner->size())), .owner = owner};
}

}  // namespace laneway::ort
