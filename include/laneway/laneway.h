#pragma once
#include <string_view>
#include <vector>

#include "laneway/runtime/job.h"
#include "laneway/runtime/runtime.h"
#include "laneway/runtime/spec.h"

/// All of Laneway that most programs need.
namespace laneway LANEWAY_PUBLIC {

/// Opens a model: finds the engine, makes the runtime, its lanes and, where asked, warms them.
///
/// engine = "auto" tries engines in the order of engines() and goes on only where one answers unimplemented; the choice and its
/// reason are in Runtime::report().
/// Errors: a single mistake of the spec has its own code, several are one invalid_argument that lists them, each naming its
///         field; not_found, permission_denied, unimplemented, resource_exhausted, unavailable.
/// Threads: any. Cost: reads the model, allocates everything that runs will need.
Expected<Runtime> open(const RuntimeSpec& spec);

/// An engine alone, to be shared by several runtimes (`.model = engine`).
Expected<OpenEngine> open_engine(const OpenSpec& spec, const EngineChoice& engine = "auto");

/// An engine this build has.
struct EngineEntry {
  std::string_view name;
  std::string_view about;
  bool automatic;  ///< Whether "auto" tries it.
};
/// In the order in which "auto" tries them.
std::vector<EngineEntry> engines();

}  // namespace laneway
