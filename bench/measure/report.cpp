#include "bench/measure/report.h"

#include <cstdio>

#include "bench/measure/clock.h"

namespace laneway::bench {

void print_report(std::span<const std::string> names, const Rounds& rounds, std::size_t visits_per_run) {
  std::printf("%-28s %10s %10s %10s %12s %12s   %s\n", "", "min ns", "p50 ns", "p99 ns", "min - first", "p50 - first",
              "p50 to first [95 %]");
  const auto per_visit = [&](double us) { return us * 1e3 / static_cast<double>(visits_per_run); };
  const Timing& first = rounds.timings.front();
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Timing& timing = rounds.timings[i];
    if (timing.error || first.error) {
      std::printf("%-28s %s\n", names[i].c_str(),
                  timing.error ? std::string(timing.error->message()).c_str() : "nothing to compare with");
      continue;
    }
    const Latencies us = latencies_of(timing.samples, Clock::ns_per_tick()),
                    base = latencies_of(first.samples, Clock::ns_per_tick());
    const Comparison to_first = compare(timing.samples, first.samples, rounds.sittings, 0);
    std::printf("%-28s %10.1f %10.1f %10.1f %12.1f %12.1f   %.3f [%.3f, %.3f]\n", names[i].c_str(), per_visit(us.min_us),
                per_visit(us.p50_us), per_visit(us.p99_us), per_visit(us.min_us - base.min_us),
                per_visit(us.p50_us - base.p50_us), to_first.p50_ratio, to_first.p50_ratio_ci95.low,
                to_first.p50_ratio_ci95.high);
  }
}

}  // namespace laneway::bench
