#pragma once
#include <atomic>
#include <cstdint>

#include "laneway/core/visibility.h"

namespace laneway LANEWAY_PUBLIC {

class Binding;

/// Who asked a run to stop.
enum class StopCause : std::uint8_t { none, cancelled, deadline };

/// The one word a lane and those who want to stop it share: whether it is entered, runs, and who asked the run to end.
///
/// The owner enters, runs between start() and settle(), and leaves; what else must be alone only enters and leaves. The engine
/// that runs polls requested(); anybody calls request(). A request outside a run has no effect, and one that came during a run
/// is over (the engine told, if it needs telling) when settle() returns: it never reaches the run after it.
/// Threads: request() and requested() from any thread; the others by whoever is inside.
/// Cost:    two exchanges and two plain stores a run; settle() waits only while a request is being delivered.
class StopSignal {
 public:
  /// False where somebody is inside already: the one check against a second thread in a lane.
  bool enter() noexcept {
    std::uint32_t expected = idle;
    return state_.compare_exchange_strong(expected, entered, std::memory_order_acquire, std::memory_order_relaxed);
  }
  void leave() noexcept { state_.store(idle, std::memory_order_release); }

  /// From here on `binding` is what a request interrupts.
  void start(Binding& binding) noexcept {
    binding_ = &binding;
    state_.store(running, std::memory_order_release);
  }
  /// The run is over: from here on requests have no effect. Says whether, and by whom, it was asked to stop.
  StopCause settle() noexcept {
    std::uint32_t expected = running;
    if (state_.compare_exchange_strong(expected, entered, std::memory_order_acq_rel, std::memory_order_acquire)) [[likely]]
      return StopCause::none;
    return settle_requested();
  }

  /// For whoever only runs.
  bool begin(Binding& binding) noexcept {
    if (!enter()) return false;
    start(binding);
    return true;
  }
  StopCause end() noexcept {
    const StopCause cause = settle();
    leave();
    return cause;
  }

  /// Asks the run in progress to end and tells its binding so. False: there was none, or it had been asked before.
  bool request(StopCause cause) noexcept;

  /// For engines: true once the run should end. Cheap enough for every node.
  bool requested() const noexcept { return (state_.load(std::memory_order_seq_cst) & 0xffu) >= delivering; }

 private:
  StopCause settle_requested() noexcept;

  static constexpr std::uint32_t idle = 0, entered = 1, running = 2, delivering = 3, delivered = 4;  // the cause in bits 8..
  std::atomic<std::uint32_t> state_{idle};
  Binding* binding_ = nullptr;  // written before `running` is stored, read after it was seen
};

}  // namespace laneway
