#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/core/port.h"
#include "laneway/memory/page_policy.h"

namespace laneway LANEWAY_PUBLIC {

/// Where one port of one lane lives.
struct AuditedPort {
  std::string lane;  ///< "lane 0", "bucket {sequence=32} lane 1".
  std::string port;
  bool input = true;
  const void* address = nullptr;  ///< What the engine is given; null where it has memory of its own at each run.
  std::size_t bytes = 0;          ///< Of the capacity.
  Placement placement = Placement::host;
  int device = 0;
  std::string owner;      ///< "laneway", "caller", "engine".
  PagePolicy pages = {};  ///< Resolved; only where laneway owns it.
  std::string copied;     ///< Empty: no copy at a run. Otherwise why there is one.
};

/// Every address that runs touch, for people and for tests.
struct Audit {
  std::vector<AuditedPort> ports;

  /// Errors: failed_precondition naming each port that is copied at a run, and why.
  Expected<> require_zero_copy() const;
  std::string text() const;  ///< A table for a terminal.
};

}  // namespace laneway
