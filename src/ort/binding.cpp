#include "laneway/ort/binding.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/guard.h"
#include "ort/call.h"
#include "ort/port_check.h"
#include "ort/running.h"

namespace laneway::ort {
namespace {

// ONNX Runtime puts an output on the host, without a word, where no provider of the session has the memory asked for.
Expected<> check_memory(const Port& port, const MemoryInfo& where, const Value& value) {
  LANEWAY_TRY_ASSIGN(const MemorySpec expected, where.spec());
  LANEWAY_TRY_ASSIGN(const MemorySpec got, value.memory());
  if (got.device_kind == expected.device_kind && got.device == expected.device) return {};
  return Error(ErrorCode::failed_precondition, "output " + port.name + ": memory: expected " + expected.name + " of device " +
                                                   std::to_string(expected.device) + ", got " + got.name +
                                                   " (no provider of the session has it)");
}

}  // namespace

Expected<Binding> Binding::make(std::shared_ptr<const Session> session) {
  if (!session) return Error(ErrorCode::invalid_argument, "binding: session: null: expected one that is open");
  LANEWAY_TRY_ASSIGN(auto handle,
                     ort::make<OrtIoBinding>(session->library(), LANEWAY_ORT_FN(CreateIoBinding), session->native()));
  return Binding(std::move(session), std::move(handle));
}

Binding::Binding(std::shared_ptr<const Session> session, Handle<OrtIoBinding> handle)
    : run_(session->library()->api()->RunWithBinding),
      native_session_(session->native()),
      denormals_as_zero_(session->denormals_as_zero()),
      session_(std::move(session)),
      ports_(new Ports{std::vector<Input>(session_->inputs().size()), std::vector<Output>(session_->outputs().size())}),
      handle_(std::move(handle)) {}

// The old one goes before what its values need.
Binding& Binding::operator=(Binding&& other) noexcept {
  handle_ = std::move(other.handle_);
  ports_ = std::move(other.ports_);
  session_ = std::move(other.session_);
  run_ = other.run_;
  native_session_ = other.native_session_;
  denormals_as_zero_ = other.denormals_as_zero_;
  ready_ = other.ready_;
  any_owned_ = other.any_owned_;
  return *this;
}

Expected<> Binding::present() const {
  if (handle_) return {};
  return Error(ErrorCode::failed_precondition, "binding: moved away: expected one that was not");
}

Expected<> Binding::bind_input(std::size_t input, const Value& value) {
  LANEWAY_TRY(present());
  LANEWAY_TRY(check_port(*session_, Direction::input, input, value));
  const char* const name = session_->inputs()[input].name.c_str();
  LANEWAY_TRY(call(*session_->library(), LANEWAY_ORT_FN(BindInput), native(), name, value.native()));
  ports_->inputs[input] = {.bound = true, .keep = value.keep_};
  ready_ = false;
  return {};
}

Expected<> Binding::bind_output(std::size_t output, const Value& value) {
  LANEWAY_TRY(present());
  LANEWAY_TRY(check_port(*session_, Direction::output, output, value));
  const char* const name = session_->outputs()[output].name.c_str();
  LANEWAY_TRY(call(*session_->library(), LANEWAY_ORT_FN(BindOutput), native(), name, value.native()));
  set_bound(output, {.keep = value.keep_});
  return {};
}

Expected<> Binding::bind_output(std::size_t output) {
  LANEWAY_TRY(present());
  LANEWAY_TRY(bind_anew(output, session_->environment()->host_memory()));
  set_bound(output, {.owned = true});
  return {};
}

Expected<> Binding::bind_output(std::size_t output, MemoryInfo where) {
  LANEWAY_TRY(present());
  LANEWAY_TRY(bind_anew(output, where));
  set_bound(output, {.owned = true, .where = std::move(where)});
  return {};
}

Expected<> Binding::bind_anew(std::size_t output, const MemoryInfo& where) {
  LANEWAY_TRY(check_position(*session_, Direction::output, output));
  const char* const name = session_->outputs()[output].name.c_str();
  return call(*session_->library(), LANEWAY_ORT_FN(BindOutputToDevice), native(), name, where.native());
}

void Binding::set_bound(std::size_t output, Output bound) {
  if (std::ranges::find(ports_->bound_order, output) == ports_->bound_order.end()) ports_->bound_order.push_back(output);
  ports_->outputs[output] = std::move(bound);
  any_owned_ = std::ranges::any_of(ports_->outputs, &Output::owned);
  ready_ = false;
}

void Binding::clear() noexcept {
  if (!handle_) return;
  const OrtApi& api = *session_->library()->api();
  api.ClearBoundInputs(native());
  api.ClearBoundOutputs(native());
  for (Input& input : ports_->inputs) input = {};
  for (Output& output : ports_->outputs) output = {};
  ports_->bound_order.clear();
  any_owned_ = ready_ = false;
}

Expected<> Binding::run(RunOptions& options) noexcept {
  return guarded([&]() -> Expected<> {
    if (!handle_ || !options.native() || !options.adapters().empty()) [[unlikely]]
      return nothing_to_run(options);
    if (!ready_) LANEWAY_TRY(check_ready());
    if (any_owned_) LANEWAY_TRY(renew_outputs());
    {
      std::optional<DenormalsAsZero> guard;
      if (denormals_as_zero_) guard.emplace();
      if (OrtStatus* status = run_(native_session_, options.native(), native())) [[unlikely]]
        return run_failed(*session_->library(), status, options);
    }
    if (any_owned_) LANEWAY_TRY(fetch_outputs());
    return {};
  });
}

Error Binding::nothing_to_run(const RunOptions& options) const {
  if (auto moved = present(); !moved) return std::move(moved).error();
  if (auto moved = check_options(options); !moved) return std::move(moved).error();
  return std::move(check_no_adapters(options)).error();
}

Expected<> Binding::synchronise_inputs() {
  LANEWAY_TRY(present());
  return call(*session_->library(), LANEWAY_ORT_FN(SynchronizeBoundInputs), native());
}

Expected<> Binding::synchronise_outputs() {
  LANEWAY_TRY(present());
  return call(*session_->library(), LANEWAY_ORT_FN(SynchronizeBoundOutputs), native());
}

Expected<> Binding::check_ready() {
  if (ports_->bound_order.empty())
    return Error(ErrorCode::failed_precondition, "binding: outputs: expected one bound or more, got none");
  for (std::size_t i = 0; i < ports_->inputs.size(); ++i) {
    const Port& port = session_->inputs()[i];
    if (!ports_->inputs[i].bound && !port.optional) {
      return Error(ErrorCode::failed_precondition, "binding: input " + port.name + ": expected a value, got nothing bound");
    }
  }
  ready_ = true;
  return {};
}

// What an output came to in one run is where ONNX Runtime would write in the next, and refuse another shape.
Expected<> Binding::renew_outputs() {
  for (std::size_t i = 0; i < ports_->outputs.size(); ++i) {
    if (!ports_->outputs[i].owned) continue;
    Output& output = ports_->outputs[i];
    output.value.reset();
    LANEWAY_TRY(bind_anew(i, output.where ? *output.where : session_->environment()->host_memory()));
  }
  return {};
}

Expected<> Binding::fetch_outputs() {
  const std::shared_ptr<const Library>& library = session_->library();
  const Allocator& allocator = session_->environment()->host_allocator();
  OrtValue** values = nullptr;
  std::size_t count = 0;
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(GetBoundOutputValues), native(), allocator.native(), &values, &count));
  for (std::size_t i = 0; i < count; ++i) {
    Value value(Handle<OrtValue>(values[i], Release<OrtValue>{library}), session_);  // whose allocator it came from
    Output& output = ports_->outputs[ports_->bound_order[i]];
    if (output.owned) output.value = std::move(value);
  }
  allocator.native()->Free(allocator.native(), values);
  return check_outputs();
}

Expected<> Binding::check_outputs() {
  for (std::size_t i = 0; i < ports_->outputs.size(); ++i) {
    if (!ports_->outputs[i].where || !ports_->outputs[i].value) continue;
    auto as_asked = check_memory(session_->outputs()[i], *ports_->outputs[i].where, *ports_->outputs[i].value);
    if (as_asked) continue;
    for (Output& output : ports_->outputs) output.value.reset();
    return as_asked;
  }
  return {};
}

Expected<Value*> Binding::output(std::size_t output) {
  LANEWAY_TRY(present());
  LANEWAY_TRY(check_position(*session_, Direction::output, output));
  if (ports_->outputs[output].value) return &*ports_->outputs[output].value;
  return Error(ErrorCode::failed_precondition,
               "output " + session_->outputs()[output].name + ": " +
                   (ports_->outputs[output].owned ? "expected a run that succeeded before"
                                                  : "expected one bound without a value of the caller's"));
}

}  // namespace laneway::ort
