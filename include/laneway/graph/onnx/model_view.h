#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "laneway/core/dtype.h"
#include "laneway/core/expected.h"
#include "laneway/core/shape.h"
#include "laneway/graph/onnx/schema.h"

/// An ONNX file as data, read without copying it: names, texts and weights are views into the file's bytes.
///
/// What a model says is here in the file's order and under ONNX's own words, nothing interpreted: names are not resolved,
/// operators not looked up, defaults not filled in. Left out are training information, quantization and device annotations,
/// and the documentation and metadata of single nodes and values.
/// Lifetime: all of it borrows the bytes given to parse().
namespace laneway LANEWAY_PUBLIC {
namespace onnx {

using schema::AttributeType;

struct PropertyView {
  std::string_view key, value;
};

/// A version of a set of operators. ONNX's own set is the domain "", written "ai.onnx" too; here it is always "".
struct OpsetView {
  std::string_view domain;
  std::int64_t version = 0;
};

// ---- types --------------------------------------------------------------------------------------------------------------

/// An extent, or a symbol, or neither. Negative extents, which some exporters write, are neither.
struct DimensionView {
  std::optional<std::int64_t> extent;
  std::string_view symbol;
};

struct TypeView {
  enum class Kind : std::uint8_t { unknown, tensor, sparse_tensor, sequence, map, optional, opaque };

  Kind kind = Kind::unknown;
  std::optional<DType> dtype;                       ///< Of tensors, and of a map's keys. Empty: not said.
  std::optional<std::vector<DimensionView>> shape;  ///< Of tensors. Empty: not even the rank is said.
  std::vector<TypeView> element;                    ///< The one type that a sequence, map or optional holds.
};

struct ValueView {
  std::string_view name;
  TypeView type;
};

// ---- constants ----------------------------------------------------------------------------------------------------------

/// Elements as they lie in the file: dense, row-major, little-endian, not aligned, exactly byte_count(dtype, shape) bytes.
struct RawData {
  std::span<const std::byte> bytes;
};
/// Elements in protobuf's own encoding: the message they stand in, for TensorReader to decode. Their number is right.
struct TypedData {
  std::span<const std::byte> message;
};
/// Elements in another file; its name is as the model gives it and not to be trusted (TensorReader checks it).
struct ExternalData {
  std::string_view location;
  std::size_t offset = 0;
};

struct TensorView {
  std::string_view name;
  DType dtype = DType::f32;
  Shape shape;
  std::variant<RawData, TypedData, ExternalData> data;
};

/// Coordinate form: `indices` are i64, linear [n] or coordinates [n, rank], of the n elements of `values`. Their contents are
/// not checked here. The name is that of `values`.
struct SparseTensorView {
  TensorView values = {}, indices;
  Shape dense_shape;
};

// ---- graphs -------------------------------------------------------------------------------------------------------------

struct GraphView;

/// A named argument of an operator. `value` is of the C++ type that belongs to `type`: a tensor, graph, sparse tensor or type
/// that stands alone is a list of one.
struct AttributeView {
  using Value = std::variant<std::monostate, float, std::int64_t, std::string_view, std::vector<float>, std::vector<std::int64_t>,
                             std::vector<std::string_view>, std::vector<TensorView>, std::vector<GraphView>,
                             std::vector<SparseTensorView>, std::vector<TypeView>>;

  std::string_view name;
  AttributeType type = AttributeType::undefined;
  Value value;
  std::string_view reference;  ///< In a function's body: takes the value of this attribute of the calling node.
};

struct NodeView {
  std::string_view op_type;
  std::string_view domain;  ///< "" for ONNX's own operators, as in OpsetView.
  std::string_view overload;
  std::string_view name;
  std::vector<std::string_view> inputs = {}, outputs;  ///< An empty name: left out.
  std::vector<AttributeView> attributes;
};

struct GraphView {
  std::string_view name = {}, doc;
  std::vector<NodeView> nodes;
  std::vector<ValueView> inputs = {}, outputs = {}, values;
  std::vector<TensorView> initializers;
  std::vector<SparseTensorView> sparse_initializers;
  std::vector<PropertyView> metadata;
};

/// An operator that the model defines itself, by other operators.
struct FunctionView {
  std::string_view name = {}, domain = {}, overload = {}, doc;
  std::vector<std::string_view> inputs = {}, outputs;
  std::vector<std::string_view> attributes;  ///< Those a caller must give.
  std::vector<AttributeView> default_attributes;
  std::vector<OpsetView> opsets;
  std::vector<NodeView> nodes;
  std::vector<ValueView> values;
};

struct ModelView {
  std::int64_t ir_version = 0, model_version = 0;
  std::string_view producer_name = {}, producer_version = {}, domain = {}, doc;
  std::vector<OpsetView> opsets;
  std::vector<PropertyView> metadata;
  GraphView graph;
  std::vector<FunctionView> functions;
};

/// Reads a file's bytes. What it claims is checked where a look at the file can tell: lengths, nesting (64 messages at most),
/// ranks and element counts against the data there is, kinds of attributes, names that must be there.
/// Errors: invalid_argument ("model: not a valid ONNX file: ...", where in the file, and what is wrong), unimplemented ("model:
///         beyond this reader: ...": an unknown element type, a rank over Shape::rank_max), resource_exhausted (memory).
/// Cost:   one pass that leaves weights alone, unless they are integers in typed fields. Memory is proportional to what is
///         read, whatever the file claims: some hundred bytes per node, and for a hostile file at most 200 times its size.
Expected<ModelView> parse(std::span<const std::byte> bytes);

}  // namespace onnx
}  // namespace laneway
