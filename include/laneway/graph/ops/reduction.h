#pragma once
#include <cstdint>
#include <optional>
#include <vector>

namespace laneway::graph {

/// Over axes, which are an attribute or, where that is empty, a second input; where there is neither: all of them.
struct Reduce {
  enum class Function : std::uint8_t { sum, mean, max, min, prod, l1, l2, log_sum, log_sum_exp, sum_square };

  Function function = Function::sum;
  std::optional<std::vector<std::int64_t>> axes = std::nullopt;
  bool keep_axes = true;
  bool none_is_all = true;  ///< No axes mean all; false: none.

  friend bool operator==(const Reduce&, const Reduce&) = default;
};

struct Softmax {
  std::int64_t axis = -1;
  bool logarithm = false;
  bool flattened = false;  ///< As before version 13: `axis` and all after it are one.

  friend bool operator==(const Softmax&, const Softmax&) = default;
};

}  // namespace laneway::graph
