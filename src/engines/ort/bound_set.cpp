#include "engines/ort/bound_set.h"

#include <utility>

namespace laneway::engines_ort {

BoundSet::BoundSet(ort::Binding binding, std::span<const std::size_t> slots, const Places& places, std::span<const Shape> shapes)
    : binding_(std::move(binding)),
      shapes_(shapes.begin(), shapes.end()),
      slots_(slots),
      places_(places),
      input_at_(binding_.session()->inputs().size(), nothing),
      output_at_(slots.size(), nothing) {}

Expected<std::unique_ptr<BoundSet>> BoundSet::make(const std::shared_ptr<const ort::Session>& session,
                                                   std::span<const std::size_t> slots, const Places& places,
                                                   std::span<const Shape> shapes) {
  LANEWAY_TRY_ASSIGN(ort::Binding binding, ort::Binding::make(session));
  return std::unique_ptr<BoundSet>(new BoundSet(std::move(binding), slots, places, shapes));
}

Expected<ort::Value> BoundSet::value_over(const Place& place, const Memory& memory, DType dtype, const Shape& shape) const {
  LANEWAY_TRY_ASSIGN(const std::size_t bytes, byte_count(dtype, shape));
  const ort::MemoryInfo& host = binding_.session()->environment()->host_memory();
  return ort::Value::borrow(memory.placement == Placement::device ? *place.memory : host, memory.data, bytes, dtype, shape);
}

Expected<> BoundSet::join_input(std::size_t index, const Memory& memory, const Shape& shape) {
  if (input_at_[index] == memory.data) return {};
  const DType dtype = binding_.session()->inputs()[index].dtype;
  LANEWAY_TRY_ASSIGN(const ort::Value value, value_over(places_.inputs[index], memory, dtype, shape));
  LANEWAY_TRY(binding_.bind_input(index, value));
  input_at_[index] = memory.data;
  return {};
}

Expected<> BoundSet::join_output(std::size_t index, const Memory& memory, const Shape& shape) {
  if (output_at_[index] == memory.data) return {};
  const std::size_t slot = slots_[index];
  const DType dtype = binding_.session()->outputs()[slot].dtype;
  LANEWAY_TRY_ASSIGN(const ort::Value value, value_over(places_.outputs[slot], memory, dtype, shape));
  LANEWAY_TRY(binding_.bind_output(slot, value));
  output_at_[index] = memory.data;
  return {};
}

Expected<> BoundSet::own_output(std::size_t index) {
  if (owns(index)) return {};
  LANEWAY_TRY(binding_.bind_output(slots_[index]));
  output_at_[index] = owned;
  return {};
}

Expected<> BoundSet::copy_input(std::size_t index, const Memory& memory) {
  input_at_[index] = nothing;
  return join_input(index, memory, shapes_[index]);
}

Expected<> BoundSet::release_results() {
  for (std::size_t i = 0; i < output_at_.size(); ++i) {
    if (owns(i)) LANEWAY_TRY(binding_.bind_output(slots_[i]));
  }
  return {};
}

}  // namespace laneway::engines_ort
