#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/diag/log.h"
#include "laneway/ort/memory.h"
#include "laneway/ort/value.h"

namespace laneway LANEWAY_PUBLIC {
namespace ort {

/// One value of a running kernel. Of strings there is no address.
struct Operand {
  TensorView view = {};
  OrtValue* native = nullptr;
};

/// What a kernel of a custom operator may ask for while it computes. Inputs and outputs come as arguments (custom_operator.h);
/// this is the rest, and what those are made of.
///
/// Threads:  parallel_for() aside, the computing one. Lifetime: one call of compute().
class KernelContext {
 public:
  struct Kernel;  ///< What is known of the kernel since it was made.
  KernelContext(const Kernel& kernel, OrtKernelContext* native) noexcept : kernel_(kernel), native_(native) {}

  std::size_t input_count() const noexcept;  ///< Those in the node, left out ones between them too.
  std::size_t output_count() const noexcept;
  /// Nothing for one that is left out. Cost: no allocation with a library of level 24 or later.
  Expected<std::optional<Operand>> input(std::size_t index) const;
  bool has_output(std::size_t index) const noexcept;
  /// Makes the output. Errors: failed_precondition (left out); ONNX Runtime's, where the shape is not the one that is bound.
  Expected<Operand> output(std::size_t index, const Shape& shape) const;
  Expected<std::vector<std::string>> strings(const Operand& operand) const;
  Expected<> fill_strings(const Operand& operand, std::span<const std::string> elements) const;

  /// Memory of the provider that runs the kernel, for this call. Errors: resource_exhausted.
  Expected<Allocation> scratch(std::size_t bytes) const;

  /// Calls work(i) for i below `count` on the session's threads, in `batches` pieces at most (0: as it sees fit), and waits.
  /// `work` returns nothing or Expected<>; the first error is the result.
  template <class Work>
  Expected<> parallel_for(std::size_t count, Work&& work, std::size_t batches = 0) const {
    using Callable = std::remove_reference_t<Work>;
    const auto call = [](void* callable, std::size_t i) -> Expected<> {
      if constexpr (std::is_void_v<std::invoke_result_t<Callable&, std::size_t>>) {
        (*static_cast<Callable*>(callable))(i);
        return {};
      } else {
        return (*static_cast<Callable*>(callable))(i);
      }
    };
    return parallel(count, batches, call, const_cast<std::remove_const_t<Callable>*>(&work));
  }

  /// To the run's log.
  void log(Severity severity, const std::string& message, const char* file = __builtin_FILE(),
           int line = __builtin_LINE()) const noexcept;
  Severity log_severity() const noexcept;  ///< Least that it takes: for messages that are work to make.

  /// The provider's stream (a cudaStream_t); null where it has none, as on the CPU.
  void* stream() const noexcept;
  /// Something else of the provider's, by its own numbers. Errors: invalid_argument (it has no streams).
  Expected<void*> resource(int version, int id) const;

  const std::shared_ptr<const Library>& library() const noexcept;
  OrtKernelContext* native() const noexcept { return native_; }

 private:
  Expected<> parallel(std::size_t count, std::size_t batches, Expected<> (*work)(void*, std::size_t), void* callable) const;

  const Kernel& kernel_;
  OrtKernelContext* native_;
};

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
