#pragma once
#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "laneway/core/port.h"

namespace laneway LANEWAY_PUBLIC {

/// A NamedExtent that borrows its name: {"sequence", 17}.
struct DimensionExtent {
  std::string_view symbol;
  std::int64_t extent;
};

/// What a call says of a shape: extents by name, written on the spot, `lease({{"sequence", 17}})`, or kept as NamedExtents.
/// Borrows both: for the duration of a call. Pass it by reference: a copy would wait for what was just stored. Making one allocates nothing, however long the names.
class ShapeKey {
 public:
  ShapeKey(std::initializer_list<DimensionExtent> dimensions) noexcept : borrowed_(dimensions.begin(), dimensions.size()) {}
  template <class NamedExtents>
  requires std::convertible_to<const NamedExtents&, std::span<const NamedExtent>> ShapeKey(const NamedExtents& dimensions)
  noexcept : named_(dimensions) {}

  std::size_t size() const noexcept { return borrowed_.size() + named_.size(); }
  DimensionExtent operator[](std::size_t index) const noexcept {
    return named_.empty() ? borrowed_[index] : DimensionExtent{named_[index].symbol, named_[index].extent};
  }

 private:
  std::span<const DimensionExtent> borrowed_;  // one of them is empty
  std::span<const NamedExtent> named_;
};

}  // namespace laneway
