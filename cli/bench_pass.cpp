#include <dlfcn.h>
#include <fmt/format.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/bench_model.h"
#include "cli/program.h"

namespace laneway::cli {
namespace {

using Json = nlohmann::ordered_json;
using Time = std::chrono::steady_clock;

double ms_since(Time::time_point start) { return std::chrono::duration<double, std::milli>(Time::now() - start).count(); }

double resident_mib() {
  std::ifstream file("/proc/self/statm");
  double total_pages = 0, resident_pages = 0;
  file >> total_pages >> resident_pages;
  return resident_pages * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

// The counter that is preloaded into this process; reading it allocates nothing.
struct MallocCounter {
  using Read = std::uint64_t (*)();
  Read count = reinterpret_cast<Read>(dlsym(RTLD_DEFAULT, "laneway_malloc_count"));
  Read bytes = reinterpret_cast<Read>(dlsym(RTLD_DEFAULT, "laneway_malloc_bytes"));
};

// Instructions of this thread's user code, where the system lets us count them: many virtual machines do not.
class InstructionCounter {
 public:
  InstructionCounter() {
    perf_event_attr event{};
    event.type = PERF_TYPE_HARDWARE;
    event.size = sizeof event;
    event.config = PERF_COUNT_HW_INSTRUCTIONS;
    event.exclude_kernel = 1;
    event.exclude_hv = 1;
    descriptor_ = static_cast<int>(syscall(SYS_perf_event_open, &event, 0, -1, -1, 0));
  }
  ~InstructionCounter() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  InstructionCounter(const InstructionCounter&) = delete;
  InstructionCounter& operator=(const InstructionCounter&) = delete;

  /// Since it was made. nullopt: nobody counts.
  std::optional<std::uint64_t> read() const noexcept {
    std::uint64_t count = 0;
    if (descriptor_ < 0 || ::read(descriptor_, &count, sizeof count) != sizeof count) return std::nullopt;
    return count;
  }

 private:
  int descriptor_;
};

Expected<Json> open_pass(const std::string& engine, BenchWorkload& workload) {
  workload.prepare(0, 0);
  const auto opening = Time::now();
  LANEWAY_TRY_ASSIGN(const auto contestant, bench::open_contestant(engine, workload.workload(), workload.buffers()));
  const double open_ms = ms_since(opening);
  const auto running = Time::now();
  LANEWAY_TRY(contestant->run(0));
  const double first_run_ms = ms_since(running);
  return Json{{"open_ms", open_ms}, {"first_run_ms", first_run_ms}, {"rss_mib", resident_mib()}};
}

Expected<Json> allocations_pass(const std::string& engine, BenchWorkload& workload) {
  const MallocCounter counter;
  if (counter.count == nullptr || counter.bytes == nullptr)
    return Error(ErrorCode::failed_precondition, "no malloc counter is preloaded");
  LANEWAY_TRY_ASSIGN(const auto contestant, bench::open_contestant(engine, workload.workload(), workload.buffers()));
  constexpr std::uint64_t warm_runs = 10, runs_min = 10, runs_max = 1000;
  for (std::uint64_t turn = 0; turn < warm_runs; ++turn) {
    workload.prepare(0, turn);
    LANEWAY_TRY(contestant->run(0));
  }
  const InstructionCounter instructions;
  std::uint64_t runs = 0, count = 0, bytes = 0, executed = 0;
  for (const auto start = Time::now(); runs < runs_max && (runs < runs_min || ms_since(start) < 1000); ++runs) {
    workload.prepare(0, runs);
    const std::uint64_t count_before = counter.count(), bytes_before = counter.bytes();
    const auto executed_before = instructions.read();
    LANEWAY_TRY(contestant->run(0));
    if (const auto executed_after = instructions.read()) executed += *executed_after - *executed_before;
    count += counter.count() - count_before;
    bytes += counter.bytes() - bytes_before;
  }
  const auto per_run = [&](std::uint64_t total) { return static_cast<double>(total) / static_cast<double>(runs); };
  Json json = {{"allocations_per_run", per_run(count)}, {"bytes_allocated_per_run", per_run(bytes)}};
  if (executed > 0) json["instructions_per_run"] = per_run(executed);
  return json;
}

Expected<Json> pass_of(std::string_view pass, const std::filesystem::path& model, const BenchSpec& spec) {
  LANEWAY_TRY_ASSIGN(const auto workload, BenchWorkload::make(model, spec));
  return pass == "open" ? open_pass(spec.engines.front(), *workload) : allocations_pass(spec.engines.front(), *workload);
}

Expected<Json> ask(std::string_view pass, const std::filesystem::path& model, const std::string& engine, const BenchSpec& spec,
                   const std::optional<std::filesystem::path>& preload = std::nullopt) {
  std::vector<std::string> arguments = {"bench", model.native(), "--engines", engine, "--pass", std::string(pass)};
  arguments.insert(arguments.end(), spec.child_arguments.begin(), spec.child_arguments.end());
  LANEWAY_TRY_ASSIGN(const std::string text, run_this_program(arguments, preload));
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return Error(ErrorCode::internal, fmt::format("pass {}: its process wrote no figures", pass));
  if (!json.contains("error")) return json;
  return Error(static_cast<ErrorCode>(json["error"]["code"].get<int>()), json["error"]["message"].get<std::string>());
}

}  // namespace

Json bench_pass(std::string_view pass, const std::filesystem::path& model, const BenchSpec& spec) {
  const auto figures = pass_of(pass, model, spec);
  if (figures) return *figures;
  return {{"error", {{"code", static_cast<int>(figures.error().code())}, {"message", figures.error().message()}}}};
}

Expected<BenchPasses> bench_passes(const std::filesystem::path& model, const std::string& engine, const BenchSpec& spec) {
  BenchPasses passes;
  LANEWAY_TRY_ASSIGN(const Json opened, ask("open", model, engine, spec));
  passes.open_ms = opened["open_ms"].get<double>();
  passes.first_run_ms = opened["first_run_ms"].get<double>();
  passes.rss_mib = opened["rss_mib"].get<double>();
  const auto counter = malloc_counter_library();
  if (!counter) return passes;
  LANEWAY_TRY_ASSIGN(const Json counted, ask("allocations", model, engine, spec, counter));
  passes.allocations_per_run = counted["allocations_per_run"].get<double>();
  passes.bytes_allocated_per_run = counted["bytes_allocated_per_run"].get<double>();
  if (counted.contains("instructions_per_run")) passes.instructions_per_run = counted["instructions_per_run"].get<double>();
  return passes;
}

}  // namespace laneway::cli
