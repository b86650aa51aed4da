#include "runtime/bucket.h"

#include <algorithm>
#include <chrono>

#include "runtime/watcher.h"

namespace laneway {

Bucket::Bucket(Extents capacity, std::vector<NamedExtent> named, std::vector<std::shared_ptr<Lane>> lanes, std::size_t bytes,
               std::uint64_t created, std::shared_ptr<ByteBudget> budget)
    : capacity_(capacity),
      named_(std::move(named)),
      lanes_(std::move(lanes)),
      bytes_(bytes),
      created_(created),
      born_ns_(steady_now_ns()),
      budget_(std::move(budget)),
      slots_(lanes_.size()),
      other_use_(created) {
  for (std::size_t i = 0; i < slots_.size(); ++i) slots_[i].next.store(i + 1 < slots_.size() ? i + 1 : no_lane);
  state_.store(0);
}

std::optional<std::uint32_t> Bucket::pop(std::uint64_t refused_by) noexcept {
  std::uint64_t seen = state_.load(std::memory_order_acquire);
  for (;;) {
    const std::uint64_t head = seen & head_mask;
    if ((seen & refused_by) != 0 || head == no_lane) return std::nullopt;
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

bool Bucket::pin() noexcept {
  std::uint64_t seen = state_.load(std::memory_order_acquire);
  while ((seen & retired_bit) == 0 && (seen & users_mask) != users_mask) {
    if (state_.compare_exchange_weak(seen, seen + user, std::memory_order_acq_rel, std::memory_order_acquire)) return true;
  }
  return false;
}

void Bucket::unpin() noexcept { leave(state_.fetch_sub(user, std::memory_order_acq_rel) - user); }

void Bucket::give_back(std::uint32_t lane) noexcept {
  if (budget_->impl().room_wanted.load(std::memory_order_seq_cst) != 0) {
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
    if (const auto lane = pop(0)) {
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

void Bucket::used(std::uint32_t lane, std::uint64_t tick, bool hit) noexcept {
  Slot& slot = slots_[lane];
  slot.last_used.store(tick, std::memory_order_relaxed);
  if (hit) slot.hits.store(slot.hits.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void Bucket::used(std::uint64_t tick, bool hit) noexcept {
  other_use_.store(tick, std::memory_order_relaxed);
  if (hit) other_hits_.fetch_add(1, std::memory_order_relaxed);
}

std::uint64_t Bucket::hits() const noexcept {
  std::uint64_t hits = other_hits_.load(std::memory_order_relaxed);
  for (const Slot& slot : slots_) hits += slot.hits.load(std::memory_order_relaxed);
  return hits;
}

std::uint64_t Bucket::last_used() const noexcept {
  std::uint64_t tick = other_use_.load(std::memory_order_relaxed);
  for (const Slot& slot : slots_) tick = std::max(tick, slot.last_used.load(std::memory_order_relaxed));
  return tick;
}

bool Bucket::in_use() const noexcept {
  if ((state_.load(std::memory_order_acquire) & users_mask) != 0) return true;
  return std::ranges::any_of(lanes_, [](const auto& lane) { return lane.use_count() > 1; });
}

bool Bucket::retire_if_idle() noexcept {
  std::uint64_t seen = state_.load(std::memory_order_acquire);
  do {
    if ((seen & (users_mask | retired_bit)) != 0) return false;
  } while (!state_.compare_exchange_weak(seen, seen | retired_bit, std::memory_order_acq_rel, std::memory_order_acquire));
  const bool kept = std::ranges::any_of(lanes_, [](const auto& lane) { return lane.use_count() > 1; });
  if (kept) state_.fetch_and(~retired_bit, std::memory_order_acq_rel);
  return !kept;
}

bool Bucket::retire() noexcept {
  const std::uint64_t before = state_.fetch_or(retired_bit, std::memory_order_acq_rel);
  return (before & (users_mask | retired_bit)) == 0;
}

void Bucket::finish() noexcept {
  lanes_.clear();
  const std::shared_ptr<Bucket> last = std::move(self);
}

}  // namespace laneway
