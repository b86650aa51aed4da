#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "laneway/runtime/byte_budget.h"

namespace laneway {

class BucketCache;

/// What caches under one budget share. Its mutex guards the structure of all of them (tables, builds, counts): taken on misses
/// and by management, never by a hit, never while an engine builds or runs.
class LANEWAY_PRIVATE ByteBudget::Impl {
 public:
  explicit Impl(std::optional<std::size_t> max) : bytes_max(max) {}

  const std::optional<std::size_t> bytes_max;
  std::mutex mutex;
  std::condition_variable room;  // something was given back
  std::size_t bytes = 0;         // standing and reserved
  std::vector<BucketCache*> members;
  std::atomic<int> room_wanted{0};      // builds that wait for room
  std::atomic<std::uint64_t> clock{0};  // ticks once per request: the order of use among all members
};

/// Bytes taken from a budget; given back when the last lane that they were for is gone.
class LANEWAY_PRIVATE Reservation {
 public:
  explicit Reservation(std::shared_ptr<ByteBudget> budget) noexcept : budget_(std::move(budget)) {}
  ~Reservation() {
    if (bytes_ == 0) return;
    {
      const std::lock_guard lock(budget_->impl().mutex);
      budget_->impl().bytes -= bytes_;
    }
    budget_->impl().room.notify_all();
  }
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;

  /// Under the budget's mutex.
  void take(std::size_t bytes) noexcept {
    bytes_ = bytes;
    budget_->impl().bytes += bytes;
  }

 private:
  std::shared_ptr<ByteBudget> budget_;
  std::size_t bytes_ = 0;
};

}  // namespace laneway
