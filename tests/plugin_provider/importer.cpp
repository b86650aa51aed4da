// What others made and the device can use: memory and semaphores in files that are mapped. Headers before level 24 lack this.
#include "plugin_provider/importer.h"

#if ORT_API_VERSION >= 25
#include <sys/mman.h>

#include <cstdint>

namespace laneway::test_provider {
namespace {

LanewayTestCounts& counts = laneway_test_counts;

OrtStatus* failed(const char* message) noexcept { return api->CreateStatus(ORT_EP_FAIL, message); }

void* map(void* handle, std::size_t bytes) noexcept {
  void* const address =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, static_cast<int>(reinterpret_cast<std::intptr_t>(handle)), 0);
  return address == MAP_FAILED ? nullptr : address;
}

struct Memory : OrtExternalMemoryHandle {
  Memory(const OrtExternalMemoryDescriptor& described, void* address) : OrtExternalMemoryHandle{}, data(address) {
    ++counts.imports;
    version = ORT_API_VERSION;
    descriptor = described;
    Release = [](OrtExternalMemoryHandle* self) { delete static_cast<Memory*>(self); };
  }
  ~Memory() {
    munmap(data, descriptor.size_bytes);
    --counts.imports;
  }
  void* data;
};

struct Semaphore : OrtExternalSemaphoreHandle {
  Semaphore(const OrtExternalSemaphoreDescriptor& described, void* address)
      : OrtExternalSemaphoreHandle{}, counter(static_cast<std::uint64_t*>(address)) {
    ++counts.imports;
    version = ORT_API_VERSION;
    descriptor = described;
    Release = [](OrtExternalSemaphoreHandle* self) { delete static_cast<Semaphore*>(self); };
  }
  ~Semaphore() {
    munmap(counter, sizeof *counter);
    --counts.imports;
  }
  std::uint64_t* counter;
};

struct Importer : OrtExternalResourceImporterImpl {
  explicit Importer(const OrtMemoryInfo* info) : OrtExternalResourceImporterImpl{}, memory(info) {
    ++counts.imports;
    ort_version_supported = ORT_API_VERSION;
    Release = [](OrtExternalResourceImporterImpl* self) noexcept { delete static_cast<Importer*>(self); };
    set_memory_functions();
    set_semaphore_functions();
  }
  ~Importer() { --counts.imports; }

  void set_memory_functions() {
    CanImportMemory = [](const OrtExternalResourceImporterImpl*, OrtExternalMemoryHandleType kind) noexcept {
      return kind == ORT_EXTERNAL_MEMORY_HANDLE_TYPE_VK_MEMORY_OPAQUE_FD;
    };
    ImportMemory = [](OrtExternalResourceImporterImpl*, const OrtExternalMemoryDescriptor* descriptor,
                      OrtExternalMemoryHandle** made) noexcept {
      void* const data = map(descriptor->native_handle, descriptor->size_bytes);
      if (!data) return failed("cannot be mapped");
      *made = new Memory(*descriptor, data);
      return static_cast<OrtStatus*>(nullptr);
    };
    ReleaseMemory = [](OrtExternalResourceImporterImpl*, OrtExternalMemoryHandle* handle) noexcept {
      delete static_cast<Memory*>(handle);
    };
    CreateTensorFromMemory = [](OrtExternalResourceImporterImpl* self, const OrtExternalMemoryHandle* handle,
                                const OrtExternalTensorDescriptor* tensor, OrtValue** made) noexcept {
      const std::size_t offset = handle->descriptor.offset_bytes + tensor->offset_bytes;
      return api->CreateTensorWithDataAsOrtValue(
          static_cast<const Importer*>(self)->memory, static_cast<char*>(static_cast<const Memory*>(handle)->data) + offset,
          handle->descriptor.size_bytes - offset, tensor->shape, tensor->rank, tensor->element_type, made);
    };
  }

  void set_semaphore_functions() {
    CanImportSemaphore = [](const OrtExternalResourceImporterImpl*, OrtExternalSemaphoreType kind) noexcept {
      return kind == ORT_EXTERNAL_SEMAPHORE_VK_TIMELINE_SEMAPHORE_OPAQUE_FD;
    };
    ImportSemaphore = [](OrtExternalResourceImporterImpl*, const OrtExternalSemaphoreDescriptor* descriptor,
                         OrtExternalSemaphoreHandle** made) noexcept {
      void* const counter = map(descriptor->native_handle, sizeof(std::uint64_t));
      if (!counter) return failed("cannot be mapped");
      *made = new Semaphore(*descriptor, counter);
      return static_cast<OrtStatus*>(nullptr);
    };
    ReleaseSemaphore = [](OrtExternalResourceImporterImpl*, OrtExternalSemaphoreHandle* handle) noexcept {
      delete static_cast<Semaphore*>(handle);
    };
    WaitSemaphore = [](OrtExternalResourceImporterImpl*, OrtExternalSemaphoreHandle* handle, OrtSyncStream*,
                       std::uint64_t value) noexcept {
      return *static_cast<const Semaphore*>(handle)->counter >= value ? nullptr : failed("nobody would ever signal that");
    };
    SignalSemaphore = [](OrtExternalResourceImporterImpl*, OrtExternalSemaphoreHandle* handle, OrtSyncStream*,
                         std::uint64_t value) noexcept {
      *static_cast<const Semaphore*>(handle)->counter = value;
      return static_cast<OrtStatus*>(nullptr);
    };
  }
  const OrtMemoryInfo* memory;
};

}  // namespace

void set_importer(OrtEpFactory& factory) noexcept {
  factory.CreateExternalResourceImporterForDevice = [](OrtEpFactory*, const OrtEpDevice* device,
                                                       OrtExternalResourceImporterImpl** made) noexcept {
    *made = new Importer(api->EpDevice_MemoryInfo(device, OrtDeviceMemoryType_DEFAULT));
    return static_cast<OrtStatus*>(nullptr);
  };
  factory.InitGraphicsInterop = [](OrtEpFactory*, const OrtEpDevice*, const OrtGraphicsInteropConfig* config) noexcept {
    if (config->graphics_api != ORT_GRAPHICS_API_VULKAN) return api->CreateStatus(ORT_NOT_IMPLEMENTED, "Vulkan only");
    ++counts.imports;
    return static_cast<OrtStatus*>(nullptr);
  };
  factory.DeinitGraphicsInterop = [](OrtEpFactory*, const OrtEpDevice*) noexcept {
    --counts.imports;
    return static_cast<OrtStatus*>(nullptr);
  };
}

}  // namespace laneway::test_provider
#else
void laneway::test_provider::set_importer(OrtEpFactory&) noexcept {}
#endif
