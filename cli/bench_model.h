#pragma once
#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/measure/statistics.h"
#include "bench/ort_lane/contestant.h"
#include "cli/inputs.h"

/// `laneway bench`, model by model.
namespace laneway::cli {

struct BenchSpec {
  std::vector<std::string> engines;
  InputFlags inputs;
  int threads = 1;
  int lanes = 1;
  OrtEngineSpec ort = {};  ///< Of the contestant of that name.
  std::chrono::nanoseconds duration = std::chrono::seconds(4);
  std::chrono::nanoseconds warmup = std::chrono::milliseconds(500);
  /// How a fresh process of this program does one pass over one model and one engine: everything but model, engine and pass.
  std::vector<std::string> child_arguments = {};
  const std::atomic<bool>* stop = nullptr;
  std::function<void(std::string_view)> progress = nullptr;
};

/// A model, what it is run on, and the memory of its ports.
class BenchWorkload {
 public:
  /// Errors: those of reading the model and its inputs; unimplemented (ports that are no tensors of numbers).
  static Expected<std::unique_ptr<BenchWorkload>> make(const std::filesystem::path& model, const BenchSpec& spec);

  const bench::Workload& workload() const noexcept { return workload_; }
  std::vector<bench::LaneBuffers>& buffers() noexcept { return buffers_; }
  const GivenInputs& given() const noexcept { return given_; }
  std::size_t variations() const noexcept { return variations_.size(); }

  /// Writes the lane's inputs: one of the variations made beforehand.
  void prepare(std::size_t lane, std::uint64_t turn) noexcept;

 private:
  GivenInputs given_;
  bench::Workload workload_;
  std::vector<bench::LaneBuffers> buffers_;
  std::vector<std::vector<Buffer>> variations_;  // [variation][input]
};

/// What a fresh process found. Empty: that pass was not done.
struct BenchPasses {
  std::optional<double> open_ms, first_run_ms, rss_mib;
  std::optional<double> allocations_per_run, bytes_allocated_per_run;
  std::optional<double> instructions_per_run;  ///< Of user code; empty also where the processor counts none for us.
};

/// One contestant on one model: latencies, or an error.
struct BenchResult {
  std::filesystem::path model;
  std::string engine;
  std::vector<std::pair<std::string, Shape>> shapes = {};
  int threads = 1, lanes = 1;
  std::optional<bench::Latencies> latencies = std::nullopt;
  double throughput_per_s = 0;
  BenchPasses passes = {};
  std::optional<double> max_abs_diff = std::nullopt;         ///< Of all answers, to those of the first contestant that has any.
  std::optional<bench::Comparison> to_first = std::nullopt;  ///< In microseconds.
  std::optional<Error> error = std::nullopt;
};

/// One result per engine, in their order.
std::vector<BenchResult> bench_model(const std::filesystem::path& model, const BenchSpec& spec);

/// What a fresh process does: opens one contestant and measures, "open" or "allocations". Errors are in the JSON.
nlohmann::ordered_json bench_pass(std::string_view pass, const std::filesystem::path& model, const BenchSpec& spec);
/// Has it done by fresh processes. Errors: the contestant's; internal where a process crashed.
Expected<BenchPasses> bench_passes(const std::filesystem::path& model, const std::string& engine, const BenchSpec& spec);

}  // namespace laneway::cli
