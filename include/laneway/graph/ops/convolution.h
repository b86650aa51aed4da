#pragma once
#include <cstdint>
#include <vector>

namespace laneway::graph {

/// How a window goes over the axes after batch and channels. Vectors have one entry per such axis.
struct Window {
  enum class Padding : std::uint8_t { given, same_upper, same_lower, valid };

  std::vector<std::int64_t> strides, dilations, pads_begin, pads_end;
  Padding padding = Padding::given;  ///< same_*: pads follow from the extents.
  bool ceil = false;                 ///< Of pools: a last window that is not full counts.

  friend bool operator==(const Window&, const Window&) = default;
};

/// x [batch, channels, ...], weight [filters, channels / groups, ...], bias [filters] or left out.
struct Conv {
  Window window;
  std::int64_t groups = 1;

  friend bool operator==(const Conv&, const Conv&) = default;
};

}  // namespace laneway::graph
