#pragma once
#include <span>

#include "graph/inference.h"
#include "graph/node_reader.h"

namespace laneway::graph {

/// Strides, dilations, pads of a node whose window has `rank` axes; those a file leaves out are filled in.
Expected<Window> read_window(NodeReader& node, std::size_t rank);

/// Extents after a window of `kernel` went over `spatial`. Errors: invalid_argument (one that does not fit, counts that differ).
Expected<Sizes> windowed(const Window& window, std::span<const Size> spatial, std::span<const Size> kernel);

}  // namespace laneway::graph
