#pragma once
#include <cstdint>
#include <vector>

#include "laneway/graph/ops/convolution.h"

namespace laneway::graph {

enum class PoolFunction : std::uint8_t { max, average, lp };

struct Pool {
  PoolFunction function = PoolFunction::max;
  std::vector<std::int64_t> kernel;
  Window window;
  bool count_padding = false;  ///< Of averages.
  std::int64_t p = 2;          ///< Of lp.
  bool column_major = false;   ///< Of the second output of max: the positions.

  friend bool operator==(const Pool&, const Pool&) = default;
};

/// Over all axes after batch and channels, which become 1.
struct GlobalPool {
  PoolFunction function = PoolFunction::average;
  std::int64_t p = 2;

  friend bool operator==(const GlobalPool&, const GlobalPool&) = default;
};

}  // namespace laneway::graph
