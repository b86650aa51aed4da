#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/core/port.h"
#include "laneway/core/shape.h"
#include "laneway/ort/handle.h"
#include "laneway/ort/memory.h"
#include "laneway/ort/sparse.h"
#include "laneway/ort/type.h"

namespace laneway LANEWAY_PUBLIC {
namespace ort {

/// A dense tensor's memory, borrowed from a Value. On a device there is no way to read it from here.
struct TensorView {
  void* data = nullptr;
  std::size_t bytes = 0;
  DType dtype = DType::f32;
  Shape shape = {};
  Placement placement = Placement::host;
  int device = 0;

  /// The bytes where they lie. Packed elements share bytes, the first in the low bits.
  /// Errors: failed_precondition (memory of a device: see copy.h).
  Expected<std::span<std::byte>> host_bytes() const;
  /// The elements where they lie. Errors: as host_bytes(), and invalid_argument (another dtype).
  template <class T>
  Expected<std::span<T>> elements() const {
    LANEWAY_TRY(expect(dtype_of<std::remove_const_t<T>>::value));
    LANEWAY_TRY_ASSIGN(const std::span memory, host_bytes());
    return std::span<T>(reinterpret_cast<T*>(memory.data()), memory.size() / sizeof(T));
  }

 private:
  Expected<> expect(DType expected) const;
};

/// One value of ONNX Runtime: a tensor, strings, a sequence, a map, an optional or a sparse tensor.
///
/// Owns and moves. Whatever it was made from may go at once, but for memory that was borrowed.
/// Errors:  asking a value for what it is not is invalid_argument, naming what it is.
/// Threads: one writer or many readers.
class Value {
 public:
  Value(Value&& other) noexcept = default;
  Value& operator=(Value&& other) noexcept {
    handle_ = std::move(other.handle_);  // the old one goes before what it needs
    keep_ = std::move(other.keep_);
    return *this;
  }

  // Making ----------------------------------------------------------------------------------------------------------------

  /// A tensor over memory that must outlive the value and all that it is bound to. ONNX Runtime reads and writes it in place.
  /// Errors: invalid_argument (too few bytes, a negative extent, strings), unimplemented (a dtype ONNX Runtime refuses).
  static Expected<Value> borrow(const MemoryInfo& where, void* data, std::size_t bytes, DType dtype, const Shape& shape);
  /// The same over memory that `owner` keeps: it goes when the last one goes that uses the tensor, on whichever thread that is;
  /// in a binding or a sequence it may outlive the value. Errors: as borrow(), and then `owner` is let go at once.
  static Expected<Value> own(const MemoryInfo& where, void* data, std::size_t bytes, DType dtype, const Shape& shape,
                             std::shared_ptr<const void> owner);
  /// A copy in memory of the allocator. Errors: invalid_argument (not exactly as many bytes as the shape has), failed_precondition
  /// (an allocator of a device: see copy.h), unimplemented, resource_exhausted.
  static Expected<Value> copy(const Allocator& allocator, std::span<const std::byte> bytes, DType dtype, const Shape& shape);
  template <class T>
  static Expected<Value> copy(const Allocator& allocator, std::span<const T> elements, const Shape& shape) {
    return copy(allocator, std::as_bytes(elements), dtype_of<T>::value, shape);
  }
  /// An uninitialised tensor in memory of the allocator, which the value keeps; of strings: empty ones.
  static Expected<Value> allocate(const Allocator& allocator, DType dtype, const Shape& shape);
  /// A tensor of strings, copied; row-major, as many as the shape has elements. They may hold any byte.
  static Expected<Value> strings(const Allocator& allocator, std::span<const std::string> elements, const Shape& shape);

  /// A sequence of tensors of one dtype, or of maps to f32. Tensors are shared with it, not copied.
  /// Errors: invalid_argument (mixed types), unimplemented (none, other nestings: the C API cannot make them).
  static Expected<Value> sequence(std::span<const Value> elements);
  /// A map, from one-dimensional tensors of as many keys (i64 or strings) and values (i64, f32, f64 or strings), copied.
  /// Errors: invalid_argument (shapes, a key twice), unimplemented (other dtypes).
  static Expected<Value> map(const Value& keys, const Value& values);

  /// Copied. Errors: invalid_argument (counts, indices out of range), unimplemented (strings).
  static Expected<Value> sparse(const Allocator& allocator, const CooTensor& tensor);
  static Expected<Value> sparse(const Allocator& allocator, const CsrTensor& tensor);
  static Expected<Value> sparse(const Allocator& allocator, const BlockSparseTensor& tensor);
  /// Over the tensor's own memory, which the value keeps; ONNX Runtime only reads it. Errors: the same.
  static Expected<Value> sparse(const std::shared_ptr<const Library>& library, std::shared_ptr<const CooTensor> tensor);
  static Expected<Value> sparse(const std::shared_ptr<const Library>& library, std::shared_ptr<const CsrTensor> tensor);
  static Expected<Value> sparse(const std::shared_ptr<const Library>& library, std::shared_ptr<const BlockSparseTensor> tensor);

  // Reading ---------------------------------------------------------------------------------------------------------------

  /// False for an optional that holds nothing, and for a value that was moved away; then nothing else may be asked of it.
  Expected<bool> holds_anything() const;
  /// An optional that holds something is what it holds.
  Expected<PortKind> kind() const;
  /// In full: of what a sequence or map is made.
  Expected<Type> type() const;
  /// Of a tensor, numeric or of strings; of a sparse one, that of its values.
  Expected<DType> dtype() const;
  Expected<Shape> shape() const;  ///< Of a sparse tensor the dense one.

  /// Cost: no allocation with a library of level 24 or later; older ones allocate.
  Expected<TensorView> tensor() const;

  /// Of a tensor: the kind of memory it lies in.
  Expected<MemorySpec> memory() const;

  /// All strings of a tensor, or one by its position in row-major order. Errors: out_of_range.
  Expected<std::vector<std::string>> string_elements() const;
  Expected<std::string> string_at(std::size_t index) const;
  Expected<> set_string(std::size_t index, std::string_view text);

  /// Elements of a sequence; 2 for a map: its keys, its values.
  Expected<std::size_t> child_count() const;
  /// A copy of the child. Errors: out_of_range.
  Expected<Value> child(std::size_t index) const;

  Expected<SparseFormat> sparse_format() const;
  /// Copies, of a value in memory of the host: where a sparse one is the C API does not tell. Errors: invalid_argument (another
  /// format, which it names).
  Expected<CooTensor> coo() const;
  Expected<CsrTensor> csr() const;
  Expected<BlockSparseTensor> block_sparse() const;

  OrtValue* native() const noexcept { return handle_.get(); }
  const std::shared_ptr<const Library>& library() const noexcept { return handle_.get_deleter().library; }

 private:
  friend class Binding;
  friend class ExternalMemory;
  friend struct Runner;
  explicit Value(Handle<OrtValue> handle, std::shared_ptr<const void> keep = nullptr) noexcept
      : keep_(std::move(keep)), handle_(std::move(handle)) {}
  Expected<> present() const;
  Expected<> expect(PortKind kind) const;
  Expected<std::size_t> string_count() const;
  Expected<> expect(SparseFormat format) const;

  std::shared_ptr<const void> keep_;
  Handle<OrtValue> handle_;
};

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
