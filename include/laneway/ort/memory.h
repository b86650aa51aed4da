#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "laneway/core/expected.h"
#include "laneway/core/port.h"
#include "laneway/ort/handle.h"

namespace laneway LANEWAY_PUBLIC {
namespace ort {

class Environment;

/// Where memory is.
enum class DeviceKind : std::uint8_t { cpu, gpu, fpga, npu };
std::string_view name(DeviceKind kind) noexcept;

/// What a kind of memory is called and where it is.
struct MemorySpec {
  std::string name;  ///< As its provider calls it: "Cpu", "Cuda".
  DeviceKind device_kind = DeviceKind::cpu;
  std::uint32_t vendor = 0;  ///< PCI id of the device's maker; 0: none.
  int device = 0;
  bool host_accessible = false;  ///< Memory for transfers, which the device and the host both see.
  bool arena = false;            ///< An arena of ONNX Runtime's stands before it.
  std::size_t alignment = 0;     ///< 0: whatever is usual there.

  friend bool operator==(const MemorySpec&, const MemorySpec&) = default;
};

/// A kind of memory as ONNX Runtime names it: which device, which allocator. Copies are the same one, and a move is a copy.
/// Threads: immutable; any thread.
class MemoryInfo {
 public:
  MemoryInfo(const MemoryInfo&) = default;
  MemoryInfo& operator=(const MemoryInfo&) = default;

  /// Plain host memory.
  static Expected<MemoryInfo> host(const std::shared_ptr<const Library>& library);
  /// Errors: invalid_argument (a name that is empty or holds a NUL, a negative device, an alignment that is no power of two).
  static Expected<MemoryInfo> make(const std::shared_ptr<const Library>& library, const MemorySpec& spec);

  /// As ONNX Runtime tells it, but for the alignment, which it does not tell.
  Expected<MemorySpec> spec() const;
  /// Same name, device, vendor and kind.
  bool operator==(const MemoryInfo& other) const noexcept;

  OrtMemoryInfo* native() const noexcept { return native_.get(); }
  const std::shared_ptr<const Library>& library() const noexcept { return library_; }

 private:
  MemoryInfo(std::shared_ptr<const Library> library, Handle<OrtMemoryInfo> handle)
      : library_(std::move(library)), native_(std::move(handle)) {}

  std::shared_ptr<const Library> library_;
  std::shared_ptr<OrtMemoryInfo> native_;
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

  /// What happened between two of them: each difference, and the later maximum and limit.
  AllocatorStatistics since(const AllocatorStatistics& earlier) const noexcept;
  friend bool operator==(const AllocatorStatistics&, const AllocatorStatistics&) = default;
};

/// One of ONNX Runtime's allocators. Copies are the same allocator, and a move is a copy.
///
/// Threads:  any. Lifetime: keeps what it belongs to: the library, or the session whose arena it is.
class Allocator {
 public:
  Allocator(const Allocator&) = default;
  Allocator& operator=(const Allocator&) = default;

  /// The one for host memory that belongs to no session. It counts nothing.
  static Expected<Allocator> host(const std::shared_ptr<const Library>& library);

  /// Uninitialised memory, aligned to 64 bytes. Errors: resource_exhausted.
  Expected<Allocation> allocate(std::size_t bytes) const;
  /// Errors: unimplemented (an allocator that cannot tell).
  Expected<AllocatorStatistics> statistics() const;
  /// Where its memory is.
  Expected<MemorySpec> memory() const;

  OrtAllocator* native() const noexcept { return native_.get(); }
  const std::shared_ptr<const Library>& library() const noexcept { return library_; }

 private:
  friend class Device;
  friend class Session;
  friend class Value;
  Allocator(std::shared_ptr<const Library> library, std::shared_ptr<OrtAllocator> native) noexcept
      : library_(std::move(library)), native_(std::move(native)) {}

  std::shared_ptr<const Library> library_;
  std::shared_ptr<OrtAllocator> native_;
};

/// How an arena takes memory from the system. nullopt: as ONNX Runtime sees fit.
struct ArenaSpec {
  std::optional<std::size_t> bytes_max = std::nullopt;  ///< Beyond, allocations fail.
  bool exact = false;                                   ///< Takes what is asked for; else twice as much each time.
  std::optional<std::size_t> first_chunk_bytes = std::nullopt;
  std::optional<std::size_t> second_chunk_bytes = std::nullopt;
  std::optional<std::size_t> extend_bytes_max = std::nullopt;  ///< A chunk is no larger, unless one allocation is.
  std::optional<std::size_t> dead_bytes_max = std::nullopt;    ///< A free chunk larger than what is asked for by more is split.
};

/// Host memory from the caller's own source. Both functions are called from any thread and must not throw.
struct HostMemorySource {
  /// Aligned to 64 bytes. Null: there is none; then the system's memory serves, as ONNX Runtime would write to address 0.
  std::function<void*(std::size_t bytes)> allocate;
  std::function<void(void* memory)> free;  ///< What allocate() returned, once.
};

/// An allocator of host memory for all sessions of an environment that are opened with it (SessionSpec::shared_allocators).
///
/// Lifetime: sessions keep it, and it keeps the environment. ONNX Runtime knows of one at a time; when the last holder drops it,
///           another may be made.
class SharedAllocator {
 public:
  /// ONNX Runtime's arena. Errors: failed_precondition (another lives); invalid_argument.
  static Expected<std::shared_ptr<const SharedAllocator>> arena(const std::shared_ptr<const Environment>& environment,
                                                                const ArenaSpec& spec = {});
  /// Errors: failed_precondition (another lives); invalid_argument (a function that is empty).
  static Expected<std::shared_ptr<const SharedAllocator>> own(const std::shared_ptr<const Environment>& environment,
                                                              HostMemorySource source);

  SharedAllocator(const SharedAllocator&) = delete;
  SharedAllocator& operator=(const SharedAllocator&) = delete;
  ~SharedAllocator();

 private:
  struct Native;
  explicit SharedAllocator(std::shared_ptr<const Environment> environment, std::unique_ptr<Native> native) noexcept;

  std::shared_ptr<const Environment> environment_;
  std::unique_ptr<Native> native_;
};

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
