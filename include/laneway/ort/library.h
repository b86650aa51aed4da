#pragma once
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/ort/native.h"

namespace laneway LANEWAY_PUBLIC {
namespace ort {

/// Settings as ONNX Runtime takes and gives them: names and texts.
using KeyValues = std::vector<std::pair<std::string, std::string>>;

/// Where ONNX Runtime is to be found.
struct LibrarySpec {
  std::optional<std::filesystem::path> path = std::nullopt;  ///< Of libonnxruntime.so itself; nullopt: see Library::open().
};

/// The ONNX Runtime of this process: its shared library and the table of functions agreed on with it.
///
/// Errors:   each function of the C API has the level it came with (1.23 brought level 23). Calling one that this library or the
///           headers of our build do not have gives unimplemented, naming it and both levels.
/// Threads:  immutable; any thread.
/// Lifetime: everything made from it keeps it. The shared library itself stays loaded until the process ends.
/// Cost:     the first open() loads the shared library; later ones take a lock. The others but providers() and
///           build_info() only read.
class Library {
 public:
  /// Opens the first of: one that is loaded in the process already, whoever loaded it; `spec.path`; the one named by
  /// LANEWAY_ORT_LIBRARY; the one found when this build was configured (programs of the build folder only); one beside the
  /// program, in its folder or ../lib; the system's. A path that was asked for by name is not passed over: if it cannot be
  /// opened, that is the error. There is one ONNX Runtime per process: later calls give the same one.
  /// Errors: unavailable, naming each place looked at and why not that one; failed_precondition naming both versions (too old).
  static Expected<std::shared_ptr<const Library>> open(const LibrarySpec& spec = {});

  const std::string& version() const noexcept { return version_; }      ///< "1.31.1".
  int level() const noexcept { return level_; }                         ///< Of the table agreed on: 23 to 27.
  const std::filesystem::path& path() const noexcept { return path_; }  ///< The file it was loaded from.
  const std::string& found_by() const noexcept { return found_by_; }    ///< "LANEWAY_ORT_LIBRARY", "beside the program".

  /// The table, for calls of one's own: functions up to level() only; beyond them there is no memory.
  const OrtApi* api() const noexcept { return api_; }
  /// How much of the table is there.
  std::size_t api_bytes() const noexcept { return api_bytes_; }

  /// Providers this library was built with, as it names them ("CPUExecutionProvider"), the most preferred first.
  Expected<std::vector<std::string>> providers() const;
  /// How it was built, in its own words.
  std::string build_info() const;

 private:
  Library() = default;

  std::string version_, found_by_;
  std::filesystem::path path_;
  const OrtApi* api_ = nullptr;
  std::size_t api_bytes_ = 0;
  int level_ = 0;
};

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
