#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

#include "laneway/core/expected.h"
#include "laneway/core/shape.h"
#include "laneway/ort/device.h"
#include "laneway/ort/handle.h"
#include "laneway/ort/stream.h"
#include "laneway/ort/value.h"

/// Memory and semaphores that another API made (Vulkan, Direct3D 12), used on a device where they are: no copy through the host.
/// Devices without this say so (unimplemented), as do libraries before level 24.
///
/// Threads: one at a time for what comes of one importer.
namespace laneway LANEWAY_PUBLIC {
namespace ort {

enum class ExternalMemoryKind : std::uint8_t { d3d12_resource, d3d12_heap, vulkan_win32, vulkan_fd };
enum class ExternalSemaphoreKind : std::uint8_t { d3d12_fence, vulkan_timeline_win32, vulkan_timeline_fd };

/// Memory as its owner names it to others.
struct ExternalMemorySpec {
  ExternalMemoryKind kind = ExternalMemoryKind::vulkan_fd;
  std::intptr_t handle = -1;  ///< A descriptor for the kinds of that name, else a HANDLE.
  std::size_t bytes = 0;      ///< Of the whole allocation.
  std::size_t offset = 0;     ///< Where in it what is imported begins.
};

class ExternalMemory;
class ExternalSemaphore;

/// What a device can import. Lifetime: keeps the device; what it imported keeps it.
class ExternalImporter : public std::enable_shared_from_this<ExternalImporter> {
 public:
  /// Errors: unimplemented (the device cannot; a library before level 24).
  static Expected<std::shared_ptr<ExternalImporter>> make(const Device& device);

  Expected<bool> can_import(ExternalMemoryKind kind) const;
  Expected<bool> can_import(ExternalSemaphoreKind kind) const;
  /// Errors: unimplemented (the kind); invalid_argument (no bytes, an offset beyond them); those of the provider.
  Expected<std::shared_ptr<ExternalMemory>> import_memory(const ExternalMemorySpec& spec);
  Expected<std::shared_ptr<ExternalSemaphore>> import_semaphore(ExternalSemaphoreKind kind, std::intptr_t handle);

  const Device& device() const noexcept { return device_; }
  OrtExternalResourceImporter* native() const noexcept { return handle_.get(); }

 private:
  ExternalImporter(Device device, Handle<OrtExternalResourceImporter> handle) noexcept
      : device_(std::move(device)), handle_(std::move(handle)) {}

  Device device_;
  Handle<OrtExternalResourceImporter> handle_;
};

/// Lifetime: keeps its importer; tensors made from it keep it.
class ExternalMemory : public std::enable_shared_from_this<ExternalMemory> {
 public:
  /// A tensor over a part of it. `offset`: counted from where the import begins.
  /// Errors: invalid_argument (beyond the end, strings); those of the provider.
  Expected<Value> tensor(DType dtype, const Shape& shape, std::size_t offset = 0);

 private:
  friend class ExternalImporter;
  ExternalMemory(std::shared_ptr<ExternalImporter> importer, std::size_t bytes, Handle<OrtExternalMemoryHandle> handle) noexcept
      : importer_(std::move(importer)), bytes_(bytes), handle_(std::move(handle)) {}

  std::shared_ptr<ExternalImporter> importer_;
  std::size_t bytes_;
  Handle<OrtExternalMemoryHandle> handle_;
};

/// A counter that both sides wait on. Lifetime: keeps its importer.
class ExternalSemaphore {
 public:
  /// What the stream does next waits until the semaphore has this value; once it is done so far, the semaphore gets it.
  Expected<> wait(const Stream& stream, std::uint64_t value);
  Expected<> signal(const Stream& stream, std::uint64_t value);

 private:
  friend class ExternalImporter;
  ExternalSemaphore(std::shared_ptr<ExternalImporter> importer, Handle<OrtExternalSemaphoreHandle> handle) noexcept
      : importer_(std::move(importer)), handle_(std::move(handle)) {}

  std::shared_ptr<ExternalImporter> importer_;
  Handle<OrtExternalSemaphoreHandle> handle_;
};

enum class GraphicsApi : std::uint8_t { d3d12 = 1, vulkan = 2 };

/// As long as it lives, streams of the device work together with a graphics API. Lifetime: keeps the device.
class GraphicsInterop {
 public:
  /// `command_queue`: an ID3D12CommandQueue; null for Vulkan. `options`: as the provider names them.
  /// Errors: unimplemented (the device cannot; a library before level 25); invalid_argument (options); those of the provider.
  static Expected<std::shared_ptr<const GraphicsInterop>> begin(const Device& device, GraphicsApi api,
                                                                void* command_queue = nullptr, const KeyValues& options = {});
  GraphicsInterop(const GraphicsInterop&) = delete;
  GraphicsInterop& operator=(const GraphicsInterop&) = delete;
  ~GraphicsInterop();

 private:
  explicit GraphicsInterop(Device device) noexcept : device_(std::move(device)) {}
  Device device_;
  bool begun_ = false;
};

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
