#include "runtime/padding.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <mutex>
#include <random>

#include "core/guard.h"
#include "laneway/engine/check.h"
#include "laneway/memory/buffer.h"
#include "runtime/strided_copy.h"

namespace laneway {
namespace {

constexpr std::string_view why_copied = "padded to the capacity of a plan that cannot resize";

// What all plans of one padded engine share.
struct Rules {
  OpenEngine inner;
  std::vector<Port> inputs, outputs;  // as the runtime describes them: what is padded varies, though the model be of one size
  PaddingSpec spec;

  const PaddingSpec::PortPadding* of(const Port& port) const noexcept {
    const auto hit = std::ranges::find(spec.ports, port.name, &PaddingSpec::PortPadding::port);
    return hit == spec.ports.end() ? nullptr : &*hit;
  }
  double fill_of(const Port& port) const noexcept {
    const auto* own = of(port);
    return own && port.name != spec.mask_input ? own->fill : 0;
  }
};

// Whether a corner of this shape can be cut out of a tensor of that dtype byte by byte.
bool whole_bytes(DType dtype, const Shape& shape) noexcept {
  return !is_packed(dtype) || shape.rank() == 0 || static_cast<std::size_t>(shape[shape.rank() - 1]) * bits_of(dtype) % 8 == 0;
}

// One dense port: the caller's tensor at the exact shape, and ours at the capacity.
struct Staged {
  Memory outer{};
  Buffer inner{};
  Shape exact{};
  bool used = false;
};

class PaddedBinding final : public Binding {
 public:
  PaddedBinding(std::shared_ptr<const Rules> rules, const Plan& plan, PlanSpec spec)
      : rules_(std::move(rules)), plan_(plan), spec_(std::move(spec)) {}

  Expected<> bind(const Plan& inner, const BindSpec& asked) {
    std::vector<Attachment> inputs(asked.inputs.begin(), asked.inputs.end()), outputs(asked.outputs.begin(), asked.outputs.end());
    LANEWAY_TRY(stage(inputs, inputs_, inner.inputs()));
    LANEWAY_TRY(stage(outputs, outputs_, inner.outputs()));
    BindSpec inside = asked;
    inside.inputs = inputs;
    inside.outputs = outputs;
    LANEWAY_TRY_ASSIGN(inner_, inner.bind(inside));
    return resize(spec_.inputs);
  }

  Expected<> run(const StopSignal& stop) noexcept override {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      Staged& port = inputs_[i];
      if (port.used)
        copy_corner(port.outer.data, port.exact, port.inner.data(), *plan_.inputs()[i].capacity, port.exact, input_port(i).dtype);
    }
    ran_ = false;
    LANEWAY_TRY(inner_->run(stop));
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      Staged& port = outputs_[i];
      if (port.used)
        copy_corner(port.inner.data(), *plan_.outputs()[i].capacity, port.outer.data, port.exact, port.exact,
                    output_port(i).dtype);
    }
    ran_ = true;
    return {};
  }

  void interrupt() noexcept override { inner_->interrupt(); }

  Expected<> resize(std::span<const Shape> shapes) noexcept override {
    return guarded([&] { return resize_to(shapes); });
  }

  Expected<> rebind_input(std::size_t index, const Memory& memory) noexcept override {
    return guarded([&] { return rejoin(inputs_[index], "input", input_port(index), plan_.inputs()[index], memory); });
  }
  Expected<> rebind_output(std::size_t index, const Memory& memory) noexcept override {
    return guarded([&] { return rejoin(outputs_[index], "output", output_port(index), plan_.outputs()[index], memory); });
  }

  Expected<OutputView> output(std::size_t index) const noexcept override {
    return guarded([&] { return view_of(index); });
  }

 private:
  Expected<> resize_to(std::span<const Shape> shapes) {
    LANEWAY_TRY(check_resize(rules_->inputs, plan_, shapes, spec_.given));
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (inputs_[i].used) LANEWAY_TRY(check_axes(input_port(i), *plan_.inputs()[i].capacity, shapes[i]));
    }
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (!inputs_[i].used) continue;
      inputs_[i].exact = shapes[i];
      fill({inputs_[i].inner.data(), inputs_[i].inner.bytes()}, input_port(i).dtype, rules_->fill_of(input_port(i)));
    }
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      if (outputs_[i].used) outputs_[i].exact = *shape_of_output(rules_->inputs, shapes, output_port(i), proven(i));
    }
    return {};
  }

  Expected<OutputView> view_of(std::size_t index) const {
    if (index >= outputs_.size()) return Error(ErrorCode::out_of_range, "output: no such number: " + std::to_string(index));
    const Staged& port = outputs_[index];
    if (!port.used) return inner_->output(index);
    if (!ran_) return Error(ErrorCode::failed_precondition, "output " + output_port(index).name + ": no run has succeeded yet");
    LANEWAY_TRY_ASSIGN(const std::size_t bytes, byte_count(output_port(index).dtype, port.exact));
    return OutputView{.data = port.outer.data, .bytes = bytes, .dtype = output_port(index).dtype, .shape = port.exact.extents()};
  }

  const Port& input_port(std::size_t index) const noexcept { return rules_->inputs[index]; }
  const Port& output_port(std::size_t index) const noexcept { return rules_->outputs[index]; }
  const ProvenOutput* proven(std::size_t output) const noexcept {
    const auto hit = std::ranges::find(spec_.proven, output, &ProvenOutput::output);
    return hit == spec_.proven.end() ? nullptr : &*hit;
  }

  Expected<> stage(std::vector<Attachment>& attachments, std::vector<Staged>& ports, std::span<const PlannedPort> planned) {
    ports.resize(attachments.size());
    for (std::size_t i = 0; i < ports.size(); ++i) {
      const auto* memory = std::get_if<Memory>(&attachments[i]);
      if (!memory) continue;
      LANEWAY_TRY_ASSIGN(ports[i].inner, Buffer::allocate(planned[i].bytes));
      ports[i].outer = *memory;
      ports[i].used = true;
      attachments[i] = ports[i].inner.view();
    }
    return {};
  }

  Expected<> check_axes(const Port& port, const Shape& capacity, const Shape& shape) const {
    const auto* own = rules_->of(port);
    for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
      if (shape[axis] == capacity[axis] || !own || !own->axis || *own->axis == axis) continue;
      return Error(ErrorCode::invalid_argument, "input " + port.name + ": only axis " + std::to_string(*own->axis) +
                                                    " is padded: expected " + std::to_string(capacity[axis]) + " on axis " +
                                                    std::to_string(axis) + ", got " + std::to_string(shape[axis]));
    }
    if (whole_bytes(port.dtype, shape) && whole_bytes(port.dtype, capacity)) return {};
    return Error(ErrorCode::unimplemented,
                 "input " + port.name + ": padding would split a byte of " + std::string(name(port.dtype)) + " elements");
  }

  static Expected<> rejoin(Staged& staged, std::string_view what, const Port& port, const PlannedPort& planned,
                           const Memory& memory) {
    if (!staged.used)
      return Error(ErrorCode::failed_precondition, std::string(what) + " " + port.name + ": not joined to memory");
    LANEWAY_TRY(check_memory(what, port, planned, memory));
    staged.outer = memory;
    return {};
  }

  std::shared_ptr<const Rules> rules_;
  const Plan& plan_;  // of ours: kept by whoever keeps this binding
  PlanSpec spec_;
  std::vector<Staged> inputs_, outputs_;
  std::unique_ptr<Binding> inner_;
  bool ran_ = false;
};

// Runs a plan once on given inputs, in memory of its own, and hands its dense outputs over.
class Trial {
 public:
  using Bind = std::function<Expected<std::unique_ptr<Binding>>(const BindSpec&)>;
  Trial(const Plan& plan, Bind bind) : plan_(plan), bind_(std::move(bind)) {}

  Expected<> run(std::span<const Shape> shapes, const std::vector<Buffer>& data, const std::vector<bool>& given) {
    std::vector<Attachment> inputs(plan_.inputs().size()), outputs(plan_.outputs().size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!given[i]) continue;
      LANEWAY_TRY_ASSIGN(buffers_.emplace_back(), Buffer::allocate(plan_.inputs()[i].bytes));
      if (data[i].bytes() != 0)
        std::memcpy(buffers_.back().data(), data[i].data(), std::min(data[i].bytes(), buffers_.back().bytes()));
      inputs[i] = buffers_.back().view();
    }
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (!plan_.outputs()[i].capacity) continue;
      LANEWAY_TRY_ASSIGN(buffers_.emplace_back(), Buffer::allocate(plan_.outputs()[i].bytes));
      outputs[i] = buffers_.back().view();
    }
    LANEWAY_TRY_ASSIGN(binding_, bind_({.inputs = inputs, .outputs = outputs}));
    if (!shapes.empty()) LANEWAY_TRY(binding_->resize(shapes));
    StopSignal stop;
    return binding_->run(stop);
  }
  Expected<OutputView> output(std::size_t index) const { return binding_->output(index); }

 private:
  const Plan& plan_;
  const Bind bind_;
  std::vector<Buffer> buffers_;
  std::unique_ptr<Binding> binding_;
};

double element(const OutputView& view, std::size_t index) noexcept {
  if (view.dtype == DType::f32) return static_cast<double>(static_cast<const float*>(view.data)[index]);
  if (view.dtype == DType::f64) return static_cast<const double*>(view.data)[index];
  if (view.dtype == DType::f16) return static_cast<double>(static_cast<const Float16*>(view.data)[index].to_float());
  return static_cast<double>(static_cast<const BFloat16*>(view.data)[index].to_float());
}

bool agree(const OutputView& a, const OutputView& b) noexcept {
  if (!std::ranges::equal(a.shape, b.shape) || a.bytes != b.bytes) return false;
  const bool floats = a.dtype == DType::f32 || a.dtype == DType::f64 || a.dtype == DType::f16 || a.dtype == DType::bf16;
  if (!floats) return std::memcmp(a.data, b.data, a.bytes) == 0;
  const double tolerance = a.dtype == DType::f32 || a.dtype == DType::f64 ? 1e-4 : 2e-2;
  for (std::size_t i = 0; i < a.bytes * 8 / bits_of(a.dtype); ++i) {
    const double x = element(a, i), y = element(b, i);
    if (std::isnan(x) != std::isnan(y) || std::abs(x - y) > tolerance * (1 + std::abs(y))) return false;
  }
  return true;
}

void shrink(Shape& shape, const Port& port) noexcept {
  for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
    if (!port.shape[axis].extent && shape[axis] > 1) shape.set(axis, (shape[axis] + 1) / 2);
  }
}

Expected<Buffer> random_data(const Port& port, const Shape& shape, std::mt19937& random) {
  LANEWAY_TRY_ASSIGN(const std::size_t bytes, byte_count(port.dtype, shape));
  LANEWAY_TRY_ASSIGN(Buffer buffer, Buffer::allocate(bytes));
  const std::size_t element_bytes = std::max<std::size_t>(1, bits_of(port.dtype) / 8);
  const bool floats =
      port.dtype == DType::f32 || port.dtype == DType::f64 || port.dtype == DType::f16 || port.dtype == DType::bf16;
  std::uniform_real_distribution<double> real(-1, 1);
  for (std::size_t at = 0; at + element_bytes <= bytes; at += element_bytes) {
    fill({buffer.data() + at, element_bytes}, port.dtype, floats ? real(random) : static_cast<double>(random() & 1));
  }
  return buffer;
}

class PaddedPlan final : public Plan {
 public:
  PaddedPlan(std::shared_ptr<const Rules> rules, std::shared_ptr<const Plan> inner, PlanSpec spec)
      : rules_(std::move(rules)),
        inner_(std::move(inner)),
        spec_(std::move(spec)),
        inputs_(inner_->inputs().begin(), inner_->inputs().end()),
        outputs_(inner_->outputs().begin(), inner_->outputs().end()) {
    for (auto* ports : {&inputs_, &outputs_}) {
      for (PlannedPort& port : *ports) {
        staged_bytes_ += port.bytes;
        if (port.capacity) port.copied = why_copied;
      }
    }
  }

  std::span<const PlannedPort> inputs() const noexcept override { return inputs_; }
  std::span<const PlannedPort> outputs() const noexcept override { return outputs_; }
  PlanBytes bytes() const noexcept override {
    PlanBytes bytes = inner_->bytes();
    bytes.per_binding += staged_bytes_;
    return bytes;
  }

  Expected<std::unique_ptr<Binding>> bind(const BindSpec& spec) const override {
    LANEWAY_TRY(check_bind_spec(rules_->inputs, rules_->outputs, *this, spec));
    if (rules_->spec.rows_independent) {
      std::call_once(tried_, [&] { refused_ = check_independence(); });
      LANEWAY_TRY(refused_);
    }
    return bind_untried(spec);
  }

 private:
  Expected<std::unique_ptr<Binding>> bind_untried(const BindSpec& spec) const {
    auto binding = std::make_unique<PaddedBinding>(rules_, *this, spec_);
    LANEWAY_TRY(binding->bind(*inner_, spec));
    return binding;
  }
  // Rows that are said not to see each other are held to it: about half of each extent, padded, against a plan of just that.
  // What that takes beside the plan's own bytes is given back before the first binding is made.
  Expected<> check_independence() const {
    const std::span<const Port> inputs = rules_->inner->inputs(), outputs = rules_->outputs;
    PlanSpec smaller = spec_;
    std::vector<bool> given(inputs.size());
    std::vector<Buffer> data(inputs.size());
    std::mt19937 random(7);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      given[i] = inputs[i].dense() && (spec_.given.empty() ? !inputs[i].optional : spec_.given[i]);
      if (!inputs[i].dense() && !inputs[i].optional) return {};  // no values to try it on
      if (!given[i]) continue;
      shrink(smaller.inputs[i], inputs[i]);
      LANEWAY_TRY_ASSIGN(data[i], random_data(inputs[i], smaller.inputs[i], random));
    }
    if (smaller.inputs == spec_.inputs) return {};  // a model of one size has no other to be held to
    LANEWAY_TRY_ASSIGN(const auto exact_plan, rules_->inner->specialise(smaller));
    Trial exact(*exact_plan, [&](const BindSpec& asked) { return exact_plan->bind(asked); });
    Trial padded(*this, [&](const BindSpec& asked) { return bind_untried(asked); });
    LANEWAY_TRY(exact.run({}, data, given));
    LANEWAY_TRY(padded.run(smaller.inputs, data, given));
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (!outputs_[i].capacity) continue;
      LANEWAY_TRY_ASSIGN(const OutputView wanted, exact.output(i));
      LANEWAY_TRY_ASSIGN(const OutputView got, padded.output(i));
      if (agree(got, wanted)) continue;
      return Error(ErrorCode::failed_precondition,
                   "output " + outputs[i].name + ": rows are not independent: a padded run differs from one at the exact shape " +
                       to_string(smaller.inputs[0]) + " (leave padding out, or name the mask input)");
    }
    return {};
  }

  std::shared_ptr<const Rules> rules_;
  std::shared_ptr<const Plan> inner_;
  PlanSpec spec_;
  std::vector<PlannedPort> inputs_, outputs_;
  std::size_t staged_bytes_ = 0;
  mutable std::once_flag tried_;
  mutable Expected<> refused_;
};

class PaddedEngine final : public Engine {
 public:
  explicit PaddedEngine(std::shared_ptr<const Rules> rules) : rules_(std::move(rules)) {}

  std::string_view name() const noexcept override { return rules_->inner->name(); }
  const OpenEngine& inner() const noexcept { return rules_->inner; }
  EngineTraits traits() const noexcept override {
    EngineTraits traits = rules_->inner->traits();
    traits.resizable = true;
    return traits;
  }
  std::span<const Port> inputs() const noexcept override { return rules_->inputs; }
  std::span<const Port> outputs() const noexcept override { return rules_->outputs; }
  std::size_t weight_bytes() const noexcept override { return rules_->inner->weight_bytes(); }
  std::vector<EngineNote> notes() const override {
    auto notes = rules_->inner->notes();
    notes.push_back({"padding", rules_->spec.rows_independent ? "rows independent" : "mask " + rules_->spec.mask_input});
    return notes;
  }
  Expected<Allocation> allocate(std::size_t bytes, Placement placement, int device) const override {
    return rules_->inner->allocate(bytes, placement, device);
  }

  Expected<std::shared_ptr<const Plan>> specialise(const PlanSpec& spec) const override {
    LANEWAY_TRY_ASSIGN(auto inner, rules_->inner->specialise(spec));
    for (std::size_t i = 0; i < outputs().size(); ++i) {
      const bool wanted = spec.outputs.empty() || std::ranges::find(spec.outputs, i) != spec.outputs.end();
      if (!wanted || !outputs()[i].dense()) continue;
      const auto follows = shape_of_output(inputs(), spec.inputs, outputs()[i], nullptr);
      if (follows && follows == inner->outputs()[i].capacity) continue;
      return Error(ErrorCode::unimplemented, "output " + outputs()[i].name +
                                                 ": its shape does not follow from input shapes, so it cannot be "
                                                 "sliced out of a padded run (leave padding out for plans of exact shapes)");
    }
    return std::make_shared<const PaddedPlan>(rules_, std::move(inner), spec);
  }

 private:
  std::shared_ptr<const Rules> rules_;
};

}  // namespace

const OpenEngine& unpadded(const OpenEngine& engine) noexcept {
  const auto* padded = dynamic_cast<const PaddedEngine*>(engine.get());
  return padded ? padded->inner() : engine;
}

Expected<OpenEngine> pad_engine(OpenEngine engine, const PaddingSpec& spec, std::vector<Port> inputs, std::vector<Port> outputs) {
  if (spec.rows_independent == !spec.mask_input.empty()) {
    return Error(ErrorCode::invalid_argument, "buckets.padding: expected either rows_independent or a mask_input, got " +
                                                  std::string(spec.rows_independent ? "both" : "neither"));
  }
  const auto has = [](std::span<const Port> ports, const std::string& name) {
    return std::ranges::find(ports, name, &Port::name) != ports.end();
  };
  if (!spec.mask_input.empty() && !has(inputs, spec.mask_input)) {
    return Error(ErrorCode::not_found, "buckets.padding.mask_input: " + spec.mask_input + ": no such input");
  }
  for (const auto& port : spec.ports) {
    if (!has(inputs, port.port)) return Error(ErrorCode::not_found, "buckets.padding.ports: " + port.port + ": no such input");
  }
  return std::make_shared<const PaddedEngine>(
      std::make_shared<const Rules>(Rules{std::move(engine), std::move(inputs), std::move(outputs), spec}));
}

}  // namespace laneway
