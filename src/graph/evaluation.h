#pragma once
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "laneway/graph/graph.h"

namespace laneway::graph {

/// A node as its reference kernel sees it: tensors in, tensors out.
class Evaluation {
 public:
  Evaluation(std::span<const Tensor* const> inputs, std::span<Tensor> outputs) noexcept : inputs_(inputs), outputs_(outputs) {}

  std::size_t input_count() const noexcept { return inputs_.size(); }
  bool has_input(std::size_t index) const noexcept { return index < inputs_.size() && inputs_[index]; }
  const Tensor& input(std::size_t index) const noexcept { return *inputs_[index]; }
  /// A copy, so that it is aligned. T must be of the dtype's size.
  template <class T>
  std::vector<T> elements(std::size_t index) const {
    const std::span<const std::byte> bytes = input(index).bytes;
    std::vector<T> result(bytes.size() / sizeof(T));
    if (!result.empty()) std::memcpy(result.data(), bytes.data(), bytes.size());
    return result;
  }
  /// Of an input of i64 or i32.
  Expected<std::vector<std::int64_t>> integers(std::size_t index) const;

  bool wants(std::size_t output) const noexcept { return output < outputs_.size(); }
  template <class T>
  void give(std::size_t output, DType dtype, const Shape& shape, std::vector<T> elements) {
    if (!wants(output)) return;
    const auto kept = std::make_shared<const std::vector<T>>(std::move(elements));
    outputs_[output] = {.dtype = dtype, .shape = shape, .bytes = std::as_bytes(std::span(*kept)), .owner = kept};
  }
  /// The same elements in another shape.
  void give(std::size_t output, const Shape& shape, const Tensor& as) {
    if (!wants(output)) return;
    outputs_[output] = as;
    outputs_[output].shape = shape;
  }

 private:
  std::span<const Tensor* const> inputs_;
  std::span<Tensor> outputs_;
};

/// Calls visit(T{}) with the C++ type of a dtype's elements; booleans are bytes. Errors: unimplemented (others).
template <class Visit>
Expected<> with_numbers(DType dtype, Visit visit) {
  switch (dtype) {
    case DType::f32: return visit(float{});
    case DType::f64: return visit(double{});
    case DType::i64: return visit(std::int64_t{});
    case DType::i32: return visit(std::int32_t{});
    case DType::i16: return visit(std::int16_t{});
    case DType::i8: return visit(std::int8_t{});
    case DType::u64: return visit(std::uint64_t{});
    case DType::u32: return visit(std::uint32_t{});
    case DType::u16: return visit(std::uint16_t{});
    case DType::u8:
    case DType::boolean: return visit(std::uint8_t{});
    default: return Error(ErrorCode::unimplemented, "dtype " + std::string(name(dtype)) + ": no reference kernel");
  }
}
template <class Visit>
Expected<> with_floats(DType dtype, Visit visit) {
  if (dtype == DType::f32) return visit(float{});
  if (dtype == DType::f64) return visit(double{});
  return Error(ErrorCode::unimplemented, "dtype " + std::string(name(dtype)) + ": no reference kernel");
}

/// Counts through the indices of a shape in row-major order.
class Odometer {
 public:
  explicit Odometer(std::span<const std::int64_t> extents) : extents_(extents), index_(extents.size(), 0) {}
  std::span<const std::int64_t> index() const noexcept { return index_; }
  void next() noexcept {
    for (std::size_t axis = index_.size(); axis-- > 0;) {
      if (++index_[axis] < extents_[axis]) return;
      index_[axis] = 0;
    }
  }

 private:
  std::span<const std::int64_t> extents_;
  std::vector<std::int64_t> index_;
};

/// Of a dense tensor: elements from one index of an axis to the next.
std::vector<std::int64_t> strides_of(const Shape& shape);
/// The same, 0 where the shape has extent 1, so that it repeats; aligned at the last axis of
/// `rank`.
std::vector<std::int64_t> broadcast_strides(const Shape& shape, std::size_t rank);
/// What two shapes become. Errors: invalid_argument.
Expected<Shape> broadcast(const Shape& a, const Shape& b);

/// What the operator's rule for shapes says of its first output, given these very tensors.
Expected<Shape> inferred_shape(const Op& op, const Evaluation& node);

}  // namespace laneway::graph
