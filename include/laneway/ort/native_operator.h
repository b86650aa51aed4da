#pragma once
#include <cstddef>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/ort/attribute.h"
#include "laneway/ort/handle.h"
#include "laneway/ort/kernel_context.h"
#include "laneway/ort/kernel_info.h"

namespace laneway LANEWAY_PUBLIC {
namespace ort {

/// Which of ONNX Runtime's operators, for which types.
struct NativeOperatorSpec {
  std::string type;  ///< "MatMul".
  int version;       ///< The opset that last changed it, or a later one.
  std::string domain = {};
  std::vector<std::pair<std::string, DType>> types = {};  ///< What the operator's type parameters are: {"T", f32}.
  std::vector<Attribute> attributes = {};
  std::size_t inputs = 1;
  std::size_t outputs = 1;
};

/// An operator of ONNX Runtime's own, to be invoked inside a kernel of a custom one.
///
/// Threads:  as that operator's kernel: those of ONNX Runtime may be invoked by several at once.
/// Lifetime: to be dropped before the session, as part of the kernel is.
class NativeOperator {
 public:
  /// An argument: the values of the running kernel, or of the caller's own.
  class Argument {
   public:
    Argument(const Operand& operand) noexcept : native_(operand.native) {}
    Argument(const Value& value) noexcept : native_(value.native()) {}
    template <class Port>
    requires requires(const Port& port) {
      { port.operand() } -> std::same_as<const Operand&>;
    }
    Argument(const Port& port) noexcept : native_(port.operand().native) {}
    OrtValue* native() const noexcept { return native_; }

   private:
    OrtValue* native_;
  };

  /// Errors: not_found (no kernel for it); invalid_argument (types, attributes); unimplemented (attributes other than numbers,
  ///         strings and lists of them).
  static Expected<NativeOperator> make(const KernelInfo& info, const NativeOperatorSpec& spec);

  /// Outputs must have been made, in the shapes that come out. Errors: the operator's.
  Expected<> invoke(const KernelContext& context, std::initializer_list<Argument> inputs,
                    std::initializer_list<Argument> outputs) const;

 private:
  explicit NativeOperator(Handle<OrtOp> handle) noexcept : handle_(std::move(handle)) {}
  Handle<OrtOp> handle_;
};

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
