#pragma once
#include <onnxruntime_c_api.h>

#include <cstddef>

#include "plugin_provider/counts.h"

/// What the files of the provider share. ONNX Runtime's tables are set when it loads the library.
namespace laneway::test_provider {

inline const OrtApi* api = nullptr;
inline const OrtEpApi* ep_api = nullptr;

inline constexpr const char* provider_name = "LanewayTestProvider";
inline constexpr const char* compatibility = "laneway-test-1";
inline constexpr std::uint32_t vendor_id = 0x1a2e;

#define LANEWAY_TEST_TRY(call)                             \
  do {                                                     \
    if (OrtStatus* const status_ = (call)) return status_; \
  } while (false)

/// The device's memory is the host's, each byte xored with this: whoever reads or writes it undeclared sees it.
inline constexpr unsigned char scramble = 0x5a;
void copy_scrambled(void* to, const void* from, std::size_t bytes) noexcept;

bool is_ours(const OrtMemoryDevice* device) noexcept;
inline bool is_ours(const OrtMemoryDevice* device, int number) noexcept {
  return is_ours(device) && ep_api->MemoryDevice_GetDeviceId(device) == static_cast<std::uint32_t>(number);
}

OrtAllocator* make_allocator(const OrtMemoryInfo* memory);
void release_allocator(OrtAllocator* allocator) noexcept;
OrtDataTransferImpl* make_transfer();
OrtSyncStreamImpl* make_stream();

}  // namespace laneway::test_provider
