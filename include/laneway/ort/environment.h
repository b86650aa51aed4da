#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "laneway/core/expected.h"
#include "laneway/core/threads.h"
#include "laneway/diag/log.h"
#include "laneway/ort/handle.h"
#include "laneway/ort/library.h"
#include "laneway/ort/memory.h"

namespace laneway LANEWAY_PUBLIC {
namespace ort {

/// How threads are made, for programs that bring their own. Each function is called once for each worker of a pool.
///
/// What either throws is taken for an error. Threads: one call at a time. Lifetime: kept by what has the pool.
struct ThreadHooks {
  /// Starts a thread that calls `work` once. What it returns is kept until that worker is joined.
  /// Errors: its own; they reach whoever opens the session or the environment.
  std::function<Expected<std::shared_ptr<void>>(std::function<void()> work)> create;
  /// Waits until `work` has returned. Errors: its own; they are logged.
  std::function<Expected<>(std::shared_ptr<void> thread)> join;
};

/// Workers shared by all sessions that ask for them, instead of workers of each session's own.
struct GlobalPool {
  ThreadSpec intra = {};                               ///< Those that compute one node together.
  int inter_threads = 1;                               ///< Nodes computed at once, for sessions with execution = parallel.
  std::shared_ptr<const ThreadHooks> hooks = nullptr;  ///< Null: this library makes the threads.
  bool denormals_as_zero = false;

  friend bool operator==(const GlobalPool&, const GlobalPool&) = default;
};

/// What the environment is to be like. nullopt: as it is, or the default where there is none yet.
struct EnvironmentSpec {
  LibrarySpec library = {};
  std::optional<Severity> log_severity = std::nullopt;   ///< Least that ONNX Runtime says. Default: warning.
  std::optional<std::string> log_id = std::nullopt;      ///< Default: "laneway".
  std::optional<GlobalPool> global_pool = std::nullopt;  ///< Default: none.
  std::optional<bool> telemetry = std::nullopt;          ///< Default: false.
  /// Entries for ONNX Runtime's own parts and for provider libraries, as they name them. Default: none.
  std::optional<KeyValues> config = std::nullopt;
};

/// What ONNX Runtime has once per process: its log and its global pool.
///
/// It is made by the first request and lives while anything needs it; then another may be made, with other settings. What ONNX
/// Runtime logs goes to the sink of diag/log.h with category "ort", and nowhere else.
/// Threads:  any.
/// Lifetime: sessions keep it.
/// Cost:     the first get() loads the library and starts the pool's threads, later ones take a lock. The others only read.
class Environment {
 public:
  /// The one there is, or a new one.
  /// Errors: as Library::open(); failed_precondition where one lives that differs in what the spec asks for, naming the
  ///         difference (ONNX Runtime itself would ignore the request); invalid_argument (threads, a text with a NUL);
  ///         unimplemented (config, with a library before level 24); what hooks returned.
  static Expected<std::shared_ptr<const Environment>> get(const EnvironmentSpec& spec = {});

  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment();

  const std::shared_ptr<const Library>& library() const noexcept { return library_; }
  const EnvironmentSpec& spec() const noexcept { return spec_; }  ///< As resolved: only `global_pool` may be empty.
  const MemoryInfo& host_memory() const noexcept { return host_memory_; }
  const Allocator& host_allocator() const noexcept { return host_allocator_; }
  OrtEnv* native() const noexcept { return handle_.get(); }

 private:
  Environment(EnvironmentSpec spec, MemoryInfo host_memory, Allocator host_allocator, std::shared_ptr<void> workers,
              Handle<OrtEnv> handle) noexcept;

  EnvironmentSpec spec_;
  std::shared_ptr<const Library> library_;
  MemoryInfo host_memory_;
  Allocator host_allocator_;
  std::shared_ptr<void> workers_;  // what the threads of the pool were made with: outlives them
  Handle<OrtEnv> handle_;
  bool known_ = false;  // as the process's
};

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
