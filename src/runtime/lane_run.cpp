// The hot half of a lane: everything here but the making of an error is free of allocation.
#include <algorithm>

#include "core/guard.h"
#include "laneway/core/float_state.h"
#include "laneway/diag/log.h"
#include "laneway/engine/check.h"
#include "runtime/deadline.h"
#include "runtime/lane_impl.h"

namespace laneway {
namespace {

Error left_out(const Port& port) {
  return Error(ErrorCode::failed_precondition,
               "port " + port.name + ": left out when the lane was made (name it in `ports` or `outputs`)");
}

Error out_of_ports(std::string_view what, std::ptrdiff_t index, std::size_t count) {
  return Error(ErrorCode::out_of_range, std::string(what) + ": no such number: expected 0 to " +
                                            std::to_string(static_cast<std::ptrdiff_t>(count) - 1) + ", got " +
                                            std::to_string(index));
}

Expected<std::size_t> index_of(std::span<const Port> ports, const PortKey& key, std::string_view what) {
  if (key.by_name()) {
    for (std::size_t i = 0; i < ports.size(); ++i) {
      if (ports[i].name == key.name()) return i;
    }
    return find_port(ports, key.name(), what);
  }
  if (key.index() >= 0 && static_cast<std::size_t>(key.index()) < ports.size()) return static_cast<std::size_t>(key.index());
  return out_of_ports(what, key.index(), ports.size());
}

// Alone in the lane for a scope.
class Entered {
 public:
  explicit Entered(StopSignal& stop) noexcept : stop_(stop), entered_(stop.enter()) {}
  ~Entered() {
    if (entered_) stop_.leave();
  }
  Entered(const Entered&) = delete;
  Entered& operator=(const Entered&) = delete;
  explicit operator bool() const noexcept { return entered_; }

 private:
  StopSignal& stop_;
  bool entered_;
};

}  // namespace

Expected<std::size_t> Lane::Impl::input_index(const PortKey& key) const { return index_of(blueprint().inputs, key, "input"); }
Expected<std::size_t> Lane::Impl::output_index(const PortKey& key) const { return index_of(blueprint().outputs, key, "output"); }

Expected<Memory> Lane::Impl::input_memory(std::size_t index) {
  const Port& port = blueprint().inputs[index];
  // A linked input is read by the next run from where the last one wrote.
  const bool crossed = next_ == 1 && blueprint().link_into(index) != nullptr;
  const PortState& state = crossed ? link_partner(index) : inputs_[index];
  const auto* memory = std::get_if<Memory>(&state.attachment);
  if (!memory) {
    if (std::holds_alternative<Absent>(state.attachment)) return left_out(port);
    return Error(ErrorCode::failed_precondition,
                 "input " + port.name + ": not dense numbers: expected input_value(), not memory");
  }
  Memory exact = *memory;
  LANEWAY_TRY_ASSIGN(exact.bytes, byte_count(port.dtype, shapes_[index]));
  return exact;
}

Expected<Value*> Lane::Impl::input_value(std::size_t index) {
  if (std::holds_alternative<ValueRef>(inputs_[index].attachment)) return &input_values_[index];
  const Port& port = blueprint().inputs[index];
  if (!blueprint().given[index]) return left_out(port);
  return Error(ErrorCode::failed_precondition, "input " + port.name + ": dense numbers: expected input(), not a Value");
}

Expected<OutputView> Lane::Impl::output(std::size_t index) const {
  const Port& port = blueprint().outputs[index];
  if (std::holds_alternative<Absent>(outputs_[index].attachment)) return left_out(port);
  if (failed_) return Error(ErrorCode::failed_precondition, "output " + port.name + ": the last run failed");
  return bindings_[last_]->output(index);
}

Expected<const Value*> Lane::Impl::output_value(std::size_t index) const {
  const Port& port = blueprint().outputs[index];
  if (std::holds_alternative<Absent>(outputs_[index].attachment)) return left_out(port);
  if (!std::holds_alternative<ValueRef>(outputs_[index].attachment)) {
    return Error(ErrorCode::failed_precondition, "output " + port.name + ": dense numbers: expected output(), not a Value");
  }
  if (failed_ || output_values_[index].empty()) {
    return Error(ErrorCode::failed_precondition, "output " + port.name + (failed_ ? ": the last run failed" : ": no run yet"));
  }
  return &output_values_[index];
}

Expected<> Lane::Impl::resize(const ShapeKey& dimensions) {
  const Entered entered(stop_);
  if (!entered) return Error::busy();
  Extents wanted = extents_;
  LANEWAY_TRY(blueprint().dimensions.update(dimensions, wanted));
  return resize_entered(wanted);
}

Expected<> Lane::Impl::resize(const Extents& extents) {
  if (shown_extents_.equal(extents)) return {};
  const Entered entered(stop_);
  if (!entered) return Error::busy();
  return resize_entered(extents);
}

Expected<> Lane::Impl::resize_entered(const Extents& extents) {
  if (extents == extents_) return {};
  blueprint().dimensions.shapes(extents, scratch_);
  LANEWAY_TRY(bindings_[0]->resize(scratch_));
  if (bindings_[1]) {
    if (auto result = bindings_[1]->resize(scratch_); !result) {
      static_cast<void>(bindings_[0]->resize(shapes_));  // back to shapes that held a moment ago
      return result;
    }
  }
  std::swap(shapes_, scratch_);
  extents_ = extents;
  shown_extents_.store(extents);
  return {};
}

Expected<> Lane::Impl::rebind(std::size_t index, const Memory& memory, bool input) {
  const Port& port = (input ? blueprint().inputs : blueprint().outputs)[index];
  const bool linked = input ? blueprint().link_into(index) != nullptr : blueprint().link_out_of(index) != nullptr;
  if (linked) return Error(ErrorCode::failed_precondition, "port " + port.name + ": linked: its memory is the lane's own");
  const Entered entered(stop_);
  if (!entered) return Error::busy();
  PortState& state = (input ? inputs_ : outputs_)[index];
  const auto* before = std::get_if<Memory>(&state.attachment);
  if (!before)
    return Error(ErrorCode::failed_precondition, "port " + port.name + ": not joined to memory: expected a dense port that is");
  const auto join = [&](Binding& binding, const Memory& to) {
    return input ? binding.rebind_input(index, to) : binding.rebind_output(index, to);
  };
  LANEWAY_TRY(join(*bindings_[0], memory));
  if (bindings_[1]) {
    if (auto result = join(*bindings_[1], memory); !result) {
      static_cast<void>(join(*bindings_[0], *before));
      return result;
    }
  }
  const std::lock_guard lock(rebinding_);
  state.attachment = memory;
  state.owner = "caller";
  return {};
}

// In one piece: its parts, which jobs call one by one, would hand results over in memory.
[[gnu::flatten]] Expected<> Lane::Impl::run(Timeout timeout) noexcept {
  if (!stop_.enter()) return Error::busy();
  Observed observed(metrics_, name());
  Expected<> result = begin(timeout);
  if (result) result = run_entered();
  return end(std::move(result), timeout.has_value(), observed);
}

Expected<> Lane::Impl::begin(Timeout timeout) noexcept {
  stop_.start(*bindings_[next_]);
  if (!timeout) return {};
  if (timeout->count() <= 0) return Error::deadline_exceeded();
  if (deadline_->arm(deadline_after(steady_now_ns(), *timeout))) return {};
  return guarded([]() -> Expected<> {
    return Error(ErrorCode::resource_exhausted, "timeout: the system gives no thread to watch deadlines");
  });
}

Expected<> Lane::Impl::end(Expected<> result, bool timed, Observed& observed) noexcept {
  if (timed) deadline_->disarm();
  result = finish(std::move(result), stop_.settle());
  observed.finished(result);
  stop_.leave();
  return result;
}

Expected<> Lane::Impl::start_job(Timeout timeout, std::optional<Observed>& observed) {
  if (!stop_.enter()) return Error::busy();
  observed.emplace(metrics_, name());
  Expected<> result = begin(timeout);
  if (result && !turn_ && bindings_[next_]->start(stop_, job_)) return result;
  if (result) result = guarded([&] { return blueprint().job_threads->submit(job_); });
  if (!result) return end(std::move(result), timeout.has_value(), *observed);
  return result;
}

Expected<> Lane::Impl::run_entered() noexcept {
  const FloatStateGuard standard_state;
  if (!turn_) return bindings_[next_]->run(stop_);
  if (!turn_->take(stop_)) return Error::cancelled();
  Expected<> result = bindings_[next_]->run(stop_);
  turn_->give_back();
  return result;
}

Expected<> Lane::Impl::finish(Expected<> result, StopCause cause) noexcept {
  failed_ = !result;
  last_ = next_;
  if (result) {
    if (bindings_[1]) next_ ^= 1;
    return result;
  }
  if (result.error().code() == ErrorCode::cancelled && cause == StopCause::deadline) return Error::deadline_exceeded();
  return result;
}

Expected<> Lane::Impl::reset() noexcept {
  const Entered entered(stop_);
  if (!entered) return Error::busy();
  restore_links();
  return {};
}

void Lane::Impl::restore_links() noexcept {
  for (const Blueprint::LinkedPorts& link : blueprint().links) {
    const std::span<std::byte> state = state_of(link);
    const std::size_t given = std::min(link.initial.size(), state.size());
    std::fill(std::copy_n(link.initial.begin(), given, state.begin()), state.end(), std::byte{0});
  }
}

std::span<std::byte> Lane::Impl::state_of(const Blueprint::LinkedPorts& link) noexcept {
  const PortState& state = next_ == 1 ? outputs_[link.output] : inputs_[link.input];
  const Memory& memory = std::get<Memory>(state.attachment);
  return {static_cast<std::byte*>(memory.data), memory.bytes};
}

Expected<> Lane::Impl::warm_up(int runs, const Extents* extents) {
  const Entered entered(stop_);
  if (!entered) return {};
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (std::holds_alternative<ValueRef>(inputs_[i].attachment) && input_values_[i].empty()) return {};  // nothing to run on yet
  }
  if (extents) LANEWAY_TRY(resize_entered(*extents));
  std::vector<std::vector<std::byte>> states;
  for (const Blueprint::LinkedPorts& link : blueprint().links) {
    const std::span<std::byte> state = state_of(link);
    states.emplace_back(state.begin(), state.end());
  }
  const std::uint8_t next = next_, last = last_;
  const bool failed = failed_;
  Expected<> result = run_repeatedly(runs);
  next_ = next;
  last_ = last;
  failed_ = failed;
  for (std::size_t i = 0; i < states.size(); ++i) std::ranges::copy(states[i], state_of(blueprint().links[i]).begin());
  return result;
}

Expected<> Lane::Impl::run_repeatedly(int runs) {
  for (int i = 0; i < runs; ++i) {
    stop_.start(*bindings_[next_]);
    Expected<> result = run_entered();
    result = finish(std::move(result), stop_.settle());
    if (result) continue;
    const ErrorCode code = result.error().code();
    if (code != ErrorCode::invalid_argument && code != ErrorCode::internal)
      return std::move(result).error().with_context(name() + ": warm-up");
    log::write(Severity::info, "runtime",
               [&] { return name() + ": warm-up failed on what its inputs hold: " + std::string(result.error().message()); });
  }
  return {};
}

// ---- the public face ----------------------------------------------------------------------------------------------------

Lane::Lane(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Lane::~Lane() = default;

std::span<const Port> Lane::inputs() const noexcept { return impl_->blueprint().inputs; }
std::span<const Port> Lane::outputs() const noexcept { return impl_->blueprint().outputs; }

Expected<Memory> Lane::input_memory(PortKey port) noexcept {
  return guarded([&]() -> Expected<Memory> {
    LANEWAY_TRY_ASSIGN(const std::size_t index, impl_->input_index(port));
    return impl_->input_memory(index);
  });
}

Expected<Memory> Lane::input_memory(PortKey port, DType dtype) noexcept {
  return guarded([&]() -> Expected<Memory> {
    LANEWAY_TRY_ASSIGN(const std::size_t index, impl_->input_index(port));
    const Port& declared = impl_->blueprint().inputs[index];
    if (declared.dtype != dtype) {
      return Error(ErrorCode::invalid_argument, "input " + declared.name + ": wrong element type: expected " +
                                                    std::string(name(declared.dtype)) + ", got " + std::string(name(dtype)));
    }
    LANEWAY_TRY_ASSIGN(const Memory memory, impl_->input_memory(index));
    if (memory.placement != Placement::device) return memory;
    return Error(ErrorCode::failed_precondition,
                 "input " + declared.name + ": lies on a device: expected input_memory() and a copy");
  });
}

Expected<Shape> Lane::input_shape(PortKey port) const noexcept {
  return guarded([&]() -> Expected<Shape> {
    LANEWAY_TRY_ASSIGN(const std::size_t index, impl_->input_index(port));
    return impl_->input_shape(index);
  });
}

Expected<Value*> Lane::input_value(PortKey port) noexcept {
  return guarded([&]() -> Expected<Value*> {
    LANEWAY_TRY_ASSIGN(const std::size_t index, impl_->input_index(port));
    return impl_->input_value(index);
  });
}

Expected<OutputView> Lane::output(PortKey port) const noexcept {
  return guarded([&]() -> Expected<OutputView> {
    LANEWAY_TRY_ASSIGN(const std::size_t index, impl_->output_index(port));
    return impl_->output(index);
  });
}

Expected<OutputView> Lane::output_on_host(PortKey port, DType dtype) const noexcept {
  return guarded([&]() -> Expected<OutputView> {
    LANEWAY_TRY_ASSIGN(const std::size_t index, impl_->output_index(port));
    LANEWAY_TRY_ASSIGN(const OutputView view, impl_->output(index));
    const Port& declared = impl_->blueprint().outputs[index];
    if (view.dtype != dtype) {
      return Error(ErrorCode::invalid_argument, "output " + declared.name + ": wrong element type: expected " +
                                                    std::string(name(view.dtype)) + ", got " + std::string(name(dtype)));
    }
    if (view.placement != Placement::device) return view;
    return Error(ErrorCode::failed_precondition, "output " + declared.name + ": lies on a device: expected output() and a copy");
  });
}

Expected<const Value*> Lane::output_value(PortKey port) const noexcept {
  return guarded([&]() -> Expected<const Value*> {
    LANEWAY_TRY_ASSIGN(const std::size_t index, impl_->output_index(port));
    return impl_->output_value(index);
  });
}

Expected<> Lane::resize(const ShapeKey& dimensions) noexcept {
  return guarded([&] { return impl_->resize(dimensions); });
}

Expected<> Lane::rebind(PortKey input, const Memory& memory) noexcept {
  return guarded([&]() -> Expected<> {
    LANEWAY_TRY_ASSIGN(const std::size_t index, impl_->input_index(input));
    return impl_->rebind(index, memory, true);
  });
}

Expected<> Lane::rebind_output(PortKey output, const Memory& memory) noexcept {
  return guarded([&]() -> Expected<> {
    LANEWAY_TRY_ASSIGN(const std::size_t index, impl_->output_index(output));
    return impl_->rebind(index, memory, false);
  });
}

Expected<> Lane::run() noexcept { return impl_->run(std::nullopt); }
Expected<> Lane::run(std::chrono::nanoseconds timeout) noexcept { return impl_->run(timeout); }
void Lane::cancel() noexcept { impl_->cancel(); }
Expected<> Lane::reset() noexcept { return impl_->reset(); }

const Binding& Lane::binding() const noexcept { return impl_->binding(); }

Audit Lane::audit() const {
  Audit audit;
  impl_->audit(audit);
  return audit;
}

}  // namespace laneway
