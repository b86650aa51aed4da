#pragma once
#include <span>
#include <vector>

#include "laneway/ort/device.h"

namespace laneway::ort {

/// Native devices of the environment with what they need to stay. Without those of a library that is going.
std::vector<Device> known_devices(const std::shared_ptr<const Environment>& environment, std::span<OrtEpDevice* const> natives);

/// The machine's processors, as they are until the process ends. Errors: unimplemented (a library before level 24).
Expected<std::vector<const OrtHardwareDevice*>> native_hardware(const Environment& environment);

}  // namespace laneway::ort
