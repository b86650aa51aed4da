#pragma once
#include <array>
#include <memory>

#include "laneway/core/error.h"
#include "laneway/diag/metrics.h"

namespace laneway {

/// The instruments of one runtime, made when it opens. Runtimes given one registry and models of one name share them.
struct RunMetrics {
  static Expected<std::shared_ptr<RunMetrics>> make(std::shared_ptr<Metrics> registry, const std::string& model);

  void finished(const Expected<>& result, std::uint64_t ns) noexcept {
    outcomes[result ? 0 : static_cast<std::size_t>(result.error().code())]->add();
    run_ns->record(ns);
  }

  std::shared_ptr<Metrics> registry;  // owns the instruments
  Counter* issued = nullptr;
  std::array<Counter*, 16> outcomes{};  // by code, 0: ok
  Histogram* run_ns = nullptr;
  Histogram* lease_wait_ns = nullptr;
  Gauge* lanes_busy = nullptr;
  Gauge* requests_waiting = nullptr;
  Gauge* buckets = nullptr;
  Gauge* bucket_bytes = nullptr;
  Counter* hits = nullptr;
  Counter* misses = nullptr;
  Counter* builds = nullptr;
  Counter* evictions = nullptr;
};

}  // namespace laneway
