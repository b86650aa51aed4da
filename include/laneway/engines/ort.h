#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "laneway/engine/open_spec.h"
#include "laneway/ort/session.h"

namespace laneway LANEWAY_PUBLIC {

class Binding;

/// How lanes share what ONNX Runtime loads.
enum class OrtSessions : std::uint8_t {
  shared,     ///< One session: weights once, one pool of workers for all lanes.
  per_lane,   ///< A session for each lane, with workers of its own; with buckets the lanes of one number share it, and its
              ///< workers. Weights are held once between the sessions.
  automatic,  ///< per_lane where runs have more than one thread and the weights are at most 64 MiB, else shared.
};

/// What engine `ort` may be told. ONNX Runtime is found at run time (docs/concepts.md says where it is looked for).
///
/// Weights:  ONNX Runtime copies those of a model in ONNX's format, and those given at open, and packs most of them for its kernels;
///           so they are held once, by it, and owners of theirs are let go when open() returns. Of a model with several outputs
///           the bytes are held beside (a file stays mapped), to open a session for lanes that want some of them. A model in
///           ONNX Runtime's own format that has an owner is used where it lies.
/// Devices:  ports of nodes that a provider computes lie where the session says. A buffer on the host is copied there at each run;
///           PortSpec{.placement = Placement::device} finds memory of the provider's instead. Devices are numbered (LaneSpec::device,
///           Memory::device) as they stand in Provider::devices, else as ort::devices() lists those of the first provider here that
///           has any; without one there is device 0, the processor.
/// Errors:   open(): those of OpenSpec and of ort::Library::open(); invalid_argument (optimisation_level, shapes_max, a text with
///           a NUL, edit_session); unavailable (a provider, naming those there are); unimplemented (per_lane where sessions
///           cannot share weights); failed_precondition (global_pool where sessions without one are open already).
/// Threads:  a value. What open() gives: any thread; workers come from OpenSpec::threads.
/// Cost:     ONNX Runtime allocates by itself in each run; a lane adds nothing to what RunWithBinding costs.
struct OrtEngineSpec {
  // Behaviour.
  std::optional<std::filesystem::path> library = std::nullopt;  ///< libonnxruntime.so to open; nullopt: found.
  std::vector<ort::Provider> providers = {};                    ///< Who computes: for each node the first of these that can.
  ort::KeyValues config = {};                                   ///< Session config entries, as ONNX Runtime names them.
  std::optional<std::filesystem::path> profile_prefix = std::nullopt;  ///< Each session writes a trace: Session::end_profiling().
  bool deterministic = false;
  bool denormals_as_zero = false;
  /// The last word on what sessions are opened with, for all that has no field here: custom operators, a choice of devices, hooks,
  /// allocators, logs. Called once by open(). Model, environment, dimensions and threads are said elsewhere: to change them is
  /// invalid_argument.
  std::function<void(ort::SessionSpec& spec)> edit_session = nullptr;

  // Performance.
  int optimisation_level = 99;  ///< 0 none, 1 basic, 2 extended, 3 layout, 99 all.
  OrtSessions sessions = OrtSessions::automatic;
  bool global_pool = false;  ///< One pool of workers per process; must be asked for before the first session opens.
  bool arena = true;
  bool memory_pattern = true;
  std::size_t shapes_max = 64;  ///< Shapes per binding whose bound values are kept; the least recently used one goes.

  static std::string name() { return "ort"; }
  Expected<OpenEngine> open(const OpenSpec& spec) const;
};

/// The session behind an engine that open() gave (one of them, where lanes have their own), and the very one that a lane runs
/// (`ort_session(lane.binding())`): placements, assignments, profiling, metadata, the native handle. Null: of another engine.
std::shared_ptr<const ort::Session> ort_session(const Engine& engine) noexcept;
std::shared_ptr<const ort::Session> ort_session(const Binding& binding) noexcept;

/// A model made in memory as bytes with an owner, for any engine: `.model = bytes`. Errors: those of ort::to_bytes().
Expected<ModelBytes> model_bytes(const ort::ModelGraph& graph);

}  // namespace laneway
