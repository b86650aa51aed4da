#include "runtime/bucket.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "runtime/watcher.h"

namespace laneway {

Bucket::Bucket(std::size_t lanes, std::shared_ptr<ByteBudget> budget)
    : shared_(budget->impl()), slots_(lanes), budget_(std::move(budget)) {}

// The capacity is stored and loaded in order with the word: whoever read another's has seen the word change, or will when he
// tries to change it himself.
void Bucket::settle(Content content, int pins, std::shared_ptr<BucketPool> pool) noexcept {
  content_ = std::move(content);
  pool_ = std::move(pool);
  born_ns_ = steady_now_ns();
  hits_before_ = all_hits();
  last_used_.store(content_.created, std::memory_order_relaxed);
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    slots_[i].next.store(i + 1 < slots_.size() ? i + 1 : no_lane, std::memory_order_relaxed);
  }
  capacity_.store(content_.capacity);
  const std::uint64_t tags = state_.load(std::memory_order_relaxed) & ~(tag - 1);
  state_.store(tags + tag + static_cast<std::uint64_t>(pins) * user, std::memory_order_release);
}

std::optional<std::uint32_t> Bucket::pop(std::uint64_t refused_by, const Extents* capacity) noexcept {
  std::uint64_t seen = state_.load(std::memory_order_acquire);
  for (;;) {
    const std::uint64_t head = seen & head_mask;
    if ((seen & refused_by) != 0 || head == no_lane) return std::nullopt;
    if (capacity && !serves(*capacity)) return std::nullopt;
    const std::uint64_t next = slots_[head].next.load(std::memory_order_relaxed);
    const std::uint64_t wanted = ((seen & ~head_mask) | next) + user + tag;
    if (state_.compare_exchange_weak(seen, wanted, std::memory_order_acq_rel, std::memory_order_acquire)) {
      return static_cast<std::uint32_t>(head);
    }
  }
}

bool Bucket::push(std::uint32_t lane, std::uint64_t refused_by) noexcept {
  std::uint64_t seen = state_.load(std::memory_order_acquire);
  std::uint64_t wanted = 0;
  do {
    if ((seen & refused_by) != 0) return false;
    slots_[lane].next.store(seen & head_mask, std::memory_order_relaxed);
    wanted = ((seen & ~head_mask) | lane) - user + tag;
  } while (!state_.compare_exchange_weak(seen, wanted, std::memory_order_acq_rel, std::memory_order_acquire));
  leave(wanted);
  return true;
}

// After the word says that we are gone, only the last user of a retired bucket may touch the rest of it.
void Bucket::leave(std::uint64_t seen) noexcept {
  if ((seen & retired_bit) != 0 && (seen & users_mask) == 0) finish();
}

bool Bucket::pin(const Extents& capacity) noexcept {
  std::uint64_t seen = state_.load(std::memory_order_acquire);
  while ((seen & retired_bit) == 0 && (seen & users_mask) != users_mask && serves(capacity)) {
    if (state_.compare_exchange_weak(seen, seen + user, std::memory_order_acq_rel, std::memory_order_acquire)) return true;
  }
  return false;
}

void Bucket::unpin() noexcept { leave(state_.fetch_sub(user, std::memory_order_acq_rel) - user); }

void Bucket::give_back(std::uint32_t lane) noexcept {
  if (shared_.room_wanted.load(std::memory_order_seq_cst) != 0) {
    const std::shared_ptr<ByteBudget> budget = budget_;  // outlives us, should this be the end of the bucket
    hand_over(lane);
    budget->impl().room.notify_all();
  } else if (!push(lane, queued_bit)) {
    hand_over(lane);
  }
}

std::optional<std::uint32_t> Bucket::take(std::optional<std::int64_t> deadline_ns) {
  std::unique_lock lock(mutex_);
  state_.fetch_or(queued_bit, std::memory_order_acq_rel);  // from here on lanes come back through hand_over()
  if (!first_) {
    if (const auto lane = pop(0, nullptr)) {
      state_.fetch_and(~queued_bit, std::memory_order_acq_rel);
      return lane;
    }
  }
  Waiter waiter;
  (last_ ? last_->next : first_) = &waiter;
  last_ = &waiter;
  const auto given = [&] { return waiter.lane.has_value(); };
  if (!deadline_ns) {
    waiter.given.wait(lock, given);
  } else {
    const std::chrono::steady_clock::time_point deadline{std::chrono::nanoseconds(*deadline_ns)};
    if (!waiter.given.wait_until(lock, deadline, given)) withdraw(waiter);
  }
  return waiter.lane;
}

void Bucket::hand_over(std::uint32_t lane) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (Waiter* waiter = first_) {
      first_ = waiter->next;
      if (!first_) {
        last_ = nullptr;
        state_.fetch_and(~queued_bit, std::memory_order_acq_rel);
      }
      waiter->lane = lane;
      waiter->given.notify_one();  // under the lock: the waiter's frame is gone once it sees the lane
      return;
    }
  }
  push(lane, 0);
}

void Bucket::withdraw(Waiter& waiter) noexcept {
  Waiter* before = nullptr;
  for (Waiter* at = first_; at != &waiter; at = at->next) before = at;
  (before ? before->next : first_) = waiter.next;
  if (last_ == &waiter) last_ = before;
  if (!first_) state_.fetch_and(~queued_bit, std::memory_order_acq_rel);
}

void Bucket::hit(std::uint32_t lane) noexcept {
  std::atomic<std::uint64_t>& hits = slots_[lane].hits;
  hits.store(hits.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  used();
}

void Bucket::hit() noexcept {
  other_hits_.fetch_add(1, std::memory_order_relaxed);
  used();
}

void Bucket::used() noexcept {
  if (last_used_.load(std::memory_order_relaxed) == shared_.clock.load(std::memory_order_relaxed)) return;
  last_used_.store(shared_.clock.fetch_add(1, std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

std::uint64_t Bucket::all_hits() const noexcept {
  std::uint64_t hits = other_hits_.load(std::memory_order_relaxed);
  for (const Slot& slot : slots_) hits += slot.hits.load(std::memory_order_relaxed);
  return hits;
}

bool Bucket::in_use() const noexcept {
  if ((state_.load(std::memory_order_acquire) & users_mask) != 0) return true;
  return std::ranges::any_of(content_.lanes, [](const auto& lane) { return lane.use_count() > 1; });
}

bool Bucket::retire_if_idle() noexcept {
  std::uint64_t seen = state_.load(std::memory_order_acquire);
  do {
    if ((seen & (users_mask | retired_bit)) != 0) return false;
  } while (!state_.compare_exchange_weak(seen, seen | retired_bit, std::memory_order_acq_rel, std::memory_order_acquire));
  const bool kept = std::ranges::any_of(content_.lanes, [](const auto& lane) { return lane.use_count() > 1; });
  if (kept) state_.fetch_and(~retired_bit, std::memory_order_acq_rel);
  return !kept;
}

bool Bucket::retire() noexcept {
  const std::uint64_t before = state_.fetch_or(retired_bit, std::memory_order_acq_rel);
  return (before & (users_mask | retired_bit)) == 0;
}

void Bucket::finish() noexcept {
  content_ = {};
  const std::shared_ptr<BucketPool> pool = std::move(pool_);  // outlives us, should this be the end of it
  pool->give_back(*this);
}

// ---- pool -----------------------------------------------------------------------------------------------------------------

Bucket* BucketPool::take() {
  const std::lock_guard lock(mutex_);
  if (!vacant_) return &buckets_.emplace_back(lanes_, budget_);
  return std::exchange(vacant_, vacant_->next_vacant_);
}

void BucketPool::give_back(Bucket& vacant) noexcept {
  const std::lock_guard lock(mutex_);
  vacant.next_vacant_ = std::exchange(vacant_, &vacant);
}

std::uint64_t BucketPool::all_hits() const noexcept {
  const std::lock_guard lock(mutex_);
  std::uint64_t hits = 0;
  for (const Bucket& bucket : buckets_) hits += bucket.all_hits();
  return hits;
}

}  // namespace laneway
