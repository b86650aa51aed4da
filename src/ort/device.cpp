#include "laneway/ort/device.h"

#include <algorithm>
#include <mutex>
#include <string>
#include <utility>

#include "ort/call.h"
#include "ort/device_list.h"
#include "ort/key_values.h"
#include "ort/memory_spec.h"
#include "ort/text.h"

namespace laneway::ort {
namespace {

// Provider libraries that are registered. Never destroyed: what users keep in static variables may outlive it otherwise.
struct Registry {
  struct Entry {
    const OrtEnv* environment;
    std::string name;
    std::weak_ptr<const ProviderLibrary> library;
    std::vector<OrtEpDevice*> devices;
  };
  std::mutex mutex;  // also of ONNX Runtime's list of devices, which registering moves
  std::vector<Entry> entries;
};
Registry& registry() {
  static Registry& instance = *new Registry;
  return instance;
}

Expected<std::vector<OrtEpDevice*>> list(const Environment& environment) {
  const OrtEpDevice* const* native = nullptr;
  std::size_t count = 0;
  LANEWAY_TRY(call(*environment.library(), LANEWAY_ORT_FN(GetEpDevices), environment.native(), &native, &count));
  std::vector<OrtEpDevice*> listed;
  for (std::size_t i = 0; i < count; ++i) listed.push_back(const_cast<OrtEpDevice*>(native[i]));
  return listed;
}

static_assert(OrtHardwareDeviceType_CPU == 0 && OrtHardwareDeviceType_GPU == 1 && OrtHardwareDeviceType_NPU == 2);
constexpr DeviceKind hardware_kinds[] = {DeviceKind::cpu, DeviceKind::gpu, DeviceKind::npu};

Hardware read_hardware(const Library& library, const OrtHardwareDevice* native) {
  const OrtApi& api = *library.api();
  return {.kind = hardware_kinds[api.HardwareDevice_Type(native)],
          .vendor = api.HardwareDevice_Vendor(native),
          .vendor_id = api.HardwareDevice_VendorId(native),
          .device_id = api.HardwareDevice_DeviceId(native),
          .metadata = read_key_values(library, api.HardwareDevice_Metadata(native))};
}

constexpr OrtDeviceMemoryType memory_type(bool host_accessible) noexcept {
  return host_accessible ? OrtDeviceMemoryType_HOST_ACCESSIBLE : OrtDeviceMemoryType_DEFAULT;
}

}  // namespace

struct DeviceLister {
  static Device device(std::shared_ptr<const Environment> environment, std::shared_ptr<const ProviderLibrary> library,
                       OrtEpDevice* native) {
    return Device(std::move(environment), std::move(library), native);
  }

  // Without those of a library whose last holder is just letting go. The registry is locked.
  static std::vector<Device> known(const std::shared_ptr<const Environment>& environment, std::span<OrtEpDevice* const> natives) {
    std::vector<Device> found;
    for (OrtEpDevice* const native : natives) {
      const auto entry = std::ranges::find_if(registry().entries, [&](const Registry::Entry& each) {
        return std::ranges::find(each.devices, native) != each.devices.end();
      });
      const bool foreign = entry != registry().entries.end();
      auto library = foreign ? entry->library.lock() : nullptr;
      if (!foreign || library) found.push_back(device(environment, std::move(library), native));
    }
    return found;
  }

  static Expected<std::shared_ptr<const ProviderLibrary>> load(const std::shared_ptr<const Environment>& environment,
                                                               const std::string& name, const std::filesystem::path& path) {
    // Before the lock, which its destructor takes too; whatever fails from here on, it takes back what was done.
    const std::shared_ptr<ProviderLibrary> library(new ProviderLibrary(environment, name));
    const std::scoped_lock lock(registry().mutex);
    for (const Registry::Entry& entry : registry().entries) {
      if (entry.environment == environment->native() && entry.name == name) {
        return Error(ErrorCode::failed_precondition,
                     "provider library " + name + ": the name is taken by one that is registered");
      }
    }
    LANEWAY_TRY_ASSIGN(const std::vector<OrtEpDevice*> before, list(*environment));
    std::error_code failure;  // from the process's folder, where ONNX Runtime would begin at its own
    const std::filesystem::path from_root = std::filesystem::absolute(path, failure);
    auto registered = call(*environment->library(), LANEWAY_ORT_FN(RegisterExecutionProviderLibrary), environment->native(),
                           name.c_str(), failure ? path.c_str() : from_root.c_str());
    if (!registered) {
      return Error(ErrorCode::unavailable,
                   "provider library " + path.string() + ": " + std::string(registered.error().message()));
    }
    library->registered_ = true;
    LANEWAY_TRY_ASSIGN(library->devices_, list(*environment));
    std::erase_if(library->devices_, [&](OrtEpDevice* native) { return std::ranges::find(before, native) != before.end(); });
    registry().entries.push_back({environment->native(), name, library, library->devices_});
    return std::shared_ptr<const ProviderLibrary>(library);
  }

  static void unload(const Environment& environment, const std::string& name) noexcept {
    const std::scoped_lock lock(registry().mutex);
    std::erase_if(registry().entries, [&](const Registry::Entry& entry) {
      return entry.environment == environment.native() && entry.name == name && entry.library.expired();
    });
    (void)call(*environment.library(), LANEWAY_ORT_FN(UnregisterExecutionProviderLibrary), environment.native(), name.c_str());
  }
};

std::vector<Device> known_devices(const std::shared_ptr<const Environment>& environment, std::span<OrtEpDevice* const> natives) {
  const std::scoped_lock lock(registry().mutex);
  return DeviceLister::known(environment, natives);
}

Expected<std::vector<Device>> devices(const std::shared_ptr<const Environment>& environment) {
  const std::scoped_lock lock(registry().mutex);
  LANEWAY_TRY_ASSIGN(const std::vector<OrtEpDevice*> natives, list(*environment));
  return DeviceLister::known(environment, natives);
}

Expected<std::vector<const OrtHardwareDevice*>> native_hardware(const Environment& environment) {
  const Library& library = *environment.library();
  const OrtEnv* const env = environment.native();
  std::size_t count = 0;
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(GetNumHardwareDevices), env, &count));
  std::vector<const OrtHardwareDevice*> natives(count);
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(GetHardwareDevices), env, natives.data(), count));
  return natives;
}

Expected<std::vector<Hardware>> hardware(const std::shared_ptr<const Environment>& environment) {
  LANEWAY_TRY_ASSIGN(const auto natives, native_hardware(*environment));
  std::vector<Hardware> found;
  for (const OrtHardwareDevice* native : natives) found.push_back(read_hardware(*environment->library(), native));
  return found;
}

std::string Device::provider() const { return environment_->library()->api()->EpDevice_EpName(native_); }
std::string Device::provider_vendor() const { return environment_->library()->api()->EpDevice_EpVendor(native_); }
KeyValues Device::provider_metadata() const {
  const Library& library = *environment_->library();
  return read_key_values(library, library.api()->EpDevice_EpMetadata(native_));
}
KeyValues Device::provider_options() const {
  const Library& library = *environment_->library();
  return read_key_values(library, library.api()->EpDevice_EpOptions(native_));
}
Hardware Device::hardware() const {
  const Library& library = *environment_->library();
  return read_hardware(library, library.api()->EpDevice_Device(native_));
}

Expected<std::optional<MemorySpec>> Device::memory(bool host_accessible) const {
  const Library& library = *environment_->library();
  const OrtMemoryInfo* const info = library.api()->EpDevice_MemoryInfo(native_, memory_type(host_accessible));
  if (!info) return std::optional<MemorySpec>();
  LANEWAY_TRY_ASSIGN(MemorySpec spec, read_memory(library, info));
  return std::optional(std::move(spec));
}

Expected<Allocator> Device::allocator(bool host_accessible) const {
  const std::shared_ptr<const Library>& library = environment_->library();
  const OrtMemoryInfo* const info = library->api()->EpDevice_MemoryInfo(native_, memory_type(host_accessible));
  OrtAllocator* native = nullptr;
  if (info) LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(GetSharedAllocator), environment_->native(), info, &native));
  if (!native) {
    return Error(ErrorCode::not_found, "device of " + provider() + ": allocator: it has no " +
                                           (host_accessible ? "memory for transfers" : "memory") + " of its own");
  }
  return Allocator(library, std::shared_ptr<OrtAllocator>(std::make_shared<Device>(*this), native));
}

Expected<std::shared_ptr<const ProviderLibrary>> ProviderLibrary::load(const std::shared_ptr<const Environment>& environment,
                                                                       const std::string& name,
                                                                       const std::filesystem::path& path) {
  LANEWAY_TRY(no_nul("provider library", name));
  if (name.empty()) return Error(ErrorCode::invalid_argument, "provider library: name: empty: expected one to register it under");
  LANEWAY_TRY(check_file("provider library", path));
  return DeviceLister::load(environment, name, path);
}

ProviderLibrary::~ProviderLibrary() {
  if (registered_) DeviceLister::unload(*environment_, name_);
}

std::vector<Device> ProviderLibrary::devices() const {
  std::vector<Device> found;
  for (OrtEpDevice* native : devices_) found.push_back(DeviceLister::device(environment_, shared_from_this(), native));
  return found;
}

}  // namespace laneway::ort
