#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/core/port.h"
#include "laneway/runtime/shape_key.h"

namespace laneway {

/// Extents of the dimensions that vary, in the order of Dimensions. Inline: made and compared without allocation.
struct Extents {
  static constexpr std::size_t count_max = 8;

  std::array<std::int64_t, count_max> values{};
  std::size_t count = 0;

  friend bool operator==(const Extents& a, const Extents& b) noexcept {
    return a.count == b.count && std::equal(a.values.begin(), a.values.begin() + a.count, b.values.begin());
  }
};

/// The dimensions of a runtime that are not fixed, by name, and where they occur in the inputs.
class Dimensions {
 public:
  Dimensions() = default;

  /// Of the dense inputs that are given. Errors: unimplemented (more than Extents::count_max of them), invalid_argument (an
  /// input of unknown rank).
  static Expected<Dimensions> of(std::span<const Port> inputs, const std::vector<bool>& given);

  const std::vector<std::string>& names() const noexcept { return names_; }
  std::size_t count() const noexcept { return names_.size(); }
  std::optional<std::size_t> find(std::string_view name) const noexcept;

  /// Every dimension named, once. Errors: not_found, invalid_argument (missing, twice, negative). Allocates on errors only.
  Expected<Extents> resolve(ShapeKey dimensions) const;
  /// Some dimensions named; the others stay as they are in `extents`. Errors: as resolve(), `extents` is then unchanged.
  Expected<> update(ShapeKey dimensions, Extents& extents) const;

  std::vector<NamedExtent> named(const Extents& extents) const;
  /// Shapes of all inputs at these extents; empty shapes for those that are not dense or not given.
  void shapes(const Extents& extents, std::span<Shape> out) const noexcept;
  std::size_t inputs() const noexcept { return fixed_.size(); }

 private:
  struct Place {
    std::size_t input, axis, dimension;
  };

  Expected<std::size_t> index_of(const DimensionExtent& dimension) const;

  std::vector<std::string> names_;
  std::vector<Place> places_;
  std::vector<Shape> fixed_;  // per input, open axes 0
};

}  // namespace laneway
