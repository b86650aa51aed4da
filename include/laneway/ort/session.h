#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/core/port.h"
#include "laneway/core/threads.h"
#include "laneway/ort/environment.h"
#include "laneway/ort/handle.h"
#include "laneway/ort/memory.h"
#include "laneway/ort/value.h"

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
/// Where the model comes from. No default: leaving it out does not compile.
class ModelSource {
 public:
  ModelSource(ModelPath path) : source_(std::move(path)) {}
  ModelSource(ModelBytes bytes) : source_(std::move(bytes)) {}
  const std::variant<ModelPath, ModelBytes>& get() const noexcept { return source_; }

 private:
  std::variant<ModelPath, ModelBytes> source_;
};

enum class Optimisation : std::uint8_t { none = 0, basic = 1, extended = 2, layout = 3, all = 99 };
enum class Execution : std::uint8_t { sequential, parallel };

/// Weights packed for kernels, held once for all sessions that are opened with the same container.
/// Threads: any. Lifetime: sessions keep it.
class PrepackedWeights {
 public:
  static Expected<std::shared_ptr<PrepackedWeights>> make(const std::shared_ptr<const Library>& library);
  OrtPrepackedWeightsContainer* native() const noexcept { return handle_.get(); }

 private:
  explicit PrepackedWeights(Handle<OrtPrepackedWeightsContainer> handle) noexcept : handle_(std::move(handle)) {}
  Handle<OrtPrepackedWeightsContainer> handle_;
};

/// A tensor of the caller's for a weight of the model.
struct Initializer {
  std::string name;
  std::shared_ptr<const Value> value;
};

/// Everything a session is made from.
struct SessionSpec {
  // Behaviour.
  ModelSource model;
  std::shared_ptr<const Environment> environment = nullptr;  ///< Null: the process's.
  /// Extents of dimensions with a name, for all inputs at once. ONNX Runtime passes over a name that no input has.
  std::vector<NamedExtent> dimensions = {};
  /// Weights that the model keeps outside itself, replaced before anything is optimised. ONNX Runtime checks name, dtype and
  /// shape, and copies them.
  std::vector<Initializer> external_initializers = {};
  /// The very values the model has, used where they lie, so that several sessions hold them once. Not for other values: ONNX
  /// Runtime checks neither name nor dtype nor shape, and what it folded while optimising came from the model's own.
  std::vector<Initializer> shared_initializers = {};
  std::vector<std::pair<std::string, std::string>> config = {};  ///< Session config entries, as ONNX Runtime names them.
  bool deterministic = false;
  bool denormals_as_zero = false;  ///< In runs of bindings, on x86-64; the calling thread's state is as it was afterwards.
  std::string log_id = {};
  std::optional<std::filesystem::path> profile_prefix = std::nullopt;   ///< Starts profiling: see end_profiling().
  std::optional<std::filesystem::path> optimised_model = std::nullopt;  ///< Where to write what the optimisation made of it.

  // Performance.
  Optimisation optimisation = Optimisation::all;
  ThreadSpec threads = {};   ///< Those that compute one node together; with execution = parallel, those of nodes too.
  bool global_pool = false;  ///< The environment's workers instead; `threads` and `inter_threads` are then ignored.
  Execution execution = Execution::sequential;
  int inter_threads = 1;  ///< Nodes computed at once with execution = parallel.
  bool arena = true;
  bool memory_pattern = true;
  std::shared_ptr<PrepackedWeights> prepacked = nullptr;
};

/// What the model's author wrote down. nullopt: nothing.
struct Metadata {
  std::optional<std::string> producer, graph, graph_description, domain, description;
  std::int64_t version = 0;
  std::vector<std::pair<std::string, std::string>> custom = {};
};

/// One model, loaded and optimised.
///
/// Threads:  any: runs of different bindings may go on at once.
/// Lifetime: bindings and allocators made from it keep it. It keeps its environment and what the spec handed over.
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
  /// The session's own allocator of host memory: its arena, unless that is off.
  Expected<Allocator> host_allocator() const;
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

  std::shared_ptr<const Environment> environment_;
  std::unique_ptr<Kept> kept_;
  Handle<OrtSession> handle_;
  std::vector<Port> inputs_, outputs_;
  bool denormals_as_zero_;
};

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
