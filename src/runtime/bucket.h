#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "laneway/runtime/lane.h"
#include "runtime/budget_impl.h"
#include "runtime/dimensions.h"

namespace laneway {

class BucketPool;

/// The lanes of one capacity, lent out one by one.
///
/// All that a hit touches is one word: the stack of free lanes, how many users there are, whether anybody queues, whether the
/// bucket is retired. Its memory is the pool's and is used again, never freed while the pool lives: so whoever found the bucket
/// without a lock may look at the word, and finds out by changing it whether it still is the bucket he meant. A bucket that
/// stands keeps its pool.
class LANEWAY_PRIVATE Bucket {
 public:
  static constexpr std::size_t lanes_max = 4000;

  /// What stands in it from settle() until it is retired and its last user has left.
  struct Content {
    Extents capacity;
    std::vector<NamedExtent> named;
    std::vector<std::shared_ptr<Lane>> lanes;
    std::size_t bytes = 0;
    std::uint64_t created = 0;
  };

  /// Retired: refuses everybody.
  Bucket(std::size_t lanes, std::shared_ptr<ByteBudget> budget);
  Bucket(const Bucket&) = delete;
  Bucket& operator=(const Bucket&) = delete;

  /// Of a vacant one, with `pins` users.
  void settle(Content content, int pins, std::shared_ptr<BucketPool> pool) noexcept;

  /// Without a pin this is what it was a moment ago.
  bool serves(const Extents& capacity) const noexcept { return capacity_.equal(capacity); }
  const Extents& capacity() const noexcept { return content_.capacity; }
  std::span<const NamedExtent> named() const noexcept { return content_.named; }
  std::span<const std::shared_ptr<Lane>> lanes() const noexcept { return content_.lanes; }
  std::size_t bytes() const noexcept { return content_.bytes; }
  std::int64_t born_ns() const noexcept { return born_ns_; }
  std::mutex& warming() noexcept { return warming_; }

  /// A free lane of this capacity, at once or not at all: none free, somebody queues, retired, or another's by now.
  std::optional<std::uint32_t> try_take(const Extents& capacity) noexcept { return pop(queued_bit | retired_bit, &capacity); }
  /// A place among the users, without a lane: keeps what stands here. False: it is retired, or another's by now.
  bool pin(const Extents& capacity) noexcept;
  void unpin() noexcept;
  /// Waits for a lane, first come first served; the caller has a pin. nullopt: the deadline passed.
  std::optional<std::uint32_t> take(std::optional<std::int64_t> deadline_ns);
  void give_back(std::uint32_t lane) noexcept;

  /// Counts a use: a hit by whoever has taken the lane, or without one. The budget's clock ticks, unless nobody used another
  /// bucket since.
  void hit(std::uint32_t lane) noexcept;
  void hit() noexcept;
  void used() noexcept;
  std::uint64_t hits() const noexcept { return all_hits() - hits_before_; }  ///< Of what stands here.
  std::uint64_t all_hits() const noexcept;                                   ///< Since the pool began.
  std::uint64_t last_used() const noexcept { return last_used_.load(std::memory_order_relaxed); }
  std::uint64_t created() const noexcept { return content_.created; }
  bool in_use() const noexcept;

  /// For room: retires it unless somebody uses it or keeps a lane of it. Then finish() is the caller's to call.
  bool retire_if_idle() noexcept;
  /// For good: the last user finishes it; true where there is none, and so the caller has to.
  bool retire() noexcept;
  /// Lets the lanes go; then it is vacant. Not under the budget's mutex.
  void finish() noexcept;

 private:
  friend class BucketPool;
  // head: 12 bits, users: 16, queued: 1, retired: 1, tag: 34 (so that a lane that went and came back is noticed)
  static constexpr std::uint64_t head_mask = 0xfff, no_lane = head_mask;
  static constexpr std::uint64_t user = std::uint64_t{1} << 12, users_mask = std::uint64_t{0xffff} << 12;
  static constexpr std::uint64_t queued_bit = std::uint64_t{1} << 28, retired_bit = std::uint64_t{1} << 29;
  static constexpr std::uint64_t tag = std::uint64_t{1} << 30;

  struct Slot {
    std::atomic<std::uint64_t> next{no_lane};
    std::atomic<std::uint64_t> hits{0};  // written by whoever has taken the lane, read by whoever looks
  };
  struct Waiter {
    std::condition_variable given;
    std::optional<std::uint32_t> lane;
    Waiter* next = nullptr;
  };

  std::optional<std::uint32_t> pop(std::uint64_t refused_by, const Extents* capacity) noexcept;
  bool push(std::uint32_t lane, std::uint64_t refused_by) noexcept;
  void leave(std::uint64_t seen) noexcept;
  void hand_over(std::uint32_t lane) noexcept;
  void withdraw(Waiter& waiter) noexcept;

  alignas(64) std::atomic<std::uint64_t> state_{no_lane | retired_bit};
  std::atomic<std::uint64_t> last_used_{0};
  SharedExtents capacity_;  // content_.capacity, for those without a pin
  ByteBudget::Impl& shared_;
  std::vector<Slot> slots_;
  Content content_;
  std::int64_t born_ns_ = 0;
  std::uint64_t hits_before_ = 0;
  std::atomic<std::uint64_t> other_hits_{0};
  const std::shared_ptr<ByteBudget> budget_;
  std::shared_ptr<BucketPool> pool_;  // while it stands
  Bucket* next_vacant_ = nullptr;

  std::mutex mutex_;  // of the queue
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
  std::mutex warming_;  // two that want all lanes at once would wait for one another
};

struct Unpin {
  void operator()(Bucket* bucket) const noexcept { bucket->unpin(); }
};
/// A pin that goes with its holder.
using PinnedBucket = std::unique_ptr<Bucket, Unpin>;

/// Memory of a cache's buckets. Threads: any.
class BucketPool : public std::enable_shared_from_this<BucketPool> {
 public:
  BucketPool(std::size_t lanes, std::shared_ptr<ByteBudget> budget) : lanes_(lanes), budget_(std::move(budget)) {}

  /// The caller's alone until it settles it or gives it back.
  Bucket* take();
  void give_back(Bucket& vacant) noexcept;
  std::uint64_t all_hits() const noexcept;

 private:
  const std::size_t lanes_;
  const std::shared_ptr<ByteBudget> budget_;
  mutable std::mutex mutex_;
  std::deque<Bucket> buckets_;
  Bucket* vacant_ = nullptr;
};

}  // namespace laneway
