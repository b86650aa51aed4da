#pragma once
#include <array>
#include <atomic>
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
    for (std::size_t i = 0; i < a.count; ++i) {
      if (a.values[i] != b.values[i]) return false;
    }
    return a.count == b.count;
  }
};

/// Extents that are compared by threads which do not wait for the one that writes. Each value is ordered by itself.
class SharedExtents {
 public:
  void store(const Extents& extents) noexcept {
    for (std::size_t i = 0; i < extents.count; ++i) values_[i].store(extents.values[i], std::memory_order_release);
  }
  bool equal(const Extents& extents) const noexcept {
    for (std::size_t i = 0; i < extents.count; ++i) {
      if (values_[i].load(std::memory_order_acquire) != extents.values[i]) return false;
    }
    return true;
  }

 private:
  std::array<std::atomic<std::int64_t>, Extents::count_max> values_{};
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
  Expected<> resolve(const ShapeKey& dimensions, Extents& extents) const;
  /// Some dimensions named; the others stay as they are in `extents`. Errors: as resolve(), `extents` is then unchanged.
  Expected<> update(const ShapeKey& dimensions, Extents& extents) const;

  std::vector<NamedExtent> named(const Extents& extents) const;
  /// Shapes of all inputs at these extents; empty shapes for those that are not dense or not given.
  void shapes(const Extents& extents, std::span<Shape> out) const noexcept;
  std::size_t inputs() const noexcept { return fixed_.size(); }

 private:
  struct Place {
    std::size_t input, axis, dimension;
  };

  Expected<std::size_t> index_of(const DimensionExtent& dimension) const;
  Error missing(const ShapeKey& dimensions, std::uint32_t seen) const;

  std::vector<std::string> names_;
  std::vector<Place> places_;
  std::vector<Shape> fixed_;  // per input, open axes 0
};

}  // namespace laneway
