#pragma once
#include <string>
#include <vector>

#include "laneway/core/expected.h"

namespace laneway LANEWAY_PUBLIC {

/// The threads that compute one run.
struct ThreadSpec {
  int count = 1;                 ///< 1: the calling thread alone. More: the caller and count - 1 workers.
  std::vector<int> cores = {};   ///< Workers are bound to these, in turn; empty: wherever the system puts them. Never the caller.
  bool spin = true;              ///< Workers spin a while for the next run before they sleep: less latency, more power.
  std::string name = "laneway";  ///< Of the workers, as `top -H` shows it; the first 12 characters count.

  friend bool operator==(const ThreadSpec&, const ThreadSpec&) = default;
};

/// The most threads of one run: 8 for each core this process may use, 64 at least. They may all spin at once.
int threads_max();

/// Errors: invalid_argument (a count below 1 or above threads_max(), a core that this process may not use).
Expected<> validate(const ThreadSpec& spec);

/// Cores this process may run on, ascending.
std::vector<int> allowed_cores();

/// Names and places the calling thread. Errors: invalid_argument (a core that it may not use).
Expected<> name_this_thread(const std::string& name) noexcept;
Expected<> bind_this_thread(const std::vector<int>& cores) noexcept;

}  // namespace laneway
