// The cache's slow half: buckets are built on its threads, and room is made for them.
#include <algorithm>
#include <exception>

#include "core/guard.h"
#include "laneway/core/threads.h"
#include "laneway/diag/log.h"
#include "laneway/diag/trace.h"
#include "runtime/bucket_cache.h"
#include "runtime/lane_impl.h"

namespace laneway {
namespace {

// A lane that a caller keeps by its shared pointer gives no sign when it goes; room is looked for again this often.
constexpr std::chrono::milliseconds look_for_room_again{5};

// While one lives, lanes that are given back wake those who wait for room.
class WantsRoom {
 public:
  explicit WantsRoom(ByteBudget::Impl& budget) noexcept : budget_(budget) { budget_.room_wanted.fetch_add(1); }
  ~WantsRoom() { budget_.room_wanted.fetch_sub(1); }
  WantsRoom(const WantsRoom&) = delete;
  WantsRoom& operator=(const WantsRoom&) = delete;

 private:
  ByteBudget::Impl& budget_;
};

}  // namespace

BucketCache::BucketCache(std::shared_ptr<const Blueprint> blueprint, OpenEngine engine, OpenEngineAgain open_again,
                         Capacities capacities)
    : blueprint_(std::move(blueprint)),
      engine_(std::move(engine)),
      open_again_(std::move(open_again)),
      capacities_(std::move(capacities)),
      spec_(*blueprint_->spec.buckets),
      budget_(spec_.budget ? spec_.budget : std::make_shared<ByteBudget>(spec_.bytes_max)),
      shared_(budget_->impl()),
      pool_(std::make_shared<BucketPool>(static_cast<std::size_t>(blueprint_->spec.lanes), budget_)) {
  const std::lock_guard lock(shared().mutex);
  shared().members.push_back(this);
}

BucketCache::~BucketCache() {
  close();
  clear();
  const std::lock_guard lock(shared().mutex);
  std::erase(shared().members, this);
}

void BucketCache::close() noexcept {
  {
    const std::lock_guard lock(shared().mutex);
    closing_ = true;
    for (const auto& build : queue_) {
      build->error = Error(ErrorCode::cancelled, describe(build->capacity) + ": the runtime is closing");
      build->done = true;
      build->finished.notify_all();
    }
    queue_.clear();
  }
  work_.notify_all();
  shared().room.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

Expected<std::shared_ptr<BucketCache::Build>> BucketCache::start_build(const Extents& capacity) {
  if (threads_.size() < static_cast<std::size_t>(spec_.build_threads) && threads_.size() <= builds_.size()) {
    try {
      threads_.emplace_back([this] { build_thread(); });
    } catch (const std::exception& failure) {
      if (threads_.empty())
        return Error(ErrorCode::resource_exhausted, std::string("buckets: no build thread: ") + failure.what());
    }
  }
  auto build = std::make_shared<Build>();
  build->capacity = capacity;
  builds_.reserve(builds_.size() + 1);
  queue_.push_back(build);
  builds_.push_back(build);
  work_.notify_one();
  return build;
}

void BucketCache::build_thread() noexcept {
  static_cast<void>(name_this_thread("laneway-build"));  // a name is a courtesy
  std::unique_lock lock(shared().mutex);
  for (;;) {
    work_.wait(lock, [&] { return closing_ || !queue_.empty(); });
    if (queue_.empty()) return;
    const std::shared_ptr<Build> next = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    build(*next);
    lock.lock();
  }
}

void BucketCache::build(Build& build) noexcept {
  const std::int64_t begin_ns = steady_now_ns();
  Place place;
  auto content = guarded([&] { return make_content(build, place); });
  if (!content) {
    log::write(Severity::warning, "runtime",
               [&] { return describe(build.capacity) + ": build failed: " + std::string(content.error().message()); });
    if (place.bucket) pool_->give_back(*place.bucket);
  }
  const std::lock_guard lock(shared().mutex);
  std::erase_if(builds_, [&](const auto& one) { return one.get() == &build; });
  reserved_count_ -= place.count;
  reserved_bytes_ -= place.bytes;
  build_ns_ += steady_now_ns() - begin_ns;
  if (content) {
    stand(build, place, *std::move(content));
  } else {
    ++build_failures_;
    build.error = std::move(content).error();
  }
  build.done = true;
  build.finished.notify_all();
  shared().room.notify_all();
}

void BucketCache::stand(Build& build, const Place& place, Bucket::Content content) noexcept {
  const std::size_t bytes = content.bytes;
  place.bucket->settle(std::move(content), build.waiting, pool_);  // pinned, so that nobody who waited finds it evicted
  table_.insert(*place.bucket);
  build.bucket = place.bucket;
  bytes_ += bytes;
  ++builds_made_;
  if (blueprint_->metrics) blueprint_->metrics->builds->add();
  show(1, static_cast<std::ptrdiff_t>(bytes));
}

Expected<OpenEngine> BucketCache::engine_for(std::span<const NamedExtent> capacity) const {
  if (!spec_.model_for) return engine_;
  LANEWAY_TRY_ASSIGN(ModelSource source, spec_.model_for(capacity));
  if (const auto* open = std::get_if<OpenEngine>(&source.get())) return *open;
  return open_again_(
      {.model = std::move(source), .dimensions = {}, .weights = blueprint_->spec.weights, .threads = blueprint_->spec.threads});
}

Expected<Bucket::Content> BucketCache::make_content(Build& build, Place& place) {
  std::vector<NamedExtent> named = blueprint_->dimensions.named(build.capacity);
  const std::string name = "bucket " + to_string(named);
  const auto context = [&](Error error) { return std::move(error).with_context(name); };
  const trace::Span span("build", "runtime");
  auto engine = engine_for(named);
  if (engine) engine = blueprint_->fitting(*std::move(engine));
  if (!engine) return context(std::move(engine).error());
  auto plan = [&] {
    const trace::Span specialise("specialise", "runtime");
    return (*engine)->specialise(blueprint_->plan_spec(build.capacity));
  }();
  if (!plan) return context(std::move(plan).error());

  const auto lane_count = static_cast<std::size_t>(blueprint_->spec.lanes);
  std::size_t bytes = (*plan)->bytes().shared;
  for (std::size_t i = 0; i < lane_count; ++i) bytes += Lane::Impl::bytes_of(*blueprint_, **plan, i);
  auto reservation = reserve(build, place, bytes);
  if (!reservation) return context(std::move(reservation).error());

  auto lanes = [&]() -> Expected<std::vector<std::shared_ptr<Lane>>> {
    const trace::Span bind("bind", "runtime");
    std::vector<std::shared_ptr<Lane>> made;
    for (std::size_t i = 0; i < lane_count; ++i) {
      LANEWAY_TRY_ASSIGN(auto impl, Lane::Impl::make({.blueprint = blueprint_,
                                                      .reservation = *reservation,
                                                      .engine = *engine,
                                                      .plan = *plan,
                                                      .capacity = build.capacity,
                                                      .number = i,
                                                      .name = name + " lane " + std::to_string(i)}));
      made.push_back(std::make_shared<Lane>(std::move(impl)));
    }
    return made;
  }();
  if (!lanes) return std::move(lanes).error();
  return Bucket::Content{.capacity = build.capacity,
                         .named = std::move(named),
                         .lanes = *std::move(lanes),
                         .bytes = bytes,
                         .created = shared().clock.fetch_add(1) + 1};
}

// ---- room -----------------------------------------------------------------------------------------------------------------

std::size_t BucketCache::count() const noexcept { return table_.all().size() + reserved_count_ + dying_count_; }

bool BucketCache::fits(std::size_t bytes) const noexcept {
  const bool few_enough = !spec_.count_max || count() < *spec_.count_max;
  return few_enough && (!shared().bytes_max || shared().bytes + bytes <= *shared().bytes_max);
}

Expected<std::shared_ptr<Reservation>> BucketCache::reserve(Build& build, Place& place, std::size_t bytes) {
  const auto bytes_max = shared().bytes_max;
  if (bytes_max && bytes > *bytes_max) {
    return Error(ErrorCode::resource_exhausted, "too large for the cache: expected at most bytes_max = " +
                                                    std::to_string(*bytes_max) + " bytes, got " + std::to_string(bytes));
  }
  place.bucket = pool_->take();
  auto reservation = std::make_shared<Reservation>(budget_);
  std::unique_lock lock(shared().mutex);
  const WantsRoom wanted(shared());
  for (;;) {
    if (closing_) return Error(ErrorCode::cancelled, "the runtime is closing");
    if (fits(bytes)) break;
    std::size_t own_dying = 0;
    const std::vector<Bucket*> idle = retire_for(bytes, own_dying);
    dying_count_ += own_dying;
    if (!idle.empty()) {
      lock.unlock();
      for (Bucket* bucket : idle) bucket->finish();
      lock.lock();
      dying_count_ -= own_dying;
      continue;
    }
    build.stage = "for room: all buckets that could make it are in use";
    if (build.waiting == 0) {
      std::erase_if(builds_, [&](const auto& one) { return one.get() == &build; });  // whoever comes now starts another
      return Error(ErrorCode::deadline_exceeded, "no room, and nobody waits for it: all buckets that could make it are in use");
    }
    shared().room.wait_for(lock, look_for_room_again);
  }
  table_.make_room(table_.all().size() + reserved_count_ + 1);
  reservation->take(bytes);
  place.count = 1;
  place.bytes = bytes;
  reserved_count_ += place.count;
  reserved_bytes_ += place.bytes;
  build.stage = "for its lanes to be made";
  return reservation;
}

std::uint64_t BucketCache::rank(const Bucket& bucket) const noexcept {
  return spec_.eviction == Eviction::lru ? bucket.last_used() : bucket.created();
}

// Retires and unpublishes what has to go, oldest first, and only if that is enough: nothing is evicted in vain.
std::vector<Bucket*> BucketCache::retire_for(std::size_t bytes, std::size_t& own) {
  struct Candidate {
    BucketCache* cache;
    Bucket* bucket;
    std::uint64_t rank;
  };
  std::vector<Candidate> candidates;
  for (BucketCache* member : shared().members) {
    for (Bucket* const bucket : member->table_.all()) {
      if (!bucket->in_use()) candidates.push_back({member, bucket, member->rank(*bucket)});
    }
  }
  std::ranges::sort(candidates, {}, &Candidate::rank);

  const std::size_t needed = count() + 1;
  std::size_t too_many = spec_.count_max && needed > *spec_.count_max ? needed - *spec_.count_max : 0;
  const std::size_t wanted = shared().bytes + bytes;
  std::size_t too_large = shared().bytes_max && wanted > *shared().bytes_max ? wanted - *shared().bytes_max : 0;
  std::vector<Candidate> chosen;
  for (const Candidate& candidate : candidates) {
    const bool ours = candidate.cache == this;
    if (!(ours && too_many > 0) && too_large == 0) continue;
    chosen.push_back(candidate);
    if (ours && too_many > 0) --too_many;
    too_large -= std::min(too_large, candidate.bucket->bytes());
  }
  std::vector<Bucket*> retired;
  if (too_many > 0 || too_large > 0) return retired;
  retired.reserve(chosen.size());
  for (const Candidate& candidate : chosen) {
    if (!candidate.bucket->retire_if_idle()) continue;  // somebody came meanwhile: the caller looks again
    candidate.cache->unpublish(*candidate.bucket);
    ++candidate.cache->evictions_;
    if (candidate.cache->blueprint_->metrics) candidate.cache->blueprint_->metrics->evictions->add();
    retired.push_back(candidate.bucket);
    if (candidate.cache == this) ++own;
  }
  return retired;
}

void BucketCache::unpublish(Bucket& bucket) noexcept {
  table_.erase(bucket);
  bytes_ -= bucket.bytes();
  show(-1, -static_cast<std::ptrdiff_t>(bucket.bytes()));
}

// Runtimes of one model add up.
void BucketCache::show(std::ptrdiff_t buckets, std::ptrdiff_t bytes) const noexcept {
  if (!blueprint_->metrics) return;
  blueprint_->metrics->buckets->add(buckets);
  blueprint_->metrics->bucket_bytes->add(bytes);
}

}  // namespace laneway
