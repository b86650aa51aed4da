#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "laneway/engine/engine.h"

/// Checks that every engine owes the runtime, written once. An engine calls them first and adds what only it knows.
namespace laneway LANEWAY_PUBLIC {

/// Whether `shape` fits what the port declares: rank and fixed extents. Errors: invalid_argument naming port, expected, got.
Expected<> check_shape(const Port& port, const Shape& shape);

/// Whether the shapes of all inputs fit their ports and agree about symbols. `given` as in PlanSpec. Errors: invalid_argument.
Expected<> check_shapes(std::span<const Port> ports, std::span<const Shape> shapes, const std::vector<bool>& given);

/// A PlanSpec against the ports of an engine: counts, shapes, indices of wanted and proven outputs.
Expected<> check_plan_spec(std::span<const Port> inputs, std::span<const Port> outputs, const PlanSpec& spec);

/// A BindSpec against plan and ports: counts, kinds of attachment, required inputs, bytes, alignment, null addresses.
Expected<> check_bind_spec(std::span<const Port> inputs, std::span<const Port> outputs, const Plan& plan, const BindSpec& spec);

/// Whether `memory` can serve the planned port at its capacity. `what` is "input" or "output".
Expected<> check_memory(std::string_view what, const Port& port, const PlannedPort& planned, const Memory& memory);

/// Whether `shapes` stay within the capacities, fit the ports and agree about symbols. Errors: invalid_argument, out_of_range.
Expected<> check_resize(std::span<const Port> ports, const Plan& plan, std::span<const Shape> shapes,
                        const std::vector<bool>& given);

/// Ports with the given dimensions fixed by name.
/// Errors: not_found (a name that no port has, listing those there are), invalid_argument (a fixed one given another extent,
///         a negative extent, a name given twice with two extents).
Expected<> fix_dimensions(std::span<Port> inputs, std::span<Port> outputs, std::span<const NamedExtent> dimensions);

/// Names of the dimensions that are not fixed, in order of first appearance, without repetition.
std::vector<std::string> open_dimensions(std::span<const Port> ports);

/// The output's shape where extents and symbols bound by input shapes, or `proven`, give it; else nullopt.
std::optional<Shape> shape_of_output(std::span<const Port> inputs, std::span<const Shape> shapes, const Port& output,
                                     const ProvenOutput* proven);

}  // namespace laneway
