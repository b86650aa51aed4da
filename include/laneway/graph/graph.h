#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "laneway/core/dtype.h"
#include "laneway/core/expected.h"
#include "laneway/core/port.h"
#include "laneway/core/shape.h"
#include "laneway/graph/op.h"
#include "laneway/graph/size.h"

/// A model as data: values, and nodes that make values of values. Engines read it, passes rewrite it.
///
///     from_onnx(model) ──> Graph ──passes──> Graph ──engine──> plan
///
/// Everything here is a plain value: copy a graph, change it, and verify() says whether it still is one. Weights are not copied
/// with it: a Tensor shares the memory that holds its bytes.
namespace laneway LANEWAY_PUBLIC {
namespace graph {

/// A constant: dense, row-major, little-endian bytes that somebody keeps. Never changed once it is made.
struct Tensor {
  DType dtype = DType::f32;
  Shape shape;
  std::span<const std::byte> bytes = {};        ///< byte_count(dtype, shape) of them, not aligned; none of strings.
  std::span<const std::string> strings = {};    ///< The elements where they are strings.
  std::shared_ptr<const void> owner = nullptr;  ///< Keeps them; null: somebody outlives the graph who does.

  /// One that owns its elements: as many as the shape has.
  template <class T>
  static Tensor of(const Shape& shape, std::vector<T> elements) {
    const auto kept = std::make_shared<const std::vector<T>>(std::move(elements));
    return {.dtype = dtype_of<T>::value, .shape = shape, .bytes = std::as_bytes(std::span(*kept)), .owner = kept};
  }
  static Tensor of_strings(const Shape& shape, std::vector<std::string> elements);

  /// Its i64 or i32 elements. nullopt: another dtype.
  std::optional<std::vector<std::int64_t>> integers() const;
};
/// The same dtype, shape and bits.
bool operator==(const Tensor& a, const Tensor& b) noexcept;

/// What a value may be: a tensor, or a sequence or optional of tensors.
struct Type {
  PortKind kind = PortKind::tensor;
  DType dtype = DType::f32;
  std::optional<Sizes> shape = std::nullopt;  ///< nullopt: not even the rank is known.

  friend bool operator==(const Type&, const Type&) = default;
};
std::string to_string(const Type& type);

/// The place of a value in Graph::values.
enum class ValueId : std::uint32_t {};
/// An optional input or output of a node that is left out.
inline constexpr ValueId left_out{0xffffffffu};

struct Value {
  std::string name;
  Type type;
  std::optional<Tensor> constant = std::nullopt;  ///< The model's own. A graph's input that has one need not be given.
  /// What a tensor of whole numbers holds, as far as the symbols tell: how a shape that is computed becomes one that is known.
  std::optional<Sizes> contents = std::nullopt;
};

struct Node {
  std::string name;  ///< The model's, or one made for it; errors tell it.
  Op op;
  std::vector<ValueId> inputs, outputs;
};

/// Nodes stand in an order in which each comes after those whose values it reads. Each value is made once: by a node, as an input,
/// or as a constant. A graph inside a node sees nothing of the one around it but its inputs.
struct Graph {
  std::string name;
  std::vector<Value> values;
  std::vector<Node> nodes;
  std::vector<ValueId> inputs, outputs;
  std::vector<std::string> symbols;  ///< Of extents that inputs bring; all others are found while running.

  const Value& operator[](ValueId id) const noexcept { return values[static_cast<std::size_t>(id)]; }
  Value& operator[](ValueId id) noexcept { return values[static_cast<std::size_t>(id)]; }
  ValueId add(Value value) {
    values.push_back(std::move(value));
    return ValueId(values.size() - 1);
  }
};

/// "Conv_3 (Conv)", as errors name a node.
std::string describe(const Node& node);

/// Fills in dtypes, shapes and contents of all values that nodes make, from those of the inputs. Declared shapes that are wrong are
/// errors; where a value was declared more exactly than it can be inferred, the declaration stays.
/// Errors: invalid_argument (a node that ONNX does not allow: dtypes, shapes that do not fit), unimplemented; each names the node.
Expected<> infer(Graph& graph);

/// Whether it is one: a table of rules (source: src/graph/verify.cpp), all of which are told that do not hold.
/// Errors: internal, naming rule, node and value.
Expected<> verify(const Graph& graph);

/// For people: a line per input, constant, node, output.
std::string to_string(const Graph& graph);

}  // namespace graph
}  // namespace LANEWAY_PUBLIC
