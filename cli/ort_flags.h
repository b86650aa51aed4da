#pragma once
#include <CLI/App.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/engines/ort.h"

/// What engine `ort` is told on the command line.
namespace laneway::cli {

struct OrtFlags {
  std::vector<std::string> providers = {};  ///< NAME[:KEY=VALUE,...]
  std::vector<std::string> options = {};    ///< KEY=VALUE
  std::string profile = {};                 ///< A file; empty: none.

  /// The first flag that was given, as it is written; empty: none.
  std::string given() const;
};

/// --provider and --ort-option.
void add_ort_flags(CLI::App& command, OrtFlags& flags);
/// --profile.
void add_profile_flag(CLI::App& command, OrtFlags& flags);

/// Throws UsageError where a flag was given and `engine` is another one than "ort", or "auto".
void check_ort_flags(const OrtFlags& flags, const std::string& engine);

/// What the flags mean. Provider libraries among them are registered. Throws UsageError.
/// Errors: unavailable (a provider that is not there, or that has no device here; no ONNX Runtime), not_found (its file).
Expected<OrtEngineSpec> ort_spec(const OrtFlags& flags);

/// Where sessions write their traces until one of them is asked for.
class ProfileFolder {
 public:
  ProfileFolder() = default;
  ProfileFolder(const ProfileFolder&) = delete;
  ProfileFolder& operator=(const ProfileFolder&) = delete;
  ~ProfileFolder();

  /// Makes it, and has the sessions write there. Errors: as the system says.
  Expected<> begin(OrtEngineSpec& spec);
  /// Ends the session's trace and puts it into `file`. Errors: as the system says; those of Session::end_profiling().
  Expected<> end(const ort::Session& session, const std::filesystem::path& file);

 private:
  std::filesystem::path folder_;
};

}  // namespace laneway::cli
