#include "laneway/ort/session.h"

namespace laneway::ort {

SessionSpec lowest_latency(ModelSource model) {
  return {.model = std::move(model), .threads = {.count = 1}, .execution = Execution::sequential};
}

SessionSpec highest_throughput(ModelSource model, int threads) {
  return {.model = std::move(model), .threads = {.count = threads, .spin = true}};
}

SessionSpec least_memory(ModelSource model) {
  return {.model = std::move(model),
          .config = {{"session.disable_prepacking", "1"}},
          .threads = {.count = 1, .spin = false},
          .arena = false,
          .memory_pattern = false};
}

SessionSpec reproducible(ModelSource model) {
  return {.model = std::move(model), .deterministic = true, .optimisation = Optimisation::basic, .threads = {.count = 1}};
}

}  // namespace laneway::ort
