#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include "cli/commands.h"
#include "cli/model_file.h"
#include "cli/ort_flags.h"
#include "cli/terminal.h"
#include "cli/usage.h"
#include "laneway/graph/onnx/summary.h"
#include "laneway/ort/compile.h"

namespace laneway::cli {
namespace {

using Json = nlohmann::ordered_json;

struct ConvertFlags {
  std::string model, out, engine = "ort", json;
  OrtFlags ort;
};

// A model file as it is told of.
struct Told {
  std::filesystem::path path;
  std::size_t bytes = 0;
  std::optional<std::size_t> nodes = std::nullopt;  // where our own reader can read it
};

Told tell(const std::filesystem::path& path) {
  std::error_code ignored;
  Told told{.path = path, .bytes = static_cast<std::size_t>(std::filesystem::file_size(path, ignored))};
  if (const auto model = read_model(path)) {
    const auto operators = onnx::count_operators(model->view);
    told.nodes = std::accumulate(operators.begin(), operators.end(), std::size_t{0},
                                 [](std::size_t sum, const onnx::OperatorCount& op) { return sum + op.count; });
  }
  return told;
}

Json json_of(const Told& told) {
  return {{"path", told.path.native()}, {"bytes", told.bytes}, {"nodes", told.nodes ? Json(*told.nodes) : Json()}};
}

std::string text_of(const Told& told) {
  const std::string nodes = told.nodes ? fmt::format(", {} nodes", *told.nodes) : "";
  return fmt::format("{} ({}{})", told.path.native(), bytes_text(told.bytes), nodes);
}

Expected<> compile(const ConvertFlags& flags, const OrtEngineSpec& spec) {
  LANEWAY_TRY_ASSIGN(const auto environment, ort::Environment::get());
  const ort::CompileSpec compilation{.session = {.model = ort::ModelPath{flags.model},
                                                 .environment = environment,
                                                 .providers = spec.providers,
                                                 .config = spec.config,
                                                 .log_severity = Severity::error}};  // it would warn of what the text says
  auto done = ort::compile_to(compilation, std::filesystem::path(flags.out));
  return done ? Expected<>() : Expected<>(std::move(done).error().with_context(flags.model + ": convert"));
}

Expected<> convert(const ConvertFlags& flags) {
  if (flags.engine != "ort") {
    check_engines("--engine", {flags.engine}, {});
    throw UsageError(fmt::format("--engine {}: writes no models: expected ort, got {}", flags.engine, flags.engine));
  }
  LANEWAY_TRY_ASSIGN(const OrtEngineSpec spec, ort_spec(flags.ort));
  LANEWAY_TRY(MappedFile::open(flags.model));
  std::error_code ignored;
  if (std::filesystem::equivalent(flags.model, flags.out, ignored)) {
    throw UsageError(fmt::format("{}: is MODEL too: expected another file for OUT", flags.out));
  }
  LANEWAY_TRY(check_writable("OUT " + flags.out, flags.out));
  if (!flags.json.empty()) LANEWAY_TRY(check_json(flags.json));
  LANEWAY_TRY(compile(flags, spec));
  const Told before = tell(flags.model), after = tell(flags.out);
  if (flags.json != "-") {
    write_text(fmt::format("{} -> {}: for this processor{}\n", text_of(before), text_of(after),
                           flags.ort.providers.empty() ? "" : fmt::format(" and {}", fmt::join(flags.ort.providers, ", "))));
  }
  if (flags.json.empty()) return {};
  return write_json(flags.json, {{"schema", "laneway.convert.v1"},
                                 {"engine", flags.engine},
                                 {"providers", flags.ort.providers},
                                 {"model", json_of(before)},
                                 {"out", json_of(after)}});
}

}  // namespace

void add_convert(CLI::App& app, Command& chosen) {
  const auto flags = std::make_shared<ConvertFlags>();
  CLI::App& command = *app.add_subcommand("convert", "Write a model as an engine has optimised or compiled it");
  command.add_option("MODEL", flags->model, "An ONNX file")->required();
  command.add_option("OUT", flags->out, "What is written: a model that opens faster, on machines like this one")->required();
  command.add_option("--engine", flags->engine, "Whose optimisation")->type_name("E")->capture_default_str();
  add_ort_flags(command, flags->ort);
  command.add_option("--json", flags->json, "Write what was done for machines; - is stdout, without the text")
      ->type_name("FILE|-");
  command.footer(
      "Nodes that a provider compiles become its own, the others are optimised as far as they can be\n"
      "for this processor. The result computes the same; it is opened by the engine that wrote it.\n\n"
      "Examples:\n"
      "  laneway convert model.onnx fast.onnx\n"
      "  laneway convert model.onnx compiled.onnx --provider ./libprovider.so\n");
  command.callback([flags, &chosen] { chosen = [flags] { return convert(*flags); }; });
}

}  // namespace laneway::cli
