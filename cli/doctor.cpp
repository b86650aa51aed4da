#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "cli/commands.h"
#include "cli/processor.h"
#include "cli/program.h"
#include "cli/terminal.h"
#include "laneway/core/threads.h"
#include "laneway/laneway.h"
#include "laneway/memory/page_policy.h"
#include "laneway/ort/device.h"
#include "laneway/ort/environment.h"
#include "laneway/ort/library.h"

namespace laneway::cli {
namespace {

using Json = nlohmann::ordered_json;

// What is missing, what that costs, and what brings it.
struct Missing {
  std::string what, why, command;
  bool needed = false;  // by commands that would fail without it
};

struct OnnxRuntime {
  std::string version, path, found_by;
  int level = 0;
  std::vector<std::string> providers = {};
  std::vector<ort::Device> devices = {};
};

struct Diagnosis {
  Processor processor;
  std::vector<int> cores;  // that this process may use
  long cores_online = 0;
  std::size_t memory_bytes = 0;
  std::string transparent_huge_pages = {};                  // "always", "madvise", "never"; empty: not told
  std::optional<std::size_t> memlock_bytes = std::nullopt;  // nullopt: no limit
  std::optional<OnnxRuntime> onnxruntime = std::nullopt;
  std::optional<std::filesystem::path> malloc_counter = std::nullopt;
  std::vector<Missing> missing = {};
};

std::string line_of(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// The word in brackets: "always [madvise] never".
std::string chosen_word(const std::string& line) {
  const std::size_t open = line.find('['), close = line.find(']');
  return open == std::string::npos || close == std::string::npos ? "" : line.substr(open + 1, close - open - 1);
}

std::optional<std::size_t> memlock_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return limit.rlim_cur;
}

void find_onnxruntime(Diagnosis& diagnosis) {
  const auto library = ort::Library::open();
  if (!library) {
    diagnosis.missing.push_back({.what = "ONNX Runtime",
                                 .why = std::string(library.error().message()),
                                 .command = "scripts/setup, or LANEWAY_ORT_LIBRARY=/path/to/libonnxruntime.so",
                                 .needed = true});
    return;
  }
  OnnxRuntime found{.version = (*library)->version(),
                    .path = (*library)->path().native(),
                    .found_by = (*library)->found_by(),
                    .level = (*library)->level()};
  if (auto providers = (*library)->providers()) found.providers = *std::move(providers);
  if (const auto environment = ort::Environment::get()) {
    if (auto devices = ort::devices(*environment)) found.devices = *std::move(devices);
  }
  diagnosis.onnxruntime = std::move(found);
}

Diagnosis diagnose() {
  Diagnosis diagnosis{.processor = this_processor(), .cores = allowed_cores(), .cores_online = sysconf(_SC_NPROCESSORS_ONLN)};
  diagnosis.memory_bytes = static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  diagnosis.transparent_huge_pages = chosen_word(line_of("/sys/kernel/mm/transparent_hugepage/enabled"));
  diagnosis.memlock_bytes = memlock_limit();
  find_onnxruntime(diagnosis);
  diagnosis.malloc_counter = malloc_counter_library();
  if (!diagnosis.malloc_counter) {
    diagnosis.missing.push_back(
        {.what = "malloc counter",
         .why = "laneway bench cannot count allocations: no liblaneway_malloc_counter.so in ../lib beside the program",
         .command = "scripts/build release"});
  }
  if (diagnosis.transparent_huge_pages == "never") {
    diagnosis.missing.push_back({.what = "huge pages",
                                 .why = "the kernel gives none, so that big buffers cost more address look-ups",
                                 .command = "as root: echo madvise > /sys/kernel/mm/transparent_hugepage/enabled"});
  }
  return diagnosis;
}

// "LanewayTest, 0"; empty: the host's.
std::string memory_of(const ort::Device& device) {
  const auto memory = device.memory();
  return memory && *memory ? fmt::format("{}, {}", (*memory)->name, (*memory)->device) : "";
}

Json json_of(const ort::Device& device) {
  const ort::Hardware hardware = device.hardware();
  return {{"provider", device.provider()},   {"kind", name(hardware.kind)},     {"vendor", hardware.vendor},
          {"vendor_id", hardware.vendor_id}, {"device_id", hardware.device_id}, {"memory", memory_of(device)}};
}

Json json_of(const Diagnosis& diagnosis) {
  Json engine_list = Json::array(), missing = Json::array(), libraries = Json::object();
  for (const EngineEntry& engine : engines())
    engine_list.push_back({{"name", engine.name}, {"about", engine.about}, {"automatic", engine.automatic}});
  for (const Missing& entry : diagnosis.missing)
    missing.push_back({{"what", entry.what}, {"why", entry.why}, {"command", entry.command}, {"needed", entry.needed}});
  if (const auto& found = diagnosis.onnxruntime) {
    Json devices = Json::array();
    for (const ort::Device& device : found->devices) devices.push_back(json_of(device));
    libraries["onnxruntime"] = {{"version", found->version},   {"level", found->level},         {"path", found->path},
                                {"found_by", found->found_by}, {"providers", found->providers}, {"devices", std::move(devices)}};
  }
  if (diagnosis.malloc_counter) libraries["malloc_counter"] = {{"path", diagnosis.malloc_counter->native()}};
  return {{"schema", "laneway.doctor.v1"},
          {"version", LANEWAY_VERSION},
          {"cpu", diagnosis.processor.name},
          {"isa", diagnosis.processor.features},
          {"cores", diagnosis.cores},
          {"cores_online", diagnosis.cores_online},
          {"memory_bytes", diagnosis.memory_bytes},
          {"transparent_huge_pages", diagnosis.transparent_huge_pages},
          {"memlock_bytes", diagnosis.memlock_bytes ? Json(*diagnosis.memlock_bytes) : Json()},
          {"engines", std::move(engine_list)},
          {"libraries", std::move(libraries)},
          {"missing", std::move(missing)}};
}

void print(const Diagnosis& diagnosis) {
  Table facts({});
  facts.left();
  const auto& found = diagnosis.onnxruntime;
  facts.add({"laneway", LANEWAY_VERSION});
  facts.add({"processor", diagnosis.processor.name});
  facts.add({"features", fmt::format("{}", fmt::join(diagnosis.processor.features, " "))});
  facts.add({"cores allowed",
             fmt::format("{} of {}: {}", diagnosis.cores.size(), diagnosis.cores_online, fmt::join(diagnosis.cores, " "))});
  facts.add({"memory", bytes_text(diagnosis.memory_bytes)});
  facts.add(
      {"huge pages", diagnosis.transparent_huge_pages.empty() ? "not told by the kernel" : diagnosis.transparent_huge_pages});
  facts.add(
      {"lock limit", !diagnosis.memlock_bytes ? "none" : fmt::format("{} (ulimit -l)", bytes_text(*diagnosis.memlock_bytes))});
  facts.add({"ONNX Runtime", !found ? "missing" : fmt::format("{}, API level {}", found->version, found->level)});
  if (found) facts.add({"", fmt::format("{} ({})", found->path, found->found_by)});
  if (found) facts.add({"providers", fmt::format("{}", fmt::join(found->providers, " "))});
  for (const ort::Device& device : found ? found->devices : std::vector<ort::Device>()) {
    const ort::Hardware hardware = device.hardware();
    const std::string memory = memory_of(device);
    facts.add({"device", fmt::format("{}: {} of {}, memory {}", device.provider(), name(hardware.kind),
                                     hardware.vendor.empty() ? "an unknown maker" : hardware.vendor,
                                     memory.empty() ? "the host's" : memory)});
  }
  facts.add({"malloc counter", diagnosis.malloc_counter ? diagnosis.malloc_counter->native() : "missing"});
  for (const EngineEntry& engine : engines()) facts.add({fmt::format("engine {}", engine.name), std::string(engine.about)});
  write_text(facts.text());
  for (const Missing& entry : diagnosis.missing) {
    write_text(fmt::format("\n{} {}\n  {}\n  brought by: {}\n", bold("missing:"), entry.what, entry.why, entry.command));
  }
}

Expected<> doctor(const std::string& json) {
  if (!json.empty()) LANEWAY_TRY(check_json(json));
  const Diagnosis diagnosis = diagnose();
  if (json != "-") print(diagnosis);
  if (!json.empty()) LANEWAY_TRY(write_json(json, json_of(diagnosis)));
  for (const Missing& entry : diagnosis.missing) {
    if (entry.needed) return Error(ErrorCode::unavailable, entry.what + ": missing");
  }
  return {};
}

}  // namespace

void add_doctor(CLI::App& app, Command& chosen) {
  const auto json = std::make_shared<std::string>();
  CLI::App& command = *app.add_subcommand("doctor", "Show what this machine has, and what is missing");
  command.add_option("--json", *json, "Write the same for machines; - is stdout, without the text")->type_name("FILE|-");
  command.footer(
      "Exit status 0 where nothing is missing that other commands need.\n\n"
      "Examples:\n"
      "  laneway doctor\n"
      "  LANEWAY_ORT_LIBRARY=/opt/onnxruntime/lib/libonnxruntime.so laneway doctor\n");
  command.callback([json, &chosen] { chosen = [json] { return doctor(*json); }; });
}

}  // namespace laneway::cli
