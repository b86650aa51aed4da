#pragma once
#include <algorithm>
#include <array>
#include <climits>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "laneway/ort/custom_operator_arguments.h"
#include "laneway/ort/handle.h"
#include "laneway/ort/kernel_info.h"
#include "laneway/ort/shape_inference.h"

struct OrtApiBase;

namespace laneway LANEWAY_PUBLIC {
namespace ort {

struct OperatorSpec {
  std::string name;           ///< Of the operator, as models call it.
  std::string provider = {};  ///< The provider whose nodes it computes ("CUDAExecutionProvider"). Empty: the CPU.
  int since_version = 1;      ///< Versions of the domain's operator set that it serves.
  int until_version = INT_MAX;
};

/// A kernel type as a custom operator. A kernel is a class like this one:
///
///  struct Relu {
///  Expected<> compute(const Input<float>& x, Output<float>& y) const {
///    LANEWAY_TRY_ASSIGN(const std::span<float> out, y.allocate(x.shape()));
///    std::ranges::transform(x.elements(), out.begin(), [](float v) { return std::max(v, 0.0f); });
///    return {};
///  }
///  };
///
///  LANEWAY_TRY_ASSIGN(const auto domain, OperatorDomain::make({
///    .name = "my.domain", .operators = {Operator::of<Relu>({.name = "Relu"})}}));
///  LANEWAY_TRY_ASSIGN(const auto session, Session::open({.model = ModelPath{"m.onnx"}, .operators = {domain}}));
///
/// compute()'s arguments are the operator's inputs and outputs, in order (custom_operator_arguments.h); a `const KernelContext&`
/// may stand before them. An operator of several element types is several kernel types under one name:
/// Operator::of<Relu<float>>({.name = "Relu"}), Operator::of<Relu<double>>({.name = "Relu"}).
/// It may also have, in the order in which they are called:
///   static Expected<> infer(const ShapeInference&)      the shapes of outputs; without it, models declare them or leave them open
///                                                   (with optional inputs: not called before level 27, which would crash)
///   static Expected<Relu> create(const KernelInfo&)     or a constructor from const KernelInfo&: reads attributes, may fail
///
/// Errors:   one from, or an exception in, infer or create fails opening the session; in compute, the run, with its text.
/// Threads:  one kernel is made for each node of a session and shared by its runs: compute() const is called by several threads at
///       once. Where it is not const, calls wait for each other.
/// Lifetime: each kernel is destroyed once, with its session.
struct Operator {
  /// What ONNX Runtime is told of it, and the kernel type's functions, by address.
  OperatorSpec spec;
  std::vector<ArgumentSpec> inputs, outputs;
  bool serialised = false;
  Expected<void*> (*create)(const KernelInfo& info) = nullptr;
  Expected<> (*compute)(void* kernel, const KernelContext& context) = nullptr;
  void (*destroy)(void* kernel) noexcept = nullptr;
  Expected<> (*infer)(const ShapeInference& node) = nullptr;  ///< Null: there is none.

  template <class Kernel>
  static Operator of(OperatorSpec spec);
};

struct OperatorDomainSpec {
  std::string name;  ///< As models import it.
  std::vector<Operator> operators;
  std::shared_ptr<const Library> library = nullptr;  ///< Null: the process's.
};

/// Custom operators of one domain, for any number of sessions, which keep it.
/// Threads: any.
class OperatorDomain {
 public:
  /// Errors: those of Library::open(); invalid_argument (no name, a text with a NUL, a variadic argument that is not the last).
  static Expected<std::shared_ptr<const OperatorDomain>> make(OperatorDomainSpec spec);

  OperatorDomain(const OperatorDomain&) = delete;
  OperatorDomain& operator=(const OperatorDomain&) = delete;
  ~OperatorDomain();

  const std::string& name() const noexcept { return name_; }
  /// Adds the domain to native options; it must outlive the sessions made with them. SessionSpec::operators does this.
  Expected<> add_to(OrtSessionOptions* options) const;

 private:
  struct NativeOperators;
  OperatorDomain(std::string name, std::unique_ptr<NativeOperators> operators, Handle<OrtCustomOpDomain> handle) noexcept;

  std::string name_;
  std::unique_ptr<NativeOperators> operators_;
  Handle<OrtCustomOpDomain> handle_;
};

/// The body of a library's entry point, for SessionSpec::operator_libraries and for whoever else loads it:
///
///   extern "C" OrtStatus* RegisterCustomOps(OrtSessionOptions* options, const OrtApiBase* base) {
///   static const auto domain = OperatorDomain::make({.name = "my.domain", .operators = {...}});
///   return register_operators(domain, options, base);
///   }
///
/// Link such a library with -Wl,-z,nodelete: ONNX Runtime unloads it when the last of its sessions goes.
OrtStatus* register_operators(const Expected<std::shared_ptr<const OperatorDomain>>& domain, OrtSessionOptions* options,
                              const OrtApiBase* base) noexcept;

// ---- how a kernel type becomes an operator --------------------------------------------------------------------------------

namespace detail {

template <class Compute>
struct Signature;
template <class Kernel, class... Arguments>
struct Signature<Expected<> (Kernel::*)(Arguments...)> {
  using Tuple = std::tuple<ArgumentTraits<std::remove_cvref_t<Arguments>>...>;
  static constexpr bool is_const = false;

  static Expected<> call(Kernel& kernel, const KernelContext& context) {
    return call(kernel, context, std::index_sequence_for<Arguments...>());
  }

 private:
  static constexpr std::array<Direction, sizeof...(Arguments)> directions = {
      ArgumentTraits<std::remove_cvref_t<Arguments>>::direction...};

  // Where an argument stands among the inputs, or the outputs, that it is one of.
  static constexpr std::size_t position(std::size_t argument) {
    const auto before = directions.begin() + static_cast<std::ptrdiff_t>(argument);
    return static_cast<std::size_t>(std::count(directions.begin(), before, directions[argument]));
  }
  template <std::size_t I, class Taken>
  static bool take(const KernelContext& context, std::optional<Taken>& into, Expected<>& failed) {
    auto taken = std::tuple_element_t<I, Tuple>::take(context, position(I));
    if (taken) {
      into.emplace(*std::move(taken));
    } else {
      failed = std::move(taken).error();
    }
    return into.has_value();
  }
  template <std::size_t... I>
  static Expected<> call(Kernel& kernel, const KernelContext& context, std::index_sequence<I...>) {
    std::tuple<std::optional<typename std::tuple_element_t<I, Tuple>::Taken>...> arguments;
    Expected<> failed;
    if (!(take<I>(context, std::get<I>(arguments), failed) && ...)) return failed;
    return kernel.compute(static_cast<std::remove_reference_t<Arguments>&>(*std::get<I>(arguments))...);
  }
};
template <class Kernel, class... Arguments>
struct Signature<Expected<> (Kernel::*)(Arguments...) const> : Signature<Expected<> (Kernel::*)(Arguments...)> {
  static constexpr bool is_const = true;
};
template <class Kernel, class... Arguments>
struct Signature<Expected<> (Kernel::*)(Arguments...) noexcept> : Signature<Expected<> (Kernel::*)(Arguments...)> {};
template <class Kernel, class... Arguments>
struct Signature<Expected<> (Kernel::*)(Arguments...) const noexcept> : Signature<Expected<> (Kernel::*)(Arguments...) const> {};

template <class Kernel>
Expected<void*> create_kernel(const KernelInfo& info) {
  if constexpr (requires { Kernel::create(info); }) {
    LANEWAY_TRY_ASSIGN(Kernel kernel, Kernel::create(info));
    return static_cast<void*>(new Kernel(std::move(kernel)));
  } else if constexpr (std::is_constructible_v<Kernel, const KernelInfo&>) {
    return static_cast<void*>(new Kernel(info));
  } else {
    return static_cast<void*>(new Kernel());
  }
}

template <class... Traits>
void describe(std::tuple<Traits...>*, Operator& made) {
  const auto add = [&made](Direction direction, const ArgumentSpec& spec) {
    if (direction == Direction::input) made.inputs.push_back(spec);
    if (direction == Direction::output) made.outputs.push_back(spec);
  };
  (add(Traits::direction, Traits::spec), ...);
}

}  // namespace detail

template <class Kernel>
Operator Operator::of(OperatorSpec spec) {
  using Signature = detail::Signature<decltype(&Kernel::compute)>;
  Operator made{.spec = std::move(spec), .inputs = {}, .outputs = {}, .serialised = !Signature::is_const};
  detail::describe(static_cast<typename Signature::Tuple*>(nullptr), made);
  made.create = detail::create_kernel<Kernel>;
  made.compute = [](void* kernel, const KernelContext& context) {
    return Signature::call(*static_cast<Kernel*>(kernel), context);
  };
  made.destroy = [](void* kernel) noexcept { delete static_cast<Kernel*>(kernel); };
  if constexpr (requires(const ShapeInference& node) { Kernel::infer(node); }) made.infer = Kernel::infer;
  return made;
}

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
