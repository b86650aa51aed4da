#pragma once
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "laneway/core/dtype.h"
#include "laneway/core/expected.h"
#include "laneway/core/shape.h"
#include "laneway/ort/kernel_context.h"

namespace laneway LANEWAY_PUBLIC {
namespace ort {

/// The arguments of a custom operator's compute() (custom_operator.h):
///
///   Input<T>, Output<T>                                  one that every node has
///   std::optional<Input<T>>, std::optional<Output<T>>    one that a node may leave out
///   std::vector<Input<T>>, std::vector<Output<T>>        one or more, as many as the node has: only as the last of its kind
///
/// T is an element type that dtype_of knows, or std::string, or void: any type, told by the operand. An output of any type has
/// the type of the one input of any type.
/// Lifetime: one call of compute().

/// Where an operator of another provider than the CPU's wants an input: in that provider's memory, or in the host's.
enum class Side : std::uint8_t { provider, host };

/// Elements at an address: on the CPU, or for a provider's own kernels to read.
template <class T, Side side = Side::provider>
class Input {
 public:
  explicit Input(const Operand& operand) noexcept : operand_(operand) {}

  const Shape& shape() const noexcept { return operand_.view.shape; }
  std::span<const T> elements() const noexcept { return {data(), operand_.view.bytes / sizeof(T)}; }
  const T* data() const noexcept { return static_cast<const T*>(operand_.view.data); }
  const Operand& operand() const noexcept { return operand_; }

 private:
  Operand operand_;
};
template <Side side>
class Input<void, side> {
 public:
  explicit Input(const Operand& operand) noexcept : operand_(operand) {}

  const TensorView& view() const noexcept { return operand_.view; }
  const Operand& operand() const noexcept { return operand_; }

 private:
  Operand operand_;
};
template <Side side>
class Input<std::string, side> {
 public:
  Input(const Operand& operand, std::vector<std::string> elements) noexcept : operand_(operand), elements_(std::move(elements)) {}

  const Shape& shape() const noexcept { return operand_.view.shape; }
  std::span<const std::string> elements() const noexcept { return elements_; }
  const Operand& operand() const noexcept { return operand_; }

 private:
  Operand operand_;
  std::vector<std::string> elements_;
};
template <class T>
using HostInput = Input<T, Side::host>;

/// Made by the kernel, in whatever shape comes out.
template <class T>
class Output {
 public:
  Output(const KernelContext& context, std::size_t index) noexcept : context_(&context), index_(index) {}

  /// Uninitialised elements. Errors: ONNX Runtime's, where the caller has bound another shape.
  Expected<std::span<T>> allocate(const Shape& shape) {
    LANEWAY_TRY_ASSIGN(operand_, context_->output(index_, shape));
    return std::span(static_cast<T*>(operand_.view.data), operand_.view.bytes / sizeof(T));
  }
  const Operand& operand() const noexcept { return operand_; }  ///< Once allocated.

 private:
  const KernelContext* context_;
  std::size_t index_;
  Operand operand_ = {};
};
template <>
class Output<void> {
 public:
  Output(const KernelContext& context, std::size_t index) noexcept : context_(&context), index_(index) {}

  Expected<TensorView> allocate(const Shape& shape) {
    LANEWAY_TRY_ASSIGN(operand_, context_->output(index_, shape));
    return operand_.view;
  }
  const Operand& operand() const noexcept { return operand_; }

 private:
  const KernelContext* context_;
  std::size_t index_;
  Operand operand_ = {};
};
template <>
class Output<std::string> {
 public:
  Output(const KernelContext& context, std::size_t index) noexcept : context_(&context), index_(index) {}

  /// Errors: invalid_argument (their number; a string with a NUL).
  Expected<> assign(const Shape& shape, std::span<const std::string> elements) {
    LANEWAY_TRY_ASSIGN(operand_, context_->output(index_, shape));
    return context_->fill_strings(operand_, elements);
  }
  const Operand& operand() const noexcept { return operand_; }

 private:
  const KernelContext* context_;
  std::size_t index_;
  Operand operand_ = {};
};

enum class Presence : std::uint8_t { required, optional, variadic };

/// What ONNX Runtime is told of an argument.
struct ArgumentSpec {
  std::optional<DType> dtype = std::nullopt;  ///< nullopt: any.
  Presence presence = Presence::required;
  Side side = Side::provider;
};

namespace detail {

template <class T>
constexpr std::optional<DType> dtype_or_any() {
  if constexpr (std::same_as<T, void>) {
    return std::nullopt;
  } else if constexpr (std::same_as<T, std::string>) {
    return DType::string;
  } else {
    return dtype_of<T>::value;
  }
}

/// Why there is no operand.
Error missing_input(std::size_t index);

enum class Direction { neither, input, output };

/// How an argument of compute() is made; for a type that cannot be one there is none.
template <class Argument>
struct ArgumentTraits;

template <>
struct ArgumentTraits<KernelContext> {
  using Taken = std::reference_wrapper<const KernelContext>;
  static constexpr Direction direction = Direction::neither;
  static constexpr ArgumentSpec spec = {};
  static Expected<Taken> take(const KernelContext& context, std::size_t) { return std::cref(context); }
};

template <class T, Side side>
struct ArgumentTraits<Input<T, side>> {
  using Taken = Input<T, side>;
  static constexpr Direction direction = Direction::input;
  static constexpr ArgumentSpec spec = {dtype_or_any<T>(), Presence::required, side};
  static Expected<Taken> take(const KernelContext& context, std::size_t index) {
    LANEWAY_TRY_ASSIGN(auto taken, ArgumentTraits<std::optional<Taken>>::take(context, index));
    if (!taken) return missing_input(index);
    return *std::move(taken);
  }
};
template <class T, Side side>
struct ArgumentTraits<std::optional<Input<T, side>>> {
  using Taken = std::optional<Input<T, side>>;
  static constexpr Direction direction = Direction::input;
  static constexpr ArgumentSpec spec = {dtype_or_any<T>(), Presence::optional, side};
  static Expected<Taken> take(const KernelContext& context, std::size_t index) {
    LANEWAY_TRY_ASSIGN(const auto operand, context.input(index));
    if (!operand) return Taken(std::nullopt);
    if constexpr (std::same_as<T, std::string>) {
      LANEWAY_TRY_ASSIGN(auto elements, context.strings(*operand));
      return Taken(std::in_place, *operand, std::move(elements));
    } else {
      return Taken(std::in_place, *operand);
    }
  }
};
template <class T, Side side>
struct ArgumentTraits<std::vector<Input<T, side>>> {
  using Taken = std::vector<Input<T, side>>;
  static constexpr Direction direction = Direction::input;
  static constexpr ArgumentSpec spec = {dtype_or_any<T>(), Presence::variadic, side};
  static Expected<Taken> take(const KernelContext& context, std::size_t index) {
    Taken taken;
    for (; index < context.input_count(); ++index) {
      LANEWAY_TRY_ASSIGN(auto input, (ArgumentTraits<Input<T, side>>::take(context, index)));
      taken.push_back(std::move(input));
    }
    return taken;
  }
};

template <class T>
struct ArgumentTraits<Output<T>> {
  using Taken = Output<T>;
  static constexpr Direction direction = Direction::output;
  static constexpr ArgumentSpec spec = {dtype_or_any<T>(), Presence::required};
  static Expected<Taken> take(const KernelContext& context, std::size_t index) { return Taken(context, index); }
};
template <class T>
struct ArgumentTraits<std::optional<Output<T>>> {
  using Taken = std::optional<Output<T>>;
  static constexpr Direction direction = Direction::output;
  static constexpr ArgumentSpec spec = {dtype_or_any<T>(), Presence::optional};
  static Expected<Taken> take(const KernelContext& context, std::size_t index) {
    return context.has_output(index) ? Taken(std::in_place, context, index) : Taken(std::nullopt);
  }
};
template <class T>
struct ArgumentTraits<std::vector<Output<T>>> {
  using Taken = std::vector<Output<T>>;
  static constexpr Direction direction = Direction::output;
  static constexpr ArgumentSpec spec = {dtype_or_any<T>(), Presence::variadic};
  static Expected<Taken> take(const KernelContext& context, std::size_t index) {
    Taken taken;
    for (; index < context.output_count(); ++index) taken.emplace_back(context, index);
    return taken;
  }
};

}  // namespace detail
}  // namespace ort
}  // namespace LANEWAY_PUBLIC
