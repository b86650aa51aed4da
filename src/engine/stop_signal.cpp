#include "laneway/engine/stop_signal.h"

#include <thread>

#include "laneway/engine/engine.h"

namespace laneway {
namespace {

constexpr std::uint32_t cause_shift = 8;

}  // namespace

StopCause StopSignal::settle_requested() noexcept {
  std::uint32_t seen = state_.load(std::memory_order_relaxed);
  for (;;) {
    if ((seen & 0xffu) == delivering) {  // interrupt() is under way in another thread: a few instructions
      std::this_thread::yield();
      seen = state_.load(std::memory_order_acquire);
    } else if (state_.compare_exchange_weak(seen, entered, std::memory_order_acq_rel, std::memory_order_acquire)) {
      return static_cast<StopCause>(seen >> cause_shift);
    }
  }
}

bool StopSignal::request(StopCause cause) noexcept {
  const std::uint32_t asked = static_cast<std::uint32_t>(cause) << cause_shift;
  std::uint32_t expected = running;
  if (!state_.compare_exchange_strong(expected, asked | delivering, std::memory_order_seq_cst)) return false;
  binding_->interrupt();
  state_.store(asked | delivered, std::memory_order_seq_cst);
  return true;
}

}  // namespace laneway
