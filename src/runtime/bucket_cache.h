#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "laneway/runtime/runtime.h"
#include "runtime/blueprint.h"
#include "runtime/bucket_table.h"
#include "runtime/budget_impl.h"
#include "runtime/capacities.h"

namespace laneway {

/// How an engine is opened again for a bucket with a model of its own.
using OpenEngineAgain = std::function<Expected<OpenEngine>(const OpenSpec&)>;

/// Buckets by capacity: found without a lock, built once for all who ask, bounded in number and bytes.
///
/// Structure (table_, builds_, counts) changes under the budget's mutex only. A hit takes no lock: it reads the table, and
/// changes the word of the bucket.
class LANEWAY_PRIVATE BucketCache {
 public:
  BucketCache(std::shared_ptr<const Blueprint> blueprint, OpenEngine engine, OpenEngineAgain open_again, Capacities capacities);
  ~BucketCache();
  BucketCache(const BucketCache&) = delete;
  BucketCache& operator=(const BucketCache&) = delete;

  Expected<Lease> lease(const ShapeKey& dimensions, const LeaseSpec& spec);
  Expected<BucketLanes> bucket(const ShapeKey& dimensions, const LeaseSpec& spec);
  Expected<Extents> capacity_for(const ShapeKey& dimensions) const;
  Expected<std::optional<BucketInfo>> find(const ShapeKey& dimensions) const;
  Expected<bool> drop(const ShapeKey& dimensions);
  void clear() noexcept;
  std::vector<BucketInfo> list() const;
  Expected<> warm(std::span<const std::vector<NamedExtent>> shapes, int runs);
  Expected<> prime(int runs);
  CacheCounters counters() const noexcept;
  void audit(Audit& audit) const;
  void count_lanes(std::size_t& lanes, std::size_t& bytes) const;

 private:
  /// One build under way; guarded by the budget's mutex.
  struct Build {
    Extents capacity;
    int waiting = 0;
    bool done = false;
    std::string_view stage = "for a build thread";
    std::optional<Error> error;
    Bucket* bucket = nullptr;  // with a pin for each who waited
    std::condition_variable finished;
  };
  struct Found {
    PinnedBucket bucket;
    bool built;
  };
  /// What a build has taken for its bucket: the memory, and a share of what the cache may hold.
  struct Place {
    Bucket* bucket = nullptr;
    std::size_t count = 0, bytes = 0;
  };
  class Waited;

  // bucket_cache.cpp: asking
  Expected<Found> find_or_build(const Extents& capacity, std::optional<std::int64_t> deadline_ns, OnMiss on_miss);
  Expected<Found> miss(std::unique_lock<std::mutex>& lock, const Extents& capacity, std::optional<std::int64_t> deadline_ns,
                       OnMiss on_miss);
  Expected<Lease> wait_for_lane(const Found& found, const Extents& extents, std::optional<std::int64_t> deadline_ns);
  Expected<Lease> hand_out(Bucket& bucket, std::uint32_t lane, const Extents& extents, bool built);
  Expected<> run_all_lanes(Bucket& pinned, const Extents* extents, int runs);
  std::vector<PinnedBucket> pin_all() const;
  std::string describe(const Extents& capacity) const;
  ByteBudget::Impl& shared() const noexcept { return shared_; }

  // bucket_build.cpp: building, making room
  Expected<std::shared_ptr<Build>> start_build(const Extents& capacity);  // under the mutex
  void build_thread() noexcept;
  void build(Build& build) noexcept;
  Expected<Bucket::Content> make_content(Build& build, Place& place);
  void stand(Build& build, const Place& place, Bucket::Content content) noexcept;  // under the mutex
  Expected<OpenEngine> engine_for(std::span<const NamedExtent> capacity) const;
  Expected<std::shared_ptr<Reservation>> reserve(Build& build, Place& place, std::size_t bytes);
  std::size_t count() const noexcept;
  bool fits(std::size_t bytes) const noexcept;
  std::vector<Bucket*> retire_for(std::size_t bytes, std::size_t& own);
  std::uint64_t rank(const Bucket& bucket) const noexcept;
  void unpublish(Bucket& bucket) noexcept;  // under the mutex
  void show(std::ptrdiff_t buckets, std::ptrdiff_t bytes) const noexcept;
  void close() noexcept;

  const std::shared_ptr<const Blueprint> blueprint_;
  const OpenEngine engine_;
  const OpenEngineAgain open_again_;
  const Capacities capacities_;
  const BucketSpec& spec_;
  const std::shared_ptr<ByteBudget> budget_;
  ByteBudget::Impl& shared_;
  const std::shared_ptr<BucketPool> pool_;

  BucketTable table_;
  std::vector<std::shared_ptr<Build>> builds_;
  std::deque<std::shared_ptr<Build>> queue_;
  std::condition_variable work_;
  std::vector<std::thread> threads_;
  bool closing_ = false;

  std::size_t reserved_count_ = 0, dying_count_ = 0;  // beside those of the table
  std::size_t reserved_bytes_ = 0, bytes_ = 0;
  std::uint64_t misses_ = 0, builds_made_ = 0, build_failures_ = 0, evictions_ = 0;
  std::int64_t build_ns_ = 0;
};

}  // namespace laneway
