#include "laneway/ort/memory.h"

#include <charconv>
#include <string_view>
#include <utility>

#include "ort/call.h"

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

}  // namespace

Expected<MemoryInfo> MemoryInfo::host(const std::shared_ptr<const Library>& library) {
  LANEWAY_TRY_ASSIGN(auto handle,
                     make<OrtMemoryInfo>(library, LANEWAY_ORT_FN(CreateCpuMemoryInfo), OrtArenaAllocator, OrtMemTypeDefault));
  return MemoryInfo(std::move(handle));
}

Expected<Allocator> Allocator::host(const std::shared_ptr<const Library>& library) {
  OrtAllocator* native = nullptr;
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
