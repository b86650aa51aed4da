#include "engines/ort/node_trace.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>

#include "laneway/diag/log.h"

namespace laneway::engines_ort {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// Times in a profile are microseconds since its run began.
void show(const Json& event, std::int64_t begin_ns) {
  if (event.value("cat", "") != "Node") return;
  constexpr std::string_view suffix = "_kernel_time";
  std::string name = event.value("name", "");
  if (name.ends_with(suffix)) name.resize(name.size() - suffix.size());
  const Json arguments = event.value("args", Json::object());
  trace::Args args;
  args.add("op", arguments.value("op_name", "")).add("provider", arguments.value("provider", ""));
  for (const char* shapes : {"input_type_shape", "output_type_shape"}) {
    if (arguments.contains(shapes)) args.add(shapes, arguments[shapes].dump());
  }
  trace::complete(name, "node", begin_ns + event.value("ts", std::int64_t{0}) * 1000, event.value("dur", std::int64_t{0}) * 1000,
                  event.value("tid", trace::thread_id()), args);
}

void show_file(const fs::path& path, std::int64_t begin_ns) {
  std::ifstream file(path);
  const Json events = Json::parse(file, nullptr, false);
  if (!events.is_array()) return;
  for (const Json& event : events) {
    try {
      show(event, begin_ns);
    } catch (const Json::exception&) {}  // not as ONNX Runtime writes them today: a trace without it is no reason to fail a run
  }
}

}  // namespace

NodeTrace::~NodeTrace() {
  std::error_code ignored;
  if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

void NodeTrace::give_up(const Error& why) {
  possible_ = false;
  log::write(Severity::info, "engine", "trace without nodes: " + std::string(why.message()));
}

bool NodeTrace::make_folder() {
  if (!folder_.empty()) return true;
  std::error_code nowhere;
  std::string pattern = fs::temp_directory_path(nowhere) / "laneway-nodes-XXXXXX";
  if (nowhere) return give_up(Error(ErrorCode::internal, "no folder for files: " + nowhere.message())), false;
  if (mkdtemp(pattern.data()) != nullptr) {
    folder_ = pattern;
    return true;
  }
  give_up(Error(ErrorCode::internal, pattern + ": cannot be made: " + std::strerror(errno)));
  return false;
}

bool NodeTrace::profile(ort::RunOptions& options) {
  if (!possible_ || !make_folder()) return false;
  const auto enabled = options.enable_profiling(folder_ / "run");
  if (!enabled) give_up(enabled.error());
  begin_ns_ = trace::now_ns();
  return static_cast<bool>(enabled);
}

void NodeTrace::end(ort::RunOptions& options) {
  if (const auto disabled = options.disable_profiling(); !disabled) give_up(disabled.error());
  std::error_code ignored;
  for (fs::directory_iterator file(folder_, ignored); file != fs::directory_iterator(); file.increment(ignored)) {
    show_file(file->path(), begin_ns_);
    fs::remove(file->path(), ignored);
  }
}

}  // namespace laneway::engines_ort
