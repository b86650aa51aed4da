#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "laneway/core/expected.h"
#include "laneway/core/port.h"
#include "laneway/ort/handle.h"

namespace laneway LANEWAY_PUBLIC {
namespace ort {

/// A kind of memory as ONNX Runtime names it: which device, which allocator.
/// Threads: immutable; any thread.
class MemoryInfo {
 public:
  /// Plain host memory.
  static Expected<MemoryInfo> host(const std::shared_ptr<const Library>& library);

  OrtMemoryInfo* native() const noexcept { return handle_.get(); }
  const std::shared_ptr<const Library>& library() const noexcept { return handle_.get_deleter().library; }

 private:
  explicit MemoryInfo(Handle<OrtMemoryInfo> handle) noexcept : handle_(std::move(handle)) {}

  Handle<OrtMemoryInfo> handle_;
};

/// Memory and who gives it back.
struct Allocation {
  Memory memory;
  std::shared_ptr<void> owner;  ///< Keeps the allocator too. May go on any thread.
};

/// What an allocator counts. nullopt: it does not count that.
struct AllocatorStatistics {
  std::optional<std::int64_t> bytes_in_use;
  std::optional<std::int64_t> bytes_in_use_max;
  std::optional<std::int64_t> bytes_reserved;  ///< Taken from the system, in use or not.
  std::optional<std::int64_t> bytes_limit;     ///< nullopt: none too.
  std::optional<std::int64_t> allocations;
};

/// One of ONNX Runtime's allocators. Copies are the same allocator.
///
/// Threads:  any. Lifetime: keeps what it belongs to: the library, or the session whose arena it is.
class Allocator {
 public:
  /// The one for host memory that belongs to no session. It counts nothing.
  static Expected<Allocator> host(const std::shared_ptr<const Library>& library);

  /// Uninitialised memory, aligned to 64 bytes. Errors: resource_exhausted.
  Expected<Allocation> allocate(std::size_t bytes) const;
  Expected<AllocatorStatistics> statistics() const;

  OrtAllocator* native() const noexcept { return native_.get(); }
  const std::shared_ptr<const Library>& library() const noexcept { return library_; }

 private:
  friend class Session;
  friend class Value;
  Allocator(std::shared_ptr<const Library> library, std::shared_ptr<OrtAllocator> native) noexcept
      : library_(std::move(library)), native_(std::move(native)) {}

  std::shared_ptr<const Library> library_;
  std::shared_ptr<OrtAllocator> native_;
};

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
