#include "bench/measure/clock.h"

#include <chrono>
#include <thread>

#if defined(__x86_64__)
#include <cpuid.h>
#include <x86intrin.h>
#endif

namespace laneway::bench {
namespace {

std::uint64_t system_ns() noexcept {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

#if defined(__x86_64__)
bool ticks_steadily() noexcept {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(0x80000007, &a, &b, &c, &d) != 0 && (d & (1u << 8)) != 0;
}
const bool steady = ticks_steadily();
#endif

double calibrate() {
  const std::uint64_t from_ns = system_ns();
  const std::uint64_t from = Clock::end();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const std::uint64_t to_ns = system_ns();
  const std::uint64_t to = Clock::end();
  return static_cast<double>(to_ns - from_ns) / static_cast<double>(to - from);
}

}  // namespace

std::uint64_t Clock::begin() noexcept {
#if defined(__x86_64__)
  if (steady) {
    _mm_lfence();
    const std::uint64_t now = __rdtsc();
    _mm_lfence();
    return now;
  }
#endif
  return system_ns();
}

std::uint64_t Clock::end() noexcept {
#if defined(__x86_64__)
  if (steady) {
    unsigned core = 0;
    const std::uint64_t now = __rdtscp(&core);
    _mm_lfence();
    return now;
  }
#endif
  return system_ns();
}

double Clock::ns_per_tick() {
  static const double measured = calibrate();
  return measured;
}

}  // namespace laneway::bench
