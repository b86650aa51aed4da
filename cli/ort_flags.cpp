#include "cli/ort_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "cli/usage.h"
#include "laneway/core/error.h"
#include "laneway/ort/environment.h"

namespace laneway::cli {
namespace {

ort::KeyValues options_of(const std::string& flag, const std::string& text) {
  ort::KeyValues options;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t end = std::min(text.find(',', from), text.size());
    const Assignment option = assignment_of(flag, text.substr(from, end - from));
    options.emplace_back(option.name, option.value);
    from = end + 1;
  }
  return options;
}

void check_once(std::string_view flag, const ort::KeyValues& options) {
  for (auto option = options.begin(); option != options.end(); ++option) {
    const bool again = std::any_of(options.begin(), option, [&](const auto& earlier) { return earlier.first == option->first; });
    if (again) throw UsageError(fmt::format("{}: {}: given more than once", flag, option->first));
  }
}

// The names that a user can give.
Expected<std::vector<std::string>> available(const std::shared_ptr<const ort::Environment>& environment) {
  LANEWAY_TRY_ASSIGN(std::vector<std::string> names, environment->library()->providers());
  LANEWAY_TRY_ASSIGN(const std::vector<ort::Device> devices, ort::devices(environment));
  for (const ort::Device& device : devices) {
    if (std::ranges::find(names, device.provider()) == names.end()) names.push_back(device.provider());
  }
  constexpr std::string_view ending = "ExecutionProvider";
  for (std::string& name : names) {
    if (name.ends_with(ending)) name.resize(name.size() - ending.size());
  }
  return names;
}

Expected<ort::Provider> provider_of(const std::shared_ptr<const ort::Environment>& environment, const std::string& text) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  ort::Provider provider{.name = text.substr(0, colon)};
  const std::string flag = "--provider " + provider.name;
  if (provider.name.empty())
    throw UsageError("--provider: expected NAME or NAME:KEY=VALUE,..., got " + (text.empty() ? "nothing" : text));
  if (colon < text.size()) provider.options = options_of(flag, text.substr(colon + 1));
  check_once(flag, provider.options);
  if (provider.name.find('/') != std::string::npos) {
    LANEWAY_TRY_ASSIGN(const auto library, ort::ProviderLibrary::load(environment, provider.name, provider.name));
    provider.devices = library->devices();
    if (!provider.devices.empty()) return provider;
    return Error(ErrorCode::unavailable, flag + ": the library finds no device that it can compute on");
  }
  LANEWAY_TRY_ASSIGN(const std::vector<std::string> names, available(environment));
  const auto is_it = [&](const std::string& name) {
    return ort::full_provider_name(name) == ort::full_provider_name(provider.name);
  };
  if (std::ranges::any_of(names, is_it)) return provider;
  return Error(ErrorCode::unavailable, fmt::format("{}: not available: {}", flag, expected_one_of(names, provider.name)));
}

Error refused(const std::filesystem::path& path, int why) {
  return Error(errno_code(why),
               fmt::format("--profile {}: cannot be written: {}", path.native(), std::generic_category().message(why)));
}

}  // namespace

std::string OrtFlags::given() const {
  return !providers.empty() ? "--provider" : !options.empty() ? "--ort-option" : !profile.empty() ? "--profile" : "";
}

void add_ort_flags(CLI::App& command, OrtFlags& flags) {
  command
      .add_option("--provider", flags.providers, "Who computes with engine ort, the most preferred first; a file is registered")
      ->type_name("NAME|FILE.so[:KEY=VALUE,...]")
      ->allow_extra_args(false);
  command.add_option("--ort-option", flags.options, "A session config entry, as ONNX Runtime names it")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
}

void add_profile_flag(CLI::App& command, OrtFlags& flags) {
  command.add_option("--profile", flags.profile, "Write ONNX Runtime's own trace of the runs, for chrome://tracing")
      ->type_name("FILE");
}

void check_ort_flags(const OrtFlags& flags, const std::string& engine) {
  if (flags.given().empty() || engine == "ort" || engine == "auto") return;
  throw UsageError(fmt::format("{}: is for engine ort: expected ort, got {}", flags.given(), engine));
}

Expected<OrtEngineSpec> ort_spec(const OrtFlags& flags) {
  OrtEngineSpec spec;
  for (const std::string& text : flags.options) {
    const Assignment option = assignment_of("--ort-option", text);
    spec.config.emplace_back(option.name, option.value);
  }
  check_once("--ort-option", spec.config);
  if (flags.providers.empty()) return spec;
  LANEWAY_TRY_ASSIGN(const auto environment, ort::Environment::get());
  for (const std::string& text : flags.providers) {
    LANEWAY_TRY_ASSIGN(spec.providers.emplace_back(), provider_of(environment, text));
  }
  return spec;
}

ProfileFolder::~ProfileFolder() {
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

Expected<> ProfileFolder::begin(OrtEngineSpec& spec) {
  std::error_code failure;
  std::string pattern = std::filesystem::temp_directory_path(failure) / "laneway-profile-XXXXXX";
  if (failure || !mkdtemp(pattern.data())) return refused(pattern, failure ? failure.value() : errno);
  folder_ = pattern;
  spec.profile_prefix = folder_ / "trace";
  return {};
}

Expected<> ProfileFolder::end(const ort::Session& session, const std::filesystem::path& file) {
  LANEWAY_TRY_ASSIGN(const std::filesystem::path trace, session.end_profiling());
  std::error_code failure;
  std::filesystem::copy_file(trace, file, std::filesystem::copy_options::overwrite_existing, failure);
  return failure ? Expected<>(refused(file, failure.value())) : Expected<>();
}

}  // namespace laneway::cli
