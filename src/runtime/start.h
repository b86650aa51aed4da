#pragma once
#include <string>

#include "laneway/runtime/runtime.h"
#include "runtime/bucket_cache.h"
#include "runtime/problems.h"

namespace laneway {

/// Makes a runtime over an engine that is open. `problems` holds what was found wrong with the spec so far; everything found
/// here joins it, and nothing is made unless there is none.
/// Errors: those of laneway::open().
Expected<Runtime> start_runtime(RuntimeSpec spec, OpenEngine engine, OpenEngineAgain open_again, std::string reason,
                                Problems& problems);

}  // namespace laneway
