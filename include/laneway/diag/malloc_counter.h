#pragma once
#include <dlfcn.h>

#include <cstdint>
#include <optional>

#include "laneway/core/visibility.h"

namespace laneway LANEWAY_PUBLIC {

/// Allocations of the whole process since it began: all threads, all libraries, the whole malloc family, frees not counted.
struct MallocTotals {
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;  ///< As asked for.

  friend MallocTotals operator-(const MallocTotals& a, const MallocTotals& b) noexcept {
    return {a.count - b.count, a.bytes - b.bytes};
  }
};

/// nullopt where liblaneway_malloc_counter.so is neither preloaded nor linked. Reading allocates nothing.
inline std::optional<MallocTotals> malloc_totals() noexcept {
  using Read = std::uint64_t (*)();
  static const auto count = reinterpret_cast<Read>(dlsym(RTLD_DEFAULT, "laneway_malloc_count"));
  static const auto bytes = reinterpret_cast<Read>(dlsym(RTLD_DEFAULT, "laneway_malloc_bytes"));
  if (count == nullptr || bytes == nullptr) return std::nullopt;
  return MallocTotals{count(), bytes()};
}

}  // namespace laneway
