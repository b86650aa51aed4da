#include "runtime/bucket_cache.h"

#include <algorithm>

#include "core/guard.h"
#include "laneway/diag/trace.h"
#include "runtime/deadline.h"
#include "runtime/lane_impl.h"

namespace laneway {
namespace {

std::optional<std::int64_t> deadline_of(const LeaseSpec& spec) noexcept {
  if (!spec.timeout) return std::nullopt;
  return deadline_after(steady_now_ns(), *spec.timeout);
}

}  // namespace

// A request that could not be served at once, in the metrics.
class BucketCache::Waited {
 public:
  explicit Waited(const RunMetrics* metrics) noexcept : gauge_(metrics ? metrics->requests_waiting : nullptr) {
    if (gauge_) gauge_->add(1);
  }
  ~Waited() {
    if (gauge_) gauge_->add(-1);
  }
  Waited(const Waited&) = delete;
  Waited& operator=(const Waited&) = delete;

 private:
  Gauge* gauge_;
};

Expected<Extents> BucketCache::capacity_for(const ShapeKey& dimensions) const {
  Extents extents, capacity;
  LANEWAY_TRY(blueprint_->dimensions.resolve(dimensions, extents));
  LANEWAY_TRY(capacities_.serve(extents, capacity));
  return capacity;
}

std::string BucketCache::describe(const Extents& capacity) const {
  return "bucket " + to_string(blueprint_->dimensions.named(capacity));
}

Expected<Lease> BucketCache::lease(const ShapeKey& dimensions, const LeaseSpec& spec) {
  Extents extents, capacity;
  LANEWAY_TRY(blueprint_->dimensions.resolve(dimensions, extents));
  LANEWAY_TRY(capacities_.serve(extents, capacity));
  const RunMetrics* metrics = blueprint_->metrics.get();
  const std::int64_t asked_ns = metrics ? steady_now_ns() : 0;
  Bucket* const bucket = table_.find(capacity);
  const auto lane = bucket ? bucket->try_take(capacity) : std::nullopt;
  if (lane) {
    bucket->hit(*lane);
    if (metrics) {
      metrics->hits->add();
      metrics->lease_wait_ns->record(static_cast<std::uint64_t>(steady_now_ns() - asked_ns));
    }
    return hand_out(*bucket, *lane, extents, false);
  }
  const Waited waited(metrics);
  const auto deadline_ns = deadline_of(spec);
  LANEWAY_TRY_ASSIGN(const Found found, find_or_build(capacity, deadline_ns, spec.on_miss));
  auto lease = wait_for_lane(found, extents, deadline_ns);
  if (metrics && lease) metrics->lease_wait_ns->record(static_cast<std::uint64_t>(steady_now_ns() - asked_ns));
  return lease;
}

Expected<Lease> BucketCache::wait_for_lane(const Found& found, const Extents& extents, std::optional<std::int64_t> deadline_ns) {
  const auto lane = found.bucket->take(deadline_ns);
  if (!lane) {
    return Error(ErrorCode::deadline_exceeded, describe(found.bucket->capacity()) +
                                                   ": deadline over while waiting for one of its " +
                                                   std::to_string(found.bucket->lanes().size()) + " lanes");
  }
  found.bucket->used();
  return hand_out(*found.bucket, *lane, extents, found.built);
}

Expected<Lease> BucketCache::hand_out(Bucket& bucket, std::uint32_t lane, const Extents& extents, bool built) {
  Lane& taken = *bucket.lanes()[lane];
  Lease lease(&bucket, lane, &taken, built);  // gives the lane back on errors too
  Lane::Impl& impl = LaneAccess::impl(taken);
  LANEWAY_TRY(impl.resize(extents));
  if (!blueprint_->links.empty()) LANEWAY_TRY(impl.reset());
  return lease;
}

Expected<BucketCache::Found> BucketCache::find_or_build(const Extents& capacity, std::optional<std::int64_t> deadline_ns,
                                                        OnMiss on_miss) {
  std::unique_lock lock(shared().mutex);
  if (Bucket* const bucket = table_.find(capacity); bucket && bucket->pin(capacity)) {
    bucket->hit();
    if (blueprint_->metrics) blueprint_->metrics->hits->add();
    return Found{PinnedBucket(bucket), false};
  }
  ++misses_;
  if (blueprint_->metrics) blueprint_->metrics->misses->add();
  return miss(lock, capacity, deadline_ns, on_miss);
}

Expected<BucketCache::Found> BucketCache::miss(std::unique_lock<std::mutex>& lock, const Extents& capacity,
                                               std::optional<std::int64_t> deadline_ns, OnMiss on_miss) {
  if (on_miss == OnMiss::refuse) {
    return Error(ErrorCode::failed_precondition,
                 describe(capacity) + ": not built, and the lease refuses to build (warm() it, or on_miss = build)");
  }
  const auto known = std::ranges::find(builds_, capacity, [](const auto& build) { return build->capacity; });
  std::shared_ptr<Build> build = known == builds_.end() ? nullptr : *known;
  if (!build) { LANEWAY_TRY_ASSIGN(build, start_build(capacity)); }
  if (on_miss == OnMiss::build_in_background) {
    return Error(ErrorCode::failed_precondition, describe(capacity) + ": being built in the background: ask again later");
  }
  ++build->waiting;
  const auto done = [&] { return build->done; };
  if (!deadline_ns) {
    build->finished.wait(lock, done);
  } else {
    build->finished.wait_until(lock, std::chrono::steady_clock::time_point(std::chrono::nanoseconds(*deadline_ns)), done);
  }
  --build->waiting;
  if (!build->done) {
    return Error(ErrorCode::deadline_exceeded,
                 describe(capacity) + ": deadline over while it was being built: waiting " + std::string(build->stage));
  }
  if (build->error) return *build->error;
  return Found{PinnedBucket(build->bucket), true};
}

Expected<BucketLanes> BucketCache::bucket(const ShapeKey& dimensions, const LeaseSpec& spec) {
  LANEWAY_TRY_ASSIGN(const Extents capacity, capacity_for(dimensions));
  if (Bucket* const bucket = table_.find(capacity); bucket && bucket->pin(capacity)) {
    bucket->hit();
    if (blueprint_->metrics) blueprint_->metrics->hits->add();
    return BucketLanes(bucket);
  }
  const Waited waited(blueprint_->metrics.get());
  LANEWAY_TRY_ASSIGN(Found found, find_or_build(capacity, deadline_of(spec), spec.on_miss));
  found.bucket->used();
  return BucketLanes(found.bucket.release());
}

Expected<std::optional<BucketInfo>> BucketCache::find(const ShapeKey& dimensions) const {
  LANEWAY_TRY_ASSIGN(const Extents capacity, capacity_for(dimensions));
  std::optional<BucketInfo> info;
  for (BucketInfo& one : list()) {
    if (one.capacity == blueprint_->dimensions.named(capacity)) info = std::move(one);
  }
  return info;
}

std::vector<BucketInfo> BucketCache::list() const {
  const std::lock_guard lock(shared().mutex);
  std::vector<BucketInfo> result;
  for (Bucket* const bucket : table_.all()) {
    result.push_back({.capacity = {bucket->named().begin(), bucket->named().end()},
                      .bytes = bucket->bytes(),
                      .hits = bucket->hits(),
                      .age = std::chrono::nanoseconds(steady_now_ns() - bucket->born_ns()),
                      .in_use = bucket->in_use()});
  }
  return result;
}

Expected<bool> BucketCache::drop(const ShapeKey& dimensions) {
  LANEWAY_TRY_ASSIGN(const Extents capacity, capacity_for(dimensions));
  Bucket* last = nullptr;
  {
    const std::lock_guard lock(shared().mutex);
    Bucket* const bucket = table_.find(capacity);
    if (!bucket) return false;
    unpublish(*bucket);
    if (bucket->retire()) last = bucket;
  }
  if (last) last->finish();
  return true;
}

void BucketCache::clear() noexcept {
  std::unique_lock lock(shared().mutex);
  for (std::size_t left = table_.all().size(); left > 0 && !table_.all().empty(); --left) {
    Bucket* const bucket = table_.all().front();
    unpublish(*bucket);
    if (!bucket->retire()) continue;
    lock.unlock();
    bucket->finish();
    lock.lock();
  }
}

Expected<> BucketCache::warm(std::span<const std::vector<NamedExtent>> shapes, int runs) {
  std::vector<Extents> extents, capacities;
  for (const auto& shape : shapes) {
    Extents capacity;
    LANEWAY_TRY(blueprint_->dimensions.resolve(shape, extents.emplace_back()));
    LANEWAY_TRY(capacities_.serve(extents.back(), capacity));
    if (std::ranges::find(capacities, capacity) == capacities.end()) capacities.push_back(capacity);
  }
  if (spec_.count_max && capacities.size() > *spec_.count_max) {
    return Error(ErrorCode::resource_exhausted,
                 "warm: more capacities than may stand at once: expected at most buckets.count_max = " +
                     std::to_string(*spec_.count_max) + ", got " + std::to_string(capacities.size()));
  }
  {
    const std::lock_guard lock(shared().mutex);  // all of them begin before the first is waited for
    for (const Extents& capacity : capacities) {
      const auto is = [&](const auto& build) { return build->capacity == capacity; };
      if (table_.find(capacity) || std::ranges::any_of(builds_, is)) continue;
      LANEWAY_TRY(start_build(capacity));
    }
  }
  for (const Extents& shape : extents) {
    Extents capacity;
    LANEWAY_TRY(capacities_.serve(shape, capacity));
    LANEWAY_TRY_ASSIGN(const Found found, find_or_build(capacity, std::nullopt, OnMiss::build));
    LANEWAY_TRY(run_all_lanes(*found.bucket, &shape, runs));
  }
  return {};
}

Expected<> BucketCache::prime(int runs) {
  for (const PinnedBucket& bucket : pin_all()) LANEWAY_TRY(run_all_lanes(*bucket, nullptr, runs));
  return {};
}

std::vector<PinnedBucket> BucketCache::pin_all() const {
  const std::lock_guard lock(shared().mutex);
  std::vector<PinnedBucket> pinned;
  pinned.reserve(table_.all().size());
  for (Bucket* const bucket : table_.all()) {
    if (bucket->pin(bucket->capacity())) pinned.emplace_back(bucket);
  }
  return pinned;
}

Expected<> BucketCache::run_all_lanes(Bucket& pinned, const Extents* extents, int runs) {
  const std::lock_guard alone(pinned.warming());
  std::vector<std::uint32_t> taken;
  taken.reserve(pinned.lanes().size());
  Expected<> result;
  while (result && taken.size() < pinned.lanes().size()) {
    const auto free = pinned.take(steady_now_ns());
    if (!free) break;  // the others are in use, and so warm
    taken.push_back(*free);
    result = guarded([&] { return LaneAccess::impl(*pinned.lanes()[*free]).warm_up(runs, extents); });
  }
  for (const std::uint32_t lane : taken) pinned.give_back(lane);
  return result;
}

CacheCounters BucketCache::counters() const noexcept {
  const std::lock_guard lock(shared().mutex);
  CacheCounters counters{.requests = 0,
                         .hits = pool_->all_hits(),
                         .misses = misses_,
                         .builds = builds_made_,
                         .build_failures = build_failures_,
                         .evictions = evictions_,
                         .buckets = table_.all().size(),
                         .bytes = bytes_,
                         .bytes_reserved = reserved_bytes_,
                         .build_time = std::chrono::nanoseconds(build_ns_)};
  counters.requests = counters.hits + counters.misses;
  return counters;
}

void BucketCache::audit(Audit& audit) const {
  for (const PinnedBucket& bucket : pin_all()) {
    for (const auto& lane : bucket->lanes()) LaneAccess::impl(*lane).audit(audit);
  }
}

void BucketCache::count_lanes(std::size_t& lanes, std::size_t& bytes) const {
  const std::lock_guard lock(shared().mutex);
  for (Bucket* const bucket : table_.all()) lanes += bucket->lanes().size();
  bytes += bytes_;
}

// ---- what is lent out -----------------------------------------------------------------------------------------------------

Lease& Lease::operator=(Lease&& other) noexcept {
  Lease taken(std::move(other));
  std::swap(bucket_, taken.bucket_);
  std::swap(lane_, taken.lane_);
  std::swap(index_, taken.index_);
  std::swap(built_, taken.built_);
  return *this;
}

void Lease::give_back() noexcept { bucket_->give_back(index_); }

std::span<const NamedExtent> Lease::capacity() const noexcept { return bucket_->named(); }

BucketLanes::BucketLanes(BucketLanes&& other) noexcept : bucket_(std::exchange(other.bucket_, nullptr)) {}

BucketLanes& BucketLanes::operator=(BucketLanes&& other) noexcept {
  if (this == &other) return *this;
  if (bucket_) bucket_->unpin();
  bucket_ = std::exchange(other.bucket_, nullptr);
  return *this;
}

BucketLanes::~BucketLanes() {
  if (bucket_) bucket_->unpin();
}

std::span<const std::shared_ptr<Lane>> BucketLanes::lanes() const& noexcept { return bucket_->lanes(); }
std::span<const NamedExtent> BucketLanes::capacity() const noexcept { return bucket_->named(); }

}  // namespace laneway
