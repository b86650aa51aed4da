#include <exception>
#include <new>
#include <string>

#include "ort/attach.h"
#include "ort/call.h"
#include "ort/device_list.h"
#include "ort/key_values.h"

namespace laneway::ort {

Expected<std::vector<std::size_t>> Chooser::ask(std::span<const Device> devices, const OrtKeyValuePairs* model, std::size_t max) {
  try {
    LANEWAY_TRY_ASSIGN(
        std::vector<std::size_t> chosen,
        select_({.devices = devices, .model_metadata = read_key_values(*environment_->library(), model), .devices_max = max}));
    if (chosen.size() > max) {
      return Error(ErrorCode::invalid_argument, "device_selection: too many devices: expected at most " + std::to_string(max) +
                                                    ", got " + std::to_string(chosen.size()));
    }
    for (const std::size_t position : chosen) {
      if (position >= devices.size()) {
        return Error(ErrorCode::out_of_range, "device_selection: no such device: expected below " +
                                                  std::to_string(devices.size()) + ", got " + std::to_string(position));
      }
    }
    return chosen;
  } catch (const std::bad_alloc&) { return Error::out_of_memory(); } catch (const std::exception& failure) {
    return Error(ErrorCode::internal, std::string("device_selection: threw: ") + failure.what());
  }
}

OrtStatus* Chooser::choose(const OrtEpDevice** devices, std::size_t count, const OrtKeyValuePairs* model,
                           const OrtKeyValuePairs* /*runtime*/, const OrtEpDevice** selected, std::size_t selected_max,
                           std::size_t* selected_count, void* chooser) noexcept {
  Chooser& self = *static_cast<Chooser*>(chooser);
  try {
    std::vector<OrtEpDevice*> natives;
    for (std::size_t i = 0; i < count; ++i) natives.push_back(const_cast<OrtEpDevice*>(devices[i]));
    const std::vector<Device> known = known_devices(self.environment_, natives);
    auto chosen = self.ask(known, model, selected_max);
    if (chosen) {
      *selected_count = chosen->size();
      for (std::size_t i = 0; i < chosen->size(); ++i) selected[i] = known[(*chosen)[i]].native();
      return nullptr;
    }
    self.failure_ = std::move(chosen).error();
  } catch (const std::bad_alloc&) { self.failure_ = Error::out_of_memory(); }
  return self.environment_->library()->api()->CreateStatus(ORT_FAIL, self.failure_->message().data());
}

}  // namespace laneway::ort
