// The device: its memory, what copies to and from it, its streams. Everything happens at once on the calling thread.
#include <cstdlib>
#include <cstring>

#include "plugin_provider/api.h"

LanewayTestCounts laneway_test_counts;

namespace laneway::test_provider {
namespace {

LanewayTestCounts& counts = laneway_test_counts;

struct Allocator : OrtAllocator {
  explicit Allocator(const OrtMemoryInfo* info) : OrtAllocator{}, memory(info) {
    ++counts.allocators;
    version = ORT_API_VERSION;
    Alloc = [](OrtAllocator*, std::size_t bytes) -> void* {
      ++counts.allocations;
      return std::aligned_alloc(64, (bytes + 64) / 64 * 64);
    };
    Reserve = Alloc;
    Free = [](OrtAllocator*, void* address) {
      if (address) --counts.allocations;
      std::free(address);
    };
    Info = [](const OrtAllocator* self) { return static_cast<const Allocator*>(self)->memory; };
  }
  ~Allocator() { --counts.allocators; }
  const OrtMemoryInfo* memory;
};

struct Transfer : OrtDataTransferImpl {
  Transfer() : OrtDataTransferImpl{} {
    ++counts.transfers;
    ort_version_supported = ORT_API_VERSION;
    Release = [](OrtDataTransferImpl* self) noexcept { delete static_cast<Transfer*>(self); };
    CanCopy = [](const OrtDataTransferImpl*, const OrtMemoryDevice* from, const OrtMemoryDevice* to) noexcept {
      return is_ours(from) || is_ours(to);
    };
    CopyTensors = [](OrtDataTransferImpl*, const OrtValue** from, OrtValue** to, OrtSyncStream**, std::size_t count) noexcept {
      for (std::size_t i = 0; i < count; ++i) LANEWAY_TEST_TRY(copy(from[i], to[i]));
      return static_cast<OrtStatus*>(nullptr);
    };
  }
  ~Transfer() { --counts.transfers; }

  static OrtStatus* copy(const OrtValue* from, OrtValue* to) noexcept {
    const bool from_device = is_ours(ep_api->Value_GetMemoryDevice(from)), to_device = is_ours(ep_api->Value_GetMemoryDevice(to));
    const void* source = nullptr;
    void* target = nullptr;
    std::size_t bytes = 0;
    LANEWAY_TEST_TRY(api->GetTensorData(from, &source));
    LANEWAY_TEST_TRY(api->GetTensorMutableData(to, &target));
    LANEWAY_TEST_TRY(api->GetTensorSizeInBytes(from, &bytes));
    ++(from_device && to_device ? counts.on_device : to_device ? counts.to_device : counts.to_host);
    if (from_device == to_device) {
      std::memcpy(target, source, bytes);
    } else {
      copy_scrambled(target, source, bytes);
    }
    return nullptr;
  }
};

struct Notification : OrtSyncNotificationImpl {
  Notification() : OrtSyncNotificationImpl{} {
    ++counts.notifications;
    ort_version_supported = ORT_API_VERSION;
    Release = [](OrtSyncNotificationImpl* self) noexcept { delete static_cast<Notification*>(self); };
    Activate = [](OrtSyncNotificationImpl*) noexcept {
      ++counts.notified;
      return static_cast<OrtStatus*>(nullptr);
    };
    WaitOnDevice = [](OrtSyncNotificationImpl*, OrtSyncStream*) noexcept {
      ++counts.waits;
      return static_cast<OrtStatus*>(nullptr);
    };
    WaitOnHost = [](OrtSyncNotificationImpl*) noexcept {
      ++counts.waits;
      return static_cast<OrtStatus*>(nullptr);
    };
  }
  ~Notification() { --counts.notifications; }
};

struct Stream : OrtSyncStreamImpl {
  Stream() : OrtSyncStreamImpl{} {
    ++counts.streams;
    ++counts.streams_made;
    ort_version_supported = ORT_API_VERSION;
    Release = [](OrtSyncStreamImpl* self) noexcept { delete static_cast<Stream*>(self); };
    GetHandle = [](OrtSyncStreamImpl* self) noexcept -> void* { return self; };
    CreateNotification = [](OrtSyncStreamImpl*, OrtSyncNotificationImpl** made) noexcept {
      *made = new Notification;
      return static_cast<OrtStatus*>(nullptr);
    };
    Flush = [](OrtSyncStreamImpl*) noexcept {
      ++counts.flushes;
      return static_cast<OrtStatus*>(nullptr);
    };
    OnSessionRunEnd = [](OrtSyncStreamImpl*) noexcept { return static_cast<OrtStatus*>(nullptr); };
  }
  ~Stream() { --counts.streams; }
};

}  // namespace

void copy_scrambled(void* to, const void* from, std::size_t bytes) noexcept {
  for (std::size_t i = 0; i < bytes; ++i) {
    static_cast<unsigned char*>(to)[i] = static_cast<unsigned char>(static_cast<const unsigned char*>(from)[i] ^ scramble);
  }
}

bool is_ours(const OrtMemoryDevice* device) noexcept {
  return ep_api->MemoryDevice_GetDeviceType(device) == OrtMemoryInfoDeviceType_GPU &&
         ep_api->MemoryDevice_GetVendorId(device) == vendor_id;
}

OrtAllocator* make_allocator(const OrtMemoryInfo* memory) { return new Allocator(memory); }
void release_allocator(OrtAllocator* allocator) noexcept { delete static_cast<Allocator*>(allocator); }
OrtDataTransferImpl* make_transfer() { return new Transfer; }
OrtSyncStreamImpl* make_stream() { return new Stream; }

}  // namespace laneway::test_provider
