#include "laneway/core/shape.h"

#include <algorithm>

#include "laneway/core/checked.h"
#include "laneway/core/port.h"

namespace laneway {

Expected<Shape> Shape::of(std::span<const std::int64_t> extents) {
  if (extents.size() > rank_max) {
    return Error(ErrorCode::unimplemented, "shape " + to_string(extents) + ": rank too high: expected at most " +
                                               std::to_string(rank_max) + ", got " + std::to_string(extents.size()));
  }
  Shape shape;
  for (const std::int64_t extent : extents) {
    if (extent < 0) {
      return Error(ErrorCode::invalid_argument,
                   "shape " + to_string(extents) + ": negative extent: expected 0 or more, got " + std::to_string(extent));
    }
    shape.extents_[shape.rank_++] = extent;
  }
  return shape;
}

Expected<std::size_t> element_count(std::span<const std::int64_t> extents) {
  const bool empty = std::ranges::find(extents, 0) != extents.end();
  std::int64_t count = 1;
  for (const std::int64_t extent : extents) {
    if (extent < 0) {
      return Error(ErrorCode::invalid_argument,
                   "shape " + to_string(extents) + ": negative extent: expected 0 or more, got " + std::to_string(extent));
    }
    const auto product = checked_mul(count, empty ? 1 : extent);
    if (!product) return Error(ErrorCode::invalid_argument, "shape " + to_string(extents) + ": element count overflows 64 bits");
    count = *product;
  }
  return empty ? std::size_t{0} : static_cast<std::size_t>(count);
}

Expected<std::size_t> byte_count(DType dtype, std::span<const std::int64_t> extents) {
  if (!is_numeric(dtype)) return Error(ErrorCode::invalid_argument, "shape: strings have no byte count");
  LANEWAY_TRY_ASSIGN(const std::size_t elements, element_count(extents));
  const auto bits = checked_mul(elements, bits_of(dtype));
  const auto padded = bits ? checked_add(*bits, std::size_t{7}) : std::nullopt;
  if (!padded) return Error(ErrorCode::invalid_argument, "shape " + to_string(extents) + ": byte count overflows 64 bits");
  return *padded / 8;
}

std::string to_string(std::span<const std::int64_t> extents) {
  std::string text = "[";
  for (std::size_t axis = 0; axis < extents.size(); ++axis) {
    if (axis != 0) text += ", ";
    text += std::to_string(extents[axis]);
  }
  return text += ']';
}

std::string_view name(PortKind kind) noexcept {
  switch (kind) {
    case PortKind::tensor: return "tensor";
    case PortKind::sparse_tensor: return "sparse_tensor";
    case PortKind::sequence: return "sequence";
    case PortKind::map: return "map";
    case PortKind::optional: return "optional";
  }
  return "unknown";
}

std::string_view name(Placement placement) noexcept {
  switch (placement) {
    case Placement::host: return "host";
    case Placement::pinned_host: return "pinned_host";
    case Placement::device: return "device";
  }
  return "unknown";
}

std::string dimension_name(const Port& port, std::size_t axis) {
  const Dimension& dimension = port.shape[axis];
  return dimension.symbol.empty() ? port.name + "." + std::to_string(axis) : dimension.symbol;
}

std::string describe_shape(const Port& port) {
  if (!port.rank_known) return "[...]";
  std::string text = "[";
  for (std::size_t axis = 0; axis < port.shape.size(); ++axis) {
    if (axis != 0) text += ", ";
    text += port.shape[axis].extent ? std::to_string(*port.shape[axis].extent) : dimension_name(port, axis);
  }
  return text += ']';
}

std::string to_string(std::span<const NamedExtent> dimensions) {
  std::string text = "{";
  for (const NamedExtent& dimension : dimensions) {
    if (text.size() > 1) text += ", ";
    text += dimension.symbol + "=" + std::to_string(dimension.extent);
  }
  return text += '}';
}

}  // namespace laneway
