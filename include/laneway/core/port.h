#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "laneway/core/dtype.h"
#include "laneway/core/shape.h"

namespace laneway LANEWAY_PUBLIC {

enum class PortKind : std::uint8_t { tensor, sparse_tensor, sequence, map, optional };
enum class Placement : std::uint8_t { host, pinned_host, device };

std::string_view name(PortKind kind) noexcept;
std::string_view name(Placement placement) noexcept;

/// A dimension as the model declares it: an extent, or a name for one that is known only later, or neither.
struct Dimension {
  std::optional<std::int64_t> extent = std::nullopt;
  std::string symbol = {};

  friend bool operator==(const Dimension&, const Dimension&) = default;
};

/// One input or output of a model, as its author declared it.
struct Port {
  std::string name;
  PortKind kind = PortKind::tensor;
  DType dtype = DType::f32;           ///< Of a tensor's elements; of what a sequence or optional holds where that is a tensor.
  std::vector<Dimension> shape = {};  ///< Empty for a scalar, and where rank_known is false.
  bool rank_known = true;             ///< False: the model does not say how many dimensions there are.
  bool optional = false;              ///< May be left out: the model has a default for it.

  /// Bytes at an address: the ports that are bound once and cost nothing per run.
  bool dense() const noexcept { return kind == PortKind::tensor && is_numeric(dtype); }
  friend bool operator==(const Port&, const Port&) = default;
};

/// The name of a dimension everywhere (ladders, leases, `--dim`): the model's symbol, else `port.axis` ("input.0").
std::string dimension_name(const Port& port, std::size_t axis);

/// "[batch, 3, input.2, input.3]".
std::string describe_shape(const Port& port);

/// The extent of a dimension by name: {"batch", 1}.
struct NamedExtent {
  std::string symbol;
  std::int64_t extent;

  friend bool operator==(const NamedExtent&, const NamedExtent&) = default;
};

/// "{batch=1, sequence=17}".
std::string to_string(std::span<const NamedExtent> dimensions);

/// Borrowed memory at a known place. On a device `data` is a device address: there is no way to read it from here.
struct Memory {
  void* data = nullptr;
  std::size_t bytes = 0;
  Placement placement = Placement::host;
  int device = 0;
};

}  // namespace laneway
