#include "engines/ort/binding.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/guard.h"
#include "engines/ort/values.h"
#include "laneway/engine/check.h"
#include "laneway/ort/copy.h"

namespace laneway::engines_ort {
namespace {

Error no_port(std::string_view what, std::size_t index, std::size_t count) {
  return Error(ErrorCode::out_of_range, std::string(what) + ": no such number: expected below " + std::to_string(count) +
                                            ", got " + std::to_string(index));
}

Error not_memory(std::string_view what, const Port& port) {
  return Error(ErrorCode::failed_precondition,
               std::string(what) + " " + port.name + ": not joined to memory: expected a port that is");
}

// Whether a failure may be that of an output which came out in another shape than memory was bound for. What ONNX Runtime says
// then changes from version to version, but never without this word; a run that is repeated in vain costs time, nothing else.
bool may_be_of_shape(const Error& error) { return error.message().find("shape") != std::string_view::npos; }

// A kernel that fails in a model that opened has met values it cannot take; the code for that is not all kernels' own.
Error blame_values(Error error) {
  const bool kernel = error.message().find("returned while running") != std::string_view::npos;
  if (!kernel || error.code() != ErrorCode::internal) return error;
  return Error(ErrorCode::invalid_argument, std::string(error.message()));
}

Error wrong_shape(const Port& port, const Shape& proven, const Shape& got) {
  return Error(ErrorCode::failed_precondition,
               "output " + port.name + ": wrong shape: proven " + to_string(proven) + ", got " + to_string(got));
}

}  // namespace

// ---- binding -------------------------------------------------------------------------------------------------------------

Expected<std::unique_ptr<Binding>> OrtBinding::make(const OrtPlan& plan, const BindSpec& spec,
                                                    std::shared_ptr<const ort::Session> session) {
  LANEWAY_TRY_ASSIGN(ort::RunOptions options, ort::RunOptions::make(session->library()));
  LANEWAY_TRY_ASSIGN(Places places, plan.engine().sessions().places_of(*session));
  std::unique_ptr<OrtBinding> binding(new OrtBinding(plan, spec, std::move(session), std::move(places), std::move(options)));
  LANEWAY_TRY(binding->check_places());
  LANEWAY_TRY(binding->select(plan.spec().inputs));
  return std::unique_ptr<Binding>(std::move(binding));
}

OrtBinding::OrtBinding(const OrtPlan& plan, const BindSpec& spec, std::shared_ptr<const ort::Session> session, Places places,
                       ort::RunOptions options)
    : options_(std::move(options)),
      plan_(plan),
      session_(std::move(session)),
      places_(std::move(places)),
      shapes_(plan.spec().inputs),
      input_at_(spec.inputs.size()),
      output_at_(spec.outputs.size()) {
  for (const Attachment& attachment : spec.inputs) {
    inputs_.push_back({.attachment = attachment});
    any_value_ |= std::holds_alternative<ValueRef>(attachment);
  }
  for (const Attachment& attachment : spec.outputs) outputs_.push_back({.attachment = attachment});
  for (const Port& port : plan.engine().outputs()) {
    const auto found = std::ranges::find(session_->outputs(), port.name, &Port::name);
    slots_.push_back(static_cast<std::size_t>(found - session_->outputs().begin()));
  }
}

Expected<> OrtBinding::check_place(std::string_view what, const Port& port, const Place& place, const Memory& memory) const {
  if (memory.placement != Placement::device) return {};
  const std::string where = std::string(what) + " " + port.name + ": lies on ";
  if (place.placement == Placement::host) return Error(ErrorCode::invalid_argument, where + "a device: expected host memory");
  if (memory.device == place.device) return {};
  return Error(ErrorCode::invalid_argument, where + "device " + std::to_string(memory.device) + ": expected memory of device " +
                                                std::to_string(place.device) + ", or the host's");
}

Expected<> OrtBinding::check_places() const {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const auto* memory = std::get_if<Memory>(&inputs_[i].attachment);
    if (memory) LANEWAY_TRY(check_place("input", input_port(i), input_place(i), *memory));
  }
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const auto* memory = std::get_if<Memory>(&outputs_[i].attachment);
    if (memory) LANEWAY_TRY(check_place("output", output_port(i), output_place(i), *memory));
  }
  return {};
}

Expected<> OrtBinding::join(BoundSet& set) {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const auto* memory = std::get_if<Memory>(&inputs_[i].attachment);
    if (memory) LANEWAY_TRY(set.join_input(i, *memory, set.shapes()[i]));
  }
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const Attachment& attachment = outputs_[i].attachment;
    const auto* memory = std::get_if<Memory>(&attachment);
    const std::optional<Shape> shape = memory ? plan_.shape_of(i, set.shapes()) : std::nullopt;
    if (std::holds_alternative<Absent>(attachment)) continue;
    // Where ONNX Runtime knows better than the model's author, or whoever proved the shape, its word counts.
    const bool joined = memory && shape && !set.owns(i) && check_shape(session_->outputs()[slots_[i]], *shape);
    LANEWAY_TRY(joined ? set.join_output(i, *memory, *shape) : set.own_output(i));
  }
  return {};
}

// Leaves everything as it was where it fails.
Expected<> OrtBinding::select(std::span<const Shape> shapes) {
  const auto found = std::ranges::find_if(sets_, [&](const auto& set) { return std::ranges::equal(set->shapes(), shapes); });
  std::unique_ptr<BoundSet> made;
  if (found == sets_.end()) { LANEWAY_TRY_ASSIGN(made, BoundSet::make(session_, slots_, places_, shapes)); }
  BoundSet* const next = made ? made.get() : found->get();
  LANEWAY_TRY(join(*next));  // one that was made before may be joined to other addresses
  if (current_ && current_ != next) LANEWAY_TRY(current_->release_results());
  if (made) keep(std::move(made));
  current_ = next;
  current_->used_at = ++clock_;
  std::ranges::copy(shapes, shapes_.begin());
  expect_outputs();
  return {};
}

void OrtBinding::keep(std::unique_ptr<BoundSet> set) {
  if (sets_.size() < plan_.engine().options().shapes_max) {
    sets_.push_back(std::move(set));
  } else {
    *std::ranges::min_element(sets_, {}, [](const auto& kept) { return kept->used_at; }) = std::move(set);
  }
}

void OrtBinding::expect_outputs() noexcept {
  failed_ = false;
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    Output& output = outputs_[i];
    output.known = false;
    const auto* memory = std::get_if<Memory>(&output.attachment);
    output.expected = memory ? plan_.shape_of(i, shapes_) : std::nullopt;
    if (!output.expected || current_->owns(i)) continue;
    expect_in_memory(output);
  }
  note_use();
}

// To be called after whatever changes what the ports of the next run are joined to.
void OrtBinding::note_use() noexcept {
  any_result_ = any_moved_ = false;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const auto* memory = std::get_if<Memory>(&inputs_[i].attachment);
    inputs_[i].moved = memory && memory->placement != Placement::device && input_place(i).moved_at_bind;
    any_moved_ |= inputs_[i].moved;
    input_at_[i].store(current_->input_address(i), std::memory_order_relaxed);
  }
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    any_result_ |= current_->owns(i);
    output_at_[i].store(current_->output_address(i), std::memory_order_relaxed);
  }
}

void OrtBinding::expect_in_memory(Output& output) noexcept {
  output.known = true;
  output.shape = *output.expected;
  output.on_host = false;
  output.result = std::get<Memory>(output.attachment).data;
}

Expected<> OrtBinding::resize(std::span<const Shape> inputs) noexcept {
  return guarded([&]() -> Expected<> {
    LANEWAY_TRY(check_resize(plan_.engine().inputs(), plan_, inputs, plan_.given()));
    return select(inputs);
  });
}

Expected<> OrtBinding::rebind_input(std::size_t index, const Memory& memory) noexcept {
  return guarded([&]() -> Expected<> {
    if (index >= inputs_.size()) return no_port("input", index, inputs_.size());
    auto* bound = std::get_if<Memory>(&inputs_[index].attachment);
    if (!bound) return not_memory("input", input_port(index));
    LANEWAY_TRY(check_memory("input", input_port(index), plan_.inputs()[index], memory));
    LANEWAY_TRY(check_place("input", input_port(index), input_place(index), memory));
    LANEWAY_TRY(current_->join_input(index, memory, shapes_[index]));
    *bound = memory;
    note_use();
    return {};
  });
}

Expected<> OrtBinding::rebind_output(std::size_t index, const Memory& memory) noexcept {
  return guarded([&]() -> Expected<> {
    if (index >= outputs_.size()) return no_port("output", index, outputs_.size());
    Output& output = outputs_[index];
    auto* bound = std::get_if<Memory>(&output.attachment);
    if (!bound) return not_memory("output", output_port(index));
    LANEWAY_TRY(check_memory("output", output_port(index), plan_.outputs()[index], memory));
    LANEWAY_TRY(check_place("output", output_port(index), output_place(index), memory));
    if (!current_->owns(index)) {
      LANEWAY_TRY(current_->join_output(index, memory, *output.expected));
      output.result = memory.data;
    }
    *bound = memory;
    note_use();
    return {};
  });
}

// ---- running -------------------------------------------------------------------------------------------------------------

// Marked last, so that a run which sees the mark undoes what was done.
void OrtBinding::interrupt() noexcept {
  options_.terminate();
  interrupted_.store(true, std::memory_order_release);
}

Expected<> OrtBinding::run(const StopSignal& stop) noexcept {
  failed_ = true;
  // A request for this run that is undone here is seen below; one for a run before it is over.
  if (interrupted_.load(std::memory_order_relaxed) && interrupted_.exchange(false, std::memory_order_acquire)) options_.resume();
  if (stop.requested()) return Error::cancelled();
  Expected<> done = guarded([&] { return run_once(); });
  if (!done && stop.requested() && done.error().code() == ErrorCode::cancelled) return Error::cancelled();
  failed_ = !done;
  return done;
}

Expected<> OrtBinding::run_once() {
  if (any_value_) LANEWAY_TRY(hand_over_values());
  if (any_moved_) LANEWAY_TRY(move_inputs());
  const bool traced = nodes_.begin(options_);
  Expected<> done = current_->binding().run(options_);
  if (traced) [[unlikely]]
    nodes_.end(options_);
  if (done) [[likely]]
    return any_result_ ? take_results() : std::move(done);
  if (may_be_of_shape(done.error())) done = repeat(std::move(done).error());
  if (!done) return blame_values(std::move(done).error());
  return done;
}

Expected<> OrtBinding::hand_over_values() {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const auto* reference = std::get_if<ValueRef>(&inputs_[i].attachment);
    if (!reference) continue;
    LANEWAY_TRY(validate(*reference->value, input_port(i)));
    auto value = to_ort(*session_->environment(), *reference->value);
    if (!value) return std::move(value).error().with_context("input " + input_port(i).name);
    LANEWAY_TRY(current_->binding().bind_input(i, *value));
    inputs_[i].value = *std::move(value);
  }
  return {};
}

Expected<> OrtBinding::move_inputs() {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (inputs_[i].moved) LANEWAY_TRY(current_->copy_input(i, std::get<Memory>(inputs_[i].attachment)));
  }
  return current_->binding().synchronise_inputs();
}

Expected<> OrtBinding::take_results() {
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    if (current_->owns(i)) LANEWAY_TRY(take_result(i));
  }
  return {};
}

Expected<> OrtBinding::take_result(std::size_t index) {
  Output& output = outputs_[index];
  LANEWAY_TRY_ASSIGN(ort::Value* const value, current_->result(index));
  if (const auto* reference = std::get_if<ValueRef>(&output.attachment)) {
    auto taken = from_ort(*value, output_port(index).kind);
    if (!taken) return std::move(taken).error().with_context("output " + output_port(index).name);
    *reference->value = *std::move(taken);
    return {};
  }
  LANEWAY_TRY_ASSIGN(const ort::TensorView view, value->tensor());
  output.shape = view.shape;
  output.result = view.data;
  output.known = output.on_host = true;
  if (!output.expected) return {};
  if (view.shape == *output.expected) {  // as it mostly does: whoever gave the memory looks there
    LANEWAY_TRY(copy_result(index, *value, view));
    expect_in_memory(output);
  } else if (plan_.proven(index)) {
    return wrong_shape(output_port(index), *output.expected, view.shape);
  }
  return {};
}

Expected<> OrtBinding::copy_result(std::size_t index, const ort::Value& value, const ort::TensorView& view) {
  const Memory& memory = std::get<Memory>(outputs_[index].attachment);
  if (view.bytes == 0) return {};
  if (memory.placement == Placement::device) {
    LANEWAY_TRY_ASSIGN(ort::Value there, current_->value_over(output_place(index), memory, view.dtype, view.shape));
    return ort::copy_tensor(*session_->environment(), value, there);
  }
  std::memcpy(memory.data, view.data, view.bytes);
  return {};
}

// Repeats a run that failed, with memory of ONNX Runtime's own for each output. Those that so come out in another shape than
// memory was bound for stay like this.
Expected<> OrtBinding::repeat(Error first) {
  std::vector<std::size_t> preallocated;
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    if (outputs_[i].expected && !current_->owns(i)) preallocated.push_back(i);
  }
  if (preallocated.empty()) return first;
  for (const std::size_t i : preallocated) LANEWAY_TRY(current_->own_output(i));
  Expected<> done = current_->binding().run(options_);
  if (done) {
    done = take_results();
  } else if (done.error().code() != ErrorCode::cancelled) {
    done = std::move(first);
  }
  for (const std::size_t i : preallocated) {
    Output& output = outputs_[i];
    if (done && output.shape != *output.expected) continue;
    LANEWAY_TRY(current_->join_output(i, std::get<Memory>(output.attachment), *output.expected));
    expect_in_memory(output);
  }
  note_use();
  return done;
}

Expected<OutputView> OrtBinding::output(std::size_t index) const noexcept {
  if (index >= outputs_.size()) return no_port("output", index, outputs_.size());
  const Output& output = outputs_[index];
  const Port& port = output_port(index);
  if (!std::holds_alternative<Memory>(output.attachment) && !std::holds_alternative<EngineOwned>(output.attachment)) {
    return Error(ErrorCode::failed_precondition, "output " + port.name + ": not wanted, or not dense numbers");
  }
  if (failed_ || !output.known) {
    return Error(ErrorCode::failed_precondition, "output " + port.name + ": no result: expected a run that succeeds first");
  }
  LANEWAY_TRY_ASSIGN(const std::size_t bytes, byte_count(port.dtype, output.shape));
  const auto* memory = output.on_host ? nullptr : std::get_if<Memory>(&output.attachment);
  const Memory where = memory ? *memory : Memory{};
  return OutputView{.data = output.result,
                    .bytes = bytes,
                    .dtype = port.dtype,
                    .shape = output.shape.extents(),
                    .placement = where.placement,
                    .device = where.device};
}

std::optional<PortUse> OrtBinding::input_use(std::size_t index) const noexcept {
  if (index >= inputs_.size() || !std::holds_alternative<Memory>(inputs_[index].attachment)) return std::nullopt;
  return PortUse{.address = input_at_[index].load(std::memory_order_relaxed)};
}

std::optional<PortUse> OrtBinding::output_use(std::size_t index) const noexcept {
  if (index >= outputs_.size() || !std::holds_alternative<Memory>(outputs_[index].attachment)) return std::nullopt;
  const void* const address = output_at_[index].load(std::memory_order_relaxed);
  if (address) return PortUse{.address = address};
  return PortUse{.copied =
                     "its shape is not always the one that memory was given for: ONNX Runtime finds memory, and what has "
                     "that shape is copied"};
}

}  // namespace laneway::engines_ort
