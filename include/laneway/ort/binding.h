#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/ort/handle.h"
#include "laneway/ort/run_options.h"
#include "laneway/ort/session.h"
#include "laneway/ort/value.h"

namespace laneway LANEWAY_PUBLIC {
namespace ort {

/// A session joined to the values of its ports, run again and again.
///
/// What ONNX Runtime takes at bind and chokes on later is refused here, before it sees it: ports that are not there, another
/// kind or dtype, a shape that the port excludes. A call that fails leaves everything as it was.
/// Threads:  one at a time; different bindings of a session may run at once.
/// Errors:   one that was moved away: failed_precondition from run() and output(); it cannot be bound to.
/// Lifetime: keeps the session and what it binds. A value may go once it is bound, but for memory it borrowed. Values on the
///           host are read in place: what is written there before a run is what the run sees. Inputs for a device elsewhere are
///           copied there when they are bound.
/// Cost:     run() adds nothing to RunWithBinding of the C API where all outputs are bound to values. An output of its own is
///           bound anew and fetched at each run, which allocates.
class Binding {
 public:
  static Expected<Binding> make(std::shared_ptr<const Session> session);

  Binding(Binding&& other) noexcept = default;
  Binding& operator=(Binding&& other) noexcept;

  /// Ports by position in the session's lists, here as below. Binding again replaces.
  /// Errors: out_of_range; invalid_argument naming port, expected, got; unimplemented (an optional that holds nothing: the C API
  ///         cannot take one).
  Expected<> bind_input(std::size_t input, const Value& value);
  /// The run writes to the value's memory; its shape must be the one that comes out.
  Expected<> bind_output(std::size_t output, const Value& value);
  /// The run finds memory itself, on the host, for whatever shape comes out: see output(). An output that is not bound costs no
  /// memory beyond the run, but ONNX Runtime computes all nodes of a model whoever wants them.
  Expected<> bind_output(std::size_t output);
  /// The same, of a tensor in the memory of a device. Errors: as bind_output(); where no provider of the session has such memory
  /// the run fails with failed_precondition.
  Expected<> bind_output(std::size_t output, MemoryInfo where);
  /// Back to nothing bound.
  void clear() noexcept;

  /// Errors: cancelled (RunOptions::terminate); failed_precondition (no output bound, a required input not bound);
  ///         unimplemented (options with adapters: the C API passes them over); invalid_argument, internal with ONNX Runtime's
  ///         text. Usable again after each.
  Expected<> run(RunOptions& options) noexcept;

  /// Wait until what is bound has reached its device, and until what a run without RunSpec::synchronise queued is done. On the
  /// host there is nothing to wait for. Errors: those of the provider.
  Expected<> synchronise_inputs();
  Expected<> synchronise_outputs();

  /// What the last run left in an output of its own; valid until the next run or until it is moved away.
  /// Errors: out_of_range; failed_precondition (not bound so, no run since, the last one failed).
  Expected<Value*> output(std::size_t output);

  const std::shared_ptr<const Session>& session() const noexcept { return session_; }
  OrtIoBinding* native() const noexcept { return handle_.get(); }

 private:
  struct Input {
    bool bound = false;
    std::shared_ptr<const void> keep = nullptr;  // what the value needs
  };
  struct Output {
    bool owned = false;  // by ONNX Runtime, anew at each run
    std::shared_ptr<const void> keep = nullptr;
    std::optional<MemoryInfo> where = std::nullopt;  // nullopt: on the host
    std::optional<Value> value = std::nullopt;
  };
  struct Ports {
    std::vector<Input> inputs;
    std::vector<Output> outputs;
    std::vector<std::size_t> bound_order = {};  // outputs as ONNX Runtime lists them
  };

  Binding(std::shared_ptr<const Session> session, Handle<OrtIoBinding> handle);
  Expected<> present() const;
  Error nothing_to_run(const RunOptions& options) const;
  Expected<> bind_anew(std::size_t output, const MemoryInfo& where);
  void set_bound(std::size_t output, Output bound);
  Expected<> check_ready();
  Expected<> renew_outputs();
  Expected<> fetch_outputs();
  Expected<> check_outputs();

  // All that a plain run reads fits a cache line.
  OrtStatus* (*run_)(OrtSession*, const OrtRunOptions*, const OrtIoBinding*) noexcept;
  OrtSession* native_session_;
  bool denormals_as_zero_;
  bool ready_ = false;  // whether all that a run needs is bound
  bool any_owned_ = false;
  std::shared_ptr<const Session> session_;
  std::unique_ptr<Ports> ports_;
  Handle<OrtIoBinding> handle_;  // goes before what its values need
};

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
