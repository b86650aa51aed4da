#include "ort/find_library.h"

#include <dlfcn.h>
#include <link.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <optional>
#include <string_view>
#include <utility>

namespace laneway::ort {
namespace {

namespace fs = std::filesystem;

constexpr const char* soname = "libonnxruntime.so.1";
constexpr const char* entry_point = "OrtGetApiBase";
/// Left in the build folder when it is configured, holding the path of the library found then. Nothing of it is installed.
constexpr const char* marker_name = "laneway_ort_library.txt";

using EntryPoint = const OrtApiBase* (*)();

/// Places looked at in vain, for the message.
class Places {
 public:
  void add(std::string_view place, std::string_view why) {
    if (!text_.empty()) text_ += "; ";
    text_.append(place).append(": ").append(why);
  }
  Error unavailable() const {
    return Error(ErrorCode::unavailable, "ONNX Runtime: no library: looked at " + text_ +
                                             " (scripts/setup brings one; LANEWAY_ORT_LIBRARY names another)");
  }

 private:
  std::string text_;
};

std::optional<FoundLibrary> from_entry(void* symbol, std::string by) {
  if (!symbol) return std::nullopt;
  Dl_info info{};
  fs::path path = dladdr(symbol, &info) != 0 && info.dli_fname ? info.dli_fname : "";
  return FoundLibrary{reinterpret_cast<EntryPoint>(symbol)(), std::move(path), std::move(by)};
}

std::string last_error() {
  const char* text = dlerror();
  return text ? text : "the system gives no reason";
}

/// `file` has a slash, or is a name for the system to find. What was loaded stays loaded: ONNX Runtime has threads.
std::optional<FoundLibrary> load(const std::string& file, const std::string& by, Places& places) {
  void* handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    places.add(by, last_error());
    return std::nullopt;
  }
  if (void* symbol = dlsym(handle, entry_point)) return from_entry(symbol, by);
  dlclose(handle);
  places.add(by, file + ": no ONNX Runtime (has no " + entry_point + ")");
  return std::nullopt;
}

// Whoever loaded it, and however the file is called.
std::optional<FoundLibrary> loaded_already(Places& places) {
  const std::string by = "loaded in the process already";
  if (auto found = from_entry(dlsym(RTLD_DEFAULT, entry_point), by)) return found;
  std::string name;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* out) {
        const std::string_view path = info->dlpi_name;
        const std::string_view file = path.substr(path.rfind('/') + 1);
        if (!file.starts_with("libonnxruntime.so")) return 0;
        *static_cast<std::string*>(out) = path;
        return 1;
      },
      &name);
  if (void* handle = dlopen(name.empty() ? soname : name.c_str(), RTLD_NOW | RTLD_NOLOAD)) {
    if (auto found = from_entry(dlsym(handle, entry_point), by)) return found;
  }
  places.add(by, "none");
  return std::nullopt;
}

fs::path program_folder() {
  std::error_code failure;
  return fs::read_symlink("/proc/self/exe", failure).parent_path();
}

bool same_owner(const fs::path& a, const fs::path& b) noexcept {
  struct stat of_a {
  }, of_b{};
  return stat(a.c_str(), &of_a) == 0 && stat(b.c_str(), &of_b) == 0 && of_a.st_uid == of_b.st_uid;
}

// The marker of the build folder that the program lies in. One of another owner than the program is passed over: a folder above
// the program may be writable for all.
std::optional<std::string> configured_library() {
  for (fs::path folder = program_folder(); folder.has_relative_path(); folder = folder.parent_path()) {
    const fs::path marker = folder / marker_name;
    std::string path;
    if (std::ifstream file(marker); file && same_owner(marker, "/proc/self/exe") && std::getline(file, path)) return path;
  }
  return std::nullopt;
}

std::optional<FoundLibrary> beside_program(Places& places) {
  const std::string by = "beside the program";
  const fs::path folder = program_folder();
  std::string where;
  for (const fs::path& candidate : {folder / soname, folder / "libonnxruntime.so", folder.parent_path() / "lib" / soname,
                                    folder.parent_path() / "lib" / "libonnxruntime.so"}) {
    std::error_code failure;
    if (fs::exists(candidate, failure)) return load(candidate.string(), by, places);
  }
  places.add(by, "none in " + folder.string() + " and " + (folder.parent_path() / "lib").string());
  return std::nullopt;
}

// One that was asked for by name is not passed over: what the caller meant would silently not happen.
Expected<FoundLibrary> load_named(const fs::path& path, const std::string& by, Places& places) {
  if (path.empty()) return Error(ErrorCode::invalid_argument, by + ": empty: expected the path of libonnxruntime.so");
  if (path.native().find('\0') != std::string::npos) {
    return Error(ErrorCode::invalid_argument, by + ": holds a NUL character: expected the path of libonnxruntime.so");
  }
  std::error_code failure;
  if (auto found = load(fs::absolute(path, failure).string(), by, places)) return *std::move(found);
  return places.unavailable();
}

}  // namespace

Expected<FoundLibrary> find_library(const LibrarySpec& spec) {
  Places places;
  if (auto found = loaded_already(places)) return *std::move(found);
  if (spec.path) return load_named(*spec.path, "library.path", places);
  if (const char* named = std::getenv("LANEWAY_ORT_LIBRARY"); named && *named != '\0') {
    return load_named(named, "LANEWAY_ORT_LIBRARY", places);
  }
  places.add("LANEWAY_ORT_LIBRARY", "not set");
  if (const auto path = configured_library()) {
    if (auto found = load(*path, "found when this build was configured", places)) return *std::move(found);
  } else {
    places.add("found when this build was configured", "the program lies in no build folder that has one");
  }
  if (auto found = beside_program(places)) return *std::move(found);
  if (auto found = load(soname, "the system", places)) return *std::move(found);
  return places.unavailable();
}

bool same_file(const fs::path& a, const fs::path& b) noexcept {
  std::error_code failure;
  return fs::equivalent(a, b, failure);
}

}  // namespace laneway::ort
