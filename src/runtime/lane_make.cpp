// How a lane comes to be: memory for its ports, values for the others, bindings over both.
#include <algorithm>
#include <cstring>

#include "runtime/lane_impl.h"
#include "runtime/padding.h"

namespace laneway {
namespace {

bool is_ours(const Blueprint::PortMemory& memory) { return !memory.caller; }

}  // namespace

std::size_t Lane::Impl::bytes_of(const Blueprint& blueprint, const Plan& plan, std::size_t number) {
  std::size_t bytes = plan.bytes().per_binding * (blueprint.links.empty() ? 1 : 2);
  for (std::size_t i = 0; i < blueprint.inputs.size(); ++i) {
    if (!blueprint.inputs[i].dense() || !blueprint.given[i] || !is_ours(blueprint.memory_of(number, i, true))) continue;
    bytes += plan.inputs()[i].bytes;
  }
  for (std::size_t i = 0; i < blueprint.outputs.size(); ++i) {
    const bool allocated = blueprint.wanted[i] && blueprint.outputs[i].dense() && plan.outputs()[i].capacity;
    if (allocated && is_ours(blueprint.memory_of(number, i, false))) bytes += plan.outputs()[i].bytes;
  }
  return bytes;
}

Lane::Impl::Impl(LaneParts parts)
    : parts_(std::move(parts)),
      inputs_(blueprint().inputs.size()),
      outputs_(blueprint().outputs.size()),
      input_values_(inputs_.size()),
      output_values_(outputs_.size()),
      shapes_(inputs_.size()),
      scratch_(inputs_.size()),
      extents_(parts_.capacity),
      shared_turn_(Turn::of(unpadded(parts_.engine))),
      turn_(shared_turn_.get()),
      metrics_(blueprint().metrics.get()) {
  shown_extents_.store(extents_);
  blueprint().dimensions.shapes(extents_, shapes_);
  deadline_.emplace(*blueprint().watcher, stop_);
}

Expected<std::unique_ptr<Lane::Impl>> Lane::Impl::make(LaneParts parts) {
  auto impl = std::make_unique<Impl>(std::move(parts));
  if (auto result = impl->furnish(); !result) return std::move(result).error().with_context(impl->name());
  if (auto result = impl->bind(); !result) return std::move(result).error().with_context(impl->name());
  impl->restore_links();
  return impl;
}

Expected<> Lane::Impl::furnish() {
  for (std::size_t i = 0; i < inputs_.size(); ++i) LANEWAY_TRY(furnish_input(i));
  for (std::size_t i = 0; i < outputs_.size(); ++i) LANEWAY_TRY(furnish_output(i));
  return {};
}

Expected<> Lane::Impl::furnish_input(std::size_t index) {
  if (!blueprint().given[index]) return {};
  if (blueprint().inputs[index].dense()) return furnish_dense(inputs_[index], index, parts_.plan->inputs()[index], true);
  inputs_[index].attachment = ValueRef{&input_values_[index]};
  return {};
}

Expected<> Lane::Impl::furnish_output(std::size_t index) {
  if (!blueprint().wanted[index]) return {};
  PortState& port = outputs_[index];
  const PlannedPort& planned = parts_.plan->outputs()[index];
  if (!blueprint().outputs[index].dense()) {
    port.attachment = ValueRef{&output_values_[index]};
  } else if (planned.capacity) {
    return furnish_dense(port, index, planned, false);
  } else if (blueprint().memory_of(parts_.number, index, false).caller) {
    return Error(ErrorCode::invalid_argument, "output " + blueprint().outputs[index].name +
                                                  ": memory for an output of unknown shape: expected its shape beside it");
  } else {
    port.attachment = EngineOwned{};
    port.owner = "engine";
  }
  return {};
}

Expected<> Lane::Impl::furnish_dense(PortState& port, std::size_t index, const PlannedPort& planned, bool input) {
  const Blueprint::PortMemory wanted = blueprint().memory_of(parts_.number, index, input);
  const std::string& port_name = (input ? blueprint().inputs : blueprint().outputs)[index].name;
  const auto context = [&](Error error) { return std::move(error).with_context((input ? "input " : "output ") + port_name); };
  if (wanted.caller) {
    port.attachment = *wanted.caller;
    port.owner = "caller";
    return {};
  }
  if (wanted.owner == MemoryOwner::engine || wanted.placement != Placement::host) {
    auto allocation = parts_.engine->allocate(planned.bytes, wanted.placement, device().value_or(planned.device));
    if (!allocation) return context(std::move(allocation).error());
    if (wanted.placement == Placement::host && planned.bytes != 0) std::memset(allocation->memory.data, 0, planned.bytes);
    port.attachment = allocation->memory;
    port.from_engine = std::move(allocation->owner);
    port.owner = "engine";
    return {};
  }
  PagePolicy pages = wanted.pages;
  if (pages.alignment_bytes || planned.alignment_bytes > 64) {
    pages.alignment_bytes = std::max(pages.alignment_bytes.value_or(0), planned.alignment_bytes);
  }
  auto buffer = Buffer::allocate(planned.bytes, pages);
  if (!buffer) return context(std::move(buffer).error());
  port.buffer = *std::move(buffer);
  port.attachment = port.buffer.view();
  port.owner = "laneway";
  return {};
}

Expected<> Lane::Impl::bind() {
  LANEWAY_TRY_ASSIGN(bindings_[0], bind_crossed(false));
  if (blueprint().links.empty()) return {};
  LANEWAY_TRY_ASSIGN(bindings_[1], bind_crossed(true));
  return {};
}

Expected<std::unique_ptr<Binding>> Lane::Impl::bind_crossed(bool crossed) {
  std::vector<Attachment> inputs, outputs;
  for (const PortState& port : inputs_) inputs.push_back(port.attachment);
  for (const PortState& port : outputs_) outputs.push_back(port.attachment);
  for (const Blueprint::LinkedPorts& link : blueprint().links) {
    if (crossed) std::swap(inputs[link.input], outputs[link.output]);
  }
  BindSpec spec{.inputs = inputs, .outputs = outputs, .lane = parts_.number};
  if (parts_.number < blueprint().spec.per_lane.size()) {
    spec.cores = blueprint().spec.per_lane[parts_.number].cores;
    spec.device = device();
  }
  return parts_.plan->bind(spec);
}

std::optional<int> Lane::Impl::device() const noexcept {
  const std::vector<LaneSpec>& lanes = blueprint().spec.per_lane;
  return parts_.number < lanes.size() ? lanes[parts_.number].device : std::nullopt;
}

void Lane::Impl::audit(Audit& audit) const {
  const std::lock_guard lock(rebinding_);
  const auto add = [&](std::size_t index, bool input) {
    const PortState& port = (input ? inputs_ : outputs_)[index];
    const Port& declared = (input ? blueprint().inputs : blueprint().outputs)[index];
    const PlannedPort& planned = (input ? parts_.plan->inputs() : parts_.plan->outputs())[index];
    if (std::holds_alternative<Absent>(port.attachment)) return;
    AuditedPort entry{.lane = name(), .port = declared.name, .input = input, .owner = std::string(port.owner), .copied = {}};
    if (const auto* memory = std::get_if<Memory>(&port.attachment)) {
      entry.address = memory->data;
      entry.bytes = planned.bytes;
      entry.placement = memory->placement;
      entry.device = memory->device;
      if (port.owner == "laneway") entry.pages = port.buffer.policy();
      if (memory->placement != planned.placement) {
        entry.copied = "lies on " + std::string(laneway::name(memory->placement)) + ", the engine wants " +
                       std::string(laneway::name(planned.placement));
      }
    } else if (std::holds_alternative<ValueRef>(port.attachment)) {
      entry.owner = "laneway";
      entry.copied = "a Value is converted at each run";
    }
    if (!planned.copied.empty()) entry.copied = planned.copied;
    for (const auto& binding : bindings_) {
      const std::optional<PortUse> use = !binding ? std::nullopt : input ? binding->input_use(index) : binding->output_use(index);
      if (!use) continue;
      if (binding == bindings_[0]) entry.address = use->address;
      if (!use->copied.empty()) entry.copied = use->copied;
    }
    audit.ports.push_back(std::move(entry));
  };
  for (std::size_t i = 0; i < inputs_.size(); ++i) add(i, true);
  for (std::size_t i = 0; i < outputs_.size(); ++i) add(i, false);
}

}  // namespace laneway
