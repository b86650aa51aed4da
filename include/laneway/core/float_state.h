#pragma once
#include <cstdint>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace laneway {

/// While one lives, this thread rounds to nearest, keeps denormals and traps nothing, whatever it did before; then its state is
/// as it was. Results so do not depend on the caller's thread. On x86-64 this is MXCSR: some 7 ns where it differs, 2 where not.
class FloatStateGuard {
 public:
#if defined(__x86_64__)
  FloatStateGuard() noexcept : before_(_mm_getcsr()) {
    if ((before_ & control_mask) != standard) _mm_setcsr(standard);
  }
  ~FloatStateGuard() {
    if (_mm_getcsr() != before_) _mm_setcsr(before_);
  }

 private:
  static constexpr std::uint32_t standard = 0x1f80;
  static constexpr std::uint32_t control_mask = 0xffc0;  // all but the sticky exception flags
  std::uint32_t before_;
#else
  FloatStateGuard() noexcept = default;
#endif

 public:
  FloatStateGuard(const FloatStateGuard&) = delete;
  FloatStateGuard& operator=(const FloatStateGuard&) = delete;
};

/// While one lives, this thread takes denormals for zero and makes none; then its state is as it was.
class DenormalsAsZero {
 public:
#if defined(__x86_64__)
  DenormalsAsZero() noexcept : before_(_mm_getcsr()) { _mm_setcsr(before_ | flush_to_zero | denormals_are_zero); }
  ~DenormalsAsZero() { _mm_setcsr(before_); }

 private:
  static constexpr std::uint32_t flush_to_zero = 0x8000, denormals_are_zero = 0x0040;
  std::uint32_t before_;
#else
  DenormalsAsZero() noexcept = default;
#endif

 public:
  DenormalsAsZero(const DenormalsAsZero&) = delete;
  DenormalsAsZero& operator=(const DenormalsAsZero&) = delete;
};

}  // namespace laneway
