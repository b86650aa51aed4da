#pragma once
#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/elements.h"
#include "laneway/core/port.h"
#include "laneway/engine/value.h"

/// What `laneway run` tells of an output.
namespace laneway::cli {

/// Of a dense tensor: the first elements, and what all are like but NaNs.
struct TensorSummary {
  std::size_t count = 0;
  std::vector<Element> first = {};
  std::optional<Element> min = std::nullopt, max = std::nullopt;  ///< Empty where there is no order, or no element.
  std::optional<double> mean = std::nullopt;
  std::size_t nan_count = 0;
};
TensorSummary summarise(DType dtype, std::size_t count, const void* data);
/// "0.1 0.2 ... (min -1, max 1, mean 0.02)".
std::string to_string(const TensorSummary& summary);
/// {first, min, max, mean, nan_count}.
nlohmann::ordered_json to_json(const TensorSummary& summary);

/// A value of any kind: its dtype and shape, and the first of what it holds.
std::string to_string(const Value& value);
nlohmann::ordered_json to_json(const Value& value);

/// The words of Port; dimensions that are open by their names.
nlohmann::ordered_json to_json(const Port& port);
nlohmann::ordered_json to_json(const Shape& shape);

}  // namespace laneway::cli
