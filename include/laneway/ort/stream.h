#pragma once
#include <memory>

#include "laneway/core/expected.h"
#include "laneway/ort/device.h"
#include "laneway/ort/handle.h"

namespace laneway LANEWAY_PUBLIC {
namespace ort {

/// An order in which a device does its work: copies and runs that are given it happen one after the other.
///
/// Threads:  one at a time. Lifetime: keeps the device, and what that keeps.
class Stream {
 public:
  /// `options`: as the device's provider names them.
  /// Errors: unimplemented (a provider without streams); invalid_argument (options; a device that computes in the host's
  ///         memory); those of the provider.
  static Expected<std::shared_ptr<const Stream>> make(const Device& device, const KeyValues& options = {});

  /// The provider's own object: a cudaStream_t for CUDA. It stays the stream's.
  void* handle() const noexcept;
  const Device& device() const noexcept { return device_; }
  OrtSyncStream* native() const noexcept { return handle_.get(); }

 private:
  Stream(Device device, Handle<OrtSyncStream> handle) noexcept : device_(std::move(device)), handle_(std::move(handle)) {}

  Device device_;
  Handle<OrtSyncStream> handle_;
};

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
