#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

namespace laneway {

/// The instant `timeout` after `now_ns`, on the steady clock. A timeout too long to be told is one without an end; a negative
/// one is over already, as zero is.
constexpr std::int64_t deadline_after(std::int64_t now_ns, std::chrono::nanoseconds timeout) noexcept {
  const std::int64_t rest = std::numeric_limits<std::int64_t>::max() - now_ns;
  return now_ns + std::clamp<std::int64_t>(timeout.count(), 0, rest);
}

}  // namespace laneway
