#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/core/port.h"

namespace laneway LANEWAY_PUBLIC {

class Value;

/// A dense tensor of numbers that owns its bytes (inside sequences, maps and optionals; ports that are tensors are memory).
struct TensorValue {
  DType dtype = DType::f32;
  Shape shape;
  std::vector<std::byte> bytes = {};  ///< byte_count(dtype, shape) of them.

  friend bool operator==(const TensorValue&, const TensorValue&) = default;
};
/// Strings are bytes, UTF-8 by ONNX's rule; row-major, element_count(shape) of them.
struct StringTensorValue {
  Shape shape;
  std::vector<std::string> elements = {};

  friend bool operator==(const StringTensorValue&, const StringTensorValue&) = default;
};
struct SequenceValue {
  std::vector<Value> elements;
};
/// Keys are a one-dimensional tensor of i64 or of strings; the i-th value belongs to the i-th key.
struct MapValue {
  std::shared_ptr<const Value> keys, values;
};
/// Null: the optional holds nothing.
struct OptionalValue {
  std::shared_ptr<const Value> held;
};
/// Coordinate form: row i of `indices` ([non-zeros, rank], i64, ascending) is where element i of `values` stands.
struct SparseValue {
  Shape dense_shape;
  TensorValue values;
  std::vector<std::int64_t> indices = {};

  friend bool operator==(const SparseValue&, const SparseValue&) = default;
};

/// What a port that is not dense numbers holds: a string tensor, sequence, map, optional or sparse tensor, the same for every
/// engine. Owned by its lane and handed over at each run, at the cost of a conversion.
/// Threads: a value: one writer or many readers.
class Value {
 public:
  using Data = std::variant<std::monostate, TensorValue, StringTensorValue, SequenceValue, MapValue, OptionalValue, SparseValue>;

  Value() = default;  ///< Nothing yet: a run refuses it as an input.
  template <class T>
  requires std::constructible_from<Data, T> &&(!std::same_as<std::remove_cvref_t<T>, Value>)Value(T data)
      : data_(std::move(data)) {}

  bool empty() const noexcept { return data_.index() == 0; }
  const Data& data() const noexcept { return data_; }
  Data& data() noexcept { return data_; }
  /// Null where it holds something else.
  template <class T>
  const T* get() const noexcept {
    return std::get_if<T>(&data_);
  }
  template <class T>
  T* get() noexcept {
    return std::get_if<T>(&data_);
  }

  friend bool operator==(const Value& a, const Value& b);

 private:
  Data data_;
};

/// A one-dimensional string tensor: the most common value.
Value strings(std::vector<std::string> elements);

/// Whether the value is consistent in itself (counts match shapes, indices in range) and of this port's kind.
/// Errors: failed_precondition where it holds nothing yet, else invalid_argument; both name the port.
Expected<> validate(const Value& value, const Port& port);

}  // namespace laneway
