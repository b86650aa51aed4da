#include "laneway/ort/binding.h"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "laneway/core/float_state.h"
#include "ort/call.h"
#include "ort/handle.h"

namespace laneway::ort {
namespace {

Error no_position(std::string_view direction, std::size_t position, std::size_t count) {
  return Error(ErrorCode::out_of_range,
               std::string(direction) + " " + std::to_string(position) + ": expected one below " + std::to_string(count));
}

Error mismatch(std::string_view direction, const Port& port, std::string_view what, std::string_view expected,
               std::string_view got) {
  return Error(ErrorCode::invalid_argument, std::string(direction) + " " + port.name + ": " + std::string(what) + ": expected " +
                                                std::string(expected) + ", got " + std::string(got));
}

bool fits(const Port& port, const Shape& shape) noexcept {
  if (!port.rank_known) return true;
  if (shape.rank() != port.shape.size()) return false;
  for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
    if (port.shape[axis].extent && *port.shape[axis].extent != shape[axis]) return false;
  }
  return true;
}

// ONNX Runtime takes anything here, and fails at the run or computes nonsense.
Expected<> check(std::string_view direction, const Port& port, const Value& value) {
  if (value.native() && !value.holds_anything()) {
    return Error(ErrorCode::unimplemented, std::string(direction) + " " + port.name +
                                               ": an optional that holds nothing: the C API of ONNX Runtime cannot take one");
  }
  auto kind = value.kind();
  if (!kind) return std::move(kind).error().with_context(std::string(direction) + " " + port.name);
  const PortKind expected = port.kind == PortKind::optional ? *kind : port.kind;
  if (*kind != expected) return mismatch(direction, port, "kind", name(expected), name(*kind));
  if (*kind != PortKind::tensor && *kind != PortKind::sparse_tensor) return {};
  LANEWAY_TRY_ASSIGN(const DType dtype, value.dtype());
  LANEWAY_TRY_ASSIGN(const Shape shape, value.shape());
  if (dtype != port.dtype) return mismatch(direction, port, "dtype", name(port.dtype), name(dtype));
  if (!fits(port, shape)) return mismatch(direction, port, "shape", describe_shape(port), to_string(shape));
  return {};
}

}  // namespace

Expected<Binding> Binding::make(std::shared_ptr<const Session> session) {
  LANEWAY_TRY_ASSIGN(auto handle,
                     ort::make<OrtIoBinding>(session->library(), LANEWAY_ORT_FN(CreateIoBinding), session->native()));
  return Binding(std::move(session), std::move(handle));
}

Binding::Binding(std::shared_ptr<const Session> session, Handle<OrtIoBinding> handle)
    : session_(std::move(session)),
      handle_(std::move(handle)),
      run_(session_->library()->api()->RunWithBinding),
      native_session_(session_->native()),
      inputs_(session_->inputs().size(), false),
      outputs_(session_->outputs().size()),
      denormals_as_zero_(session_->denormals_as_zero()) {}

Expected<> Binding::bind_input(std::size_t input, const Value& value) {
  if (input >= inputs_.size()) return no_position("input", input, inputs_.size());
  const Port& port = session_->inputs()[input];
  LANEWAY_TRY(check("input", port, value));
  LANEWAY_TRY(call(*session_->library(), LANEWAY_ORT_FN(BindInput), native(), port.name.c_str(), value.native()));
  inputs_[input] = true;
  ready_ = false;
  return {};
}

Expected<> Binding::bind_output(std::size_t output, const Value& value) {
  if (output >= outputs_.size()) return no_position("output", output, outputs_.size());
  const Port& port = session_->outputs()[output];
  LANEWAY_TRY(check("output", port, value));
  LANEWAY_TRY(call(*session_->library(), LANEWAY_ORT_FN(BindOutput), native(), port.name.c_str(), value.native()));
  set_bound(output, false);
  return {};
}

Expected<> Binding::bind_output(std::size_t output) {
  if (output >= outputs_.size()) return no_position("output", output, outputs_.size());
  LANEWAY_TRY(bind_anew(output));
  set_bound(output, true);
  return {};
}

Expected<> Binding::bind_anew(std::size_t output) {
  const char* name = session_->outputs()[output].name.c_str();
  return call(*session_->library(), LANEWAY_ORT_FN(BindOutputToDevice), native(), name,
              session_->environment()->host_memory().native());
}

void Binding::set_bound(std::size_t output, bool owned) {
  if (std::ranges::find(bound_order_, output) == bound_order_.end()) bound_order_.push_back(output);
  outputs_[output] = {.owned = owned};
  any_owned_ = std::ranges::any_of(outputs_, &Output::owned);
  ready_ = false;
}

void Binding::clear() noexcept {
  const OrtApi& api = *session_->library()->api();
  api.ClearBoundInputs(native());
  api.ClearBoundOutputs(native());
  inputs_.assign(inputs_.size(), false);
  for (Output& output : outputs_) output = {};
  bound_order_.clear();
  any_owned_ = ready_ = false;
}

Expected<> Binding::run(RunOptions& options) noexcept {
  try {
    if (!ready_) LANEWAY_TRY(check_ready());
    if (any_owned_) LANEWAY_TRY(renew_outputs());
    if (OrtStatus* status = run_native(options.native())) [[unlikely]]
      return failed(status, options);
    if (any_owned_) LANEWAY_TRY(fetch_outputs());
    return {};
  } catch (const std::bad_alloc&) { return Error::out_of_memory(); }
}

// ONNX Runtime sets this for its own workers only, never for the thread that runs.
OrtStatus* Binding::run_native(const OrtRunOptions* options) noexcept {
  if (!denormals_as_zero_) return run_(native_session_, options, native());
  const DenormalsAsZero guard;
  return run_(native_session_, options, native());
}

Error Binding::failed(OrtStatus* status, const RunOptions& options) const {
  if (!options.terminated()) return to_error(*session_->library(), status);
  release(*session_->library(), status);
  return Error::cancelled();
}

Expected<> Binding::check_ready() {
  if (bound_order_.empty())
    return Error(ErrorCode::failed_precondition, "binding: outputs: expected one bound or more, got none");
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const Port& port = session_->inputs()[i];
    if (!inputs_[i] && !port.optional) {
      return Error(ErrorCode::failed_precondition, "binding: input " + port.name + ": expected a value, got nothing bound");
    }
  }
  ready_ = true;
  return {};
}

// What an output came to in one run is where ONNX Runtime would write in the next, and refuse another shape.
Expected<> Binding::renew_outputs() {
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    if (!outputs_[i].owned) continue;
    outputs_[i].value.reset();
    LANEWAY_TRY(bind_anew(i));
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
    Value value(Handle<OrtValue>(values[i], Release<OrtValue>{library}));
    Output& output = outputs_[bound_order_[i]];
    if (output.owned) output.value = std::move(value);
  }
  allocator.native()->Free(allocator.native(), values);
  return {};
}

Expected<Value*> Binding::output(std::size_t output) {
  if (output >= outputs_.size()) return no_position("output", output, outputs_.size());
  if (outputs_[output].value) return &*outputs_[output].value;
  return Error(ErrorCode::failed_precondition,
               "output " + session_->outputs()[output].name + ": " +
                   (outputs_[output].owned ? "expected a run that succeeded before"
                                           : "expected one bound without a value of the caller's"));
}

}  // namespace laneway::ort
