#include "ort/session_options.h"

#include <string>
#include <utility>
#include <vector>

#include "laneway/diag/log.h"
#include "ort/call.h"
#include "ort/key_values.h"
#include "ort/operator_options.h"
#include "ort/text.h"

namespace laneway::ort {
namespace {

Expected<> validate_model(const ModelPath& file) { return check_file("model", file.path); }

Expected<> validate_model(const ModelBytes& model) {
  if (!model.bytes.empty() && model.bytes.data()) return {};
  return Error(ErrorCode::invalid_argument, "model: bytes: none: expected a model in ONNX's format");
}

Expected<> validate_model(const std::shared_ptr<const ModelGraph>&) { return {}; }

Expected<> validate_model(const EditedModel& model) {
  return std::visit([](const auto& base) { return validate_model(base); }, model.base);
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

Expected<> set_threads(const Library& library, OrtSessionOptions* options, const SessionSpec& spec, UsedBySession& used) {
  if (spec.global_pool) return call(library, LANEWAY_ORT_FN(DisablePerSessionThreads), options);
  const char* const spin = spec.threads.spin ? "1" : "0";
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(SetIntraOpNumThreads), options, spec.threads.count));
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(SetInterOpNumThreads), options, spec.inter_threads));
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(AddSessionConfigEntry), options, "session.intra_op.allow_spinning", spin));
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(AddSessionConfigEntry), options, "session.inter_op.allow_spinning", spin));
  constexpr OrtCustomCreateThreadFn create = Workers::create;
  void* const context = &used.workers;
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(SessionOptionsSetCustomThreadCreationOptions), options, context));
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(SessionOptionsSetCustomCreateThreadFn), options, create));
  return call(library, LANEWAY_ORT_FN(SessionOptionsSetCustomJoinThreadFn), options, Workers::join);
}

Expected<> set_dimensions(const Library& library, OrtSessionOptions* options, const SessionSpec& spec) {
  for (const NamedExtent& dimension : spec.dimensions) {
    const char* symbol = dimension.symbol.c_str();
    LANEWAY_TRY(call(library, LANEWAY_ORT_FN(AddFreeDimensionOverrideByName), options, symbol, dimension.extent));
  }
  for (const NamedExtent& dimension : spec.dimensions_by_denotation) {
    const char* denotation = dimension.symbol.c_str();
    LANEWAY_TRY(call(library, LANEWAY_ORT_FN(AddFreeDimensionOverride), options, denotation, dimension.extent));
  }
  return {};
}

void ORT_API_CALL forward_to_sink(void* used, OrtLoggingLevel level, const char*, const char* log_id, const char* place,
                                  const char* message) {
  try {
    const LogSink& sink = static_cast<const UsedBySession*>(used)->log_sink;
    sink({.severity = static_cast<Severity>(level), .category = log_id, .message = message, .place = place});
  } catch (...) {  // as that of the process: what a sink throws is dropped
  }
}

Expected<> set_log(const Library& library, OrtSessionOptions* options, const SessionSpec& spec, UsedBySession& used) {
  if (!spec.log_id.empty()) LANEWAY_TRY(call(library, LANEWAY_ORT_FN(SetSessionLogId), options, spec.log_id.c_str()));
  if (spec.log_severity) {
    LANEWAY_TRY(call(library, LANEWAY_ORT_FN(SetSessionLogSeverityLevel), options, static_cast<int>(*spec.log_severity)));
  }
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(SetSessionLogVerbosityLevel), options, spec.log_verbosity));
  if (!used.log_sink) return {};
  void* const context = &used;
  return call(library, LANEWAY_ORT_FN(SetUserLoggingFunction), options, forward_to_sink, context);
}

Expected<> set_behaviour(const Library& library, OrtSessionOptions* options, const SessionSpec& spec) {
  if (spec.deterministic) LANEWAY_TRY(call(library, LANEWAY_ORT_FN(SetDeterministicCompute), options, true));
  if (spec.profile_prefix) LANEWAY_TRY(call(library, LANEWAY_ORT_FN(EnableProfiling), options, spec.profile_prefix->c_str()));
  if (spec.optimised_model) {
    LANEWAY_TRY(call(library, LANEWAY_ORT_FN(SetOptimizedModelFilePath), options, spec.optimised_model->c_str()));
  }
  const std::pair<bool, const char*> entries[] = {{spec.denormals_as_zero, "session.set_denormal_as_zero"},
                                                  {spec.record_placement, "session.record_ep_graph_assignment_info"},
                                                  {!spec.shared_allocators.empty(), "session.use_env_allocators"}};
  for (const auto& [wanted, name] : entries) {
    if (wanted) LANEWAY_TRY(call(library, LANEWAY_ORT_FN(AddSessionConfigEntry), options, name, "1"));
  }
  return {};
}

Expected<> set_performance(const Library& library, OrtSessionOptions* options, const SessionSpec& spec) {
  const auto level = static_cast<GraphOptimizationLevel>(spec.optimisation);
  const ExecutionMode mode = spec.execution == Execution::parallel ? ORT_PARALLEL : ORT_SEQUENTIAL;
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(SetSessionGraphOptimizationLevel), options, level));
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(SetSessionExecutionMode), options, mode));
  LANEWAY_TRY(spec.arena ? call(library, LANEWAY_ORT_FN(EnableCpuMemArena), options)
                         : call(library, LANEWAY_ORT_FN(DisableCpuMemArena), options));
  return spec.memory_pattern ? call(library, LANEWAY_ORT_FN(EnableMemPattern), options)
                             : call(library, LANEWAY_ORT_FN(DisableMemPattern), options);
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

Expected<> add_external_files(const Library& library, OrtSessionOptions* options, const SessionSpec& spec) {
  std::vector<const char*> names;
  std::vector<char*> bytes;
  std::vector<std::size_t> sizes;
  for (const ExternalFile& file : spec.external_files) {
    names.push_back(file.name.c_str());
    bytes.push_back(reinterpret_cast<char*>(const_cast<std::byte*>(file.bytes.data())));  // it is only read
    sizes.push_back(file.bytes.size());
  }
  if (names.empty()) return {};
  return call(library, LANEWAY_ORT_FN(AddExternalInitializersFromFilesInMemory), options, names.data(), bytes.data(),
              sizes.data(), names.size());
}

Expected<> choose_devices(const std::shared_ptr<const Environment>& environment, OrtSessionOptions* options,
                          const SessionSpec& spec, UsedBySession& used) {
  const Library& library = *environment->library();
  LANEWAY_TRY(attach_providers(environment, options, spec.providers, used.devices));
  if (std::holds_alternative<std::monostate>(spec.device_selection)) return {};
  LANEWAY_TRY_ASSIGN(used.devices, devices(environment));  // which of them it will be is not told
  if (const auto* policy = std::get_if<DevicePolicy>(&spec.device_selection)) {
    const auto native = static_cast<OrtExecutionProviderDevicePolicy>(*policy);
    return call(library, LANEWAY_ORT_FN(SessionOptionsSetEpSelectionPolicy), options, native);
  }
  void* const chooser = &*used.chooser;
  return call(library, LANEWAY_ORT_FN(SessionOptionsSetEpSelectionPolicyDelegate), options, Chooser::choose, chooser);
}

Expected<> validate_dimensions(std::string_view field, const std::vector<NamedExtent>& dimensions) {
  for (const NamedExtent& dimension : dimensions) {
    LANEWAY_TRY(no_nul(field, dimension.symbol));
    if (dimension.extent < 0) {
      return Error(ErrorCode::invalid_argument, std::string(field) + ": " + dimension.symbol +
                                                    ": negative extent: expected 0 or more, got " +
                                                    std::to_string(dimension.extent));
    }
  }
  return {};
}

Expected<> validate_files(const std::vector<ExternalFile>& files) {
  for (const ExternalFile& file : files) {
    LANEWAY_TRY(no_nul("external_files", file.name));
    if (file.name.empty() || !file.bytes.data()) {
      return Error(ErrorCode::invalid_argument,
                   "external_files " + file.name + ": " + (file.name.empty() ? "name: empty" : "bytes: null"));
    }
  }
  return {};
}

Expected<> validate_devices(const SessionSpec& spec) {
  LANEWAY_TRY(validate_providers(spec.providers));
  const auto* selector = std::get_if<DeviceSelector>(&spec.device_selection);
  if (selector && !*selector) return Error(ErrorCode::invalid_argument, "device_selection: empty: expected a function");
  if (!spec.providers.empty() && !std::holds_alternative<std::monostate>(spec.device_selection)) {
    return Error(ErrorCode::invalid_argument, "device_selection: expected none beside providers");
  }
  return {};
}

// The threads that the session's pools will ask for: each pool is its caller and workers.
std::size_t workers_of(const SessionSpec& spec) {
  const int inter_threads = spec.execution == Execution::parallel ? spec.inter_threads : 1;
  return static_cast<std::size_t>(spec.threads.count) + static_cast<std::size_t>(inter_threads) - 2;
}

}  // namespace

Expected<> validate(const SessionSpec& spec) {
  LANEWAY_TRY(std::visit([](const auto& model) { return validate_model(model); }, spec.model.get()));
  LANEWAY_TRY(no_nul("log_id", spec.log_id));
  if (spec.profile_prefix) LANEWAY_TRY(no_nul("profile_prefix", spec.profile_prefix->native()));
  if (spec.optimised_model) LANEWAY_TRY(no_nul("optimised_model", spec.optimised_model->native()));
  LANEWAY_TRY(validate_key_values("config", spec.config));
  LANEWAY_TRY(validate_dimensions("dimensions", spec.dimensions));
  LANEWAY_TRY(validate_dimensions("dimensions_by_denotation", spec.dimensions_by_denotation));
  LANEWAY_TRY(validate_devices(spec));
  LANEWAY_TRY(validate_files(spec.external_files));
  LANEWAY_TRY(validate_operators(spec));
  for (const auto& allocator : spec.shared_allocators) {
    if (!allocator) return Error(ErrorCode::invalid_argument, "shared_allocators: null: expected an allocator");
  }
  LANEWAY_TRY(validate_initializers("shared_initializers", spec.shared_initializers));
  LANEWAY_TRY(validate_initializers("external_initializers", spec.external_initializers));
  LANEWAY_TRY(laneway::validate(spec.threads));
  LANEWAY_TRY(validate(spec.thread_hooks.get()));
  if (spec.inter_threads < 1) {
    return Error(ErrorCode::invalid_argument,
                 "inter_threads: too few: expected 1 or more, got " + std::to_string(spec.inter_threads));
  }
  return {};
}

UsedBySession::UsedBySession(const SessionSpec& spec, const std::shared_ptr<const Environment>& environment)
    : operators(spec.operators),
      initializers(spec.shared_initializers),
      prepacked(spec.prepacked),
      allocators(spec.shared_allocators),
      log_sink(spec.log_sink),
      workers(spec.threads, workers_of(spec), spec.thread_hooks) {
  initializers.insert(initializers.end(), spec.external_initializers.begin(), spec.external_initializers.end());
  if (const auto* model = std::get_if<ModelBytes>(&spec.model.get())) model_owner = model->owner;
  if (const auto* graph = std::get_if<std::shared_ptr<const ModelGraph>>(&spec.model.get())) model_owner = *graph;
  if (const auto* edited = std::get_if<EditedModel>(&spec.model.get())) {
    model_owner = std::make_shared<const EditedModel>(*edited);
  }
  if (const auto* select = std::get_if<DeviceSelector>(&spec.device_selection)) chooser.emplace(environment, *select);
}

std::optional<Error> UsedBySession::failure() const {
  if (chooser && chooser->failure()) return chooser->failure();
  return workers.failure();
}

Expected<Options> make_options(const std::shared_ptr<const Environment>& environment, const SessionSpec& spec,
                               UsedBySession& used) {
  const std::shared_ptr<const Library>& library = environment->library();
  LANEWAY_TRY_ASSIGN(Options options, make<OrtSessionOptions>(library, LANEWAY_ORT_FN(CreateSessionOptions)));
  LANEWAY_TRY(set_dimensions(*library, options.get(), spec));
  LANEWAY_TRY(set_behaviour(*library, options.get(), spec));
  LANEWAY_TRY(set_log(*library, options.get(), spec, used));
  LANEWAY_TRY(set_performance(*library, options.get(), spec));
  LANEWAY_TRY(set_threads(*library, options.get(), spec, used));
  LANEWAY_TRY(add_initializers(*library, options.get(), spec));
  LANEWAY_TRY(add_external_files(*library, options.get(), spec));
  LANEWAY_TRY(add_operators(*library, options.get(), spec));
  for (const auto& [key, value] : spec.config) {  // after ours, so that the caller's own word counts
    LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(AddSessionConfigEntry), options.get(), key.c_str(), value.c_str()));
  }
  LANEWAY_TRY(choose_devices(environment, options.get(), spec, used));
  return options;
}

}  // namespace laneway::ort
