#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/core/port.h"
#include "laneway/core/shape.h"
#include "laneway/ort/handle.h"
#include "laneway/ort/memory.h"

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
};

/// A sparse tensor in coordinate form, on the host.
struct CooTensor {
  Shape dense_shape;
  DType dtype = DType::f32;
  std::vector<std::byte> values = {};      ///< Of the elements that are not zero, one after the other.
  std::vector<std::int64_t> indices = {};  ///< [elements, rank]: row i is where element i stands.
};

/// One value of ONNX Runtime: a tensor, strings, a sequence, a map, an optional or a sparse tensor.
///
/// Owns and moves. Whatever it was made from may go at once, but for memory that was borrowed.
/// Errors:  asking a value for what it is not is invalid_argument, naming what it is.
/// Threads: one writer or many readers.
class Value {
 public:
  // Making ----------------------------------------------------------------------------------------------------------------

  /// A tensor over memory that must outlive the value and all that it is bound to. ONNX Runtime reads and writes it in place.
  /// Errors: invalid_argument (too few bytes, a negative extent, strings), unimplemented (a dtype ONNX Runtime refuses).
  static Expected<Value> borrow(const MemoryInfo& where, void* data, std::size_t bytes, DType dtype, const Shape& shape);
  /// An uninitialised tensor in memory of the allocator, which the value keeps.
  static Expected<Value> allocate(const Allocator& allocator, DType dtype, const Shape& shape);
  /// A tensor of strings, copied; row-major, as many as the shape has elements.
  /// Errors: invalid_argument (their number; a string with a NUL, which the C API would cut short).
  static Expected<Value> strings(const Allocator& allocator, std::span<const std::string> elements, const Shape& shape);
  /// A sequence. Tensors are shared with it, not copied. Errors: invalid_argument (none, mixed types), unimplemented.
  static Expected<Value> sequence(std::span<const Value> elements);
  /// A map from a one-dimensional tensor of i64 or strings to one of i64, f32, f64 or strings, copied.
  static Expected<Value> map(const Value& keys, const Value& values);
  /// Errors: invalid_argument (counts, indices out of range).
  static Expected<Value> sparse(const Allocator& allocator, const CooTensor& tensor);

  // Reading ---------------------------------------------------------------------------------------------------------------

  /// False for an optional that holds nothing; then nothing else may be asked of it.
  bool holds_anything() const noexcept;
  /// An optional that holds something is what it holds.
  Expected<PortKind> kind() const;
  /// Of a tensor, numeric or of strings; of a sparse one, that of its values.
  Expected<DType> dtype() const;
  Expected<Shape> shape() const;  ///< Of a sparse tensor the dense one.

  /// Cost: no allocation with a library of level 24 or later; older ones allocate.
  Expected<TensorView> tensor() const;
  Expected<std::vector<std::string>> string_elements() const;
  /// Elements of a sequence; 2 for a map: its keys, its values.
  Expected<std::size_t> child_count() const;
  /// A copy of the child. Errors: out_of_range.
  Expected<Value> child(std::size_t index) const;
  /// Errors: unimplemented (another sparse format).
  Expected<CooTensor> coo() const;

  OrtValue* native() const noexcept { return handle_.get(); }
  const std::shared_ptr<const Library>& library() const noexcept { return handle_.get_deleter().library; }

 private:
  friend class Binding;
  friend class ExternalMemory;
  explicit Value(Handle<OrtValue> handle, std::shared_ptr<const void> keep = nullptr) noexcept
      : keep_(std::move(keep)), handle_(std::move(handle)) {}
  Expected<> present() const;
  Expected<> expect(PortKind kind) const;

  std::shared_ptr<const void> keep_;
  Handle<OrtValue> handle_;
};

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
