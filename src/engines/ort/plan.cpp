#include "engines/ort/plan.h"

#include <algorithm>

#include "core/guard.h"
#include "engines/ort/binding.h"
#include "laneway/engine/check.h"

namespace laneway::engines_ort {
namespace {

// What ONNX Runtime keeps for a port whose memory is bound: a value, its tensor, and a reference in the binding.
constexpr std::size_t bound_port_bytes = 512;
constexpr std::size_t bound_set_bytes = 1024;

constexpr std::string_view unknown_on_device = "only a run shows its shape: ONNX Runtime copies it from its device to the host";

}  // namespace

OrtPlan::OrtPlan(const OrtEngine& engine, const PlanSpec& spec) : engine_(engine), spec_(spec) {
  for (std::size_t i = 0; i < engine.inputs().size(); ++i) {
    const Port& port = engine.inputs()[i];
    given_.push_back(spec.given.empty() ? !port.optional : spec.given[i]);
    inputs_.emplace_back();
    if (!port.dense() || !given_[i]) continue;
    inputs_[i].capacity = spec.inputs[i];
    inputs_[i].placement = engine.places().inputs[i].placement;
    inputs_[i].device = engine.places().inputs[i].device;
    inputs_[i].bytes = *byte_count(port.dtype, spec.inputs[i]);
  }
  for (std::size_t i = 0; i < engine.outputs().size(); ++i) {
    const Port& port = engine.outputs()[i];
    outputs_.emplace_back();
    const bool wanted = spec.outputs.empty() || std::ranges::find(spec.outputs, i) != spec.outputs.end();
    // What is an input too comes back as the input's memory: ONNX Runtime leaves memory that is bound for it untouched.
    const bool passed_through = std::ranges::find(engine.inputs(), port.name, &Port::name) != engine.inputs().end();
    if (!wanted || !port.dense() || passed_through) continue;
    const Place& place = engine.places().outputs[i];
    if (place.placement == Placement::device) outputs_[i].copied = unknown_on_device;
    const std::optional<Shape> capacity = shape_of(i, spec.inputs);
    const auto bytes = capacity ? byte_count(port.dtype, *capacity) : Expected<std::size_t>(0);
    if (!capacity || !bytes) continue;
    outputs_[i] = {.capacity = capacity, .bytes = *bytes, .placement = place.placement, .device = place.device};
  }
  bytes_.per_binding = sets_max() * (bound_set_bytes + bound_port_bytes * (inputs_.size() + outputs_.size()));
}

// How many lists of input shapes a binding keeps something for: no more than the plan allows of them.
std::size_t OrtPlan::sets_max() const {
  const std::size_t most = engine_.options().shapes_max;
  std::vector<NamedExtent> varying;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const Port& port = engine_.inputs()[i];
    if (!inputs_[i].capacity) continue;
    for (std::size_t axis = 0; axis < inputs_[i].capacity->rank(); ++axis) {
      if (port.rank_known && port.shape[axis].extent) continue;
      const std::string name = port.rank_known ? dimension_name(port, axis) : port.name + "." + std::to_string(axis);
      if (std::ranges::find(varying, name, &NamedExtent::symbol) == varying.end())
        varying.push_back({name, (*inputs_[i].capacity)[axis]});
    }
  }
  std::size_t count = 1;
  for (const NamedExtent& dimension : varying) {  // from 0 on
    const std::size_t extents = static_cast<std::size_t>(dimension.extent) + 1;
    if (count > most / extents) return most;
    count *= extents;
  }
  return count;
}

const ProvenOutput* OrtPlan::proven(std::size_t output) const noexcept {
  const auto found = std::ranges::find(spec_.proven, output, &ProvenOutput::output);
  return found == spec_.proven.end() ? nullptr : &*found;
}

std::optional<Shape> OrtPlan::shape_of(std::size_t output, std::span<const Shape> inputs) const {
  return shape_of_output(engine_.inputs(), inputs, engine_.outputs()[output], proven(output));
}

Expected<std::unique_ptr<Binding>> OrtPlan::bind(const BindSpec& spec) const {
  return guarded([&]() -> Expected<std::unique_ptr<Binding>> {
    LANEWAY_TRY(check_bind_spec(engine_.inputs(), engine_.outputs(), *this, spec));
    SessionKey key{.cores = spec.cores, .device = spec.device, .lane = spec.lane};
    for (const Attachment& output : spec.outputs) key.outputs.push_back(!std::holds_alternative<Absent>(output));
    LANEWAY_TRY_ASSIGN(auto session, engine_.sessions().of(std::move(key)));
    return OrtBinding::make(*this, spec, std::move(session));
  });
}

}  // namespace laneway::engines_ort
