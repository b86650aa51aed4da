#pragma once
#include <memory>

#include "laneway/core/expected.h"
#include "laneway/ort/memory.h"
#include "laneway/ort/value.h"

/// DLPack's own structs (dlpack/dlpack.h): before version 1, and since.
struct DLManagedTensor;
struct DLManagedTensorVersioned;

namespace laneway LANEWAY_PUBLIC {
namespace ort {

/// Calls a tensor's own deleter.
struct DlpackDeleter {
  void operator()(DLManagedTensor* tensor) const noexcept;
  void operator()(DLManagedTensorVersioned* tensor) const noexcept;
};
/// A tensor that can be handed to, or comes from, another library. release() gives it to who calls its deleter.
using Dlpack = std::unique_ptr<DLManagedTensor, DlpackDeleter>;
using DlpackVersioned = std::unique_ptr<DLManagedTensorVersioned, DlpackDeleter>;

/// The value as a tensor of DLPack, over the same memory: nothing is copied. The tensor owns the value.
/// Errors: invalid_argument (no tensor), unimplemented (strings; memory of a device that is not CUDA's).
Expected<Dlpack> to_dlpack(Value value);
Expected<DlpackVersioned> to_dlpack_versioned(Value value);

/// The inverse: the value owns the tensor, which goes with the last that uses it; where it is refused, it goes at once.
/// `where`: the kind of memory it lies in, as ONNX Runtime names it.
/// Errors: invalid_argument (null, a shape, memory of another device, strides that are not contiguous, a tensor that may not be
///         written); unimplemented (a version after 1, a dtype without ours, vectors of elements, packed elements with a byte
///         each).
Expected<Value> from_dlpack(const MemoryInfo& where, Dlpack tensor);
Expected<Value> from_dlpack(const MemoryInfo& where, DlpackVersioned tensor);

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
