#include "bench/measure/host.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace laneway::bench {
namespace {

// Multiply-adds done by `turns` turns of ten independent chains, which hide the latency of each on every processor so far.
#if defined(__x86_64__)
// In assembler, because compilers do not reliably keep ten vectors in registers.
#define LANEWAY_FMA(vector, chain) "vfmadd231ps %%" vector "10, %%" vector "11, %%" vector chain "\n"
#define LANEWAY_FMA_LOOP(vector)                                                                                       \
  "vzeroall\n0:\n" LANEWAY_FMA(vector, "0") LANEWAY_FMA(vector, "1") LANEWAY_FMA(vector, "2") LANEWAY_FMA(vector, "3") \
      LANEWAY_FMA(vector, "4") LANEWAY_FMA(vector, "5") LANEWAY_FMA(vector, "6") LANEWAY_FMA(vector, "7")              \
          LANEWAY_FMA(vector, "8") LANEWAY_FMA(vector, "9") "dec %0\njnz 0b\nvzeroupper\n"
#define LANEWAY_FMA_CLOBBERS                                                                                                \
  "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", \
      "xmm14", "xmm15"

double avx2(std::int64_t turns) {
  std::int64_t left = turns;
  asm volatile(LANEWAY_FMA_LOOP("ymm") : "+r"(left) : : LANEWAY_FMA_CLOBBERS);
  return static_cast<double>(turns) * 10 * 8;
}
double avx512(std::int64_t turns) {
  std::int64_t left = turns;
  asm volatile(LANEWAY_FMA_LOOP("zmm") : "+r"(left) : : LANEWAY_FMA_CLOBBERS);
  return static_cast<double>(turns) * 10 * 16;
}
#endif

double portable(std::int64_t turns) {
  float sums[40] = {};
  for (std::int64_t turn = 0; turn < turns; ++turn) {
    for (float& sum : sums) sum = sum * 0.999f + 0.001f;
  }
  asm volatile("" : : "r"(&sums) : "memory");
  return static_cast<double>(turns) * 40;
}

using Loop = double (*)(std::int64_t turns);
Loop widest() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2;
#endif
  return portable;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The best of several goes: what the machine can do, not what others left of it.
template <class Work>
double best_rate(int goes, Work work) {
  double best = 0;
  for (int go = 0; go < goes; ++go) {
    const auto start = std::chrono::steady_clock::now();
    const double done = work();
    best = std::max(best, done / seconds_since(start));
  }
  return best;
}

double read_all(const std::uint64_t* words, std::size_t count) {
  std::uint64_t sums[8] = {};
  for (std::size_t i = 0; i < count; i += 8) {
    for (std::size_t lane = 0; lane < 8; ++lane) sums[lane] += words[i + lane];
  }
  asm volatile("" : : "r"(&sums) : "memory");
  return static_cast<double>(count * sizeof(std::uint64_t));
}

}  // namespace

HostSpeed measure_host() {
  const Loop loop = widest();
  const double macs = best_rate(5, [&] { return loop(std::int64_t{1} << 20); });
  constexpr std::size_t words = (std::size_t{256} << 20) / sizeof(std::uint64_t);
  const auto memory = std::make_unique<std::uint64_t[]>(words);
  for (std::size_t i = 0; i < words; i += 256) memory[i] = i;  // pages of its own, not the kernel's page of zeros
  const double bytes = best_rate(4, [&] { return read_all(memory.get(), words); });
  return {.fma_gmacs_per_s = macs / 1e9, .memory_gb_per_s = bytes / 1e9};
}

}  // namespace laneway::bench
