#pragma once
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "laneway/core/dtype.h"
#include "laneway/core/expected.h"
#include "laneway/core/shape.h"

namespace laneway LANEWAY_PUBLIC {
namespace ort {

struct ModelGraph;

/// A dense tensor that does not change: a weight of a model, a value of an attribute. Copies share the elements.
///
/// Lifetime: `owner` keeps `bytes`. Without one they must outlive whatever the tensor is given to.
struct Tensor {
  DType dtype = DType::f32;
  Shape shape = {};
  std::span<const std::byte> bytes = {};  ///< Row-major. Not of strings.
  std::vector<std::string> strings = {};  ///< With dtype string.
  std::shared_ptr<const void> owner = nullptr;

  /// Takes the elements over: Tensor::of({2, 2}, std::vector<float>{1, 2, 3, 4}).
  template <class T>
  requires(!std::same_as<T, bool> && !std::same_as<T, std::string>) static Tensor
      of(const Shape& shape, std::vector<T> elements) {
    auto owner = std::make_shared<const std::vector<T>>(std::move(elements));
    const auto bytes = std::as_bytes(std::span(*owner));
    return {.dtype = dtype_of<T>::value, .shape = shape, .bytes = bytes, .owner = std::move(owner)};
  }
  static Tensor of(const Shape& shape, std::vector<std::string> elements) {
    return {.dtype = DType::string, .shape = shape, .strings = std::move(elements)};
  }

  /// Errors: invalid_argument (another dtype).
  template <class T>
  Expected<std::span<const T>> elements() const {
    LANEWAY_TRY(expect(dtype_of<T>::value));
    return std::span(reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T));
  }
  /// Errors: invalid_argument (bytes or strings that are not as many as the shape says).
  Expected<> validate() const;

 private:
  Expected<> expect(DType expected) const;
};

/// What an attribute of a node holds. {"axis", 1}, {"alpha", 0.5f} and {"mode", "nearest"} are of the first three kinds.
using AttributeValue = std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>, std::vector<float>,
                                    std::vector<std::string>, Tensor, std::shared_ptr<const ModelGraph>>;

struct Attribute {
  std::string name;
  AttributeValue value;
};

/// "an integer", "floats", "a graph".
std::string_view kind_name(const AttributeValue& value) noexcept;

namespace detail {
Error wrong_attribute(const std::string& name, const AttributeValue& expected, const AttributeValue& got);
}  // namespace detail

/// The attribute as T, one of the alternatives above. An empty list has no kind: it is an empty list of any.
/// Errors: invalid_argument naming both kinds.
template <class T>
Expected<T> attribute_as(Attribute attribute) {
  if (T* value = std::get_if<T>(&attribute.value)) return std::move(*value);
  if constexpr (requires { typename T::value_type; } && !std::same_as<T, std::string>) {
    const auto* empty = std::get_if<std::vector<std::int64_t>>(&attribute.value);
    if (empty && empty->empty()) return T{};
  }
  return detail::wrong_attribute(attribute.name, AttributeValue(std::in_place_type<T>), attribute.value);
}

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
