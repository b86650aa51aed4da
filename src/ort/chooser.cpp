#include <string>

#include "core/guard.h"
#include "ort/attach.h"
#include "ort/call.h"
#include "ort/device_list.h"
#include "ort/key_values.h"

namespace laneway::ort {

Expected<std::vector<std::size_t>> Chooser::ask(std::span<const Device> devices, const OrtKeyValuePairs* model, std::size_t max) {
  auto answer = guarded([&] {
    return select_({.devices = devices, .model_metadata = read_key_values(*environment_->library(), model), .devices_max = max});
  });
  if (!answer) return std::move(answer).error().with_context("device_selection");
  std::vector<std::size_t> chosen = *std::move(answer);
  if (chosen.size() > max) {
    return Error(ErrorCode::invalid_argument, "device_selection: too many devices: expected at most " + std::to_string(max) +
                                                  ", got " + std::to_string(chosen.size()));
  }
  for (const std::size_t position : chosen) {
    if (position >= devices.size()) {
      return Error(ErrorCode::out_of_range, "device_selection: no such device: expected below " + std::to_string(devices.size()) +
                                                ", got " + std::to_string(position));
    }
  }
  return chosen;
}

OrtStatus* Chooser::choose(const OrtEpDevice** devices, std::size_t count, const OrtKeyValuePairs* model,
                           const OrtKeyValuePairs* /*runtime*/, const OrtEpDevice** selected, std::size_t selected_max,
                           std::size_t* selected_count, void* chooser) noexcept {
  Chooser& self = *static_cast<Chooser*>(chooser);
  const Expected<> done = guarded([&]() -> Expected<> {
    std::vector<OrtEpDevice*> natives;
    for (std::size_t i = 0; i < count; ++i) natives.push_back(const_cast<OrtEpDevice*>(devices[i]));
    const std::vector<Device> known = known_devices(self.environment_, natives);
    LANEWAY_TRY_ASSIGN(const auto chosen, self.ask(known, model, selected_max));
    *selected_count = chosen.size();
    for (std::size_t i = 0; i < chosen.size(); ++i) selected[i] = known[chosen[i]].native();
    return {};
  });
  if (done) return nullptr;
  self.failure_ = done.error();
  return self.environment_->library()->api()->CreateStatus(ORT_FAIL, self.failure_->message().data());
}

}  // namespace laneway::ort
