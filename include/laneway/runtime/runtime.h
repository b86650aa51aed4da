#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/core/port.h"
#include "laneway/runtime/audit.h"
#include "laneway/runtime/lane.h"
#include "laneway/runtime/shape_key.h"
#include "laneway/runtime/spec.h"

namespace laneway LANEWAY_PUBLIC {

class Bucket;  // of the runtime's rooms

/// What to do about a shape that has no bucket yet.
enum class OnMiss : std::uint8_t {
  build,                ///< Wait for it.
  build_in_background,  ///< failed_precondition at once, while the build goes on: a later lease finds it. It does not wait for room.
  refuse                ///< failed_precondition at once.
};

struct LeaseSpec {
  std::optional<std::chrono::nanoseconds> timeout = std::nullopt;  ///< For the bucket and for a free lane together.
  OnMiss on_miss = OnMiss::build;
};

/// A lane of a bucket, borrowed for a scope, already at the shape asked for, links at their initial state. Given back when
/// destroyed.
/// Threads:  the lane's rules; the lease may be moved to another thread.
/// Lifetime: keeps its bucket in place: one that is in use is never evicted.
/// Cost:     taking and giving back one of a bucket that exists allocates nothing and takes no lock while a lane is free.
class [[nodiscard]] Lease {
 public:
  Lease(Lease&& other) noexcept
      : bucket_(std::exchange(other.bucket_, nullptr)),
        lane_(std::exchange(other.lane_, nullptr)),
        index_(other.index_),
        built_(other.built_) {}
  Lease& operator=(Lease&& other) noexcept;
  ~Lease() {
    if (bucket_) give_back();
  }

  Lane* operator->() const noexcept { return lane_; }
  Lane& operator*() const noexcept { return *lane_; }
  bool built() const noexcept { return built_; }  ///< This request made the bucket, or waited for it to be made.
  std::span<const NamedExtent> capacity() const noexcept;

 private:
  friend class BucketCache;
  Lease(Bucket* bucket, std::uint32_t index, Lane* lane, bool built) noexcept
      : bucket_(bucket), lane_(lane), index_(index), built_(built) {}
  void give_back() noexcept;

  Bucket* bucket_ = nullptr;  // stays while a lane of it is out
  Lane* lane_ = nullptr;
  std::uint32_t index_ = 0;
  bool built_ = false;
};

/// The lanes of one bucket, for a caller who keeps them apart himself. Keeps the bucket in place while it, or a lane taken from
/// it, lives. Mixing it with leases of the same bucket is the caller's risk: a lane entered twice is failed_precondition.
class [[nodiscard]] BucketLanes {
 public:
  BucketLanes(BucketLanes&& other) noexcept;
  BucketLanes& operator=(BucketLanes&& other) noexcept;
  ~BucketLanes();

  std::span<const std::shared_ptr<Lane>> lanes() const& noexcept;
  std::span<const std::shared_ptr<Lane>> lanes() && = delete;
  std::span<const NamedExtent> capacity() const noexcept;

 private:
  friend class BucketCache;
  explicit BucketLanes(Bucket* bucket) noexcept : bucket_(bucket) {}

  Bucket* bucket_ = nullptr;
};

/// A bucket as `buckets()` lists it.
struct BucketInfo {
  std::vector<NamedExtent> capacity;
  std::size_t bytes = 0;
  std::uint64_t hits = 0;
  std::chrono::nanoseconds age{};
  bool in_use = false;
};

/// Exact counts since the runtime opened.
struct CacheCounters {
  std::uint64_t requests = 0;  ///< Leases and bucket() calls whose shape was valid: hits + misses.
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t builds = 0;  ///< That succeeded.
  std::uint64_t build_failures = 0;
  std::uint64_t evictions = 0;  ///< For room; drop() and clear() are not counted.
  std::size_t buckets = 0;
  std::size_t bytes = 0;           ///< Of buckets that stand.
  std::size_t bytes_reserved = 0;  ///< Of builds under way.
  std::chrono::nanoseconds build_time{};
};

/// What was decided and what it costs, for people.
struct Report {
  std::string engine;
  std::string reason;             ///< Why this one: "asked for", or which engines refused and why.
  std::vector<EngineNote> notes;  ///< The engine's own: library, sessions, bytes not shared.
  std::size_t weight_bytes = 0;
  std::size_t lanes = 0;       ///< That exist now, those of buckets included.
  std::size_t lane_bytes = 0;  ///< Plans, bindings and buffers of these.
  CacheCounters cache;

  std::string text() const;
};

/// A model, its engine, its lanes or its buckets.
///
/// Fixed shapes: lanes(). Varying shapes (the spec has buckets): lease(), or bucket(). The other one is failed_precondition.
/// Threads:  all of it from any thread; a lane belongs to whoever uses it.
/// Lifetime: leases and lanes may outlive it; what they need lives on.
class Runtime {
 public:
  class Impl;
  explicit Runtime(std::shared_ptr<Impl> impl) noexcept;  ///< laneway::open() makes one.
  Runtime(Runtime&&) noexcept;
  Runtime& operator=(Runtime&&) noexcept;
  ~Runtime();

  std::span<const Port> inputs() const& noexcept;
  std::span<const Port> outputs() const& noexcept;
  /// As given, defaults filled in: the engine's name, every input's shape where it is fixed, the wanted outputs. What was given
  /// in memory is not held here: the model is then the engine that is open, and `weights`, which are in it, are empty (but for
  /// those of BucketSpec::model_for).
  const RuntimeSpec& spec() const& noexcept;
  const OpenEngine& engine() const& noexcept;

  /// Keep one, and it keeps what it needs. Empty with buckets: where the spec is not your own, ask lane().
  std::span<const std::shared_ptr<Lane>> lanes() const& noexcept;
  std::span<const std::shared_ptr<Lane>> lanes() && = delete;
  /// lanes()[number]. Errors: failed_precondition (with buckets: lease()), out_of_range.
  Expected<Lane*> lane(std::size_t number) const&;
  Expected<Lane*> lane(std::size_t number) && = delete;

  /// A lane of the bucket that serves these extents; every dimension that varies must be named, once.
  ///
  /// Waits for the bucket to be built (by build threads of the runtime, once for all who ask) and for a free lane, first come
  /// first served.
  /// Errors: failed_precondition (no buckets; on_miss says so), invalid_argument, not_found (no such dimension), out_of_range
  ///         (beyond the capacities), deadline_exceeded (says what it waited for), resource_exhausted, the build's own.
  Expected<Lease> lease(const ShapeKey& dimensions, const LeaseSpec& spec = {});

  /// The lanes themselves, at the bucket's capacity. On a hit no wait, no queue, no lock. Errors: as lease().
  Expected<BucketLanes> bucket(const ShapeKey& dimensions, const LeaseSpec& spec = {});

  /// The capacity that would serve these extents. Builds nothing. Errors: as lease() for the shape.
  Expected<std::vector<NamedExtent>> capacity_for(const ShapeKey& dimensions) const;
  /// nullopt: none stands. Neither builds nor touches the order. Errors: as capacity_for().
  Expected<std::optional<BucketInfo>> find(const ShapeKey& dimensions) const;
  /// Whether one stood. One in use goes when it is given back; it is not found any more. Errors: as capacity_for().
  Expected<bool> drop(const ShapeKey& dimensions);
  Expected<> clear();

  /// Builds a bucket for each shape and runs every lane of it `runs` times, at that shape, on what its inputs hold. Lanes that
  /// are in use are left alone, so it waits for builds only; so are those with a Value among their inputs that holds nothing
  /// yet. Inputs, states carried by links, and whether the last run failed stay as they were; outputs are the warm-up's.
  /// Errors: resource_exhausted (more capacities than may stand at once, before anything is built), those of lease() and run().
  Expected<> warm(std::span<const std::vector<NamedExtent>> shapes, int runs = 1);
  /// The same for every lane there is, at the shape it has. Builds nothing and leaves the order of eviction alone.
  Expected<> prime(int runs = 1);

  CacheCounters counters() const noexcept;
  // These make text and lists for people, and like any of the standard library's may throw std::bad_alloc.
  std::vector<BucketInfo> buckets() const;
  Audit audit() const;
  Report report() const;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace laneway
