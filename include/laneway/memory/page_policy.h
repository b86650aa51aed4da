#pragma once
#include <cstddef>
#include <optional>
#include <string>

#include "laneway/core/expected.h"

namespace laneway LANEWAY_PUBLIC {

inline constexpr std::size_t page_bytes = 4096;
inline constexpr std::size_t huge_page_bytes = std::size_t{2} << 20;
inline constexpr std::size_t own_pages_from_bytes = std::size_t{1} << 20;  ///< Buffers of this size share no page with others.

/// How the pages of a buffer are made. The fields are independent of one another; those left empty are chosen by size:
///
/// | buffer       | alignment | huge pages | resident from the start |
/// |--------------|-----------|------------|-------------------------|
/// | below 1 MiB  | 64        | no         | no                      |
/// | from 1 MiB   | 4,096     | no         | yes                     |
/// | from 2 MiB   | 2 MiB     | yes        | yes                     |
struct PagePolicy {
  std::optional<std::size_t> alignment_bytes = std::nullopt;  ///< A power of two; less than 64 is raised to 64.
  /// Advice to the kernel, before the first touch, for or against; it may not follow. Only whole 2 MiB that the buffer fills
  /// can be huge, so asking for them aligns to 2 MiB unless `alignment_bytes` says otherwise.
  std::optional<bool> huge_pages = std::nullopt;
  std::optional<bool> prefault = std::nullopt;  ///< Every page is resident when the buffer is made: no fault in the first run.
  bool lock = false;                            ///< mlock: resident, and never swapped out. Counts against RLIMIT_MEMLOCK.

  friend bool operator==(const PagePolicy&, const PagePolicy&) = default;
};

/// The policy for a buffer of this size with every field set. Errors: invalid_argument (alignment not a power of two).
Expected<PagePolicy> resolve(const PagePolicy& policy, std::size_t bytes);

/// "{alignment_bytes=4096, huge_pages=no, prefault=yes, lock=no}"; what is left to the size reads "by size".
std::string to_string(const PagePolicy& policy);

}  // namespace laneway
