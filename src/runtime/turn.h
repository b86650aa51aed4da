#pragma once
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "laneway/engine/engine.h"
#include "laneway/engine/open_spec.h"

namespace laneway {

/// One run at a time, for engines whose bindings cannot run at once. Shared by all runtimes of the engine.
class Turn {
 public:
  /// Null for engines that need none.
  static std::shared_ptr<Turn> of(const OpenEngine& engine);

  /// Waits for the turn. False: `stop` was requested first.
  bool take(const StopSignal& stop) noexcept {
    constexpr std::chrono::milliseconds look_again{1};  // a stop request does not wake us
    std::unique_lock lock(mutex_);
    while (taken_) {
      if (stop.requested()) return false;
      free_.wait_for(lock, look_again);
    }
    return taken_ = true;
  }
  void give_back() noexcept {
    {
      const std::lock_guard lock(mutex_);
      taken_ = false;
    }
    free_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable free_;
  bool taken_ = false;
};

}  // namespace laneway
