#pragma once
#include <cstddef>
#include <string_view>

#include "laneway/ort/session.h"
#include "laneway/ort/value.h"

/// What all ways to run a session check.
namespace laneway::ort {

enum class Direction : std::uint8_t { input, output };

/// The ports of one direction.
std::span<const Port> ports_of(const Session& session, Direction direction) noexcept;

/// Errors: out_of_range.
Expected<> check_position(const Session& session, Direction direction, std::size_t position);

/// ONNX Runtime takes any value for any port, and fails at the run or computes nonsense.
/// Errors: out_of_range; invalid_argument naming port, expected, got; unimplemented (an optional that holds nothing).
Expected<> check_port(const Session& session, Direction direction, std::size_t position, const Value& value);

}  // namespace laneway::ort
