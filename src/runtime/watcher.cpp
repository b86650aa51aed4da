#include "runtime/watcher.h"

#include <time.h>

#include <algorithm>
#include <exception>

#include "laneway/core/threads.h"

namespace laneway {

std::int64_t steady_now_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

Watcher::Slot::Slot(Watcher& watcher, StopSignal& stop) : watcher_(watcher), stop_(stop) {
  const std::lock_guard lock(watcher_.mutex_);
  watcher_.slots_.push_back(this);
}

Watcher::Slot::~Slot() {
  const std::lock_guard lock(watcher_.mutex_);
  std::erase(watcher_.slots_, this);
}

bool Watcher::Slot::arm(std::int64_t deadline_ns) noexcept {
  if (!watcher_.started_.load(std::memory_order_acquire) && !watcher_.start()) return false;
  deadline_ns_.store(std::max<std::int64_t>(deadline_ns, 1), std::memory_order_seq_cst);
  // Either the watcher has yet to read this slot, or it has published when it wakes: too late for us, so it is woken.
  if (deadline_ns < watcher_.next_wake_ns_.load(std::memory_order_seq_cst)) sem_post(&watcher_.wake_);
  return true;
}

void Watcher::Slot::disarm() noexcept {
  std::int64_t seen = deadline_ns_.load(std::memory_order_acquire);
  while (seen == firing || !deadline_ns_.compare_exchange_weak(seen, unarmed, std::memory_order_seq_cst)) {
    if (seen == firing) {  // the watcher is telling the engine: a few instructions
      std::this_thread::yield();
      seen = deadline_ns_.load(std::memory_order_acquire);
    }
  }
}

Watcher::Watcher() { sem_init(&wake_, 0, 0); }

Watcher::~Watcher() {
  closing_.store(true);
  sem_post(&wake_);
  if (thread_.joinable()) thread_.join();
  sem_destroy(&wake_);
}

bool Watcher::start() noexcept {
  const std::lock_guard lock(mutex_);
  if (started_.load()) return true;
  try {
    thread_ = std::thread([this] { watch(); });
  } catch (const std::exception&) { return false; }
  started_.store(true, std::memory_order_release);
  return true;
}

std::int64_t Watcher::fire_due() noexcept {
  std::int64_t next = never;
  const std::lock_guard lock(mutex_);
  for (Slot* slot : slots_) {
    std::int64_t deadline = slot->deadline_ns_.load(std::memory_order_seq_cst);
    if (deadline <= 0) continue;
    if (deadline > steady_now_ns()) {
      next = std::min(next, deadline);
    } else if (slot->deadline_ns_.compare_exchange_strong(deadline, Slot::firing, std::memory_order_seq_cst)) {
      slot->stop_.request(StopCause::deadline);
      slot->deadline_ns_.store(Slot::fired, std::memory_order_seq_cst);
    }
  }
  return next;
}

void Watcher::watch() noexcept {
  static_cast<void>(name_this_thread("laneway-watch"));  // a name is a courtesy
  while (!closing_.load()) {
    next_wake_ns_.store(never, std::memory_order_seq_cst);
    const std::int64_t next = fire_due();
    next_wake_ns_.store(next, std::memory_order_seq_cst);
    const timespec until{.tv_sec = next / 1'000'000'000, .tv_nsec = next % 1'000'000'000};
    if (next == never) {
      sem_wait(&wake_);
    } else {
      sem_clockwait(&wake_, CLOCK_MONOTONIC, &until);
    }
  }
}

}  // namespace laneway
