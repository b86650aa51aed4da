#include "runtime/dimensions.h"

#include <algorithm>

namespace laneway {
namespace {

std::string text_of(const ShapeKey& dimensions) {
  std::vector<NamedExtent> named;
  for (std::size_t i = 0; i < dimensions.size(); ++i) named.push_back({std::string(dimensions[i].symbol), dimensions[i].extent});
  return to_string(named);
}

}  // namespace

Expected<Dimensions> Dimensions::of(std::span<const Port> inputs, const std::vector<bool>& given) {
  Dimensions result;
  result.fixed_.resize(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Port& port = inputs[i];
    if (!port.dense() || !given[i]) continue;
    if (!port.rank_known) {
      return Error(ErrorCode::invalid_argument,
                   "ports: " + port.name + ": the model does not state its rank: expected a shape, got none");
    }
    std::vector<std::int64_t> extents(port.shape.size(), 0);
    for (std::size_t axis = 0; axis < extents.size(); ++axis) {
      if (port.shape[axis].extent) {
        extents[axis] = *port.shape[axis].extent;
        continue;
      }
      std::string name = dimension_name(port, axis);
      const auto known = std::ranges::find(result.names_, name);
      result.places_.push_back({i, axis, static_cast<std::size_t>(known - result.names_.begin())});
      if (known == result.names_.end()) result.names_.push_back(std::move(name));
    }
    LANEWAY_TRY_ASSIGN(result.fixed_[i], Shape::of(extents));
  }
  if (result.names_.size() > Extents::count_max) {
    return Error(ErrorCode::unimplemented, "dimensions: too many vary: expected at most " + std::to_string(Extents::count_max) +
                                               ", got " + std::to_string(result.names_.size()) + " (fix some by `dimensions`)");
  }
  return result;
}

std::optional<std::size_t> Dimensions::find(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (names_[i] == name) return i;
  }
  return std::nullopt;
}

Expected<std::size_t> Dimensions::index_of(const DimensionExtent& dimension) const {
  const auto index = find(dimension.symbol);
  if (!index) {
    std::string known;
    for (const std::string& name : names_) known += (known.empty() ? "" : ", ") + name;
    return Error(ErrorCode::not_found, "dimension " + std::string(dimension.symbol) +
                                           ": does not vary here: expected one of: " + (known.empty() ? "none" : known));
  }
  if (dimension.extent < 0) {
    return Error(ErrorCode::invalid_argument, "dimension " + std::string(dimension.symbol) +
                                                  ": negative extent: expected 0 or more, got " +
                                                  std::to_string(dimension.extent));
  }
  return *index;
}

// The way of every lease. Extents are written and read one by one: copying all of them at once would wait for the stores.
Expected<> Dimensions::resolve(const ShapeKey& dimensions, Extents& extents) const {
  const std::size_t count = names_.size();
  extents.count = count;
  std::uint32_t seen = 0;
  for (std::size_t i = 0; i < dimensions.size(); ++i) {
    const DimensionExtent dimension = dimensions[i];
    std::size_t index = i;  // most name them in the model's order
    if (i >= count || names_[i] != dimension.symbol || dimension.extent < 0) { LANEWAY_TRY_ASSIGN(index, index_of(dimension)); }
    if (seen & (1u << index))
      return Error(ErrorCode::invalid_argument, "dimension " + std::string(dimension.symbol) + ": named twice");
    seen |= 1u << index;
    extents.values[index] = dimension.extent;
  }
  if (seen != (1u << count) - 1) return missing(dimensions, seen);
  return {};
}

Error Dimensions::missing(const ShapeKey& dimensions, std::uint32_t seen) const {
  std::size_t first = 0;
  while (seen & (1u << first)) ++first;
  return Error(ErrorCode::invalid_argument,
               "dimension " + names_[first] + ": not given: expected its extent beside " + text_of(dimensions));
}

Expected<> Dimensions::update(const ShapeKey& dimensions, Extents& extents) const {
  Extents changed = extents;
  for (std::size_t i = 0; i < dimensions.size(); ++i) {
    const DimensionExtent dimension = dimensions[i];
    LANEWAY_TRY_ASSIGN(const std::size_t index, index_of(dimension));
    changed.values[index] = dimension.extent;
  }
  extents = changed;
  return {};
}

std::vector<NamedExtent> Dimensions::named(const Extents& extents) const {
  std::vector<NamedExtent> result;
  for (std::size_t i = 0; i < names_.size(); ++i) result.push_back({names_[i], extents.values[i]});
  return result;
}

void Dimensions::shapes(const Extents& extents, std::span<Shape> out) const noexcept {
  std::ranges::copy(fixed_, out.begin());
  for (const Place& place : places_) out[place.input].set(place.axis, extents.values[place.dimension]);
}

}  // namespace laneway
