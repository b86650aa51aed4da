#include "ort/port_check.h"

#include <string>
#include <utility>

namespace laneway::ort {
namespace {

std::string_view name(Direction direction) noexcept { return direction == Direction::input ? "input" : "output"; }

Error mismatch(Direction direction, const Port& port, std::string_view what, std::string_view expected, std::string_view got) {
  return Error(ErrorCode::invalid_argument, std::string(name(direction)) + " " + port.name + ": " + std::string(what) +
                                                ": expected " + std::string(expected) + ", got " + std::string(got));
}

bool fits(const Port& port, const Shape& shape) noexcept {
  if (!port.rank_known) return true;
  if (shape.rank() != port.shape.size()) return false;
  for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
    if (port.shape[axis].extent && *port.shape[axis].extent != shape[axis]) return false;
  }
  return true;
}

// Of sequences and maps: down to the dtypes.
Expected<> check_nested(const Session& session, Direction direction, std::size_t position, const Value& value) {
  LANEWAY_TRY_ASSIGN(Type wanted, direction == Direction::input ? input_type(session, position) : output_type(session, position));
  if (wanted.kind == PortKind::optional) wanted = Type(wanted.held.front());
  LANEWAY_TRY_ASSIGN(const Type type, value.type());
  const std::string expected = to_string(wanted), got = to_string(type);
  if (expected == got) return {};
  return mismatch(direction, ports_of(session, direction)[position], "type", expected, got);
}

}  // namespace

std::span<const Port> ports_of(const Session& session, Direction direction) noexcept {
  return direction == Direction::input ? session.inputs() : session.outputs();
}

Expected<> check_position(const Session& session, Direction direction, std::size_t position) {
  const std::size_t count = ports_of(session, direction).size();
  if (position < count) return {};
  return Error(ErrorCode::out_of_range,
               std::string(name(direction)) + " " + std::to_string(position) + ": expected one below " + std::to_string(count));
}

Expected<> check_port(const Session& session, Direction direction, std::size_t position, const Value& value) {
  LANEWAY_TRY(check_position(session, direction, position));
  const Port& port = ports_of(session, direction)[position];
  LANEWAY_TRY_ASSIGN(const bool full, value.holds_anything());
  if (value.native() && !full) {
    return Error(ErrorCode::unimplemented, std::string(name(direction)) + " " + port.name +
                                               ": an optional that holds nothing: the C API of ONNX Runtime cannot take one");
  }
  auto kind = value.kind();
  if (!kind) return std::move(kind).error().with_context(std::string(name(direction)) + " " + port.name);
  const PortKind expected = port.kind == PortKind::optional ? *kind : port.kind;
  if (*kind != expected) return mismatch(direction, port, "kind", laneway::name(expected), laneway::name(*kind));
  const bool tensor = *kind == PortKind::tensor || *kind == PortKind::sparse_tensor;
  if (!tensor || port.kind == PortKind::optional) LANEWAY_TRY(check_nested(session, direction, position, value));
  if (!tensor) return {};
  LANEWAY_TRY_ASSIGN(const DType dtype, value.dtype());
  LANEWAY_TRY_ASSIGN(const Shape shape, value.shape());
  if (dtype != port.dtype) return mismatch(direction, port, "dtype", laneway::name(port.dtype), laneway::name(dtype));
  if (!fits(port, shape)) return mismatch(direction, port, "shape", describe_shape(port), to_string(shape));
  return {};
}

}  // namespace laneway::ort
