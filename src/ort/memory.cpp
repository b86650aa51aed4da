#include "laneway/ort/memory.h"

#include <bit>
#include <charconv>
#include <string_view>
#include <utility>

#include "ort/call.h"
#include "ort/memory_spec.h"
#include "ort/text.h"

namespace laneway::ort {
namespace {

// Absent, no number or negative: not counted, no limit.
std::optional<std::int64_t> number(const char* text) noexcept {
  if (!text) return std::nullopt;
  const std::string_view digits = text;
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return failure == std::errc() && value >= 0 ? std::optional(value) : std::nullopt;
}

std::optional<std::int64_t> difference(std::optional<std::int64_t> later, std::optional<std::int64_t> earlier) noexcept {
  if (!later || !earlier) return std::nullopt;
  return *later - *earlier;
}

// Both count the kinds of devices alike.
static_assert(static_cast<int>(DeviceKind::gpu) == OrtMemoryInfoDeviceType_GPU);
static_assert(static_cast<int>(DeviceKind::npu) == OrtMemoryInfoDeviceType_NPU);

}  // namespace

std::string_view name(DeviceKind kind) noexcept {
  switch (kind) {
    case DeviceKind::cpu: return "cpu";
    case DeviceKind::gpu: return "gpu";
    case DeviceKind::fpga: return "fpga";
    case DeviceKind::npu: return "npu";
  }
  return "unknown";
}

Expected<MemorySpec> read_memory(const Library& library, const OrtMemoryInfo* info) {
  const char* memory_name = nullptr;
  OrtAllocatorType type{};
  OrtMemoryInfoDeviceType kind{};
  MemorySpec spec;
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(MemoryInfoGetName), info, &memory_name));
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(MemoryInfoGetType), info, &type));
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(MemoryInfoGetId), info, &spec.device));
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(MemoryInfoGetDeviceType), info, &kind));
  LANEWAY_TRY_ASSIGN(spec.vendor, call<std::uint32_t>(library, LANEWAY_ORT_FN(MemoryInfoGetVendorId), info));
  LANEWAY_TRY_ASSIGN(const OrtDeviceMemoryType memory,
                     call<OrtDeviceMemoryType>(library, LANEWAY_ORT_FN(MemoryInfoGetDeviceMemType), info));
  spec.name = memory_name;
  spec.arena = type == OrtArenaAllocator;
  spec.device_kind = static_cast<DeviceKind>(kind);
  spec.host_accessible = memory == OrtDeviceMemoryType_HOST_ACCESSIBLE;
  return spec;
}

Expected<MemoryInfo> MemoryInfo::make(const std::shared_ptr<const Library>& library, const MemorySpec& spec) {
  LANEWAY_TRY(no_nul("memory.name", spec.name));
  if (spec.name.empty()) return Error(ErrorCode::invalid_argument, "memory.name: empty: expected its provider's name for it");
  if (spec.device < 0) {
    return Error(ErrorCode::invalid_argument, "memory.device: negative: expected 0 or more, got " + std::to_string(spec.device));
  }
  if (spec.alignment != 0 && !std::has_single_bit(spec.alignment)) {
    return Error(ErrorCode::invalid_argument,
                 "memory.alignment: expected a power of two, or 0, got " + std::to_string(spec.alignment));
  }
  const auto kind = static_cast<OrtMemoryInfoDeviceType>(spec.device_kind);
  const OrtDeviceMemoryType memory = spec.host_accessible ? OrtDeviceMemoryType_HOST_ACCESSIBLE : OrtDeviceMemoryType_DEFAULT;
  const OrtAllocatorType type = spec.arena ? OrtArenaAllocator : OrtDeviceAllocator;
  LANEWAY_TRY_ASSIGN(auto handle, ort::make<OrtMemoryInfo>(library, LANEWAY_ORT_FN(CreateMemoryInfo_V2), spec.name.c_str(), kind,
                                                           spec.vendor, spec.device, memory, spec.alignment, type));
  return MemoryInfo(library, std::move(handle));
}

Expected<MemorySpec> MemoryInfo::spec() const { return read_memory(*library(), native()); }

bool MemoryInfo::operator==(const MemoryInfo& other) const noexcept {
  int differ = 1;
  const auto compared = call(*library(), LANEWAY_ORT_FN(CompareMemoryInfo), native(), other.native(), &differ);
  return compared && differ == 0;
}

Expected<MemoryInfo> MemoryInfo::host(const std::shared_ptr<const Library>& library) {
  LANEWAY_TRY_ASSIGN(
      auto handle, ort::make<OrtMemoryInfo>(library, LANEWAY_ORT_FN(CreateCpuMemoryInfo), OrtArenaAllocator, OrtMemTypeDefault));
  return MemoryInfo(library, std::move(handle));
}

Expected<Allocator> Allocator::host(const std::shared_ptr<const Library>& library) {
  OrtAllocator* native = nullptr;
  if (!library) return no_library();
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(GetAllocatorWithDefaultOptions), &native));
  return Allocator(library, std::shared_ptr<OrtAllocator>(library, native));  // the library's own: it is never given back
}

Expected<Allocation> Allocator::allocate(std::size_t bytes) const {
  void* data = nullptr;
  LANEWAY_TRY(call(*library_, LANEWAY_ORT_FN(AllocatorAlloc), native(), bytes, &data));
  if (!data && bytes != 0) {
    return Error(ErrorCode::resource_exhausted, "allocator: no memory: expected " + std::to_string(bytes) + " bytes");
  }
  return Allocation{
      .memory = {.data = data, .bytes = bytes},
      .owner = std::shared_ptr<void>(data, [allocator = native_](void* address) { allocator->Free(allocator.get(), address); })};
}

Expected<MemorySpec> Allocator::memory() const {
  const OrtMemoryInfo* info = nullptr;
  LANEWAY_TRY(call(*library_, LANEWAY_ORT_FN(AllocatorGetInfo), native(), &info));
  return read_memory(*library_, info);
}

AllocatorStatistics AllocatorStatistics::since(const AllocatorStatistics& earlier) const noexcept {
  return {.bytes_in_use = difference(bytes_in_use, earlier.bytes_in_use),
          .bytes_in_use_max = bytes_in_use_max,
          .bytes_reserved = difference(bytes_reserved, earlier.bytes_reserved),
          .bytes_limit = bytes_limit,
          .allocations = difference(allocations, earlier.allocations)};
}

Expected<AllocatorStatistics> Allocator::statistics() const {
  LANEWAY_TRY_ASSIGN(const auto pairs, make<OrtKeyValuePairs>(library_, LANEWAY_ORT_FN(AllocatorGetStats),
                                                              static_cast<const OrtAllocator*>(native())));
  const auto value = [&](const char* key) { return number(library_->api()->GetKeyValue(pairs.get(), key)); };
  return AllocatorStatistics{.bytes_in_use = value("InUse"),
                             .bytes_in_use_max = value("MaxInUse"),
                             .bytes_reserved = value("TotalAllocated"),
                             .bytes_limit = value("Limit"),
                             .allocations = value("NumAllocs")};
}

}  // namespace laneway::ort
