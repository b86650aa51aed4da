#include "engines/ort/places.h"

namespace laneway::engines_ort {
namespace {

// By the memory: of several devices of one provider ONNX Runtime names the first, whichever it is.
Expected<int> number_of(const ort::MemorySpec& memory, std::span<const ort::Device> devices) {
  for (std::size_t i = 0; i < devices.size(); ++i) {
    LANEWAY_TRY_ASSIGN(const auto own, devices[i].memory());
    const bool same = own && own->name == memory.name && own->vendor == memory.vendor && own->device == memory.device;
    if (same) return static_cast<int>(i);
  }
  return memory.device;
}

Expected<Place> place_of(const ort::Session& session, const ort::PortPlacement& port, std::span<const ort::Device> devices) {
  Place place;
  if (port.memory.device_kind == ort::DeviceKind::cpu || port.memory.host_accessible) return place;
  place.placement = Placement::device;
  LANEWAY_TRY_ASSIGN(place.device, number_of(port.memory, devices));
  LANEWAY_TRY_ASSIGN(place.memory, ort::MemoryInfo::make(session.library(), port.memory));
  place.moved_at_bind = true;
  return place;
}

// `tell`: input_placements() or output_placements().
Expected<> note_places(std::vector<Place>& places, const ort::Session& session, std::span<const ort::Device> devices,
                       Expected<std::vector<ort::PortPlacement>> (ort::Session::*tell)() const) {
  const auto told = (session.*tell)();
  if (!told) return told.error().code() == ErrorCode::internal ? Expected<>() : Expected<>(told.error());
  for (std::size_t i = 0; i < told->size(); ++i) { LANEWAY_TRY_ASSIGN(places[i], place_of(session, (*told)[i], devices)); }
  return {};
}

}  // namespace

Places all_on_host(const ort::Session& session) {
  return {.inputs = std::vector<Place>(session.inputs().size()), .outputs = std::vector<Place>(session.outputs().size())};
}

Expected<Places> places_of(const ort::Session& session, std::span<const ort::Device> devices) {
  Places places = all_on_host(session);
  for (Place& input : places.inputs) input.moved_at_bind = true;  // unless it is told where it is
  LANEWAY_TRY(note_places(places.inputs, session, devices, &ort::Session::input_placements));
  LANEWAY_TRY(note_places(places.outputs, session, devices, &ort::Session::output_placements));
  return places;
}

}  // namespace laneway::engines_ort
