#include "laneway/ort/library.h"

#include <dlfcn.h>

#include <charconv>
#include <mutex>
#include <string_view>

#include "laneway/diag/log.h"
#include "ort/call.h"
#include "ort/find_library.h"
#include "ort/handle.h"
#include "ort/levels.h"

namespace laneway::ort {
namespace {

// Called on every run, so without asking whether they are there: the oldest table has them.
static_assert(offsetof(OrtApi, Run) < bytes_of_level(level_min));
static_assert(offsetof(OrtApi, RunWithBinding) < bytes_of_level(level_min));

// "1.31.1" is level 31. nullopt: no version of ONNX Runtime 1.
std::optional<int> level_of_version(std::string_view version) noexcept {
  constexpr std::string_view major = "1.";
  if (!version.starts_with(major)) return std::nullopt;
  version.remove_prefix(major.size());
  int minor = 0;
  const auto [end, failure] = std::from_chars(version.data(), version.data() + version.size(), minor);
  return failure == std::errc() ? std::optional(minor) : std::nullopt;
}

struct Table {
  const OrtApi* api;
  int level;
};

// The version is read before the table is asked for: a library that is asked for more than it has prints to stderr.
Expected<Table> negotiate(const FoundLibrary& found, const std::string& version) {
  const std::optional<int> level = level_of_version(version);
  if (!level || *level < level_min) {
    return Error(ErrorCode::failed_precondition, "ONNX Runtime " + found.path.string() + ": too old: expected version 1." +
                                                     std::to_string(level_min) + " or later, got " + version);
  }
  for (int asked = std::min(*level, level_max); asked >= level_min; --asked) {
    if (const OrtApi* api = found.base->GetApi(static_cast<std::uint32_t>(asked))) return Table{api, asked};
  }
  return Error(ErrorCode::failed_precondition, "ONNX Runtime " + found.path.string() + ": version " + version +
                                                   " gives out no table of level " + std::to_string(level_min) + " to " +
                                                   std::to_string(level_max));
}

// One per process: two of them would fight over providers, logs and thread pools. Never destroyed, as what users keep in static
// variables may outlive it otherwise.
struct Process {
  std::mutex mutex;
  std::shared_ptr<const Library> library;
};
Process& process() {
  static Process& instance = *new Process;
  return instance;
}

}  // namespace

Expected<std::shared_ptr<const Library>> Library::open(const LibrarySpec& spec) {
  const std::scoped_lock lock(process().mutex);
  if (std::shared_ptr<const Library>& known = process().library; known) {
    if (spec.path && !same_file(*spec.path, known->path_)) {
      log::write(Severity::warning, "ort", [&] {
        return "library.path: " + spec.path->string() + " is not used: " + known->path_.string() + " is loaded already";
      });
    }
    return known;
  }
  LANEWAY_TRY_ASSIGN(FoundLibrary found, find_library(spec));
  const std::shared_ptr<Library> library(new Library);
  library->version_ = found.base->GetVersionString();
  LANEWAY_TRY_ASSIGN(const Table table, negotiate(found, library->version_));
  library->api_ = table.api;
  library->level_ = table.level;
  library->api_bytes_ = bytes_of_level(table.level);
  library->path_ = std::move(found.path);
  library->found_by_ = std::move(found.by);
  process().library = library;
  return process().library;
}

Expected<std::vector<std::string>> Library::providers() const {
  char** names = nullptr;
  int count = 0;
  LANEWAY_TRY(call(*this, LANEWAY_ORT_FN(GetAvailableProviders), &names, &count));
  const auto give_back = [this, count](char** list) { release_names(*this, list, count); };
  const std::unique_ptr<char*, decltype(give_back)> taken(names, give_back);
  return std::vector<std::string>(names, names + count);
}

std::string Library::build_info() const { return api_->GetBuildInfoString(); }

}  // namespace laneway::ort
