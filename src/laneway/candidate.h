#pragma once
#include <span>
#include <string>
#include <string_view>

#include "laneway/laneway.h"
#include "runtime/problems.h"

namespace laneway {

/// An engine that may be asked to open a model.
struct Candidate {
  std::string name;
  bool automatic;  ///< Whether "auto" tries it.
  std::string_view about;
  EngineChoice::Open open;
};

/// The runtime of the first candidate that does not answer unimplemented, be it a runtime or another error. `problems` is what
/// was found wrong with the spec so far.
Expected<Runtime> open_first(const RuntimeSpec& spec, std::span<const Candidate> candidates, const Problems& problems);

}  // namespace laneway
