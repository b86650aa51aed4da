#pragma once
#include <semaphore.h>

#include <atomic>
#include <cstdint>
#include <limits>
#include <mutex>
#include <thread>
#include <vector>

#include "laneway/engine/stop_signal.h"

namespace laneway {

/// Ends runs whose deadline has passed: one thread for all lanes of a runtime, started by the first deadline.
class Watcher {
 public:
  /// A lane's place in the watcher. Arming it is a store and at most one wake; it never reaches a run other than its own.
  class Slot {
   public:
    Slot(Watcher& watcher, StopSignal& stop);
    ~Slot();
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;

    /// `deadline_ns` on the steady clock. Call it between begin() and end() of the lane's stop signal.
    /// False: the system gives no thread to watch with.
    bool arm(std::int64_t deadline_ns) noexcept;
    void disarm() noexcept;

   private:
    friend class Watcher;
    static constexpr std::int64_t unarmed = 0, firing = -1, fired = -2;

    Watcher& watcher_;
    StopSignal& stop_;
    std::atomic<std::int64_t> deadline_ns_{unarmed};
  };

  Watcher();
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

 private:
  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

  bool start() noexcept;
  void watch() noexcept;
  std::int64_t fire_due() noexcept;

  std::mutex mutex_;  // of slots_ and of starting the thread
  std::vector<Slot*> slots_;
  std::atomic<std::int64_t> next_wake_ns_{never};
  std::atomic<bool> started_{false}, closing_{false};
  sem_t wake_;
  std::thread thread_;
};

/// Now, on the clock of deadlines.
std::int64_t steady_now_ns() noexcept;

}  // namespace laneway
