#include "cli/usage.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <numeric>

namespace laneway::cli {
namespace {

std::string lowered(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

// Letters to add, drop, replace or swap with the next one.
std::size_t edits_between(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), row(b.size() + 1), next(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    next[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      next[j] = std::min({row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) next[j] = std::min(next[j], before[j - 2] + 1);
    }
    before.swap(row);
    row.swap(next);
  }
  return row[b.size()];
}

[[noreturn]] void wrong(std::string_view flag, std::string_view expected, std::string_view got) {
  throw UsageError(fmt::format("{}: expected {}, got {}", flag, expected, got.empty() ? "nothing" : got));
}

// The whole text as a number, or nullopt.
template <class T>
std::optional<T> number_of(std::string_view text) {
  T value{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Assignment cut_at(std::size_t equals, std::string_view flag, const std::string& text) {
  if (equals == 0 || equals == std::string::npos) wrong(flag, "NAME=VALUE", text);
  return {text.substr(0, equals), text.substr(equals + 1)};
}

}  // namespace

std::optional<std::string> near_match(std::string_view got, std::span<const std::string> known) {
  const std::string wanted = lowered(got);
  std::optional<std::string> best;
  std::size_t best_edits = std::min(std::max<std::size_t>(1, wanted.size() / 3) + 1, wanted.size());
  for (const std::string& word : known) {
    const bool shortened = wanted.size() > 1 && lowered(word).starts_with(wanted);
    const std::size_t edits = shortened ? 1 : edits_between(wanted, lowered(word));
    if (edits < best_edits) {
      best = word;
      best_edits = edits;
    }
  }
  return best;
}

std::string expected_one_of(std::span<const std::string> known, std::string_view got) {
  const auto near = near_match(got, known);
  return fmt::format("expected {}{}, got {}{}", known.size() > 1 ? "one of " : "",
                     known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", ")), got,
                     near ? fmt::format(" (did you mean {}?)", *near) : "");
}

int count_of(std::string_view flag, const std::string& text, int most) {
  const auto count = number_of<int>(text);
  if (!count || *count < 1 || *count > most) wrong(flag, fmt::format("a count from 1 to {}", most), text);
  return *count;
}

std::uint64_t seed_of(std::string_view flag, const std::string& text) {
  const auto seed = number_of<std::uint64_t>(text);
  if (!seed) wrong(flag, "a number of 0 or more", text);
  return *seed;
}

std::chrono::nanoseconds duration_of(std::string_view flag, const std::string& text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
  const auto value = number_of<double>(std::string_view(text).substr(0, digits));
  const std::string_view unit = std::string_view(text).substr(digits);
  const double unit_ns = unit == "ns" ? 1 : unit == "us" ? 1e3 : unit == "ms" ? 1e6 : unit == "s" ? 1e9 : 0;
  const double ns = value.value_or(0) * unit_ns;
  if (!value || unit_ns == 0 || ns > 9e18) wrong(flag, "a time such as 5ms, 100us or 2s", text);
  return std::chrono::nanoseconds(std::llround(ns));
}

Assignment assignment_of(std::string_view flag, const std::string& text) { return cut_at(text.find('='), flag, text); }

Assignment last_assignment_of(std::string_view flag, const std::string& text) { return cut_at(text.rfind('='), flag, text); }

std::int64_t extent_of(std::string_view flag, const std::string& text) {
  const auto extent = number_of<std::int64_t>(text);
  if (!extent || *extent < 0) wrong(flag, "an extent of 0 or more", text);
  return *extent;
}

Shape shape_of(std::string_view flag, const std::string& text) {
  std::vector<std::int64_t> extents;
  for (std::size_t from = 0; !text.empty() && from <= text.size();) {
    const std::size_t end = std::min(text.find('x', from), text.size());
    const auto extent = number_of<std::int64_t>(std::string_view(text).substr(from, end - from));
    if (!extent || *extent < 0) wrong(flag, "extents such as 1x3x224x224", text);
    extents.push_back(*extent);
    from = end + 1;
  }
  auto shape = Shape::of(extents);
  if (!shape) throw UsageError(fmt::format("{}: {}", flag, shape.error().message()));
  return *shape;
}

}  // namespace laneway::cli
