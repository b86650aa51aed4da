#pragma once
#include <atomic>
#include <cstdint>

#include "laneway/core/visibility.h"

namespace laneway LANEWAY_PUBLIC {

class Binding;

/// Who asked a run to stop.
enum class StopCause : std::uint8_t { none, cancelled, deadline };

/// The one word a lane and those who want to stop it share: whether a run is in progress and who asked it to end.
///
/// The owner brackets a run with begin() and end(); the engine that runs polls requested(); anybody calls request(). A request
/// between runs has no effect, and one that came during a run is over (the engine told, if it needs telling) when end()
/// returns: it never reaches the run after it.
/// Threads: begin() and end() by whoever runs; the others from any thread.
/// Cost:    one atomic exchange each; end() waits only while a request is being delivered.
class StopSignal {
 public:
  /// False where a run is in progress already: the one check against a second thread in a lane.
  bool begin() noexcept {
    std::uint32_t expected = idle;
    return state_.compare_exchange_strong(expected, running, std::memory_order_seq_cst);
  }

  /// Ends the bracket and says whether, and by whom, the run was asked to stop.
  StopCause end() noexcept;

  /// Asks the run in progress to end and tells `binding` so. False: there was none, or it had been asked before.
  bool request(StopCause cause, Binding& binding) noexcept;

  /// For engines: true once the run should end. Cheap enough for every node.
  bool requested() const noexcept { return state_.load(std::memory_order_seq_cst) > running; }
  bool in_progress() const noexcept { return state_.load(std::memory_order_acquire) != idle; }

 private:
  static constexpr std::uint32_t idle = 0, running = 1, delivering = 2, delivered = 3;  // above 1: cause in bits 8..
  std::atomic<std::uint32_t> state_{idle};
};

}  // namespace laneway
