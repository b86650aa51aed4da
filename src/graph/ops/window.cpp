#include "graph/ops/window.h"

#include <algorithm>

namespace laneway::graph {
namespace {

using Integers = std::vector<std::int64_t>;

Expected<Integers> read_numbers(NodeReader& node, std::string_view name, std::size_t count, std::int64_t least) {
  LANEWAY_TRY_ASSIGN(Integers values, node.integers(name, Integers(count, least)));
  const bool fits = values.size() == count && std::ranges::all_of(values, [&](std::int64_t one) { return one >= least; });
  if (fits) return values;
  return Inference::wrong("attribute " + std::string(name) + ": expected " + std::to_string(count) + " numbers of " +
                          std::to_string(least) + " or more, got " + to_string(Sizes(values.begin(), values.end())));
}

Expected<Window::Padding> read_padding(NodeReader& node) {
  LANEWAY_TRY_ASSIGN(const std::string padding, node.text("auto_pad", "NOTSET"));
  if (padding == "NOTSET") return Window::Padding::given;
  if (padding == "SAME_UPPER") return Window::Padding::same_upper;
  if (padding == "SAME_LOWER") return Window::Padding::same_lower;
  if (padding == "VALID") return Window::Padding::valid;
  return Inference::wrong("attribute auto_pad: expected NOTSET, SAME_UPPER, SAME_LOWER or VALID, got " + padding);
}

// How often a window of `reach` fits.
Expected<Size> count_of(const Window& window, std::size_t axis, const Size& extent, const Size& reach) {
  const Size stride = window.strides[axis];
  const bool given = window.padding == Window::Padding::given;
  if (!given && window.padding != Window::Padding::valid) return ceil_div(extent, stride);
  const Size before = given ? window.pads_begin[axis] : 0, after = given ? window.pads_end[axis] : 0;
  const Size room = extent + before + after - reach;
  if (room.number().value_or(0) < 0) {
    return Inference::wrong("window: expected at most " + to_string(extent + before + after) + " wide, got " + to_string(reach));
  }
  if (!window.ceil) return floor_div(room, stride) + 1;
  // A last window that begins in the padding at the end does not count.
  return min(ceil_div(room, stride) + 1, floor_div(extent + before - 1, stride) + 1);
}

}  // namespace

Expected<Window> read_window(NodeReader& node, std::size_t rank) {
  Window window;
  LANEWAY_TRY_ASSIGN(window.strides, read_numbers(node, "strides", rank, 1));
  LANEWAY_TRY_ASSIGN(window.dilations, read_numbers(node, "dilations", rank, 1));
  LANEWAY_TRY_ASSIGN(const Integers pads, read_numbers(node, "pads", 2 * rank, 0));
  const auto middle = pads.begin() + static_cast<std::ptrdiff_t>(rank);
  window.pads_begin.assign(pads.begin(), middle);
  window.pads_end.assign(middle, pads.end());
  LANEWAY_TRY_ASSIGN(window.padding, read_padding(node));
  return window;
}

Expected<Sizes> windowed(const Window& window, std::span<const Size> spatial, std::span<const Size> kernel) {
  if (window.strides.size() != spatial.size() || kernel.size() != spatial.size()) {
    return Inference::wrong("window: expected " + std::to_string(spatial.size()) + " axes, got " +
                            std::to_string(window.strides.size()));
  }
  Sizes result;
  for (std::size_t i = 0; i < spatial.size(); ++i) {
    const Size reach = (kernel[i] - 1) * Size(window.dilations[i]) + 1;
    LANEWAY_TRY_ASSIGN(result.emplace_back(), count_of(window, i, spatial[i], reach));
  }
  return result;
}

Expected<WindowRun> run_window(const Window& window, std::span<const std::int64_t> spatial,
                               std::span<const std::int64_t> kernel) {
  LANEWAY_TRY_ASSIGN(const Sizes counts,
                     windowed(window, Sizes(spatial.begin(), spatial.end()), Sizes(kernel.begin(), kernel.end())));
  WindowRun run;
  for (std::size_t i = 0; i < spatial.size(); ++i) {
    run.counts.push_back(counts[i].number().value_or(0));
    const std::int64_t reach = (kernel[i] - 1) * window.dilations[i] + 1;
    const std::int64_t all = std::max<std::int64_t>(0, (run.counts[i] - 1) * window.strides[i] + reach - spatial[i]);
    switch (window.padding) {
      case Window::Padding::given: run.begins.push_back(-window.pads_begin[i]); break;
      case Window::Padding::valid: run.begins.push_back(0); break;
      case Window::Padding::same_upper: run.begins.push_back(-(all / 2)); break;
      case Window::Padding::same_lower: run.begins.push_back(-(all - all / 2)); break;
    }
  }
  return run;
}

}  // namespace laneway::graph
