#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/ort/environment.h"
#include "laneway/ort/memory.h"

namespace laneway LANEWAY_PUBLIC {
namespace ort {

/// A processor of this machine, as ONNX Runtime found it.
struct Hardware {
  DeviceKind kind = DeviceKind::cpu;
  std::string vendor;
  std::uint32_t vendor_id = 0;  ///< PCI id of its maker.
  std::uint32_t device_id = 0;  ///< Of the model, not of the one among several.
  KeyValues metadata = {};
};

class ProviderLibrary;
struct LANEWAY_PRIVATE DeviceLister;  // of this library

/// A processor together with a provider that can compute on it.
///
/// Threads:  immutable; any thread. Lifetime: keeps the environment, and the library that its provider came in. Copies are the
///           same device, and a move is a copy.
class Device {
 public:
  Device(const Device&) = default;
  Device& operator=(const Device&) = default;

  std::string provider() const;         ///< "CPUExecutionProvider".
  std::string provider_vendor() const;  ///< Who wrote it.
  KeyValues provider_metadata() const;  ///< Its version among them.
  KeyValues provider_options() const;   ///< What sessions on it are opened with unless told otherwise.
  Hardware hardware() const;

  /// The kind of memory it computes in, or the one for transfers. nullopt: it has none of its own, and uses the host's.
  Expected<std::optional<MemorySpec>> memory(bool host_accessible = false) const;
  /// The environment's allocator for that memory. Errors: not_found (it has none of its own).
  Expected<Allocator> allocator(bool host_accessible = false) const;

  OrtEpDevice* native() const noexcept { return native_; }
  const std::shared_ptr<const Environment>& environment() const noexcept { return environment_; }
  friend bool operator==(const Device& a, const Device& b) noexcept { return a.native_ == b.native_; }

 private:
  friend struct DeviceLister;
  Device(std::shared_ptr<const Environment> environment, std::shared_ptr<const ProviderLibrary> library,
         OrtEpDevice* native) noexcept
      : environment_(std::move(environment)), library_(std::move(library)), native_(native) {}

  std::shared_ptr<const Environment> environment_;
  std::shared_ptr<const ProviderLibrary> library_;  // null: of ONNX Runtime itself
  OrtEpDevice* native_;
};

/// All devices there are now: those that ONNX Runtime brings, and those of provider libraries that are registered.
Expected<std::vector<Device>> devices(const std::shared_ptr<const Environment>& environment);

/// The machine's processors, whether a provider can use them or not. Errors: unimplemented (a library before level 25).
Expected<std::vector<Hardware>> hardware(const std::shared_ptr<const Environment>& environment);

/// A provider that comes in a shared object of its own, registered with the environment.
///
/// Lifetime: devices, sessions opened on them and their allocators keep it; it is unregistered when the last of them goes.
class ProviderLibrary : public std::enable_shared_from_this<ProviderLibrary> {
 public:
  /// `name`: what it is registered under, once at a time.
  /// Errors: not_found (no such file); failed_precondition (the name is taken); unavailable (it cannot be loaded, with the
  ///         reason); invalid_argument (a text that is empty or holds a NUL).
  static Expected<std::shared_ptr<const ProviderLibrary>> load(const std::shared_ptr<const Environment>& environment,
                                                               const std::string& name, const std::filesystem::path& path);

  ProviderLibrary(const ProviderLibrary&) = delete;
  ProviderLibrary& operator=(const ProviderLibrary&) = delete;
  ~ProviderLibrary();

  const std::string& name() const noexcept { return name_; }
  /// The devices it brought; none where it finds nothing to compute on.
  std::vector<Device> devices() const;

 private:
  friend struct DeviceLister;
  ProviderLibrary(std::shared_ptr<const Environment> environment, std::string name) noexcept
      : environment_(std::move(environment)), name_(std::move(name)) {}

  std::shared_ptr<const Environment> environment_;
  std::string name_;
  std::vector<OrtEpDevice*> devices_;
  bool registered_ = false;
};

/// Which devices ONNX Runtime is to prefer where it chooses itself.
enum class DevicePolicy : std::uint8_t {
  automatic,
  prefer_cpu,
  prefer_npu,
  prefer_gpu,
  max_performance,
  max_efficiency,
  min_overall_power
};

/// What a function that chooses devices is told.
struct DeviceChoice {
  std::span<const Device> devices;
  KeyValues model_metadata;
  std::size_t devices_max;
};
/// Returns positions in `devices`, the most preferred first. An error fails Session::open() with it.
using DeviceSelector = std::function<Expected<std::vector<std::size_t>>(const DeviceChoice& choice)>;

/// std::monostate: no choice but the providers that a spec names.
using DeviceSelection = std::variant<std::monostate, DevicePolicy, DeviceSelector>;

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
