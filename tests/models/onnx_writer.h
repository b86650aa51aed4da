#pragma once
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "laneway/core/dtype.h"
#include "laneway/core/shape.h"

/// Writes small ONNX models for tests, in memory:
///
///     OnnxModel m;
///     m.input("x", DType::f32, {"batch", 4});
///     m.initializer("w", Shape{4, 3}, std::vector<float>{...});
///     m.node("MatMul", {"x", "w"}, {"y"});
///     m.node("Softmax", {"y"}, {"p"}, {{"axis", -1}});
///     m.output("p", DType::f32, {"batch", 3});
///     std::string bytes = m.bytes();
///
/// Nothing is checked: wrong models are models that tests need. Everything is encoded as it is added; one thread at a time.
namespace laneway::test_models {

/// A dimension: an extent, a symbol, or neither ({} or a negative number).
class Dim {
 public:
  Dim() = default;
  template <std::integral T>
  Dim(T extent) : extent_(static_cast<std::int64_t>(extent)) {}
  Dim(const char* symbol) : symbol_(symbol) {}
  Dim(std::string symbol) : symbol_(std::move(symbol)) {}
  std::int64_t extent() const { return extent_; }
  const std::string& symbol() const { return symbol_; }

 private:
  std::int64_t extent_ = -1;
  std::string symbol_;
};
using Dims = std::vector<Dim>;

/// The type of a value: an encoded TypeProto.
struct Type {
  std::string encoded;
};
Type tensor(DType dtype, const Dims& dims);
Type tensor_of_any_rank(DType dtype);
Type sparse_tensor(DType dtype, const Dims& dims);
Type sequence_of(const Type& element);
Type optional_of(const Type& element);
Type map_of(DType key, const Type& value);

/// A constant: an encoded TensorProto but for its name.
struct Tensor {
  std::string encoded;
};
/// Stored as raw little-endian bytes. `data` need not fit the shape.
Tensor raw_tensor(DType dtype, const Shape& shape, std::string_view data);
template <class T>
Tensor tensor(const Shape& shape, const std::vector<T>& elements) {
  return raw_tensor(dtype_of<T>::value, shape, {reinterpret_cast<const char*>(elements.data()), elements.size() * sizeof(T)});
}
Tensor string_tensor(const Shape& shape, const std::vector<std::string>& elements);
/// Stored in the typed fields: floats (also pairs of complex64), doubles (complex128), 32-bit (the small integers, bool, 16-bit
/// and 8-bit floats as bits, packed ones as bytes), i64, or u64 (u32 too).
Tensor typed_tensor(DType dtype, const Shape& shape, const std::vector<float>& elements);
Tensor typed_tensor(DType dtype, const Shape& shape, const std::vector<double>& elements);
Tensor typed_tensor(DType dtype, const Shape& shape, const std::vector<std::int32_t>& elements);
Tensor typed_tensor(DType dtype, const Shape& shape, const std::vector<std::int64_t>& elements);
Tensor typed_tensor(DType dtype, const Shape& shape, const std::vector<std::uint64_t>& elements);
/// Stored in another file. Entries are {"location", "weights.bin"}, {"offset", "4096"}, {"length", "64"}.
Tensor external_tensor(DType dtype, const Shape& shape, const std::vector<std::pair<std::string, std::string>>& entries);

class OnnxGraph;

/// An attribute of a node; its kind follows from what it is given: {"axis", 1}, {"alpha", 0.5}, {"mode", "nearest"},
/// {"kernel_shape", {3, 3}}, {"scales", {1.0, 2.0}}, {"names", {"a", "b"}}, {"value", tensor(...)}, {"body", graph}.
class Attribute {
 public:
  template <std::integral T>
  Attribute(const char* name, T value) : Attribute(name, static_cast<std::int64_t>(value)) {}
  template <std::floating_point T>
  Attribute(const char* name, T value) : Attribute(name, static_cast<float>(value)) {}
  template <std::integral T>
  Attribute(const char* name, std::initializer_list<T> values)
      : Attribute(name, std::vector<std::int64_t>(values.begin(), values.end())) {}
  template <std::floating_point T>
  Attribute(const char* name, std::initializer_list<T> values) {
    std::vector<float> floats;
    for (const T value : values) floats.push_back(static_cast<float>(value));
    *this = Attribute(name, floats);
  }
  Attribute(const char* name, std::initializer_list<const char*> values)
      : Attribute(name, std::vector<std::string>(values.begin(), values.end())) {}
  Attribute(const char* name, std::int64_t value);
  Attribute(const char* name, float value);
  Attribute(const char* name, const char* value);
  Attribute(const char* name, const std::vector<std::int64_t>& values);
  Attribute(const char* name, const std::vector<float>& values);
  Attribute(const char* name, const std::vector<std::string>& values);
  Attribute(const char* name, const Tensor& value);
  Attribute(const char* name, const OnnxGraph& value);
  Attribute(const char* name, const Type& value);

  const std::string& encoded() const { return encoded_; }

 private:
  std::string encoded_;
};

using Names = std::vector<std::string>;

/// A graph: of a model, or the body of a Loop, If or Scan.
class OnnxGraph {
 public:
  explicit OnnxGraph(std::string_view name = "graph");

  OnnxGraph& input(std::string_view name, const Type& type);
  OnnxGraph& output(std::string_view name, const Type& type);
  OnnxGraph& value_info(std::string_view name, const Type& type);
  OnnxGraph& input(std::string_view name, DType dtype, const Dims& dims) { return input(name, tensor(dtype, dims)); }
  OnnxGraph& output(std::string_view name, DType dtype, const Dims& dims) { return output(name, tensor(dtype, dims)); }

  /// With an input of the same name: that input's default.
  OnnxGraph& initializer(std::string_view name, const Tensor& tensor);
  template <class T>
  OnnxGraph& initializer(std::string_view name, const Shape& shape, const std::vector<T>& elements) {
    return initializer(name, test_models::tensor(shape, elements));
  }
  /// `indices` are linear, ascending.
  OnnxGraph& sparse_initializer(std::string_view name, const Shape& dense_shape, const std::vector<float>& values,
                                const std::vector<std::int64_t>& indices);

  /// An empty name leaves out an optional input or output. Names of nodes are their type and number: "MatMul_0".
  OnnxGraph& node(std::string_view type, const Names& inputs, const Names& outputs, const std::vector<Attribute>& attributes = {},
                  std::string_view domain = "");

  const std::string& encoded() const { return encoded_; }

 private:
  std::string encoded_;
  std::size_t nodes_ = 0;
};

class OnnxModel : public OnnxGraph {
 public:
  std::int64_t ir_version = 8;
  std::vector<std::pair<std::string, std::int64_t>> opsets = {{"", 17}};
  std::string producer_name = "laneway", producer_version = "test", domain = {}, doc = {};
  std::int64_t model_version = 0;
  std::vector<std::pair<std::string, std::string>> metadata = {};

  std::string bytes() const;
};

}  // namespace laneway::test_models
