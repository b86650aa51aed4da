#include "ort/session_options.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "ort/call.h"
#include "ort/text.h"

namespace laneway::ort {
namespace {

Expected<> validate_path(const ModelPath& model) {
  const std::string& path = model.path.native();
  if (path.empty()) return Error(ErrorCode::invalid_argument, "model: path: empty: expected a file");
  LANEWAY_TRY(no_nul("model: path", path));
  std::error_code failure;
  if (std::filesystem::is_directory(model.path, failure)) {
    return Error(ErrorCode::invalid_argument, "model " + path + ": a folder: expected a file");
  }
  if (faccessat(AT_FDCWD, path.c_str(), R_OK, AT_EACCESS) == 0) return {};
  const int why = errno;
  const ErrorCode code = why == ENOENT || why == ENOTDIR ? ErrorCode::not_found
                         : why == EACCES                 ? ErrorCode::permission_denied
                                                         : ErrorCode::invalid_argument;
  return Error(code, "model " + path + ": " + std::strerror(why));
}

Expected<> validate_model(const ModelSource& model) {
  if (const auto* path = std::get_if<ModelPath>(&model.get())) return validate_path(*path);
  const auto& bytes = std::get<ModelBytes>(model.get()).bytes;
  if (bytes.empty() || !bytes.data())
    return Error(ErrorCode::invalid_argument, "model: bytes: none: expected a model in ONNX's format");
  return {};
}

Expected<> validate_initializers(std::string_view field, const std::vector<Initializer>& initializers) {
  for (const Initializer& initializer : initializers) {
    LANEWAY_TRY(no_nul(field, initializer.name));
    const std::string object = std::string(field) + " " + initializer.name;
    if (!initializer.value) return Error(ErrorCode::invalid_argument, object + ": value: null: expected a tensor");
    if (auto tensor = initializer.value->tensor(); !tensor) return std::move(tensor).error().with_context(object);
  }
  return {};
}

using Options = Handle<OrtSessionOptions>;

Expected<> set_threads(const Library& library, OrtSessionOptions* options, const SessionSpec& spec, Workers& workers) {
  if (spec.global_pool) return call(library, LANEWAY_ORT_FN(DisablePerSessionThreads), options);
  const char* const spin = spec.threads.spin ? "1" : "0";
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(SetIntraOpNumThreads), options, spec.threads.count));
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(SetInterOpNumThreads), options, spec.inter_threads));
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(AddSessionConfigEntry), options, "session.intra_op.allow_spinning", spin));
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(AddSessionConfigEntry), options, "session.inter_op.allow_spinning", spin));
  constexpr OrtCustomCreateThreadFn create = Workers::create;
  void* const context = &workers;
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(SessionOptionsSetCustomThreadCreationOptions), options, context));
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(SessionOptionsSetCustomCreateThreadFn), options, create));
  return call(library, LANEWAY_ORT_FN(SessionOptionsSetCustomJoinThreadFn), options, Workers::join);
}

Expected<> set_behaviour(const Library& library, OrtSessionOptions* options, const SessionSpec& spec) {
  for (const NamedExtent& dimension : spec.dimensions) {
    const char* symbol = dimension.symbol.c_str();
    LANEWAY_TRY(call(library, LANEWAY_ORT_FN(AddFreeDimensionOverrideByName), options, symbol, dimension.extent));
  }
  if (spec.deterministic) LANEWAY_TRY(call(library, LANEWAY_ORT_FN(SetDeterministicCompute), options, true));
  if (spec.denormals_as_zero) {
    LANEWAY_TRY(call(library, LANEWAY_ORT_FN(AddSessionConfigEntry), options, "session.set_denormal_as_zero", "1"));
  }
  if (!spec.log_id.empty()) LANEWAY_TRY(call(library, LANEWAY_ORT_FN(SetSessionLogId), options, spec.log_id.c_str()));
  if (spec.profile_prefix) LANEWAY_TRY(call(library, LANEWAY_ORT_FN(EnableProfiling), options, spec.profile_prefix->c_str()));
  if (spec.optimised_model) {
    LANEWAY_TRY(call(library, LANEWAY_ORT_FN(SetOptimizedModelFilePath), options, spec.optimised_model->c_str()));
  }
  return {};
}

Expected<> set_performance(const Library& library, OrtSessionOptions* options, const SessionSpec& spec) {
  const auto level = static_cast<GraphOptimizationLevel>(spec.optimisation);
  const ExecutionMode mode = spec.execution == Execution::parallel ? ORT_PARALLEL : ORT_SEQUENTIAL;
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(SetSessionGraphOptimizationLevel), options, level));
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(SetSessionExecutionMode), options, mode));
  if (!spec.arena) LANEWAY_TRY(call(library, LANEWAY_ORT_FN(DisableCpuMemArena), options));
  if (!spec.memory_pattern) LANEWAY_TRY(call(library, LANEWAY_ORT_FN(DisableMemPattern), options));
  return {};
}

Expected<> add_initializers(const Library& library, OrtSessionOptions* options, const SessionSpec& spec) {
  for (const Initializer& initializer : spec.shared_initializers) {
    const char* name = initializer.name.c_str();
    LANEWAY_TRY(call(library, LANEWAY_ORT_FN(AddInitializer), options, name, initializer.value->native()));
  }
  std::vector<const char*> names;
  std::vector<const OrtValue*> values;
  for (const Initializer& initializer : spec.external_initializers) {
    names.push_back(initializer.name.c_str());
    values.push_back(initializer.value->native());
  }
  if (names.empty()) return {};
  return call(library, LANEWAY_ORT_FN(AddExternalInitializers), options, names.data(), values.data(), names.size());
}

}  // namespace

Expected<> validate(const SessionSpec& spec) {
  LANEWAY_TRY(validate_model(spec.model));
  LANEWAY_TRY(no_nul("log_id", spec.log_id));
  if (spec.profile_prefix) LANEWAY_TRY(no_nul("profile_prefix", spec.profile_prefix->native()));
  if (spec.optimised_model) LANEWAY_TRY(no_nul("optimised_model", spec.optimised_model->native()));
  for (const auto& [key, value] : spec.config) {
    LANEWAY_TRY(no_nul("config", key));
    LANEWAY_TRY(no_nul("config " + key, value));
  }
  for (const NamedExtent& dimension : spec.dimensions) {
    LANEWAY_TRY(no_nul("dimensions", dimension.symbol));
    if (dimension.extent < 0) {
      return Error(
          ErrorCode::invalid_argument,
          "dimensions: " + dimension.symbol + ": negative extent: expected 0 or more, got " + std::to_string(dimension.extent));
    }
  }
  LANEWAY_TRY(validate_initializers("shared_initializers", spec.shared_initializers));
  LANEWAY_TRY(validate_initializers("external_initializers", spec.external_initializers));
  LANEWAY_TRY(laneway::validate(spec.threads));
  if (spec.inter_threads < 1) {
    return Error(ErrorCode::invalid_argument,
                 "inter_threads: too few: expected 1 or more, got " + std::to_string(spec.inter_threads));
  }
  return {};
}

Expected<Options> make_options(const std::shared_ptr<const Library>& library, const SessionSpec& spec, Workers& workers) {
  LANEWAY_TRY_ASSIGN(Options options, make<OrtSessionOptions>(library, LANEWAY_ORT_FN(CreateSessionOptions)));
  LANEWAY_TRY(set_behaviour(*library, options.get(), spec));
  LANEWAY_TRY(set_performance(*library, options.get(), spec));
  LANEWAY_TRY(set_threads(*library, options.get(), spec, workers));
  LANEWAY_TRY(add_initializers(*library, options.get(), spec));
  for (const auto& [key, value] : spec.config) {  // last, so that the caller's own word counts
    LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(AddSessionConfigEntry), options.get(), key.c_str(), value.c_str()));
  }
  return options;
}

}  // namespace laneway::ort
