#pragma once
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "laneway/core/expected.h"
#include "laneway/core/port.h"
#include "laneway/engine/engine.h"
#include "laneway/memory/page_policy.h"
#include "laneway/runtime/audit.h"
#include "laneway/runtime/shape_key.h"

namespace laneway LANEWAY_PUBLIC {

/// Elements of an output as the last run left them.
template <class T>
struct TypedView {
  std::span<const T> data;
  std::span<const std::int64_t> shape;
};

/// A port of a lane: by name, or by its number in the model's order.
class PortKey {
 public:
  PortKey(const char* name) : name_(name) {}
  PortKey(std::string_view name) : name_(name) {}
  PortKey(const std::string& name) : name_(name) {}
  template <std::integral Index>
  PortKey(Index index) : index_(static_cast<std::ptrdiff_t>(index)) {}

  std::string_view name() const noexcept { return name_; }
  std::ptrdiff_t index() const noexcept { return index_; }  ///< Negative where a name was given, or a wrong number.
  bool by_name() const noexcept { return name_.data() != nullptr; }

 private:
  std::string_view name_;
  std::ptrdiff_t index_ = -1;
};

/// Inputs and outputs bound once to an engine, run many times. Stays where it is: neither copied nor moved.
///
/// Shapes:   set when the lane is made; resize() within its capacity; output shapes follow.
/// Errors:   run(): cancelled, deadline_exceeded, invalid_argument (values the model cannot take), failed_precondition (a second
///           thread, a required Value still empty), internal, unavailable. Usable again after any of them.
/// Threads:  one at a time, except cancel() and audit(): a second one that runs, resizes, rebinds or resets gets
///           failed_precondition. Different lanes are independent.
/// Lifetime: spans are valid until the lane is destroyed, those of a linked port until the next run. A lane keeps all it needs
///           alive: engine, plan, memory.
/// Cost:     run() allocates nothing and takes no lock of ours (but for an engine that cannot run two bindings at once).
class Lane {
 public:
  class Impl;
  explicit Lane(std::unique_ptr<Impl> impl) noexcept;  ///< Only the runtime can.
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;
  ~Lane();

  /// Ports as the model declares them, dimensions fixed at open shown so.
  std::span<const Port> inputs() const noexcept;
  std::span<const Port> outputs() const noexcept;

  /// The very memory the engine reads, at the exact shape of the next run.
  /// Errors: not_found, out_of_range; invalid_argument where T is not the port's dtype; failed_precondition where the memory
  ///         is not on the host, the input was left out, or is no dense tensor (then: value()).
  template <class T>
  Expected<std::span<T>> input(PortKey port) noexcept {
    LANEWAY_TRY_ASSIGN(const Memory memory, input_memory(port, dtype_of<T>::value));
    return std::span<T>(static_cast<T*>(memory.data), memory.bytes / sizeof(T));
  }
  /// The same without a type, wherever it is placed: for packed dtypes, devices, copies.
  Expected<Memory> input_memory(PortKey port) noexcept;
  Expected<Shape> input_shape(PortKey port) const noexcept;

  /// The lane's own Value of an input that is not dense numbers; write it before run().
  Expected<Value*> input_value(PortKey port) noexcept;

  /// An output as the last run left it; where its shape is known before a run, it may be asked before too.
  /// Errors: not_found, out_of_range, failed_precondition (not wanted, unknown before the first run, the last run failed).
  Expected<OutputView> output(PortKey port) const noexcept;
  template <class T>
  Expected<TypedView<T>> output(PortKey port) const noexcept {
    LANEWAY_TRY_ASSIGN(const OutputView view, output_on_host(port, dtype_of<T>::value));
    return TypedView<T>{{static_cast<const T*>(view.data), view.bytes / sizeof(T)}, view.shape};
  }
  Expected<const Value*> output_value(PortKey port) const noexcept;

  /// Extents of the next runs, by name; dimensions not named keep theirs.
  /// Errors: not_found (no such dimension), invalid_argument, out_of_range (beyond the capacity), failed_precondition (a
  ///         second thread). The previous shapes hold then.
  /// Cost:   no allocation (engine ort: none for shapes seen before).
  Expected<> resize(const ShapeKey& dimensions) noexcept;

  /// Another address for an input or output that is dense: the caller's next frame. Not for linked ports.
  /// Errors: as for a port's memory when the lane is made; the previous address holds. Cost: no allocation of ours.
  Expected<> rebind(PortKey input, const Memory& memory) noexcept;
  Expected<> rebind_output(PortKey output, const Memory& memory) noexcept;

  Expected<> run() noexcept;
  /// Ends with deadline_exceeded once `timeout` has passed; zero or less is over before the run begins. Arming it is a store
  /// and at most one wake of the watcher.
  Expected<> run(std::chrono::nanoseconds timeout) noexcept;
  /// From any thread: the run in progress ends with `cancelled` at its next node or tile; one that had finished keeps its
  /// result. No effect between runs.
  void cancel() noexcept;

  /// State that links carry becomes what it was at first. Errors: failed_precondition (a second thread).
  Expected<> reset() noexcept;

  /// What the engine made of this lane, for functions of that engine's (ort_session()). It does what the lane does: do not run it.
  const Binding& binding() const noexcept;

  /// From any thread. Cost: allocates.
  Audit audit() const;

 private:
  friend class LaneAccess;  // the runtime's rooms

  Expected<Memory> input_memory(PortKey port, DType dtype) noexcept;
  Expected<OutputView> output_on_host(PortKey port, DType dtype) const noexcept;

  std::unique_ptr<Impl> impl_;
};

}  // namespace laneway
