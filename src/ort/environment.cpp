#include "laneway/ort/environment.h"

#include <condition_variable>
#include <mutex>
#include <utility>

#include "ort/call.h"
#include "ort/key_values.h"
#include "ort/newer_types.h"
#include "ort/text.h"
#include "ort/workers.h"

namespace laneway::ort {
namespace {

// The environment there is, if any. `exists` stays true until the native one is gone: a new one made before would be the old one
// again, with the old settings. Never destroyed: environments in static variables may outlive it otherwise.
struct Process {
  std::mutex mutex;
  std::condition_variable gone;
  std::weak_ptr<const Environment> current;
  bool exists = false;
};
Process& process() {
  static Process& instance = *new Process;
  return instance;
}

// ONNX Runtime counts its severities as we do.
static_assert(static_cast<int>(Severity::verbose) == ORT_LOGGING_LEVEL_VERBOSE);
static_assert(static_cast<int>(Severity::fatal) == ORT_LOGGING_LEVEL_FATAL);

void ORT_API_CALL forward_log(void*, OrtLoggingLevel level, const char*, const char*, const char* place, const char* message) {
  const auto severity = static_cast<Severity>(level);
  if (log::enabled(severity)) log::submit({.severity = severity, .category = "ort", .message = message, .place = place});
}

// The threads that the two pools will ask for: each is its caller and workers.
std::size_t workers_of(const GlobalPool& pool) {
  return static_cast<std::size_t>(pool.intra.count) + static_cast<std::size_t>(pool.inter_threads) - 2;
}

EnvironmentSpec with_defaults(EnvironmentSpec spec) {
  if (!spec.log_severity) spec.log_severity = Severity::warning;
  if (!spec.log_id) spec.log_id = "laneway";
  if (!spec.telemetry) spec.telemetry = false;
  if (!spec.config) spec.config.emplace();
  return spec;
}

Expected<> validate(const EnvironmentSpec& spec) {
  if (spec.log_id) LANEWAY_TRY(no_nul("environment.log_id", *spec.log_id));
  if (spec.config) LANEWAY_TRY(validate_key_values("environment.config", *spec.config));
  if (!spec.global_pool) return {};
  if (auto valid = laneway::validate(spec.global_pool->intra); !valid) {
    return std::move(valid).error().with_context("environment.global_pool");
  }
  if (auto valid = validate(spec.global_pool->hooks.get()); !valid) {
    return std::move(valid).error().with_context("environment.global_pool");
  }
  if (spec.global_pool->inter_threads < 1) {
    return Error(ErrorCode::invalid_argument, "environment.global_pool.inter_threads: too few: expected 1 or more, got " +
                                                  std::to_string(spec.global_pool->inter_threads));
  }
  return {};
}

Error differs(std::string_view field, const std::string& lives, const std::string& asked) {
  return Error(ErrorCode::failed_precondition, "environment." + std::string(field) +
                                                   ": another one lives in this process: expected " + lives + ", got " + asked +
                                                   " (one that differs can be made once nothing needs it)");
}

std::string text_of(const std::optional<GlobalPool>& pool) {
  if (!pool) return "no pool";
  std::string cores;
  for (const int core : pool->intra.cores) cores += (cores.empty() ? "" : ",") + std::to_string(core);
  return "{count=" + std::to_string(pool->intra.count) + ", cores=[" + cores +
         "], spin=" + (pool->intra.spin ? "true" : "false") + ", name=" + pool->intra.name +
         ", inter_threads=" + std::to_string(pool->inter_threads) +
         ", denormals_as_zero=" + (pool->denormals_as_zero ? "true" : "false") + (pool->hooks ? ", hooks" : "") + "}";
}

std::string text_of(const KeyValues& entries) {
  std::string text;
  for (const auto& [name, value] : entries) text += (text.empty() ? "" : ", ") + name + "=" + value;
  return "{" + text + "}";
}

// What is not asked for does not differ.
Expected<> check_same(const EnvironmentSpec& lives, const EnvironmentSpec& asked) {
  if (asked.log_severity && asked.log_severity != lives.log_severity) {
    return differs("log_severity", std::string(name(*lives.log_severity)), std::string(name(*asked.log_severity)));
  }
  if (asked.log_id && asked.log_id != lives.log_id) return differs("log_id", *lives.log_id, *asked.log_id);
  if (asked.telemetry && asked.telemetry != lives.telemetry) {
    return differs("telemetry", *lives.telemetry ? "true" : "false", *asked.telemetry ? "true" : "false");
  }
  if (asked.global_pool && asked.global_pool != lives.global_pool) {
    return differs("global_pool", text_of(lives.global_pool), text_of(asked.global_pool));
  }
  if (asked.config && asked.config != lives.config) return differs("config", text_of(*lives.config), text_of(*asked.config));
  return {};
}

using Options = Handle<OrtThreadingOptions>;

Expected<Options> pool_options(const std::shared_ptr<const Library>& library, const GlobalPool& pool, Workers& workers) {
  LANEWAY_TRY_ASSIGN(Options options, make<OrtThreadingOptions>(library, LANEWAY_ORT_FN(CreateThreadingOptions)));
  OrtThreadingOptions* native = options.get();
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(SetGlobalIntraOpNumThreads), native, pool.intra.count));
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(SetGlobalInterOpNumThreads), native, pool.inter_threads));
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(SetGlobalSpinControl), native, pool.intra.spin ? 1 : 0));
  if (pool.denormals_as_zero) LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(SetGlobalDenormalAsZero), native));
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(SetGlobalCustomThreadCreationOptions), native, static_cast<void*>(&workers)));
  constexpr OrtCustomCreateThreadFn create = Workers::create;
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(SetGlobalCustomCreateThreadFn), native, create));
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(SetGlobalCustomJoinThreadFn), native, Workers::join));
  return options;
}

Expected<Handle<OrtEnv>> make_configured(const std::shared_ptr<const Library>& library, const EnvironmentSpec& spec,
                                         const OrtThreadingOptions* pool) {
  LANEWAY_TRY_ASSIGN(const auto config, make_key_values(library, *spec.config));
  OrtEnvCreationOptions options{};
  options.version = ORT_API_VERSION;
  options.logging_severity_level = static_cast<std::int32_t>(*spec.log_severity);
  options.log_id = spec.log_id->c_str();
  options.custom_logging_function = forward_log;
  options.threading_options = pool;
  options.config_entries = config.get();
  const OrtEnvCreationOptions* const given = &options;
  return make<OrtEnv>(library, LANEWAY_ORT_FN(CreateEnvWithOptions), given);
}

// The functions that every library has, and for what they cannot say the newer one.
Expected<Handle<OrtEnv>> make_native(const std::shared_ptr<const Library>& library, const EnvironmentSpec& spec,
                                     const OrtThreadingOptions* pool) {
  if (!spec.config->empty()) return make_configured(library, spec, pool);
  const auto severity = static_cast<OrtLoggingLevel>(*spec.log_severity);
  const char* log_id = spec.log_id->c_str();
  void* const no_context = nullptr;
  if (!pool) {
    return make<OrtEnv>(library, LANEWAY_ORT_FN(CreateEnvWithCustomLogger), forward_log, no_context, severity, log_id);
  }
  return make<OrtEnv>(library, LANEWAY_ORT_FN(CreateEnvWithCustomLoggerAndGlobalThreadPools), forward_log, no_context, severity,
                      log_id, pool);
}

Expected<Handle<OrtEnv>> make_native(const std::shared_ptr<const Library>& library, const EnvironmentSpec& spec,
                                     Workers* workers) {
  Options options;
  if (workers) { LANEWAY_TRY_ASSIGN(options, pool_options(library, *spec.global_pool, *workers)); }
  auto made = make_native(library, spec, static_cast<const OrtThreadingOptions*>(options.get()));
  if (!made && workers) {
    if (auto failure = workers->failure()) return *std::move(failure);
  }
  return made;
}

}  // namespace

Environment::Environment(EnvironmentSpec spec, MemoryInfo host_memory, Allocator host_allocator, std::shared_ptr<void> workers,
                         Handle<OrtEnv> handle) noexcept
    : spec_(std::move(spec)),
      library_(host_memory.library()),
      host_memory_(std::move(host_memory)),
      host_allocator_(std::move(host_allocator)),
      workers_(std::move(workers)),
      handle_(std::move(handle)) {}

Environment::~Environment() {
  handle_.reset();
  if (!known_) return;  // it was not made: get() found no room, and has the lock
  const std::scoped_lock lock(process().mutex);
  process().exists = false;
  process().gone.notify_all();
}

Expected<std::shared_ptr<const Environment>> Environment::get(const EnvironmentSpec& asked) {
  LANEWAY_TRY(validate(asked));
  std::unique_lock lock(process().mutex);
  for (;;) {
    if (auto lives = process().current.lock()) {
      lock.unlock();  // the last reference may by now be this one, and its destructor locks
      LANEWAY_TRY(check_same(lives->spec_, asked));
      return lives;
    }
    if (!process().exists) break;
    process().gone.wait(lock);  // its last user is giving it back on another thread
  }
  LANEWAY_TRY_ASSIGN(const auto library, Library::open(asked.library));
  EnvironmentSpec spec = with_defaults(asked);
  std::shared_ptr<Workers> workers;
  if (const auto& pool = spec.global_pool) workers = std::make_shared<Workers>(pool->intra, workers_of(*pool), pool->hooks);
  LANEWAY_TRY_ASSIGN(MemoryInfo memory, MemoryInfo::host(library));
  LANEWAY_TRY_ASSIGN(Allocator allocator, Allocator::host(library));
  LANEWAY_TRY_ASSIGN(Handle<OrtEnv> native, make_native(library, spec, workers.get()));
  LANEWAY_TRY(*spec.telemetry ? call(*library, LANEWAY_ORT_FN(EnableTelemetryEvents), native.get())
                              : call(*library, LANEWAY_ORT_FN(DisableTelemetryEvents), native.get()));
  const std::shared_ptr<Environment> made(
      new Environment(std::move(spec), std::move(memory), std::move(allocator), std::move(workers), std::move(native)));
  made->known_ = process().exists = true;
  process().current = made;
  return made;
}

}  // namespace laneway::ort
