#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "bench/measure/host.h"
#include "cli/bench_model.h"
#include "cli/commands.h"
#include "cli/model_file.h"
#include "cli/ort_flags.h"
#include "cli/processor.h"
#include "cli/program.h"
#include "cli/summary.h"
#include "cli/terminal.h"
#include "cli/usage.h"
#include "laneway/core/threads.h"
#include "laneway/ort/library.h"

namespace laneway::cli {
namespace {

using Json = nlohmann::ordered_json;

struct BenchFlags {
  std::vector<std::string> models, engines = {"ort", "ort-raw", "ort-run"};
  std::string threads = "1", lanes = "1", duration = "4s", warmup = "0.5s", seed = "0", json, pass;
  InputFlags inputs;
  OrtFlags ort;
};

std::atomic<bool> interrupted{false};

// The first Ctrl-C ends the bench with the figures so far, the second one the program.
void end_on_interrupt() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted.store(true); };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
}

// What the figures were taken on.
struct Host {
  Processor processor = this_processor();
  std::size_t cores = allowed_cores().size();
  bench::HostSpeed speed = bench::measure_host();
  std::string onnxruntime;  // its version; empty: there is none
};

Host this_host() {
  Host host;
  if (const auto library = ort::Library::open()) host.onnxruntime = (*library)->version();
  return host;
}

// ---- for machines -------------------------------------------------------------------------------------------------------

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json json_of(const bench::Interval& interval) { return {interval.low, interval.high}; }

Json json_of(const BenchResult& result) {
  Json shapes = Json::object();
  for (const auto& [port, shape] : result.shapes) shapes[port] = to_json(shape);
  Json json = {{"model", result.model.filename().native()},
               {"path", result.model.native()},
               {"engine", result.engine},
               {"shapes", std::move(shapes)},
               {"threads", result.threads},
               {"lanes", result.lanes}};
  if (result.error) {
    json["error"] = {{"code", name(result.error->code())}, {"message", result.error->message()}};
    return json;
  }
  const bench::Latencies& latencies = *result.latencies;
  const auto& first = result.to_first;
  json.update({{"samples", latencies.samples},
               {"min_us", latencies.min_us},
               {"p50_us", latencies.p50_us},
               {"p90_us", latencies.p90_us},
               {"p99_us", latencies.p99_us},
               {"p999_us", latencies.p999_us},
               {"max_us", latencies.max_us},
               {"throughput_per_s", result.throughput_per_s},
               {"allocations_per_run", or_null(result.passes.allocations_per_run)},
               {"bytes_allocated_per_run", or_null(result.passes.bytes_allocated_per_run)},
               {"instructions_per_run", or_null(result.passes.instructions_per_run)},
               {"open_ms", or_null(result.passes.open_ms)},
               {"first_run_ms", or_null(result.passes.first_run_ms)},
               {"rss_mib", or_null(result.passes.rss_mib)},
               {"max_abs_diff", or_null(result.max_abs_diff)},
               {"p50_ratio_to_first", first ? Json(first->p50_ratio) : Json()},
               {"p50_ratio_ci95", first ? json_of(first->p50_ratio_ci95) : Json()},
               {"p50_difference_to_first_us", first ? Json(first->p50_difference) : Json()},
               {"p50_difference_ci95", first ? json_of(first->difference_ci95) : Json()}});
  return json;
}

Json json_of(const Host& host, std::uint64_t seed, const std::vector<BenchResult>& results) {
  Json entries = Json::array(), libraries = Json::object();
  if (!host.onnxruntime.empty()) libraries["onnxruntime"] = host.onnxruntime;
  for (const BenchResult& result : results) entries.push_back(json_of(result));
  return {{"schema", "laneway.bench.v1"},
          {"host",
           {{"cpu", host.processor.name},
            {"isa", host.processor.features},
            {"cores", host.cores},
            {"fma_gmacs_per_s", host.speed.fma_gmacs_per_s},
            {"memory_gb_per_s", host.speed.memory_gb_per_s},
            {"libraries", std::move(libraries)},
            {"seed", seed}}},
          {"results", std::move(entries)}};
}

// ---- for people ---------------------------------------------------------------------------------------------------------

std::string number(double value) {
  if (value != 0 && std::abs(value) < 0.001) return fmt::format("{:.0e}", value);
  if (value == std::round(value) && std::abs(value) < 1e9) return fmt::format("{:.0f}", value);
  return fmt::format("{:.{}f}", value, value < 10 ? 3 : value < 100 ? 2 : value < 1000 ? 1 : 0);
}
std::string number(const std::optional<double>& value) { return value ? number(*value) : "-"; }

std::string with_interval(double value, const bench::Interval& interval) {
  return fmt::format("{:.3f} [{:.3f}, {:.3f}]", value, interval.low, interval.high);
}
std::string ratio(const BenchResult& result) {
  return result.to_first ? with_interval(result.to_first->p50_ratio, result.to_first->p50_ratio_ci95) : "-";
}
std::string difference(const BenchResult& result) {
  return result.to_first ? with_interval(result.to_first->p50_difference, result.to_first->difference_ci95) : "-";
}

void print_host(const Host& host, std::uint64_t seed) {
  write_text(fmt::format("{}, {} cores; one core: {:.1f} GMAC/s f32, {:.1f} GB/s\n",
                         host.processor.name.empty() ? "unknown processor" : host.processor.name, host.cores,
                         host.speed.fma_gmacs_per_s, host.speed.memory_gb_per_s));
  write_text(fmt::format("ONNX Runtime {}; seed {}\n", host.onnxruntime.empty() ? "missing" : host.onnxruntime, seed));
}

// A contestant is a column, so that four of them fit a terminal and each figure has its competitors beside it.
Table figures_of(const std::vector<BenchResult>& results) {
  std::vector<const BenchResult*> measured;
  std::vector<std::string> heads = {"engine"};
  for (const BenchResult& result : results) {
    if (result.error) continue;
    measured.push_back(&result);
    heads.push_back(result.engine);
  }
  Table table(std::move(heads));
  const auto row = [&](std::string figure, auto text) {
    std::vector<std::string> cells = {std::move(figure)};
    for (const BenchResult* result : measured) cells.push_back(text(*result));
    table.add(std::move(cells));
  };
  const auto latency = [&](std::string figure, double bench::Latencies::*us) {
    row(std::move(figure), [us](const BenchResult& result) { return number((*result.latencies).*us); });
  };
  const auto pass = [&](std::string figure, std::optional<double> BenchPasses::*value) {
    row(std::move(figure), [value](const BenchResult& result) { return number(result.passes.*value); });
  };
  latency("min us", &bench::Latencies::min_us);
  latency("p50 us", &bench::Latencies::p50_us);
  latency("p90 us", &bench::Latencies::p90_us);
  latency("p99 us", &bench::Latencies::p99_us);
  latency("p99.9 us", &bench::Latencies::p999_us);
  latency("max us", &bench::Latencies::max_us);
  row("p50 / first [95 %]", ratio);
  row("p50 - first us", difference);
  row("runs/s", [](const BenchResult& result) { return fmt::format("{:.0f}", result.throughput_per_s); });
  pass("allocations/run", &BenchPasses::allocations_per_run);
  pass("bytes allocated/run", &BenchPasses::bytes_allocated_per_run);
  const auto counted = [](const BenchResult* result) { return result->passes.instructions_per_run.has_value(); };
  if (std::ranges::any_of(measured, counted)) pass("instructions/run", &BenchPasses::instructions_per_run);
  pass("open ms", &BenchPasses::open_ms);
  pass("first run ms", &BenchPasses::first_run_ms);
  pass("RSS MiB", &BenchPasses::rss_mib);
  row("largest difference", [](const BenchResult& result) { return number(result.max_abs_diff); });
  return table;
}

void print_results(const std::vector<BenchResult>& results) {
  std::string shapes;
  for (const auto& [port, shape] : results.front().shapes) shapes += fmt::format("  {} {}", port, to_string(shape));
  write_text(fmt::format("\n{}{}  threads {}  lanes {}\n", bold(results.front().model.filename().native()), shapes,
                         results.front().threads, results.front().lanes));
  if (!std::ranges::all_of(results, [](const BenchResult& result) { return result.error.has_value(); }))
    write_text(figures_of(results).text());
  for (const BenchResult& result : results) {
    if (result.error) write_text(fmt::format("{}  error: {}\n", result.engine, result.error->message()));
  }
}

// ---- the command --------------------------------------------------------------------------------------------------------

void pass_on(std::vector<std::string>& arguments, const BenchFlags& flags) {
  const auto add = [&](const char* flag, const std::vector<std::string>& values) {
    for (const std::string& value : values) arguments.insert(arguments.end(), {flag, value});
  };
  add("--threads", {flags.threads});
  add("--seed", {flags.seed});
  add("--input", flags.inputs.inputs);
  add("--dim", flags.inputs.dims);
  add("--shape", flags.inputs.shapes);
  add("--provider", flags.ort.providers);
  add("--ort-option", flags.ort.options);
}

// Runs that are not measured, in a process of their own: writing it takes longer than running.
Expected<> write_profile(const BenchFlags& flags) {
  std::vector<std::string> arguments = {"run", flags.models.front(), "--engine", "ort", "--runs", "100", "--json", "-"};
  arguments.insert(arguments.end(), {"--profile", flags.ort.profile});
  pass_on(arguments, flags);
  auto ran = run_this_program(arguments);
  return ran ? Expected<>() : Expected<>(std::move(ran).error().with_context("--profile"));
}

Expected<BenchSpec> spec_of(const BenchFlags& flags) {
  check_engines("--engines", flags.engines, {"ort-raw", "ort-cpp", "ort-run", "ort-naive"});
  for (const std::string& engine : flags.engines) check_ort_flags(flags.ort, engine);
  if (!flags.ort.profile.empty() && flags.models.size() > 1) {
    throw UsageError(fmt::format("--profile: expected one MODEL, got {}", flags.models.size()));
  }
  BenchSpec spec{.engines = flags.engines,
                 .inputs = flags.inputs,
                 .threads = count_of("--threads", flags.threads, threads_max()),
                 .lanes = count_of("--lanes", flags.lanes, threads_max()),
                 .duration = duration_of("--duration", flags.duration),
                 .warmup = duration_of("--warmup", flags.warmup),
                 .stop = &interrupted};
  spec.inputs.seed = seed_of("--seed", flags.seed);
  spec.child_arguments = {"--lanes", flags.lanes};
  pass_on(spec.child_arguments, flags);
  LANEWAY_TRY_ASSIGN(spec.ort, ort_spec(flags.ort));
  return spec;
}

// Wrong flags are told before anything is measured; one that fits any of the models is none. Models that cannot be read become
// results.
void check_inputs(const std::vector<std::string>& paths, const InputFlags& flags) {
  std::vector<std::pair<std::string, ModelDescription>> models;
  std::vector<Port> all;
  for (const std::string& path : paths) {
    auto model = read_model(path);
    if (!model) continue;
    all.insert(all.end(), model->inputs.begin(), model->inputs.end());
    models.emplace_back(path, *std::move(model));
  }
  if (models.empty()) return;
  const InputFlags known = flags_for(all, flags);
  const auto without = [](std::vector<std::string> given, const std::vector<std::string>& of_some_model) {
    std::erase_if(given, [&](const std::string& text) { return std::ranges::find(of_some_model, text) != of_some_model.end(); });
    return given;
  };
  const InputFlags unknown{.inputs = without(flags.inputs, known.inputs),
                           .dims = without(flags.dims, known.dims),
                           .shapes = without(flags.shapes, known.shapes)};
  if (!unknown.inputs.empty() || !unknown.dims.empty() || !unknown.shapes.empty())
    static_cast<void>(resolve_inputs(all, unknown));  // throws
  for (const auto& [path, model] : models) {
    try {
      const auto given = resolve_inputs(model.inputs, flags_for(model.inputs, flags));
      if (given) print_defaulted("bench", *given);
    } catch (const UsageError& error) {
      throw models.size() == 1 ? error : UsageError(fmt::format("{}: {}", path, error.what()));
    }
  }
}

// Success if any contestant has figures; else what stopped the first.
Expected<> outcome(const std::vector<BenchResult>& results) {
  if (interrupted.load()) return Error::cancelled();
  const BenchResult* failed = nullptr;
  for (const BenchResult& result : results) {
    if (!result.error) return {};
    if (failed == nullptr) failed = &result;
  }
  return failed == nullptr ? Expected<>()
                           : Error(failed->error->code(), "no contestant could run: " + std::string(failed->error->message()));
}

Expected<> bench(const BenchFlags& flags) {
  LANEWAY_TRY_ASSIGN(BenchSpec spec, spec_of(flags));
  if (!flags.pass.empty()) return write_json("-", bench_pass(flags.pass, flags.models.front(), spec));
  check_inputs(flags.models, spec.inputs);
  if (!flags.json.empty()) LANEWAY_TRY(check_json(flags.json));
  if (!flags.ort.profile.empty()) LANEWAY_TRY(check_writable("--profile " + flags.ort.profile, flags.ort.profile));
  end_on_interrupt();
  Progress progress;
  spec.progress = [&](std::string_view text) { progress.show(text); };
  progress.show("measuring the machine");
  const Host host = this_host();
  progress.show("");
  const bool text = flags.json != "-";
  if (text) print_host(host, spec.inputs.seed);
  std::vector<BenchResult> all;
  for (const std::string& model : flags.models) {
    if (interrupted.load()) break;
    const std::vector<BenchResult> results = bench_model(model, spec);
    progress.show("");
    if (text) print_results(results);
    std::fflush(stdout);
    all.insert(all.end(), results.begin(), results.end());
  }
  if (!flags.json.empty()) LANEWAY_TRY(write_json(flags.json, json_of(host, spec.inputs.seed, all)));
  LANEWAY_TRY(outcome(all));
  return flags.ort.profile.empty() ? Expected<>() : write_profile(flags);
}

}  // namespace

void add_bench(CLI::App& app, Command& chosen) {
  const auto flags = std::make_shared<BenchFlags>();
  CLI::App& command = *app.add_subcommand("bench", "Compare ways to run models, in one process, taking turns");
  command.add_option("MODEL", flags->models, "ONNX files")->required();
  const CLI::Option* const engines = command.add_option("--engines", flags->engines, "Who takes part; ratios are to the first")
                                         ->type_name("A,B,...")
                                         ->delimiter(',')
                                         ->allow_extra_args(false)
                                         ->default_str("ort,ort-raw,ort-run");
  add_input_flags(command, flags->inputs);
  command.add_option("--threads", flags->threads, "That compute one run")->type_name("N")->capture_default_str();
  command.add_option("--lanes", flags->lanes, "That run at once, each driven by a thread of its own")
      ->type_name("N")
      ->capture_default_str();
  command.add_option("--duration", flags->duration, "Measured time of each contestant on each model")
      ->type_name("TIME")
      ->capture_default_str();
  command.add_option("--warmup", flags->warmup, "Of each contestant, not measured")->type_name("TIME")->capture_default_str();
  command.add_option("--seed", flags->seed, "Of inputs and of the order of turns")->type_name("N")->capture_default_str();
  add_ort_flags(command, flags->ort);
  add_profile_flag(command, flags->ort);
  command.add_option("--json", flags->json, "Write the same for machines; - is stdout, without the text")->type_name("FILE|-");
  command.add_option("--pass", flags->pass)->group("");  // what a fresh process of this program is asked for
  command.footer(
      "Engines: those of this build by name, as a lane (ort); ort-raw is ONNX Runtime's C API with\n"
      "RunWithBinding, all bound once; ort-cpp the same by its C++ wrapper; ort-run its plain Run,\n"
      "which allocates the outputs; ort-naive makes and copies the inputs at each run too.\n\n"
      "Contestants share the memory of their ports and take turns of 5 ms in random order. Inputs\n"
      "change between runs, outside of what is timed. Answers are compared before times count:\n"
      "|a - b| <= 1e-5 + 1e-4 |b| for f32. Contestants are opened anew several times; in brackets\n"
      "stands where a figure lies with 95 % confidence. Times are those of single runs; runs/s is\n"
      "that of all lanes together by the clock, changes of inputs included. Allocations, and\n"
      "instructions where the system lets us, are counted in a process of its own; open, first run\n"
      "and RSS are those of a fresh process (a lane's open runs the model once). Ctrl-C shows what\n"
      "there is so far.\n\n"
      "--provider and --ort-option are for lanes of engine ort, which is then the only contestant\n"
      "unless told. --profile traces 100 more runs of it, which are not measured.\n\n"
      "--dim, --shape and --input hold for the models that have what they name. Exit status 0 where\n"
      "any contestant has figures; what stopped the others is told, and in the JSON.\n\n"
      "Examples:\n"
      "  laneway bench mlp.onnx mnist.onnx --engines ort-raw,ort\n"
      "  laneway bench encoder.onnx --dim batch=8 --dim sequence=128 --threads 2 --duration 10s\n"
      "  laneway bench mlp.onnx --lanes 2 --json result.json\n");
  command.callback([flags, engines, &chosen] {
    if (engines->count() == 0 && !flags->ort.given().empty()) flags->engines = {"ort"};
    chosen = [flags] { return bench(*flags); };
  });
}

}  // namespace laneway::cli
