#include "laneway/engine/check.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace laneway {
namespace {

Error wrong(std::string message) { return Error(ErrorCode::invalid_argument, std::move(message)); }

bool is_given(const std::vector<bool>& given, std::span<const Port> ports, std::size_t index) {
  return given.empty() ? !ports[index].optional : given[index];
}

// Whether the tensor's bytes can be counted at all: nobody else checks for overflow.
Expected<> countable(const Port& port, const Shape& shape) {
  auto bytes = port.dense() ? byte_count(port.dtype, shape) : element_count(shape);
  return bytes ? Expected<>() : std::move(bytes).error().with_context("port " + port.name);
}

// A symbol as one input's shape binds it.
struct Bound {
  const std::string* symbol;
  std::int64_t extent;
  const Port* port;
  std::size_t axis;
};

// Calls visit(bound) for every symbolic dimension of every given dense input until it returns an error.
template <class Visit>
Expected<> for_each_symbol(std::span<const Port> ports, std::span<const Shape> shapes, const std::vector<bool>& given,
                           Visit visit) {
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (!ports[i].dense() || !ports[i].rank_known || !is_given(given, ports, i)) continue;
    for (std::size_t axis = 0; axis < ports[i].shape.size(); ++axis) {
      const Dimension& dimension = ports[i].shape[axis];
      if (!dimension.extent && !dimension.symbol.empty())
        LANEWAY_TRY(visit(Bound{&dimension.symbol, shapes[i][axis], &ports[i], axis}));
    }
  }
  return {};
}

}  // namespace

Expected<> check_shape(const Port& port, const Shape& shape) {
  LANEWAY_TRY(countable(port, shape));
  const auto refuse = [&](const char* problem) {
    return wrong("port " + port.name + ": " + problem + ": expected " + describe_shape(port) + ", got " + to_string(shape));
  };
  if (!port.rank_known) return {};
  if (shape.rank() != port.shape.size()) return refuse("wrong rank");
  for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
    if (port.shape[axis].extent && *port.shape[axis].extent != shape[axis]) return refuse("wrong shape");
  }
  return {};
}

Expected<> check_shapes(std::span<const Port> ports, std::span<const Shape> shapes, const std::vector<bool>& given) {
  if (shapes.size() != ports.size()) {
    return wrong("inputs: wrong number of shapes: expected " + std::to_string(ports.size()) + ", got " +
                 std::to_string(shapes.size()));
  }
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].dense() && is_given(given, ports, i)) LANEWAY_TRY(check_shape(ports[i], shapes[i]));
  }
  // Each symbol against every earlier mention: quadratic in the few symbols a model has, and free of allocation.
  return for_each_symbol(ports, shapes, given, [&](const Bound& later) {
    return for_each_symbol(ports, shapes, given, [&](const Bound& earlier) -> Expected<> {
      if (*earlier.symbol != *later.symbol || earlier.extent == later.extent) return {};
      return wrong("dimension " + *later.symbol + ": inputs disagree: " + earlier.port->name + " has " +
                   std::to_string(earlier.extent) + ", " + later.port->name + " has " + std::to_string(later.extent));
    });
  });
}

Expected<> check_plan_spec(std::span<const Port> inputs, std::span<const Port> outputs, const PlanSpec& spec) {
  if (!spec.given.empty() && spec.given.size() != inputs.size()) {
    return wrong("plan: wrong number of given flags: expected " + std::to_string(inputs.size()) + ", got " +
                 std::to_string(spec.given.size()));
  }
  LANEWAY_TRY(check_shapes(inputs, spec.inputs, spec.given));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].optional && !is_given(spec.given, inputs, i))
      return wrong("port " + inputs[i].name + ": required input left out");
  }
  for (const std::size_t output : spec.outputs) {
    if (output >= outputs.size()) {
      return Error(ErrorCode::out_of_range,
                   "plan: no such output: expected below " + std::to_string(outputs.size()) + ", got " + std::to_string(output));
    }
  }
  for (const ProvenOutput& proven : spec.proven) {
    const auto* input = std::get_if<std::size_t>(&proven.shape);
    if (proven.output >= outputs.size() || (input && *input >= inputs.size())) {
      return Error(ErrorCode::out_of_range, "plan: a proven output names a port that does not exist");
    }
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const auto proven = std::ranges::find(spec.proven, i, &ProvenOutput::output);
    const auto shape = shape_of_output(inputs, spec.inputs, outputs[i], proven == spec.proven.end() ? nullptr : &*proven);
    if (shape) LANEWAY_TRY(countable(outputs[i], *shape));
  }
  return {};
}

Expected<> check_memory(std::string_view what, const Port& port, const PlannedPort& planned, const Memory& memory) {
  const auto refuse = [&](std::string problem) { return wrong(std::string(what) + " " + port.name + ": " + std::move(problem)); };
  if (memory.bytes < planned.bytes) {
    return refuse("buffer too small: expected " + std::to_string(planned.bytes) + " bytes, got " + std::to_string(memory.bytes));
  }
  if (planned.bytes != 0 && !memory.data) {
    return refuse("no buffer: expected " + std::to_string(planned.bytes) + " bytes, got a null address");
  }
  const auto address = reinterpret_cast<std::uintptr_t>(memory.data);
  const std::size_t element = std::max<std::size_t>(1, bits_of(port.dtype) / 8);
  const std::size_t natural = std::min<std::size_t>(element, 8);
  const std::size_t alignment = std::max(planned.alignment_bytes, natural);
  if (address % alignment != 0) {
    return refuse("misaligned buffer: expected a multiple of " + std::to_string(alignment) + " bytes, got address " +
                  std::to_string(address));
  }
  return {};
}

namespace {

Expected<> check_attachment(const Port& port, const PlannedPort& planned, const Attachment& attachment, bool input) {
  const std::string_view what = input ? "input" : "output";
  const auto refuse = [&](const char* problem) { return wrong(std::string(what) + " " + port.name + ": " + problem); };
  if (const auto* memory = std::get_if<Memory>(&attachment)) {
    if (!port.dense()) return refuse("memory for a port that is not dense numbers: expected a Value");
    if (!planned.capacity) {
      return refuse(input ? "memory for an input that the plan leaves out: expected nothing"
                          : "memory for an output whose shape is not known: expected engine-owned");
    }
    return check_memory(what, port, planned, *memory);
  }
  if (const auto* value = std::get_if<ValueRef>(&attachment)) {
    if (port.dense()) return refuse("a Value for a dense numeric port: expected memory");
    return value->value ? Expected<>() : refuse("a Value that is null");
  }
  if (std::holds_alternative<EngineOwned>(attachment)) {
    if (input) return refuse("joined to nothing: expected memory or a Value, got engine-owned");
    return port.dense() ? Expected<>() : refuse("engine-owned, but not dense numbers: expected a Value");
  }
  return input && !port.optional ? refuse("joined to nothing: expected memory or a Value") : Expected<>();
}

}  // namespace

Expected<> check_bind_spec(std::span<const Port> inputs, std::span<const Port> outputs, const Plan& plan, const BindSpec& spec) {
  if (spec.inputs.size() != inputs.size() || spec.outputs.size() != outputs.size()) {
    return wrong("bind: wrong number of ports: expected " + std::to_string(inputs.size()) + " inputs and " +
                 std::to_string(outputs.size()) + " outputs, got " + std::to_string(spec.inputs.size()) + " and " +
                 std::to_string(spec.outputs.size()));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i)
    LANEWAY_TRY(check_attachment(inputs[i], plan.inputs()[i], spec.inputs[i], true));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    LANEWAY_TRY(check_attachment(outputs[i], plan.outputs()[i], spec.outputs[i], false));
  }
  return {};
}

Expected<> check_resize(std::span<const Port> ports, const Plan& plan, std::span<const Shape> shapes,
                        const std::vector<bool>& given) {
  LANEWAY_TRY(check_shapes(ports, shapes, given));
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const auto& capacity = plan.inputs()[i].capacity;
    if (!capacity || !is_given(given, ports, i)) continue;
    if (capacity->rank() != shapes[i].rank()) {
      return wrong("port " + ports[i].name + ": wrong rank: expected " + std::to_string(capacity->rank()) + ", got " +
                   std::to_string(shapes[i].rank()));
    }
    for (std::size_t axis = 0; axis < shapes[i].rank(); ++axis) {
      if (shapes[i][axis] <= (*capacity)[axis]) continue;
      return Error(ErrorCode::out_of_range, "port " + ports[i].name + ": beyond the capacity: expected at most " +
                                                to_string(*capacity) + ", got " + to_string(shapes[i]));
    }
  }
  return {};
}

std::vector<std::string> open_dimensions(std::span<const Port> ports) {
  std::vector<std::string> names;
  for (const Port& port : ports) {
    for (std::size_t axis = 0; port.dense() && axis < port.shape.size(); ++axis) {
      if (port.shape[axis].extent) continue;
      std::string name = dimension_name(port, axis);
      if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
    }
  }
  return names;
}

namespace {

Expected<> fix_one(std::span<Port> ports, const NamedExtent& wanted, bool& found) {
  for (Port& port : ports) {
    for (std::size_t axis = 0; axis < port.shape.size(); ++axis) {
      if (dimension_name(port, axis) != wanted.symbol) continue;
      found = true;
      auto& extent = port.shape[axis].extent;
      if (extent && *extent != wanted.extent) {
        return wrong("dimension " + wanted.symbol + ": fixed already: expected " + std::to_string(*extent) + ", got " +
                     std::to_string(wanted.extent));
      }
      extent = wanted.extent;
    }
  }
  return {};
}

// Every name a dimension has, those that are fixed already included.
std::string listed(std::span<const Port> inputs, std::span<const Port> outputs) {
  std::vector<std::string> names;
  for (const std::span<const Port> ports : {inputs, outputs}) {
    for (const Port& port : ports) {
      for (std::size_t axis = 0; axis < port.shape.size(); ++axis) {
        if (port.shape[axis].extent && port.shape[axis].symbol.empty()) continue;
        std::string name = dimension_name(port, axis);
        if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
      }
    }
  }
  std::string text;
  for (const std::string& name : names) text.append(text.empty() ? "" : ", ").append(name);
  return text.empty() ? "none" : text;
}

}  // namespace

Expected<> fix_dimensions(std::span<Port> inputs, std::span<Port> outputs, std::span<const NamedExtent> dimensions) {
  for (const NamedExtent& dimension : dimensions) {
    if (dimension.extent < 0) {
      return wrong("dimension " + dimension.symbol + ": negative extent: expected 0 or more, got " +
                   std::to_string(dimension.extent));
    }
    bool found = false;
    LANEWAY_TRY(fix_one(inputs, dimension, found));
    LANEWAY_TRY(fix_one(outputs, dimension, found));
    if (!found) {
      return Error(ErrorCode::not_found,
                   "dimension " + dimension.symbol + ": no port has it: expected one of: " + listed(inputs, outputs));
    }
  }
  return {};
}

std::optional<Shape> shape_of_output(std::span<const Port> inputs, std::span<const Shape> shapes, const Port& output,
                                     const ProvenOutput* proven) {
  if (proven) {
    if (const auto* input = std::get_if<std::size_t>(&proven->shape)) return shapes[*input];
    return std::get<Shape>(proven->shape);
  }
  if (!output.rank_known || output.shape.size() > Shape::rank_max) return std::nullopt;
  std::array<std::int64_t, Shape::rank_max> extents{};
  for (std::size_t axis = 0; axis < output.shape.size(); ++axis) {
    const Dimension& dimension = output.shape[axis];
    std::optional<std::int64_t> extent = dimension.extent;
    for (std::size_t i = 0; !extent && !dimension.symbol.empty() && i < inputs.size(); ++i) {
      for (std::size_t a = 0; a < inputs[i].shape.size() && a < shapes[i].rank(); ++a) {
        if (!inputs[i].shape[a].extent && inputs[i].shape[a].symbol == dimension.symbol) extent = shapes[i][a];
      }
    }
    if (!extent) return std::nullopt;
    extents[axis] = *extent;
  }
  auto shape = Shape::of(std::span(extents.data(), output.shape.size()));
  return shape ? std::optional<Shape>(*shape) : std::nullopt;
}

}  // namespace laneway
