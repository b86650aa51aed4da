#include "runtime/run_metrics.h"

namespace laneway {

Expected<std::shared_ptr<RunMetrics>> RunMetrics::make(std::shared_ptr<Metrics> registry, const std::string& model) {
  auto metrics = std::make_shared<RunMetrics>();
  const std::vector<MetricLabel> labels = {{"model", model}};
  const auto outcome = [&](const std::string& code) {
    return registry->counter("laneway_runs_total", "Runs that ended, by outcome.", {{"model", model}, {"code", code}});
  };
  LANEWAY_TRY_ASSIGN(metrics->issued, registry->counter("laneway_runs_issued_total", "Runs begun.", labels));
  LANEWAY_TRY_ASSIGN(metrics->outcomes[0], outcome("ok"));
  for (std::size_t code = 1; code < metrics->outcomes.size(); ++code) {
    LANEWAY_TRY_ASSIGN(metrics->outcomes[code], outcome(std::string(name(static_cast<ErrorCode>(code)))));
  }
  LANEWAY_TRY_ASSIGN(metrics->run_ns, registry->histogram("laneway_run_ns", "Time of a run, in nanoseconds.", labels));
  LANEWAY_TRY_ASSIGN(
      metrics->lease_wait_ns,
      registry->histogram("laneway_lease_wait_ns", "Time from asking for a lease to having it, in nanoseconds.", labels));
  LANEWAY_TRY_ASSIGN(metrics->lanes_busy, registry->gauge("laneway_lanes_busy", "Lanes that run now.", labels));
  LANEWAY_TRY_ASSIGN(metrics->requests_waiting,
                     registry->gauge("laneway_requests_waiting", "Requests that wait for a bucket or a lane.", labels));
  LANEWAY_TRY_ASSIGN(metrics->buckets, registry->gauge("laneway_buckets", "Buckets that stand.", labels));
  LANEWAY_TRY_ASSIGN(metrics->bucket_bytes, registry->gauge("laneway_bucket_bytes", "Bytes of the buckets that stand.", labels));
  LANEWAY_TRY_ASSIGN(metrics->hits, registry->counter("laneway_bucket_hits_total", "Requests whose bucket stood.", labels));
  LANEWAY_TRY_ASSIGN(metrics->misses,
                     registry->counter("laneway_bucket_misses_total", "Requests whose bucket did not stand.", labels));
  LANEWAY_TRY_ASSIGN(metrics->builds, registry->counter("laneway_bucket_builds_total", "Buckets built.", labels));
  LANEWAY_TRY_ASSIGN(metrics->evictions,
                     registry->counter("laneway_bucket_evictions_total", "Buckets evicted for room.", labels));
  metrics->registry = std::move(registry);
  return metrics;
}

}  // namespace laneway
