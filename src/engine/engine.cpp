#include "laneway/engine/engine.h"

namespace laneway {

Expected<Engine::Allocation> Engine::allocate(std::size_t, Placement placement, int) const {
  return Error(ErrorCode::unimplemented, "engine " + std::string(name()) + ": no allocator of its own for " +
                                             std::string(laneway::name(placement)) + " memory");
}

}  // namespace laneway
