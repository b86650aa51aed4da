#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "laneway/runtime/lane.h"
#include "runtime/budget_impl.h"
#include "runtime/dimensions.h"

namespace laneway {

/// The lanes of one capacity, lent out one by one.
///
/// All that a hit touches is one word: the stack of free lanes, how many users there are, whether anybody queues, whether the
/// bucket is retired. It owns itself until it is retired and its last user has left; readers of an old table may look at the
/// word of a retired bucket, which then refuses them.
class Bucket {
 public:
  static constexpr std::size_t lanes_max = 4000;

  Bucket(Extents capacity, std::vector<NamedExtent> named, std::vector<std::shared_ptr<Lane>> lanes, std::size_t bytes,
         std::uint64_t created, std::shared_ptr<ByteBudget> budget);

  const Extents& capacity() const noexcept { return capacity_; }
  std::span<const NamedExtent> named() const noexcept { return named_; }
  std::span<const std::shared_ptr<Lane>> lanes() const noexcept { return lanes_; }
  std::size_t bytes() const noexcept { return bytes_; }
  std::int64_t born_ns() const noexcept { return born_ns_; }
  std::mutex& warming() noexcept { return warming_; }

  /// A free lane, at once or not at all: none free, somebody queues, or retired.
  std::optional<std::uint32_t> try_take() noexcept { return pop(queued_bit | retired_bit); }
  /// A place among the users, without a lane: keeps the bucket from being retired under us. False: it is retired.
  bool pin() noexcept;
  void unpin() noexcept;
  /// Waits for a lane, first come first served; the caller has a pin. nullopt: the deadline passed.
  std::optional<std::uint32_t> take(std::optional<std::int64_t> deadline_ns);
  void give_back(std::uint32_t lane) noexcept;

  void used(std::uint32_t lane, std::uint64_t tick, bool hit) noexcept;  ///< By whoever has taken the lane.
  void used(std::uint64_t tick, bool hit) noexcept;                      ///< Without one.
  std::uint64_t hits() const noexcept;
  std::uint64_t last_used() const noexcept;
  std::uint64_t created() const noexcept { return created_; }
  bool in_use() const noexcept;

  /// For room: retires it unless somebody uses it or keeps a lane of it. Then finish() is the caller's to call.
  bool retire_if_idle() noexcept;
  /// For good: the last user finishes it; true where there is none, and so the caller has to.
  bool retire() noexcept;
  /// Lets the lanes go, and then itself. Not under the budget's mutex.
  void finish() noexcept;

  std::shared_ptr<Bucket> self;  ///< Set by whoever publishes it.

 private:
  // head: 12 bits, users: 16, queued: 1, retired: 1, tag: 34 (so that a lane that went and came back is noticed)
  static constexpr std::uint64_t head_mask = 0xfff, no_lane = head_mask;
  static constexpr std::uint64_t user = std::uint64_t{1} << 12, users_mask = std::uint64_t{0xffff} << 12;
  static constexpr std::uint64_t queued_bit = std::uint64_t{1} << 28, retired_bit = std::uint64_t{1} << 29;
  static constexpr std::uint64_t tag = std::uint64_t{1} << 30;

  struct Slot {
    std::atomic<std::uint64_t> next{no_lane};
    // Written by whoever has taken the lane, read by whoever looks.
    std::atomic<std::uint64_t> hits{0}, last_used{0};
  };
  struct Waiter {
    std::condition_variable given;
    std::optional<std::uint32_t> lane;
    Waiter* next = nullptr;
  };

  std::optional<std::uint32_t> pop(std::uint64_t refused_by) noexcept;
  bool push(std::uint32_t lane, std::uint64_t refused_by) noexcept;
  void leave(std::uint64_t seen) noexcept;
  void hand_over(std::uint32_t lane) noexcept;
  void withdraw(Waiter& waiter) noexcept;

  const Extents capacity_;
  const std::vector<NamedExtent> named_;
  std::vector<std::shared_ptr<Lane>> lanes_;
  const std::size_t bytes_;
  const std::uint64_t created_;
  const std::int64_t born_ns_;
  std::shared_ptr<ByteBudget> budget_;
  std::vector<Slot> slots_;
  alignas(64) std::atomic<std::uint64_t> state_{no_lane};
  std::atomic<std::uint64_t> other_hits_{0}, other_use_{0};

  std::mutex mutex_;  // of the queue
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
  std::mutex warming_;  // two that want all lanes at once would wait for one another
};

}  // namespace laneway
