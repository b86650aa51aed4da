#include "laneway/runtime/runtime.h"

#include <algorithm>
#include <utility>

#include "core/guard.h"
#include "laneway/diag/trace.h"
#include "runtime/bucket_cache.h"
#include "runtime/lane_impl.h"
#include "runtime/start.h"

namespace laneway {

class LANEWAY_PRIVATE Runtime::Impl {
 public:
  std::shared_ptr<const Blueprint> blueprint;
  OpenEngine engine;
  std::string reason;
  std::vector<std::shared_ptr<Lane>> lanes;
  std::size_t lane_bytes = 0;
  std::unique_ptr<BucketCache> cache;  // null: fixed shapes

  Expected<BucketCache*> buckets() const {
    if (cache) return cache.get();
    return Error(ErrorCode::failed_precondition, "runtime: shapes are fixed: expected a spec with buckets (or use lanes())");
  }
};

namespace {

std::string label_of(const ModelSource& source) {
  if (const auto* file = std::get_if<ModelFile>(&source.get())) return file->path.filename().string();
  return std::holds_alternative<ModelBytes>(source.get()) ? "bytes" : "engine";
}

Expected<> make_lanes(Runtime::Impl& impl) {
  const Blueprint& blueprint = *impl.blueprint;
  auto plan = [&] {
    const trace::Span span("specialise", "runtime");
    return impl.engine->specialise(blueprint.plan_spec({}));
  }();
  LANEWAY_TRY(plan ? Expected<>() : Expected<>(plan.error()));
  impl.lane_bytes = (*plan)->bytes().shared;
  for (std::size_t i = 0; i < static_cast<std::size_t>(blueprint.spec.lanes); ++i) {
    const trace::Span span("bind", "runtime");
    LANEWAY_TRY_ASSIGN(auto lane, Lane::Impl::make({.blueprint = impl.blueprint,
                                                    .reservation = nullptr,
                                                    .engine = impl.engine,
                                                    .plan = *plan,
                                                    .capacity = {},
                                                    .number = i,
                                                    .name = "lane " + std::to_string(i)}));
    LANEWAY_TRY(lane->warm_up(blueprint.spec.warm_up_runs));
    impl.lanes.push_back(std::make_shared<Lane>(std::move(lane)));
    impl.lane_bytes += Lane::Impl::bytes_of(blueprint, **plan, i);
  }
  return {};
}

Expected<> make_cache(Runtime::Impl& impl, OpenEngineAgain open_again) {
  const BucketSpec& spec = *impl.blueprint->spec.buckets;
  const Dimensions& dimensions = impl.blueprint->dimensions;
  if (static_cast<std::size_t>(impl.blueprint->spec.lanes) > Bucket::lanes_max) {
    return Error(ErrorCode::invalid_argument, "lanes: too many for a bucket: expected at most " +
                                                  std::to_string(Bucket::lanes_max) + ", got " +
                                                  std::to_string(impl.blueprint->spec.lanes));
  }
  LANEWAY_TRY_ASSIGN(Capacities capacities, Capacities::of(spec, dimensions));
  if (!impl.engine->traits().resizable && !spec.model_for) capacities = Capacities::exact(dimensions);
  impl.cache = std::make_unique<BucketCache>(impl.blueprint, impl.engine, std::move(open_again), std::move(capacities));
  return {};
}

// What the engine was made from it holds, as far as it needs it: the spec must not hold it a second time.
void hand_over(RuntimeSpec& spec, const OpenEngine& engine) {
  if (std::holds_alternative<ModelBytes>(spec.model.get())) spec.model = engine;
  if (!spec.buckets || !spec.buckets->model_for) spec.weights.clear();
}

void resolve_spec(Blueprint& blueprint, const Engine& engine) {
  RuntimeSpec& spec = blueprint.spec;
  spec.engine = std::string(engine.name());
  for (std::size_t i = 0; i < blueprint.wanted.size() && spec.outputs.size() < blueprint.wanted.size(); ++i) {
    const std::string& name = blueprint.outputs[i].name;
    const bool named = std::ranges::find(spec.outputs, name) != spec.outputs.end();
    if (blueprint.wanted[i] && !named) spec.outputs.push_back(name);
  }
  if (spec.buckets) return;
  const std::vector<Shape> shapes = blueprint.plan_spec({}).inputs;
  for (std::size_t i = 0; i < blueprint.inputs.size(); ++i) {
    if (!blueprint.inputs[i].dense() || !blueprint.given[i]) continue;
    auto said = std::ranges::find(spec.ports, blueprint.inputs[i].name, &PortSpec::name);
    if (said == spec.ports.end()) said = spec.ports.insert(said, PortSpec{.name = blueprint.inputs[i].name});
    said->shape = shapes[i];
  }
}

}  // namespace

Expected<Runtime> start_runtime(RuntimeSpec spec, OpenEngine engine, OpenEngineAgain open_again, std::string reason,
                                Problems& problems) {
  const auto blueprint = Blueprint::make(std::move(spec), *engine, problems);
  if (problems.none() && blueprint->spec.buckets) {
    const auto capacities = Capacities::of(*blueprint->spec.buckets, blueprint->dimensions);
    if (!capacities) problems.add(capacities.error());
  }
  LANEWAY_TRY(problems.result());
  if (blueprint->spec.metrics) {
    LANEWAY_TRY_ASSIGN(blueprint->metrics, RunMetrics::make(blueprint->spec.metrics, label_of(blueprint->spec.model)));
  }
  resolve_spec(*blueprint, *engine);
  hand_over(blueprint->spec, engine);
  LANEWAY_TRY_ASSIGN(engine, blueprint->fitting(std::move(engine)));
  auto impl = std::make_shared<Runtime::Impl>();
  impl->blueprint = blueprint;
  impl->engine = std::move(engine);
  impl->reason = std::move(reason);
  LANEWAY_TRY(blueprint->spec.buckets ? make_cache(*impl, std::move(open_again)) : make_lanes(*impl));
  return Runtime(std::move(impl));
}

Runtime::Runtime(std::shared_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Runtime::Runtime(Runtime&&) noexcept = default;
Runtime& Runtime::operator=(Runtime&&) noexcept = default;
Runtime::~Runtime() = default;

std::span<const Port> Runtime::inputs() const& noexcept { return impl_->blueprint->inputs; }
std::span<const Port> Runtime::outputs() const& noexcept { return impl_->blueprint->outputs; }
const RuntimeSpec& Runtime::spec() const& noexcept { return impl_->blueprint->spec; }
const OpenEngine& Runtime::engine() const& noexcept { return impl_->engine; }
std::span<const std::shared_ptr<Lane>> Runtime::lanes() const& noexcept { return impl_->lanes; }

Expected<Lane*> Runtime::lane(std::size_t number) const& {
  return guarded([&]() -> Expected<Lane*> {
    if (number < impl_->lanes.size()) return impl_->lanes[number].get();
    if (impl_->cache)
      return Error(ErrorCode::failed_precondition, "runtime: shapes vary: expected a spec without buckets (or use lease())");
    return Error(ErrorCode::out_of_range,
                 "lane " + std::to_string(number) + ": no such number: expected 0 to " + std::to_string(impl_->lanes.size() - 1));
  });
}

Expected<Lease> Runtime::lease(const ShapeKey& dimensions, const LeaseSpec& spec) {
  return guarded([&]() -> Expected<Lease> {
    LANEWAY_TRY_ASSIGN(BucketCache * cache, impl_->buckets());
    return cache->lease(dimensions, spec);
  });
}

Expected<BucketLanes> Runtime::bucket(const ShapeKey& dimensions, const LeaseSpec& spec) {
  return guarded([&]() -> Expected<BucketLanes> {
    LANEWAY_TRY_ASSIGN(BucketCache * cache, impl_->buckets());
    return cache->bucket(dimensions, spec);
  });
}

Expected<std::vector<NamedExtent>> Runtime::capacity_for(const ShapeKey& dimensions) const {
  return guarded([&]() -> Expected<std::vector<NamedExtent>> {
    LANEWAY_TRY_ASSIGN(BucketCache * cache, impl_->buckets());
    LANEWAY_TRY_ASSIGN(const Extents capacity, cache->capacity_for(dimensions));
    return impl_->blueprint->dimensions.named(capacity);
  });
}

Expected<std::optional<BucketInfo>> Runtime::find(const ShapeKey& dimensions) const {
  return guarded([&]() -> Expected<std::optional<BucketInfo>> {
    LANEWAY_TRY_ASSIGN(BucketCache * cache, impl_->buckets());
    return cache->find(dimensions);
  });
}

Expected<bool> Runtime::drop(const ShapeKey& dimensions) {
  return guarded([&]() -> Expected<bool> {
    LANEWAY_TRY_ASSIGN(BucketCache * cache, impl_->buckets());
    return cache->drop(dimensions);
  });
}

Expected<> Runtime::clear() {
  return guarded([&]() -> Expected<> {
    LANEWAY_TRY_ASSIGN(BucketCache * cache, impl_->buckets());
    cache->clear();
    return {};
  });
}

std::vector<BucketInfo> Runtime::buckets() const { return impl_->cache ? impl_->cache->list() : std::vector<BucketInfo>(); }

Expected<> Runtime::warm(std::span<const std::vector<NamedExtent>> shapes, int runs) {
  return guarded([&]() -> Expected<> {
    LANEWAY_TRY_ASSIGN(BucketCache * cache, impl_->buckets());
    if (runs < 0) return Error(ErrorCode::invalid_argument, "warm: runs: expected 0 or more, got " + std::to_string(runs));
    return cache->warm(shapes, runs);
  });
}

Expected<> Runtime::prime(int runs) {
  return guarded([&]() -> Expected<> {
    if (runs < 0) return Error(ErrorCode::invalid_argument, "prime: runs: expected 0 or more, got " + std::to_string(runs));
    if (impl_->cache) return impl_->cache->prime(runs);
    for (const auto& lane : impl_->lanes) LANEWAY_TRY(LaneAccess::impl(*lane).warm_up(runs));
    return {};
  });
}

CacheCounters Runtime::counters() const noexcept { return impl_->cache ? impl_->cache->counters() : CacheCounters{}; }

Audit Runtime::audit() const {
  Audit audit;
  for (const auto& lane : impl_->lanes) LaneAccess::impl(*lane).audit(audit);
  if (impl_->cache) impl_->cache->audit(audit);
  return audit;
}

Report Runtime::report() const {
  Report report{.engine = std::string(impl_->engine->name()),
                .reason = impl_->reason,
                .notes = impl_->engine->notes(),
                .weight_bytes = impl_->engine->weight_bytes(),
                .lanes = impl_->lanes.size(),
                .lane_bytes = impl_->lane_bytes,
                .cache = counters()};
  if (impl_->cache) impl_->cache->count_lanes(report.lanes, report.lane_bytes);
  return report;
}

}  // namespace laneway
