#pragma once
#include <span>

#include "graph/evaluation.h"
#include "graph/inference.h"
#include "graph/node_reader.h"

namespace laneway::graph {

/// Strides, dilations, pads of a node whose window has `rank` axes; those a file leaves out are filled in.
Expected<Window> read_window(NodeReader& node, std::size_t rank);

/// Extents after a window of `kernel` went over `spatial`. Errors: invalid_argument (one that does not fit, counts that differ).
Expected<Sizes> windowed(const Window& window, std::span<const Size> spatial, std::span<const Size> kernel);

/// A window over an image at numbers: how often it fits on each axis, and where the first one begins.
struct WindowRun {
  std::vector<std::int64_t> counts, begins;
};
Expected<WindowRun> run_window(const Window& window, std::span<const std::int64_t> spatial, std::span<const std::int64_t> kernel);

/// Calls visit(k, x) for each element of the window at `out` that lies in the image: its number in the window, in the image.
template <class Visit>
void for_each_in_window(const Window& window, const WindowRun& run, std::span<const std::int64_t> spatial,
                        std::span<const std::int64_t> kernel, std::span<const std::int64_t> out, Visit visit) {
  std::size_t count = 1;
  for (const std::int64_t extent : kernel) count *= static_cast<std::size_t>(extent);
  Odometer in(kernel);
  for (std::size_t k = 0; k < count; ++k, in.next()) {
    std::int64_t position = 0;
    bool inside = true;
    for (std::size_t axis = 0; axis < spatial.size(); ++axis) {
      const std::int64_t at = run.begins[axis] + out[axis] * window.strides[axis] + in.index()[axis] * window.dilations[axis];
      inside = inside && at >= 0 && at < spatial[axis];
      position = position * spatial[axis] + at;
    }
    if (inside) visit(k, static_cast<std::size_t>(position));
  }
}

}  // namespace laneway::graph
