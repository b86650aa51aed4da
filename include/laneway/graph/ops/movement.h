#pragma once
#include <cstdint>
#include <optional>
#include <vector>

/// Operators that move elements, or only say how they lie.
namespace laneway::graph {

/// The extents of x from axis `start` to before `end`, as i64. ONNX's Shape.
struct ShapeOf {
  std::int64_t start = 0;
  std::optional<std::int64_t> end = std::nullopt;

  friend bool operator==(const ShapeOf&, const ShapeOf&) = default;
};

/// The second input is the shape: -1 once for what is left, 0 for the input's extent there unless zero_is_zero.
struct Reshape {
  bool zero_is_zero = false;

  friend bool operator==(const Reshape&, const Reshape&) = default;
};

/// Two axes: those before `axis`, and it with those after.
struct Flatten {
  std::int64_t axis = 1;

  friend bool operator==(const Flatten&, const Flatten&) = default;
};

struct Transpose {
  std::vector<std::int64_t> order;  ///< Empty: backwards.

  friend bool operator==(const Transpose&, const Transpose&) = default;
};

/// Axes are an attribute or a second input; neither: all of extent 1.
struct Squeeze {
  std::optional<std::vector<std::int64_t>> axes = std::nullopt;

  friend bool operator==(const Squeeze&, const Squeeze&) = default;
};
struct Unsqueeze {
  std::optional<std::vector<std::int64_t>> axes = std::nullopt;

  friend bool operator==(const Unsqueeze&, const Unsqueeze&) = default;
};

struct Concat {
  std::int64_t axis = 0;

  friend bool operator==(const Concat&, const Concat&) = default;
};

/// Starts, ends, axes, steps are attributes (version 1) or inputs.
struct Slice {
  std::optional<std::vector<std::int64_t>> starts = std::nullopt, ends = std::nullopt, axes = std::nullopt;

  friend bool operator==(const Slice&, const Slice&) = default;
};

struct Gather {
  std::int64_t axis = 0;

  friend bool operator==(const Gather&, const Gather&) = default;
};

/// The second input is a shape that x broadcasts with.
struct Expand {
  friend bool operator==(const Expand&, const Expand&) = default;
};

}  // namespace laneway::graph
