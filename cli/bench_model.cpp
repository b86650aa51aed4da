#include "cli/bench_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "bench/measure/clock.h"
#include "bench/measure/rounds.h"
#include "cli/bench_answers.h"

namespace laneway::cli {
namespace {

bool stopped(const BenchSpec& spec) { return spec.stop != nullptr && spec.stop->load(); }

// The contestants of one model, from opening to figures. One that fails gets its error and is left out of the rest.
class Race {
 public:
  Race(const std::filesystem::path& model, const BenchSpec& spec, BenchWorkload& workload)
      : model_(model), spec_(spec), workload_(workload), contestants_(spec.engines.size()) {
    for (const std::string& engine : spec.engines) {
      BenchResult& result =
          results_.emplace_back(BenchResult{.model = model, .engine = engine, .threads = spec.threads, .lanes = spec.lanes});
      for (const GivenInput& input : workload.given().inputs) result.shapes.emplace_back(input.port.name, input.shape);
    }
  }

  std::vector<BenchResult> run() {
    each("measuring in fresh processes", [&](std::size_t i) -> Expected<> {
      LANEWAY_TRY_ASSIGN(results_[i].passes, bench_passes(model_, spec_.engines[i], spec_));
      return {};
    });
    each("opening", [&](std::size_t i) -> Expected<> {
      LANEWAY_TRY_ASSIGN(contestants_[i], bench::open_contestant(spec_.engines[i], workload_.workload(), workload_.buffers()));
      return {};
    });
    each("comparing answers", [&](std::size_t i) { return compare(i); });
    if (!stopped(spec_)) measure();
    for (BenchResult& result : results_) {
      if (result.error || result.latencies) continue;
      result.error = stopped(spec_) ? Error(ErrorCode::cancelled, "not measured: interrupted")
                                    : Error(ErrorCode::failed_precondition, "not measured: --duration is too short");
    }
    return std::move(results_);
  }

 private:
  template <class Step>
  void each(std::string_view what, Step step) {
    for (std::size_t i = 0; i < results_.size(); ++i) {
      if (results_[i].error || stopped(spec_)) continue;
      tell(fmt::format("{} {}", what, spec_.engines[i]));
      Expected<> done = step(i);
      if (!done && !stopped(spec_)) results_[i].error = std::move(done).error();  // Ctrl-C ends the fresh processes too
    }
  }

  void tell(std::string_view what) const {
    if (spec_.progress) spec_.progress(fmt::format("{}: {}", model_.filename().native(), what));
  }

  Expected<> compare(std::size_t i) {
    LANEWAY_TRY_ASSIGN(BenchAnswers answers, collect_answers(*contestants_[i], workload_));
    if (!reference_) reference_ = std::move(answers);
    else {
      LANEWAY_TRY_ASSIGN(results_[i].max_abs_diff, compare_answers(answers, *reference_, workload_.workload()));
      return {};
    }
    results_[i].max_abs_diff = 0;
    return {};
  }

  // Where a session happens to lie in memory makes it some percent faster or slower for as long as it lives, so that contestants
  // are opened anew between sittings: as often as opening takes no longer than measuring does.
  int sittings() const {
    constexpr double sittings_max = 8;
    double open_ms = 0;
    for (const BenchResult& result : results_) open_ms += result.passes.open_ms.value_or(0);
    const double measure_ms =
        std::chrono::duration<double, std::milli>(spec_.duration).count() * static_cast<double>(results_.size());
    return static_cast<int>(std::clamp(measure_ms / std::max(open_ms, 1e-3), 1.0, sittings_max));
  }

  void measure() {
    bench::Rounds rounds;
    rounds.timings.resize(results_.size());
    const int count = sittings();
    for (int sitting = 0; sitting < count && !stopped(spec_); ++sitting) {
      if (sitting > 0) open_anew();
      rounds.add(sit(sitting, count));
      for (std::size_t i = 0; i < results_.size(); ++i) {
        if (!results_[i].error) results_[i].error = rounds.timings[i].error;
      }
    }
    tell("statistics");
    for (std::size_t i = 0; i < results_.size(); ++i) note(results_[i], rounds.timings[i], rounds);
  }

  void open_anew() {
    for (auto& contestant : contestants_) contestant.reset();
    std::vector<std::size_t> order(results_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::shuffle(order, random_);
    for (const std::size_t i : order) {
      if (results_[i].error || stopped(spec_)) continue;
      auto opened = bench::open_contestant(spec_.engines[i], workload_.workload(), workload_.buffers());
      if (opened) contestants_[i] = *std::move(opened);
      else results_[i].error = std::move(opened).error();
    }
  }

  bench::Rounds sit(int sitting, int count) {
    std::vector<bench::Timed*> timed;
    std::vector<std::size_t> who;
    for (std::size_t i = 0; i < results_.size(); ++i) {
      if (results_[i].error || !contestants_[i]) continue;
      timed.push_back(contestants_[i].get());
      who.push_back(i);
    }
    bench::Rounds all;
    all.timings.resize(results_.size());
    if (timed.empty()) return all;
    const auto progress = [&](double done) { tell(fmt::format("{:.0f} %", (sitting + done) / count * 100)); };
    bench::Rounds rounds =
        bench::run_rounds(timed, {.lanes = static_cast<std::size_t>(spec_.lanes),
                                  .duration = spec_.duration / count,
                                  .warmup = spec_.warmup / count,
                                  .seed = random_(),
                                  .prepare = [&](std::size_t lane, std::uint64_t turn) { workload_.prepare(lane, turn); },
                                  .progress = progress,
                                  .stop = spec_.stop});
    for (std::size_t i = 0; i < who.size(); ++i) all.timings[who[i]] = std::move(rounds.timings[i]);
    all.sittings = std::move(rounds.sittings);
    return all;
  }

  void note(BenchResult& result, const bench::Timing& timing, const bench::Rounds& rounds) const {
    if (result.error || timing.samples.empty()) return;
    result.latencies = bench::latencies_of(timing.samples, bench::Clock::ns_per_tick());
    const double seconds = static_cast<double>(timing.ticks) * bench::Clock::ns_per_tick() / 1e9;
    result.throughput_per_s = static_cast<double>(timing.runs) / seconds;
    const std::vector<bench::Sample>& first = rounds.timings.front().samples;
    if (results_.front().error || first.empty()) return;
    bench::Comparison compared = bench::compare(timing.samples, first, rounds.sittings, spec_.inputs.seed);
    const double us_per_tick = bench::Clock::ns_per_tick() / 1e3;
    for (double* ticks : {&compared.p50_difference, &compared.difference_ci95.low, &compared.difference_ci95.high})
      *ticks *= us_per_tick;
    result.to_first = compared;
  }

  const std::filesystem::path& model_;
  const BenchSpec& spec_;
  BenchWorkload& workload_;
  std::vector<std::unique_ptr<bench::Contestant>> contestants_;
  std::vector<BenchResult> results_;
  std::optional<BenchAnswers> reference_;
  std::mt19937_64 random_{spec_.inputs.seed};
};

}  // namespace

std::vector<BenchResult> bench_model(const std::filesystem::path& model, const BenchSpec& spec) {
  const auto workload = BenchWorkload::make(model, spec);
  if (workload) return Race(model, spec, **workload).run();
  std::vector<BenchResult> results;
  for (const std::string& engine : spec.engines) {
    results.push_back(
        {.model = model, .engine = engine, .threads = spec.threads, .lanes = spec.lanes, .error = workload.error()});
  }
  return results;
}

}  // namespace laneway::cli
