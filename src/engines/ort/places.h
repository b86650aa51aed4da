#pragma once
#include <optional>
#include <span>
#include <vector>

#include "laneway/ort/device.h"
#include "laneway/ort/session.h"

namespace laneway::engines_ort {

/// Where a session reads or writes a port.
struct Place {
  Placement placement = Placement::host;
  int device = 0;                                        ///< By its number among the engine's devices.
  std::optional<ort::MemoryInfo> memory = std::nullopt;  ///< Of that device; nullopt: on the host.
  bool moved_at_bind = false;  ///< ONNX Runtime may copy what lies on the host when it is bound, and only then.
};

/// Of all ports of the session, in its order.
struct Places {
  std::vector<Place> inputs, outputs;
};
/// Of a session without providers of the caller's.
Places all_on_host(const ort::Session& session);
/// Of one with some. Where ONNX Runtime does not tell (of models with an input that nothing reads, or an output that is an input or
/// a constant), host memory serves, which it copies.
Expected<Places> places_of(const ort::Session& session, std::span<const ort::Device> devices);

}  // namespace laneway::engines_ort
