#pragma once
#include <cstddef>
#include <cstdint>
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
#include "laneway/engine/stop_signal.h"
#include "laneway/engine/value.h"

/// THE SEAM. What an engine promises to the runtime:
///
///     open ──> Engine ──specialise──> Plan ──bind──> Binding ──resize, rebind──> run ──> run ...
///
/// Each phase moves cost out of the next. Ownership runs one way: whoever holds a Binding holds its Plan, its Engine and its
/// buffers too, and lets them go in the order binding, buffers, plan, engine (a lane does; engines need not count).
/// To add an engine, copy src/engines/null/ and make tests/conformance green (docs/adding_an_engine.md).
namespace laneway LANEWAY_PUBLIC {

// ---- what is asked for --------------------------------------------------------------------------------------------------

/// An output whose shape the model leaves open but the caller can prove, so that it may be preallocated.
struct ProvenOutput {
  std::size_t output = 0;
  std::variant<std::size_t, Shape> shape;  ///< The index of an input that has the same shape at every run, or the shape itself.
};

/// What to make a plan for.
struct PlanSpec {
  std::vector<Shape> inputs;     ///< One per input port: the most a run may use. Those of ports that are not dense are ignored.
  std::vector<bool> given = {};  ///< Whether each input will be joined to anything. Empty: all that are not optional.
  std::vector<std::size_t> outputs = {};  ///< Wanted ones, ascending. Empty: all.
  std::vector<ProvenOutput> proven = {};
};

// ---- what comes back ----------------------------------------------------------------------------------------------------

/// A port of the engine in a plan.
struct PlannedPort {
  std::optional<Shape> capacity;    ///< The most a run may use. nullopt: not known before a run; the engine owns such an output.
  std::size_t bytes = 0;            ///< Of the capacity. No engine reads or writes beyond the exact bytes of a run.
  std::size_t alignment_bytes = 1;  ///< Least alignment of an address that is used without a copy.
  Placement placement = Placement::host;  ///< Where the engine wants it; elsewhere costs a copy each run.
  int device = 0;
  std::string_view copied = {};  ///< Why the engine copies this port at each run wherever it lies; empty: it does not.
};

struct PlanBytes {
  std::size_t shared = 0;       ///< Once per plan: code, weights packed for it alone. The engine's weights never count here.
  std::size_t per_binding = 0;  ///< Once per binding: workspace, and values bound over buffers. Not the buffers of ports.
};

/// An output as the last run left it, or as the next one will where its shape is known before.
struct OutputView {
  const void* data = nullptr;
  std::size_t bytes = 0;
  DType dtype = DType::f32;
  std::span<const std::int64_t> shape = {};  ///< Valid until the next run, resize or destruction of the binding.
  Placement placement = Placement::host;
  int device = 0;
};

// ---- what a binding is joined to ----------------------------------------------------------------------------------------

struct Absent {};       ///< An optional input left out; an output nobody wants, which is then not computed.
struct EngineOwned {};  ///< An output whose memory the engine finds at each run.
struct ValueRef {
  Value* value;  ///< Every kind but dense numeric tensors: handed over at each run, at a stated cost.
};
/// What one port of a binding is joined to. Memory costs nothing per run.
using Attachment = std::variant<Absent, EngineOwned, Memory, ValueRef>;

/// Where the next run of a binding has a dense port.
struct PortUse {
  const void* address = nullptr;  ///< What is read or written there; null: memory that the engine finds at the run.
  std::string_view copied = {};   ///< Why its bytes are copied at each run nevertheless; empty: they are not.
};

/// One attachment per port of the engine, in its order.
struct BindSpec {
  std::span<const Attachment> inputs;
  std::span<const Attachment> outputs;
  std::size_t lane = 0;  ///< Among the lanes of its plan. Bindings of one lane never run at once: an engine may let them share.
  std::vector<int> cores = {};               ///< The engine's workers for this binding; empty: the engine's own choice.
  std::optional<int> device = std::nullopt;  ///< Of an engine with devices; nullopt: the engine's own.
};

/// What an engine can do. The runtime reads this instead of asking which engine it is.
struct EngineTraits {
  bool resizable = false;           ///< Bindings can run at any shape within the plan's capacity, exactly.
  bool artefacts = false;           ///< Plans can be stored and opened again.
  bool concurrent_bindings = true;  ///< Bindings of one engine may run at the same time.
};

/// Facts for people: what an engine decided and what it holds. Keys are snake_case.
struct EngineNote {
  std::string key, value;
};

// ---- the three objects --------------------------------------------------------------------------------------------------

/// Who is told how a started run ended: once, on any thread.
class Completion {
 public:
  virtual void done(Expected<> result) noexcept = 0;

 protected:
  ~Completion() = default;
};

/// A plan joined to one lane's buffers and values.
///
/// Threads:  one at a time, interrupt() excepted; different bindings of an engine run at once if its traits say so.
/// Lifetime: see above.
class Binding {
 public:
  virtual ~Binding() = default;

  /// Runs once on what the buffers hold now, in the floating-point state of the calling thread, which the runtime has set to
  /// the standard one (core/float_state.h). Ends with `cancelled` at the next node or tile once `stop` is requested, at the
  /// start too; a run that had finished by then succeeds.
  /// Errors: cancelled; invalid_argument (values the model cannot take); failed_precondition (an empty Value, a proven output
  ///         that came out in another shape); internal; unavailable. The binding stays usable after each.
  /// Cost:   no allocation and no lock of ours; copies only where a buffer is not at the port's placement.
  virtual Expected<> run(const StopSignal& stop) noexcept = 0;

  /// Starts a run for which no thread has to wait, and returns: `completion` is told how it ended, perhaps before that. Rules and
  /// errors are those of run(), but the floating-point state is the engine's to set; nobody else uses the binding until then.
  /// false: nothing was started, and a thread of the runtime's is to call run(). Engines that compute where they are called
  /// leave it alone.
  virtual bool start([[maybe_unused]] const StopSignal& stop, [[maybe_unused]] Completion& completion) noexcept { return false; }

  /// For engines that cannot poll the signal: called from any thread, once, after `stop` of the run in progress was requested
  /// and before its bracket ends. Others leave it alone.
  virtual void interrupt() noexcept {}

  /// Input shapes of the next runs, one per input port, each within the plan's capacity. Everything is computed at exactly
  /// these shapes: nothing is padded, nothing masked. Skip the call while shapes stay.
  /// Errors: invalid_argument (a fixed dimension changed, ports disagree about a symbol), out_of_range, unimplemented
  ///         where the traits say so. After an error the previous shapes hold.
  /// Cost:   no allocation, but where an engine keeps something per shape the first time; proportional to the number of nodes.
  virtual Expected<> resize(std::span<const Shape> inputs) noexcept = 0;

  /// Another address for a port that is joined to memory: the caller's next frame, say.
  /// Errors: as bind(); the previous address holds. Cost: no allocation of ours.
  virtual Expected<> rebind_input(std::size_t index, const Memory& memory) noexcept = 0;
  virtual Expected<> rebind_output(std::size_t index, const Memory& memory) noexcept = 0;

  /// Shape and memory of a dense output. Shapes follow resize(), or the last run where they depend on data.
  /// Errors: out_of_range; failed_precondition (not wanted, not run yet, the last run failed, a port that is not dense).
  virtual Expected<OutputView> output(std::size_t index) const noexcept = 0;

  /// For audits: where the next run has a port, by an engine for which that is not simply the memory the port is joined to. nullopt: it
  /// is, and the plan says what is copied. From any thread.
  virtual std::optional<PortUse> input_use([[maybe_unused]] std::size_t index) const noexcept { return std::nullopt; }
  virtual std::optional<PortUse> output_use([[maybe_unused]] std::size_t index) const noexcept { return std::nullopt; }
};

/// An engine made ready for input shapes up to a capacity. Immutable, any thread.
class Plan {
 public:
  virtual ~Plan() = default;
  virtual std::span<const PlannedPort> inputs() const noexcept = 0;   ///< One per port of the engine.
  virtual std::span<const PlannedPort> outputs() const noexcept = 0;  ///< One per port of the engine; unwanted ones are empty.
  virtual PlanBytes bytes() const noexcept = 0;

  /// Errors: invalid_argument (wrong number of attachments; a buffer too small, misaligned, missing; a required input joined to
  ///         nothing), unimplemented, resource_exhausted. Whatever was bound before is untouched.
  virtual Expected<std::unique_ptr<Binding>> bind(const BindSpec& spec) const = 0;
};

/// One model, loaded once, its weights held once. Immutable, any thread.
class Engine {
 public:
  virtual ~Engine() = default;
  virtual std::string_view name() const noexcept = 0;
  virtual EngineTraits traits() const noexcept = 0;
  virtual std::span<const Port> inputs() const noexcept = 0;  ///< Dimensions fixed at open show their extents.
  virtual std::span<const Port> outputs() const noexcept = 0;
  virtual std::size_t weight_bytes() const noexcept = 0;
  /// What is worth telling a person: sessions and how weights are shared, library version and path, arena bytes.
  virtual std::vector<EngineNote> notes() const { return {}; }

  /// The expensive step, done once per bucket. Keeps bookkeeping only: what bytes() tells is allocated by the first bind.
  /// Errors: invalid_argument (shapes the model cannot take), unimplemented (says which node), resource_exhausted.
  virtual Expected<std::shared_ptr<const Plan>> specialise(const PlanSpec& spec) const = 0;

  /// Memory of the engine's own allocator, for ports that are to live in it. The deleter may run on any thread.
  /// Errors: unimplemented (no such placement here), resource_exhausted.
  struct Allocation {
    Memory memory;
    std::shared_ptr<void> owner;
  };
  virtual Expected<Allocation> allocate(std::size_t bytes, Placement placement, int device) const;
};

}  // namespace laneway
