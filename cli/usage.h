#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "laneway/core/shape.h"

namespace laneway::cli {

/// Wrong usage: exit status 2. Thrown where flags are understood and caught in main(), as CLI11 does; nothing else throws here.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The known word that `got` was probably meant to be.
std::optional<std::string> near_match(std::string_view got, std::span<const std::string> known);

/// "expected one of a, b, c, got d (did you mean c?)".
std::string expected_one_of(std::span<const std::string> known, std::string_view got);

/// Values of flags. Each throws UsageError naming the flag: "--runs: expected a count from 1 to 64, got x".
int count_of(std::string_view flag, const std::string& text, int most);
std::uint64_t seed_of(std::string_view flag, const std::string& text);
/// "5ms", "100us", "1.5s", "250ns".
std::chrono::nanoseconds duration_of(std::string_view flag, const std::string& text);

/// NAME=VALUE, cut at the first "=".
struct Assignment {
  std::string name, value;
};
Assignment assignment_of(std::string_view flag, const std::string& text);
/// The same cut at the last "=": for values that have none, as names may.
Assignment last_assignment_of(std::string_view flag, const std::string& text);
std::int64_t extent_of(std::string_view flag, const std::string& text);
/// "1x3x224x224"; nothing for a scalar.
Shape shape_of(std::string_view flag, const std::string& text);

}  // namespace laneway::cli
