#pragma once
#include <cstdint>

namespace laneway::bench {

/// The processor's own counter where it ticks steadily (some 10 ns to read), else the system's clock.
///
/// begin() and end() enclose what is timed: nothing of it is done before begin() returns or after end() was read.
class Clock {
 public:
  static std::uint64_t begin() noexcept;
  static std::uint64_t end() noexcept;

  /// Measured once against the system's clock, which takes 20 ms.
  static double ns_per_tick();
};

}  // namespace laneway::bench
