#pragma once
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "laneway/engine/engine.h"
#include "laneway/engine/open_spec.h"

/// An engine without a model: ports, computation, bytes, delays and failures are a script that a test writes, and may change
/// while things run. It counts all that happens to it and notes whatever a runtime may not do.
///
///     auto toy = std::make_shared<Toy>(toys::affine(2, 1));
///     auto runtime = open({.model = toy_source(), .engine = ToyEngineSpec{toy}});   // or .model = make_toy(toy)
///     toy->phase(ToyPhase::run).fail_next(Error(ErrorCode::internal, "broken"));
///     ...
///     EXPECT_EQ(toy->complaints(), "");   // after everything is gone: no misuse, nothing left
namespace laneway {

// ---- what a run sees ----------------------------------------------------------------------------------------------------

struct ToyTensor {
  DType dtype = DType::f32;
  Shape shape;
  const std::byte* data = nullptr;  ///< Null where an optional input was left out.

  template <class T>
  std::span<const T> as() const {
    return {reinterpret_cast<const T*>(data), element_count(shape) ? *element_count(shape) : 0};
  }
};

/// The ports of one run, at their exact shapes.
class ToyRun {
 public:
  virtual ~ToyRun() = default;
  virtual ToyTensor input(std::size_t index) const = 0;
  virtual const Value& input_value(std::size_t index) const = 0;
  /// Memory for an output of this shape, null where nobody wants it. A shape other than the expected one is the engine's
  /// own memory from then on, or an error where it had been proven.
  virtual std::byte* output(std::size_t index, const Shape& shape) = 0;
  /// Null where nobody wants it.
  virtual Value* output_value(std::size_t index) = 0;
  /// For computations that take their time: true once they should return Error::cancelled().
  virtual bool stopped() const = 0;

  template <class T>
  T* output(std::size_t index, const Shape& shape) {
    return reinterpret_cast<T*>(output(index, shape));
  }
};

// ---- the script: fixed once an engine is open ------------------------------------------------------------------------------

struct ToyModel {
  // Behaviour.
  std::vector<Port> inputs, outputs;
  std::function<Expected<>(ToyRun&)> compute;
  EngineTraits traits = {.resizable = true};
  /// Shapes the model cannot take, asked by specialise and resize. Null: it takes all.
  std::function<Expected<>(std::span<const Shape>)> check = nullptr;
  std::size_t alignment_bytes = 1;        ///< Of every port.
  Placement placement = Placement::host;  ///< Of every port. What is bound from elsewhere is copied at each run.
  std::string copied = {};                ///< Why every port is copied at each run wherever it lies. Empty: it is not.
  int devices = 0;                        ///< A binding may name one of them.
  bool starts = false;                    ///< Bindings start runs that need no thread to wait, on one of their own.

  // Cost.
  std::size_t weight_bytes = 0;
  std::function<PlanBytes(std::span<const Shape>)> bytes = nullptr;  ///< Of a plan. Null: none.
};

// ---- the controls: may be changed while things run ----------------------------------------------------------------------

/// A number that tests read while things run. Relaxed throughout: a toy must not put in order what the runtime forgot to.
class Count {
 public:
  std::int64_t add(std::int64_t by = 1) noexcept;  ///< Returns what it is now.
  std::int64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }
  std::int64_t highest() const noexcept { return highest_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0}, highest_{0};
};

/// A door that a test closes and opens.
class Gate {
 public:
  void close() noexcept { closed_ = true; }
  void open() noexcept { closed_ = false; }
  /// Waits until `count` calls stand at the closed gate. False after ten seconds.
  bool wait_for(int count) const;

  /// The engine's side: waits until it may pass. False where `give_up` came first.
  bool pass(const std::function<bool()>& give_up) noexcept;

 private:
  std::atomic<bool> closed_{false};
  std::atomic<int> waiting_{0};
};

enum class ToyPhase : std::uint8_t { open, specialise, bind, resize, rebind, run };

/// One phase of the seam, of all engines of a toy together.
class PhaseControl {
 public:
  struct Call {
    std::int64_t number;            ///< From 1.
    std::span<const Shape> shapes;  ///< Of the inputs; empty for open.
  };
  using Rule = std::function<std::optional<Error>(const Call&)>;

  Gate gate;                               ///< Stands at the beginning of the phase.
  std::atomic<bool> out_of_memory{false};  ///< The next bind() throws what an engine whose memory is out throws.

  void delay(std::chrono::nanoseconds time) noexcept { delay_ns_.store(time.count(), std::memory_order_relaxed); }
  void fail_when(Rule rule);  ///< Null: never.
  void fail_next(const Error& error, int times = 1);
  std::int64_t calls() const noexcept { return calls_.value(); }

  /// The engine's side. Error::cancelled where `give_up` came before gate and delay were over.
  Expected<> enter(std::span<const Shape> shapes, const std::function<bool()>& give_up = nullptr) noexcept;

 private:
  Count calls_;
  std::atomic<std::int64_t> delay_ns_{0};
  std::atomic<bool> has_rule_{false};
  std::mutex mutex_;
  Rule rule_;
};

/// Those of things that live now say in highest() how many there were at most.
struct ToyCounters {
  Count engines, plans, bindings;  ///< That live now.
  Count building;                  ///< specialise() calls under way.
  Count runs_done, runs_cancelled, interrupts;
  Count starts;        ///< Runs that no thread waits for.
  Count elements;      ///< Of dense inputs, over all runs done: shows at which shapes they were computed.
  Count copies;        ///< Of ports that are not where the engine wants them.
  Count shared_bytes;  ///< That plans hold now.
  Count plan_bytes;    ///< That plans and bindings hold now, together.
  Count allocations;   ///< By Engine::allocate(), that live now.
};

/// What was asked of each phase, in order.
struct ToyBindRecord {
  std::vector<int> cores;
  std::optional<int> device;
  std::vector<Attachment> inputs, outputs;
};
struct ToyPlanRecord {
  PlanSpec spec;
  std::thread::id thread;
};
struct ToyOpenRecord {
  std::vector<NamedExtent> dimensions;
  ThreadSpec threads;
};

/// One script with its controls and counters, shared by all engines made from it. Threads: any.
class Toy {
 public:
  explicit Toy(ToyModel script) : model(std::move(script)) {}

  const ToyModel model;
  ToyCounters counters;
  Gate finish;                           ///< Stands between the last node of a run and its end: too late to stop it.
  std::atomic<int> nodes{1};             ///< Of a run: `stop` is polled before each of them.
  std::atomic<std::int64_t> node_ns{0};  ///< Each takes this long.

  PhaseControl& phase(ToyPhase which) noexcept { return phases_[static_cast<std::size_t>(which)]; }

  std::vector<ToyOpenRecord> opens() const;
  std::vector<ToyPlanRecord> plans() const;
  std::vector<ToyBindRecord> binds() const;
  std::vector<std::string> violations() const;
  /// Violations, and whatever still lives: what a test expects to be empty at its end.
  std::string complaints() const;

  void note(ToyOpenRecord record);
  void note(ToyPlanRecord record);
  void note(ToyBindRecord record);
  void violation(std::string what) noexcept;

 private:
  PhaseControl phases_[6];
  mutable std::mutex mutex_;
  std::vector<ToyOpenRecord> opens_;
  std::vector<ToyPlanRecord> plans_;
  std::vector<ToyBindRecord> binds_;
  std::vector<std::string> violations_;
};

/// An EngineChoice. The model source is kept (its owner too) but not read: the toy is the model.
struct ToyEngineSpec {
  std::shared_ptr<Toy> toy;

  static std::string name() { return "toy"; }
  Expected<OpenEngine> open(const OpenSpec& spec) const;
};

/// A model source for ToyEngineSpec, which needs none.
ModelSource toy_source();
/// An engine that is open, or null where the script says that opening fails.
OpenEngine make_toy(std::shared_ptr<Toy> toy);
OpenEngine make_toy(ToyModel model);

}  // namespace laneway
