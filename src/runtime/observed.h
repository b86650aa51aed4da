#pragma once
#include <cstdint>
#include <string>

#include "laneway/diag/trace.h"
#include "runtime/run_metrics.h"

namespace laneway {

/// A run as metrics and trace see it, from its making to finished(), on whichever threads. Costs a relaxed load each where both are
/// off.
class Observed {
 public:
  Observed(RunMetrics* metrics, const std::string& lane) noexcept : metrics_(metrics), lane_(lane), traced_(trace::enabled()) {
    if (!metrics_ && !traced_) return;
    begin_ns_ = trace::now_ns();
    if (!metrics_) return;
    metrics_->issued->add();
    metrics_->lanes_busy->add(1);
  }
  void finished(const Expected<>& result) noexcept {
    if (!metrics_ && !traced_) return;
    const std::int64_t duration_ns = trace::now_ns() - begin_ns_;
    if (metrics_) {
      metrics_->lanes_busy->add(-1);
      metrics_->finished(result, static_cast<std::uint64_t>(duration_ns));
    }
    if (!traced_) return;
    trace::Args args;
    args.add("lane", lane_).add("outcome", result ? "ok" : name(result.error().code()));
    trace::complete("run", "lane", begin_ns_, duration_ns, trace::thread_id(), args);
  }

 private:
  RunMetrics* metrics_;
  const std::string& lane_;
  bool traced_;
  std::int64_t begin_ns_ = 0;
};

}  // namespace laneway
