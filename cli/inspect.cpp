#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/model_file.h"
#include "cli/ort_flags.h"
#include "cli/summary.h"
#include "cli/terminal.h"
#include "laneway/graph/onnx/summary.h"
#include "laneway/laneway.h"

namespace laneway::cli {
namespace {

using Json = nlohmann::ordered_json;

// Whether an engine can open the model, and why not.
struct EngineAnswer {
  EngineEntry engine;
  Expected<> opened;
};

std::vector<EngineAnswer> ask_engines(const std::filesystem::path& model, const OrtEngineSpec& ort) {
  std::vector<EngineAnswer> answers;
  for (const EngineEntry& engine : engines()) {
    const EngineChoice choice = engine.name == OrtEngineSpec::name() ? EngineChoice(ort) : std::string(engine.name);
    auto opened = open_engine({.model = ModelFile{model}}, choice);
    answers.push_back({engine, opened ? Expected<>() : Expected<>(std::move(opened).error())});
  }
  return answers;
}

// Who computes each node, of those that are left after the basic optimisations.
Expected<std::vector<ort::Assignment>> placement_of(const std::filesystem::path& model, OrtEngineSpec ort) {
  ort.edit_session = [](ort::SessionSpec& spec) { spec.record_placement = true; };
  LANEWAY_TRY_ASSIGN(const OpenEngine engine, open_engine({.model = ModelFile{model}}, ort));
  return ort_session(*engine)->assignments();
}

// "Conv", "com.microsoft.Gelu".
std::string full_name(const onnx::OperatorCount& op) {
  return op.domain.empty() ? std::string(op.op_type) : fmt::format("{}.{}", op.domain, op.op_type);
}

struct Inspection {
  std::filesystem::path path;
  ModelDescription model = {};
  std::vector<onnx::OperatorCount> operators = {};
  std::size_t weight_bytes = 0;
  std::vector<EngineAnswer> engines = {};
  std::optional<std::vector<ort::Assignment>> placement = std::nullopt;  // where it is asked for
};

// ---- for machines -------------------------------------------------------------------------------------------------------

Json ports_json(const std::vector<Port>& ports) {
  Json json = Json::array();
  for (const Port& port : ports) json.push_back(to_json(port));
  return json;
}

Json placement_json(const std::vector<ort::Assignment>& placement) {
  Json json = Json::array();
  for (const ort::Assignment& part : placement) {
    for (const ort::AssignedNode& node : part.nodes)
      json.push_back({{"node", node.name}, {"domain", node.domain}, {"type", node.type}, {"provider", part.provider}});
  }
  return json;
}

Json json_of(const Inspection& inspection) {
  const onnx::ModelView& view = inspection.model.view;
  Json opsets = Json::array(), metadata = Json::object(), engines = Json::array(), functions = Json::array(),
       operators = Json::object();
  for (const onnx::OperatorCount& op : inspection.operators) operators[full_name(op)] = op.count;
  for (const onnx::OpsetView& opset : view.opsets) opsets.push_back({{"domain", opset.domain}, {"version", opset.version}});
  for (const onnx::PropertyView& property : view.metadata) metadata[std::string(property.key)] = property.value;
  for (const onnx::FunctionView& function : view.functions)
    functions.push_back({{"domain", function.domain}, {"name", function.name}});
  for (const EngineAnswer& answer : inspection.engines) {
    Json entry = {{"name", answer.engine.name},
                  {"about", answer.engine.about},
                  {"automatic", answer.engine.automatic},
                  {"opens", static_cast<bool>(answer.opened)}};
    if (!answer.opened)
      entry["error"] = {{"code", name(answer.opened.error().code())}, {"message", answer.opened.error().message()}};
    engines.push_back(std::move(entry));
  }
  Json json = {{"schema", "laneway.inspect.v1"},
               {"model", inspection.path.filename().native()},
               {"path", inspection.path.native()},
               {"bytes", inspection.model.file.data().size()},
               {"ir_version", view.ir_version},
               {"producer_name", view.producer_name},
               {"producer_version", view.producer_version},
               {"domain", view.domain},
               {"model_version", view.model_version},
               {"doc", view.doc},
               {"graph", view.graph.name},
               {"opsets", std::move(opsets)},
               {"metadata", std::move(metadata)},
               {"inputs", ports_json(inspection.model.inputs)},
               {"outputs", ports_json(inspection.model.outputs)},
               {"functions", std::move(functions)},
               {"operators", std::move(operators)},
               {"weight_bytes", inspection.weight_bytes},
               {"engines", std::move(engines)}};
  if (inspection.placement) json["placement"] = placement_json(*inspection.placement);
  return json;
}

// ---- for people ---------------------------------------------------------------------------------------------------------

std::string type_text(const Port& port) {
  const std::string kind = port.kind == PortKind::tensor ? "" : fmt::format("{} ", name(port.kind));
  return fmt::format("{}{}", kind, name(port.dtype));
}

void print_facts(const Inspection& inspection) {
  const onnx::ModelView& view = inspection.model.view;
  Table facts({});
  facts.left();
  const auto fact = [&](std::string_view name, std::string text) {
    if (!text.empty()) facts.add({"  " + std::string(name), std::move(text)});
  };
  std::string opsets;
  for (const onnx::OpsetView& opset : view.opsets) {
    opsets += fmt::format("{}{} {}", opsets.empty() ? "" : ", ", opset.domain.empty() ? "ai.onnx" : opset.domain, opset.version);
  }
  fact("size", bytes_text(inspection.model.file.data().size()));
  fact("weights", bytes_text(inspection.weight_bytes));
  fact("opsets", opsets);
  fact("IR version", std::to_string(view.ir_version));
  fact("producer", fmt::format("{}{}{}", view.producer_name, view.producer_version.empty() ? "" : " ", view.producer_version));
  fact("graph", std::string(view.graph.name));
  fact("domain", std::string(view.domain));
  fact("version", view.model_version == 0 ? "" : std::to_string(view.model_version));
  fact("description", std::string(view.doc));
  for (const onnx::PropertyView& property : view.metadata) fact(property.key, std::string(property.value));
  write_text(fmt::format("{} {}\n{}", bold("model"), inspection.path.native(), facts.text()));
}

void print_ports(std::string_view title, const std::vector<Port>& ports) {
  Table table({});
  table.left();
  for (const Port& port : ports)
    table.add({"  " + shortened(port.name), type_text(port), describe_shape(port), port.optional ? "optional" : ""});
  write_text(fmt::format("\n{}\n{}", bold(title), table.text()));
}

void print_operators(const std::vector<onnx::OperatorCount>& operators) {
  Table table({});
  for (const onnx::OperatorCount& op : operators) table.add({"  " + full_name(op), std::to_string(op.count)});
  write_text(fmt::format("\n{}\n{}", bold("operators"), table.text()));
}

void print_engines(const std::vector<EngineAnswer>& answers) {
  Table table({});
  table.left();
  for (const EngineAnswer& answer : answers) {
    table.add({"  " + std::string(answer.engine.name),
               answer.opened ? "opens it" : fmt::format("no: {}", answer.opened.error().message())});
  }
  write_text(fmt::format("\n{}\n{}", bold("engines"), table.text()));
}

void print_placement(const std::vector<ort::Assignment>& placement) {
  Table table({});
  table.left();
  for (const ort::Assignment& part : placement) {
    for (const ort::AssignedNode& node : part.nodes) {
      const std::string type = node.domain.empty() ? node.type : fmt::format("{}.{}", node.domain, node.type);
      table.add({"  " + shortened(node.name), type, part.provider});
    }
  }
  write_text(fmt::format("\n{}\n{}", bold("placement"), table.text()));
}

struct InspectFlags {
  std::string model, json;
  bool placement = false;
  OrtFlags ort;
};

Expected<> inspect(const InspectFlags& flags) {
  const std::string &path = flags.model, &json = flags.json;
  LANEWAY_TRY_ASSIGN(const OrtEngineSpec ort, ort_spec(flags.ort));
  if (!json.empty()) LANEWAY_TRY(check_json(json));
  Inspection inspection{.path = path};
  LANEWAY_TRY_ASSIGN(inspection.model, read_model(path));
  inspection.operators = onnx::count_operators(inspection.model.view);
  inspection.weight_bytes = onnx::weight_bytes(inspection.model.view);
  inspection.engines = ask_engines(path, ort);
  if (flags.placement) { LANEWAY_TRY_ASSIGN(inspection.placement, placement_of(path, ort)); }
  if (json != "-") {
    print_facts(inspection);
    print_ports("inputs", inspection.model.inputs);
    print_ports("outputs", inspection.model.outputs);
    print_operators(inspection.operators);
    print_engines(inspection.engines);
    if (inspection.placement) print_placement(*inspection.placement);
  }
  return json.empty() ? Expected<>() : write_json(json, json_of(inspection));
}

}  // namespace

void add_inspect(CLI::App& app, Command& chosen) {
  const auto flags = std::make_shared<InspectFlags>();
  CLI::App& command = *app.add_subcommand("inspect", "Show what a model is and who can run it");
  command.add_option("MODEL", flags->model, "An ONNX file")->required();
  command.add_flag("--placement", flags->placement, "Show who computes each node with engine ort");
  add_ort_flags(command, flags->ort);
  command.add_option("--json", flags->json, "Write the same for machines; - is stdout, without the text")->type_name("FILE|-");
  command.footer(
      "The file is read by laneway's own reader, so that this works without ONNX Runtime too.\n\n"
      "Examples:\n"
      "  laneway inspect model.onnx\n"
      "  laneway inspect model.onnx --json - | jq .operators\n"
      "  laneway inspect model.onnx --placement --provider XNNPACK\n");
  command.callback([flags, &chosen] { chosen = [flags] { return inspect(*flags); }; });
}

}  // namespace laneway::cli
