#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/commands.h"
#include "cli/model_file.h"
#include "cli/ort_flags.h"
#include "cli/summary.h"
#include "cli/terminal.h"
#include "cli/usage.h"
#include "laneway/core/threads.h"
#include "laneway/laneway.h"

namespace laneway::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr int runs_max = 10'000'000;  // the time of each is kept

struct RunFlags {
  std::string model, engine = "auto", save_outputs, seed = "0", runs = "1", threads = "1", timeout, json;
  std::vector<std::string> outputs;
  InputFlags inputs;
  OrtFlags ort;
};

// ---- before the run -----------------------------------------------------------------------------------------------------

void check_outputs(const std::vector<Port>& ports, const std::vector<std::string>& wanted) {
  std::vector<std::string> names;
  for (const Port& port : ports) names.push_back(port.name);
  for (const std::string& name : wanted) {
    if (std::ranges::find(names, name) != names.end()) continue;
    throw UsageError(fmt::format("--output {}: no such output: {}", name, expected_one_of(names, name)));
  }
}

RuntimeSpec spec_of(const RunFlags& flags, EngineChoice engine, const GivenInputs& given) {
  RuntimeSpec spec{.model = ModelFile{flags.model},
                   .engine = std::move(engine),
                   .dimensions = given.dimensions,
                   .outputs = flags.outputs,
                   .threads = {.count = count_of("--threads", flags.threads, threads_max())},
                   .warm_up_runs = 0};
  for (const GivenInput& input : given.inputs) {
    const bool dense = input.port.dense();
    spec.ports.push_back({.name = input.port.name, .shape = dense ? std::optional(input.shape) : std::nullopt});
  }
  return spec;
}

Expected<> fill_inputs(Lane& lane, const GivenInputs& given, std::uint64_t seed) {
  for (const GivenInput& input : given.inputs) {
    if (const auto* text = std::get_if<std::string>(&input.source)) {
      LANEWAY_TRY_ASSIGN(Value * value, lane.input_value(input.port.name));
      LANEWAY_TRY_ASSIGN(const std::size_t count, element_count(input.shape));
      *value = StringTensorValue{input.shape, std::vector<std::string>(count, *text)};
    } else {
      LANEWAY_TRY_ASSIGN(const Memory memory, lane.input_memory(input.port.name));
      input.fill(memory.data, seed, 0);
    }
  }
  return {};
}

Error run_failed(const RunFlags& flags, Error error) {
  const std::string what = flags.model + ": run";
  if (error.code() != ErrorCode::deadline_exceeded) return std::move(error).with_context(what);
  return Error(error.code(), fmt::format("{}: deadline over: expected at most {} (--timeout)", what, flags.timeout));
}

// Times in microseconds, ascending.
Expected<std::vector<double>> run_often(Lane& lane, const RunFlags& flags) {
  const int runs = count_of("--runs", flags.runs, runs_max);
  const auto timeout = flags.timeout.empty() ? std::nullopt : std::optional(duration_of("--timeout", flags.timeout));
  std::vector<double> times_us;
  for (int run = 0; run < runs; ++run) {
    const auto start = std::chrono::steady_clock::now();
    if (Expected<> done = timeout ? lane.run(*timeout) : lane.run(); !done) return run_failed(flags, std::move(done).error());
    times_us.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
  }
  std::ranges::sort(times_us);
  return times_us;
}

// ---- after it -----------------------------------------------------------------------------------------------------------

// An output as the last run left it: a view of the lane's, or a Value.
struct Result {
  Port port;
  OutputView view = {};
  Shape shape = {};
  const Value* value = nullptr;
};

Expected<std::vector<Result>> results_of(const Lane& lane, const std::vector<std::string>& wanted) {
  std::vector<Result> results;
  for (const Port& port : lane.outputs()) {
    if (!wanted.empty() && std::ranges::find(wanted, port.name) == wanted.end()) continue;
    Result result{port};
    if (port.dense()) {
      LANEWAY_TRY_ASSIGN(result.view, lane.output(port.name));
      LANEWAY_TRY_ASSIGN(result.shape, Shape::of(result.view.shape));
    } else {
      LANEWAY_TRY_ASSIGN(result.value, lane.output_value(port.name));
    }
    results.push_back(std::move(result));
  }
  return results;
}

Expected<TensorSummary> summary_of(const Result& result) {
  LANEWAY_TRY_ASSIGN(const std::size_t count, element_count(result.shape));
  return summarise(result.view.dtype, count, result.view.data);
}

// A name that any file system takes, different for each output.
std::string file_name(const std::string& output, std::set<std::string>& taken) {
  std::string name = output;
  for (char& c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
    if (!plain) c = '_';
  }
  if (name.empty() || name.front() == '.') name.insert(0, "_");
  while (!taken.insert(name).second) name += "_";
  return name + ".npy";
}

Expected<> make_folder(const std::filesystem::path& folder) {
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) {
    return Error(errno_code(failure.value()),
                 fmt::format("--save-outputs {}: cannot be made: {}", folder.native(), failure.message()));
  }
  return check_writable(fmt::format("--save-outputs {}", folder.native()), folder / "x.npy");
}

Expected<> save(const std::vector<Result>& results, const std::filesystem::path& folder) {
  std::set<std::string> taken;
  for (const Result& result : results) {
    if (result.value != nullptr) {
      return Error(ErrorCode::unimplemented,
                   fmt::format("output {}: is no tensor of numbers: .npy files hold nothing else", result.port.name));
    }
    const std::span bytes(static_cast<const std::byte*>(result.view.data), result.view.bytes);
    LANEWAY_TRY(save_npy(folder / file_name(result.port.name, taken), result.view.dtype, result.shape, bytes));
  }
  return {};
}

Expected<Json> json_of(const RunFlags& flags, const Runtime& runtime, const GivenInputs& given,
                       const std::vector<double>& times_us, const std::vector<Result>& results) {
  const Report report = runtime.report();
  Json inputs = Json::array(), outputs = Json::array(), dimensions = Json::object();
  for (const NamedExtent& dimension : given.dimensions) dimensions[dimension.symbol] = dimension.extent;
  for (const GivenInput& input : given.inputs) {
    inputs.push_back({{"name", input.port.name}, {"dtype", name(input.port.dtype)}, {"shape", to_json(input.shape)}});
  }
  for (const Result& result : results) {
    Json output = {{"name", result.port.name}, {"kind", name(result.port.kind)}, {"dtype", name(result.port.dtype)}};
    if (result.value != nullptr) {
      output.update(to_json(*result.value));
    } else {
      LANEWAY_TRY_ASSIGN(const TensorSummary summary, summary_of(result));
      output["shape"] = to_json(result.shape);
      output.update(to_json(summary));
    }
    outputs.push_back(std::move(output));
  }
  return Json{{"schema", "laneway.run.v1"},
              {"model", std::filesystem::path(flags.model).filename().native()},
              {"path", flags.model},
              {"engine", report.engine},
              {"reason", report.reason},
              {"providers", flags.ort.providers},
              {"dimensions", std::move(dimensions)},
              {"seed", flags.inputs.seed},
              {"threads", runtime.spec().threads.count},
              {"runs", times_us.size()},
              {"min_us", times_us.front()},
              {"p50_us", times_us[(times_us.size() - 1) / 2]},
              {"max_us", times_us.back()},
              {"inputs", std::move(inputs)},
              {"outputs", std::move(outputs)}};
}

Expected<> print(const RunFlags& flags, const Runtime& runtime, const std::vector<double>& times_us,
                 const std::vector<Result>& results) {
  std::string timing = fmt::format("{:.1f} us", times_us.front());
  if (times_us.size() > 1) {
    timing = fmt::format("{} runs, min {:.1f} us, p50 {:.1f} us, max {:.1f} us", times_us.size(), times_us.front(),
                         times_us[(times_us.size() - 1) / 2], times_us.back());
  }
  write_text(fmt::format("{}: engine {}, {}\n\n", std::filesystem::path(flags.model).filename().native(), runtime.report().engine,
                         timing));
  Table table({"output", "dtype", "shape", "values"});
  table.left();
  for (const Result& result : results) {
    if (result.value != nullptr) {
      table.add({shortened(result.port.name), std::string(name(result.port.dtype)), "", to_string(*result.value)});
      continue;
    }
    LANEWAY_TRY_ASSIGN(const TensorSummary summary, summary_of(result));
    table.add({shortened(result.port.name), std::string(name(result.view.dtype)), to_string(result.shape), to_string(summary)});
  }
  write_text(table.text());
  return {};
}

// By name, unless there are flags for engine ort.
Expected<EngineChoice> engine_of(const RunFlags& flags, ProfileFolder& traces) {
  if (flags.ort.given().empty()) return EngineChoice(flags.engine);
  LANEWAY_TRY_ASSIGN(OrtEngineSpec spec, ort_spec(flags.ort));
  if (!flags.ort.profile.empty()) {
    LANEWAY_TRY(check_writable("--profile " + flags.ort.profile, flags.ort.profile));
    LANEWAY_TRY(traces.begin(spec));
  }
  return EngineChoice(std::move(spec));
}

Expected<> run(RunFlags flags) {
  check_engines("--engine", {flags.engine}, {});
  check_ort_flags(flags.ort, flags.engine);
  flags.inputs.seed = seed_of("--seed", flags.seed);
  count_of("--runs", flags.runs, runs_max);
  if (!flags.timeout.empty()) duration_of("--timeout", flags.timeout);
  LANEWAY_TRY_ASSIGN(const ModelDescription model, read_model(flags.model));
  if (model.outputs.empty()) return Error(ErrorCode::invalid_argument, flags.model + ": model: has no outputs");
  check_outputs(model.outputs, flags.outputs);
  LANEWAY_TRY_ASSIGN(const GivenInputs given, resolve_inputs(model.inputs, flags.inputs));
  ProfileFolder traces;
  LANEWAY_TRY_ASSIGN(EngineChoice engine, engine_of(flags, traces));
  const RuntimeSpec spec = spec_of(flags, std::move(engine), given);
  if (!flags.json.empty()) LANEWAY_TRY(check_json(flags.json));
  if (!flags.save_outputs.empty()) LANEWAY_TRY(make_folder(flags.save_outputs));
  print_defaulted("run", given);

  LANEWAY_TRY_ASSIGN(const Runtime runtime, open(spec));
  Lane& lane = *runtime.lanes().front();
  LANEWAY_TRY(fill_inputs(lane, given, flags.inputs.seed));
  LANEWAY_TRY_ASSIGN(const std::vector<double> times_us, run_often(lane, flags));
  if (!flags.ort.profile.empty()) LANEWAY_TRY(traces.end(*ort_session(lane.binding()), flags.ort.profile));
  LANEWAY_TRY_ASSIGN(const std::vector<Result> results, results_of(lane, flags.outputs));
  if (flags.json != "-") LANEWAY_TRY(print(flags, runtime, times_us, results));
  if (!flags.json.empty()) {
    LANEWAY_TRY_ASSIGN(const Json json, json_of(flags, runtime, given, times_us, results));
    LANEWAY_TRY(write_json(flags.json, json));
  }
  return flags.save_outputs.empty() ? Expected<>() : save(results, flags.save_outputs);
}

}  // namespace

void add_run(CLI::App& app, Command& chosen) {
  const auto flags = std::make_shared<RunFlags>();
  CLI::App& command = *app.add_subcommand("run", "Run a model and show what comes out");
  command.add_option("MODEL", flags->model, "An ONNX file")->required();
  command.add_option("--engine", flags->engine, "Who computes; auto takes the first that can")
      ->type_name("E")
      ->capture_default_str();
  add_input_flags(command, flags->inputs);
  command.add_option("--output", flags->outputs, "An output that is wanted; others are not computed (default: all)")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command.add_option("--save-outputs", flags->save_outputs, "Write each output to DIR/NAME.npy")->type_name("DIR");
  command.add_option("--seed", flags->seed, "Of random inputs")->type_name("N")->capture_default_str();
  command.add_option("--runs", flags->runs, "How often; the outputs are those of the last run")
      ->type_name("N")
      ->capture_default_str();
  command.add_option("--threads", flags->threads, "That compute one run")->type_name("N")->capture_default_str();
  command.add_option("--timeout", flags->timeout, "Ends a run that is still going on then: 5ms, 100us, 2s")->type_name("TIME");
  add_ort_flags(command, flags->ort);
  add_profile_flag(command, flags->ort);
  command.add_option("--json", flags->json, "Write the same for machines; - is stdout, without the text")->type_name("FILE|-");
  command.footer(
      "Inputs are random unless --input says otherwise: floats uniform in [-1, 1], integers and\n"
      "booleans 0 or 1. Dimensions that nobody sets are 1; one without a name is PORT.AXIS.\n\n"
      "Examples:\n"
      "  laneway run mnist.onnx --input image=digit.npy\n"
      "  laneway run encoder.onnx --dim sequence=17 --input ids=random:0..999 --output pooled\n"
      "  laneway run mlp.onnx --runs 1000 --threads 2 --json - | jq .p50_us\n"
      "  laneway run mlp.onnx --provider CUDA:device_id=1 --provider CPU --profile trace.json\n");
  command.callback([flags, &chosen] { chosen = [flags] { return run(*flags); }; });
}

}  // namespace laneway::cli
