#include "laneway/ort/run.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "core/guard.h"
#include "ort/port_check.h"
#include "ort/running.h"

namespace laneway::ort {
namespace {

/// An element for each port of a run; on the stack unless there are many.
template <class T>
class PortArray {
 public:
  explicit PortArray(std::size_t count) {
    if (count > few_.size()) many_.resize(count);
  }
  T* data() noexcept { return many_.empty() ? few_.data() : many_.data(); }
  T& operator[](std::size_t i) noexcept { return data()[i]; }

 private:
  std::array<T, 32> few_{};
  std::vector<T> many_;
};

Error given_twice(std::string_view direction, std::string_view name) {
  return Error(ErrorCode::invalid_argument,
               std::string(direction) + " " + std::string(name) + ": given twice: expected each port once");
}

Error no_output() { return Error(ErrorCode::invalid_argument, "run: outputs: expected one or more, got none"); }

template <class Part>
bool seen_before(std::span<const Part> parts, std::size_t i) noexcept {
  const auto earlier = parts.first(i);
  return std::ranges::find(earlier, parts[i].position, &Part::position) != earlier.end();
}

}  // namespace

Expected<> check_required(const Session& session, const std::function<bool(std::size_t input)>& given) {
  for (std::size_t i = 0; i < session.inputs().size(); ++i) {
    const Port& port = session.inputs()[i];
    if (!port.optional && !given(i)) {
      return Error(ErrorCode::failed_precondition, "run: input " + port.name + ": expected a value, got none");
    }
  }
  return {};
}

Expected<> check_ports(const Session& session, std::span<const RunInput> inputs, std::span<const RunOutput> outputs) {
  if (outputs.empty()) return no_output();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto [position, value] = inputs[i];
    LANEWAY_TRY(check_position(session, Direction::input, position));
    const std::string& name = session.inputs()[position].name;
    if (!value) return Error(ErrorCode::invalid_argument, "input " + name + ": null: expected a value");
    LANEWAY_TRY(check_port(session, Direction::input, position, *value));
    if (seen_before(inputs, i)) return given_twice("input", name);
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    LANEWAY_TRY(check_position(session, Direction::output, outputs[i].position));
    if (outputs[i].value) LANEWAY_TRY(check_port(session, Direction::output, outputs[i].position, *outputs[i].value));
    if (seen_before(outputs, i)) return given_twice("output", session.outputs()[outputs[i].position].name);
  }
  return {};
}

Expected<> check_required(const Session& session, std::span<const RunInput> inputs) {
  return check_required(
      session, [&inputs](std::size_t input) { return std::ranges::find(inputs, input, &RunInput::position) != inputs.end(); });
}

Expected<> run(const Session& session, RunOptions& options, std::span<const RunInput> inputs,
               std::span<RunOutput> outputs) noexcept {
  return guarded([&]() -> Expected<> {
    LANEWAY_TRY(check_options(options));
    LANEWAY_TRY(check_ports(session, inputs, outputs));
    if (options.adapters().empty())
      LANEWAY_TRY(check_required(session, inputs));  // what an adapter holds only ONNX Runtime knows
    PortArray<const char*> input_names(inputs.size()), output_names(outputs.size());
    PortArray<const OrtValue*> input_values(inputs.size());
    PortArray<OrtValue*> output_values(outputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      input_names[i] = session.inputs()[inputs[i].position].name.c_str();
      input_values[i] = inputs[i].value->native();
    }
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      output_names[i] = session.outputs()[outputs[i].position].name.c_str();
      output_values[i] = outputs[i].value ? outputs[i].value->native() : nullptr;
    }
    {
      std::optional<DenormalsAsZero> guard;
      if (session.denormals_as_zero()) guard.emplace();
      OrtStatus* const status =
          session.library()->api()->Run(session.native(), options.native(), input_names.data(), input_values.data(),
                                        inputs.size(), output_names.data(), outputs.size(), output_values.data());
      if (status) return run_failed(*session.library(), status, options);
    }
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (!outputs[i].value) outputs[i].value = Runner::value(session, output_values[i]);
    }
    return {};
  });
}

Expected<std::vector<Value>> run(const Session& session, RunOptions& options, std::span<const NamedInput> inputs,
                                 std::span<const std::string_view> outputs) {
  std::vector<RunInput> by_position;
  std::vector<RunOutput> wanted;
  for (const NamedInput& input : inputs) {
    LANEWAY_TRY_ASSIGN(const std::size_t position, session.input_named(input.name));
    by_position.push_back({position, input.value});
  }
  for (const std::string_view output : outputs) {
    LANEWAY_TRY_ASSIGN(const std::size_t position, session.output_named(output));
    wanted.push_back({position});
  }
  LANEWAY_TRY(run(session, options, by_position, wanted));
  std::vector<Value> values;
  for (RunOutput& output : wanted) values.push_back(*std::move(output.value));
  return values;
}

// ---- prepared -------------------------------------------------------------------------------------------------------------

Expected<PreparedRun> PreparedRun::make(std::shared_ptr<const Session> session, std::span<const std::size_t> outputs) {
  if (!session) return Error(ErrorCode::invalid_argument, "run: session: null: expected one that is open");
  if (outputs.empty()) return no_output();
  for (auto i = outputs.begin(); i != outputs.end(); ++i) {
    LANEWAY_TRY(check_position(*session, Direction::output, *i));
    if (std::find(outputs.begin(), i, *i) != i) return given_twice("output", session->outputs()[*i].name);
  }
  return PreparedRun(std::move(session), outputs);
}

PreparedRun::PreparedRun(std::shared_ptr<const Session> session, std::span<const std::size_t> outputs)
    : session_(std::move(session)), inputs_(session_->inputs().size()), output_values_(outputs.size()) {
  for (const std::size_t position : outputs) {
    outputs_.push_back({position});
    output_names_.push_back(session_->outputs()[position].name.c_str());
  }
}

Expected<> PreparedRun::set_input(std::size_t input, std::shared_ptr<const Value> value) {
  if (!session_) return Error(ErrorCode::failed_precondition, "run: moved away: expected one that was not");
  LANEWAY_TRY(check_position(*session_, Direction::input, input));
  if (value) LANEWAY_TRY(check_port(*session_, Direction::input, input, *value));
  inputs_[input] = std::move(value);
  lay_out_inputs();
  ready_ = false;
  return {};
}

void PreparedRun::lay_out_inputs() {
  input_names_.clear();
  input_values_.clear();
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (!inputs_[i]) continue;
    input_names_.push_back(session_->inputs()[i].name.c_str());
    input_values_.push_back(inputs_[i]->native());
  }
}

Expected<> PreparedRun::run(RunOptions& options) noexcept {
  return guarded([&]() -> Expected<> {
    if (!session_) return Error(ErrorCode::failed_precondition, "run: moved away: expected one that was not");
    LANEWAY_TRY(check_options(options));
    if (!ready_ && options.adapters().empty()) {
      LANEWAY_TRY(check_required(*session_, [this](std::size_t input) { return inputs_[input] != nullptr; }));
      ready_ = true;
    }
    for (RunOutput& output : outputs_) output.value.reset();
    std::ranges::fill(output_values_, nullptr);
    const Library& library = *session_->library();
    std::optional<DenormalsAsZero> guard;
    if (session_->denormals_as_zero()) guard.emplace();
    if (OrtStatus* status =
            library.api()->Run(session_->native(), options.native(), input_names_.data(), input_values_.data(),
                               input_values_.size(), output_names_.data(), output_values_.size(), output_values_.data())) {
      return run_failed(library, status, options);
    }
    for (std::size_t i = 0; i < outputs_.size(); ++i) outputs_[i].value = Runner::value(*session_, output_values_[i]);
    return {};
  });
}

Expected<Value*> PreparedRun::output(std::size_t output) {
  if (!session_) return Error(ErrorCode::failed_precondition, "run: moved away: expected one that was not");
  LANEWAY_TRY(check_position(*session_, Direction::output, output));
  const auto found = std::ranges::find(outputs_, output, &RunOutput::position);
  if (found != outputs_.end() && found->value) return &*found->value;
  return Error(ErrorCode::failed_precondition,
               "output " + session_->outputs()[output].name + ": " +
                   (found == outputs_.end() ? "expected one that was asked for" : "expected a run that succeeded before"));
}

}  // namespace laneway::ort
