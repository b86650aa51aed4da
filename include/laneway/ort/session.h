#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/core/port.h"
#include "laneway/core/threads.h"
#include "laneway/ort/custom_operator.h"
#include "laneway/ort/environment.h"
#include "laneway/ort/handle.h"
#include "laneway/ort/initializer.h"
#include "laneway/ort/memory.h"
#include "laneway/ort/model_graph.h"
#include "laneway/ort/provider.h"

namespace laneway LANEWAY_PUBLIC {
namespace ort {

/// A model file in ONNX's format, or in ONNX Runtime's own. Weights it keeps outside lie beside it.
struct ModelPath {
  std::filesystem::path path;
};
/// A model in memory. ONNX Runtime copies the weights of one in ONNX's format, whoever owns the bytes; those of its own format
/// (.ort) it can use where they lie: config {"session.use_ort_model_bytes_directly", "1"} and
/// {"session.use_ort_model_bytes_for_initializers", "1"}, with an owner.
struct ModelBytes {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner = nullptr;  ///< Kept as long as the session. Null: the bytes may go once open() returns.
};
/// A model that is changed while it is opened: nodes and initializers of `changes` are added to it, inputs and outputs replace its
/// own where there are any (all of them, those that stay too), operator sets are added where it has none of their domain.
struct EditedModel {
  EditedModel(std::variant<ModelPath, ModelBytes> model, ModelGraph changed)
      : base(std::move(model)), changes(std::make_shared<const ModelGraph>(std::move(changed))) {}
  std::variant<ModelPath, ModelBytes> base;
  std::shared_ptr<const ModelGraph> changes;
};
/// Where the model comes from. No default: leaving it out does not compile.
class ModelSource {
 public:
  using Any = std::variant<ModelPath, ModelBytes, std::shared_ptr<const ModelGraph>, EditedModel>;

  ModelSource(ModelPath path) : source_(std::move(path)) {}
  ModelSource(ModelBytes bytes) : source_(std::move(bytes)) {}
  ModelSource(ModelGraph graph) : source_(std::make_shared<const ModelGraph>(std::move(graph))) {}
  ModelSource(EditedModel model) : source_(std::move(model)) {}
  const Any& get() const noexcept { return source_; }

 private:
  Any source_;
};

enum class Optimisation : std::uint8_t { none = 0, basic = 1, extended = 2, layout = 3, all = 99 };
enum class Execution : std::uint8_t { sequential, parallel };

/// Everything a session is made from.
struct SessionSpec {
  // Behaviour.
  ModelSource model;
  std::shared_ptr<const Environment> environment = nullptr;  ///< Null: the process's.
  /// Who computes: for each node the first of these that can, then ONNX Runtime's own code for processors.
  std::vector<Provider> providers = {};
  /// Instead of `providers`: devices that ONNX Runtime chooses among those there are, or that a function of the caller's does.
  DeviceSelection device_selection = {};
  /// Extents of dimensions with a name, for all inputs at once. ONNX Runtime passes over a name that no input has.
  std::vector<NamedExtent> dimensions = {};
  std::vector<NamedExtent> dimensions_by_denotation = {};  ///< The same by what a dimension stands for ("DATA_BATCH").
  /// Weights that the model keeps outside itself, replaced before anything is optimised. ONNX Runtime checks name, dtype and
  /// shape, and copies them.
  std::vector<Initializer> external_initializers = {};
  std::vector<ExternalFile> external_files = {};  ///< Whole files of such weights, by their name in the model. Copied.
  /// The very values the model has, used where they lie, so that several sessions hold them once. Not for other values: ONNX
  /// Runtime checks neither name nor dtype nor shape, and what it folded while optimising came from the model's own.
  std::vector<Initializer> shared_initializers = {};
  KeyValues config = {};  ///< Session config entries, as ONNX Runtime names them; each once.
  std::vector<std::shared_ptr<const OperatorDomain>> operators = {};  ///< Custom ones, of each domain once.
  std::vector<std::filesystem::path> operator_libraries = {};         ///< Shared objects with an entry RegisterCustomOps.
  std::vector<std::string> operator_functions = {};  ///< The same entry by its name in what this program is or has loaded.
  bool deterministic = false;
  bool denormals_as_zero = false;          ///< On x86-64; the calling thread's state is afterwards as it was.
  bool record_placement = false;           ///< For Session::assignments().
  std::stop_token load_cancellation = {};  ///< A stop requested while open() loads ends it with `cancelled`.
  std::string log_id = {};
  std::optional<Severity> log_severity = std::nullopt;  ///< nullopt: the environment's.
  int log_verbosity = 0;                                ///< Of what is said at severity verbose: more with a higher one.
  LogSink log_sink = {};  ///< Gets what this session says, in place of the process's; the category is log_id.
  std::optional<std::filesystem::path> profile_prefix = std::nullopt;   ///< Starts profiling: see end_profiling().
  std::optional<std::filesystem::path> optimised_model = std::nullopt;  ///< Where to write what the optimisation made of it.

  // Performance.
  Optimisation optimisation = Optimisation::all;
  ThreadSpec threads = {};   ///< Those that compute one node together; with execution = parallel, those of nodes too.
  bool global_pool = false;  ///< The environment's workers instead; `threads`, `inter_threads` and hooks are then ignored.
  Execution execution = Execution::sequential;
  int inter_threads = 1;                                      ///< Nodes computed at once with execution = parallel.
  std::shared_ptr<const ThreadHooks> thread_hooks = nullptr;  ///< Makes the workers. Null: this library does.
  bool arena = true;
  bool memory_pattern = true;
  std::shared_ptr<PrepackedWeights> prepacked = nullptr;
  std::vector<std::shared_ptr<const SharedAllocator>> shared_allocators = {};  ///< In place of arenas of the session's own.
};

/// Specs to start from: edit what they return. Each says what it changes.
SessionSpec lowest_latency(ModelSource model);  ///< Runs on the calling thread alone: no worker, nothing to wake.
SessionSpec highest_throughput(ModelSource model, int threads);  ///< Workers that spin share each node.
SessionSpec least_memory(ModelSource model);  ///< No arena, no memory pattern, weights not packed again, workers that sleep.
SessionSpec reproducible(ModelSource model);  ///< One thread, deterministic kernels, basic optimisation only.

/// What the model's author wrote down. nullopt: nothing.
struct Metadata {
  std::optional<std::string> producer, graph, graph_description, domain, description;
  std::int64_t version = 0;
  std::vector<std::pair<std::string, std::string>> custom = {};
};

/// Where the memory of a port lies, and which device reads or writes it there.
struct PortPlacement {
  MemorySpec memory;
  std::optional<Device> device = std::nullopt;  ///< nullopt: of a provider that was attached without devices.
};

/// A node of the model as its provider got it, after the basic optimisations.
struct AssignedNode {
  std::string name, domain, type;
  friend bool operator==(const AssignedNode&, const AssignedNode&) = default;
};
/// Nodes that a provider computes as one.
struct Assignment {
  std::string provider;
  std::vector<AssignedNode> nodes;
};

/// One model, loaded and optimised.
///
/// Threads:  any: runs of different bindings may go on at once.
/// Lifetime: bindings and allocators made from it keep it. It keeps its environment and what the spec handed over.
/// Cost:     open() reads, optimises and packs the whole model and starts its workers. inputs() and outputs() only read, the
///           other questions allocate; none belongs between runs.
class Session : public std::enable_shared_from_this<Session> {
 public:
  /// Errors: not_found, permission_denied (a file); invalid_argument (a model that ONNX Runtime refuses, with its reason; no
  ///         bytes; a text with a NUL; threads); failed_precondition (global_pool where the environment has none);
  ///         unimplemented (operators); resource_exhausted; and those of Environment::get().
  static Expected<std::shared_ptr<const Session>> open(const SessionSpec& spec);

  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  /// Required inputs in the model's order, then the weights that a run may override, as optional ones. A library before level
  /// 24 cannot tell a scalar from a port of any rank: then rank_known is false for both.
  std::span<const Port> inputs() const noexcept { return inputs_; }
  std::span<const Port> outputs() const noexcept { return outputs_; }
  /// Position in inputs(), outputs(). Errors: not_found, listing those there are.
  Expected<std::size_t> input_named(std::string_view name) const;
  Expected<std::size_t> output_named(std::string_view name) const;

  Expected<Metadata> metadata() const;
  /// The version of a domain's operators that the model is written in; "" is ONNX's own. Errors: not_found (not in the model).
  Expected<int> opset(const std::string& domain) const;

  /// In the order of the model's required inputs, and of outputs().
  Expected<std::vector<PortPlacement>> input_placements() const;
  Expected<std::vector<PortPlacement>> output_placements() const;
  /// Who computes what. Errors: failed_precondition (SessionSpec::record_placement was off); unimplemented (a library before
  /// level 24).
  Expected<std::vector<Assignment>> assignments() const;

  /// Tells providers something while the session lives ({"ep.dynamic.workload_type", "Efficient"}).
  /// Errors: invalid_argument; unimplemented (none of them takes it).
  Expected<> set_provider_options(const KeyValues& options) const;
  /// Gives up what providers captured of runs with this number (run config "gpu_graph_id"); where none did, nothing happens.
  /// Errors: unimplemented (a library before level 27).
  Expected<> release_captured_graph(int id) const;

  /// The session's own allocator of host memory: its arena, unless that is off.
  Expected<Allocator> host_allocator() const;
  /// When profiling began, in nanoseconds of the clock that the trace counts with. Errors: failed_precondition (never begun).
  Expected<std::uint64_t> profiling_start_ns() const;
  /// Stops profiling and says where the trace is. Errors: failed_precondition (never begun, ended before).
  Expected<std::filesystem::path> end_profiling() const;

  bool denormals_as_zero() const noexcept { return denormals_as_zero_; }
  const std::shared_ptr<const Environment>& environment() const noexcept { return environment_; }
  const std::shared_ptr<const Library>& library() const noexcept { return environment_->library(); }
  OrtSession* native() const noexcept { return handle_.get(); }

 private:
  struct Kept;  // what must outlive the native session
  Session(std::shared_ptr<const Environment> environment, std::unique_ptr<Kept> kept, Handle<OrtSession> handle,
          bool denormals_as_zero) noexcept;
  Expected<> read_ports();
  Expected<PortPlacement> placement(const OrtMemoryInfo* memory, const OrtEpDevice* device) const;

  std::shared_ptr<const Environment> environment_;
  std::unique_ptr<Kept> kept_;
  Handle<OrtSession> handle_;
  std::vector<Port> inputs_, outputs_;
  bool denormals_as_zero_;
};

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
