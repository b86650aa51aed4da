// Operators that leave elements where they are, and say how they lie, or ask how they do.
#include <algorithm>
#include <array>

#include "graph/op_info.h"

namespace laneway::graph {
namespace {

using Integers = std::vector<std::int64_t>;

// ---- ShapeOf --------------------------------------------------------------------------------------------------------------

constexpr std::array shape_onnx = {OnnxOperator{"", "Shape"}};

Expected<Op> read_shape(NodeReader& node) {
  ShapeOf op;
  LANEWAY_TRY_ASSIGN(op.start, node.integer("start", 0));
  LANEWAY_TRY_ASSIGN(op.end, node.integer("end"));
  return Op(op);
}

Expected<> infer_shape(const ShapeOf& op, Inference& node) {
  if (!node.shape(0)) return node.output(0, DType::i64, Sizes{node.unknown(0, 0)}), Expected<>();
  const Sizes& x = *node.shape(0);
  const auto rank = static_cast<std::int64_t>(x.size());
  const auto place = [&](std::int64_t at) { return std::clamp<std::int64_t>(at < 0 ? at + rank : at, 0, rank); };
  const std::int64_t begin = place(op.start), end = std::max(begin, place(op.end.value_or(rank)));
  node.output(0, DType::i64, Sizes{end - begin}, Sizes(x.begin() + begin, x.begin() + end));
  return {};
}

// ---- Reshape --------------------------------------------------------------------------------------------------------------

constexpr std::array reshape_onnx = {OnnxOperator{"", "Reshape", 5}};

Expected<Op> read_reshape(NodeReader& node) {
  Reshape op;
  LANEWAY_TRY_ASSIGN(op.zero_is_zero, node.flag("allowzero", false));
  return Op(op);
}

// The wanted extents, zeros replaced; -1 stays.
Expected<Sizes> without_zeros(const Reshape& op, const Inference& node, Sizes wanted) {
  for (std::size_t i = 0; i < wanted.size() && !op.zero_is_zero; ++i) {
    if (!wanted[i].is(0)) continue;
    if (node.shape(0) && i >= node.shape(0)->size()) return Inference::wrong("shape: 0 stands where the input has no axis");
    if (node.shape(0)) wanted[i] = (*node.shape(0))[i];
  }
  return wanted;
}

Expected<> infer_reshape(const Reshape& op, Inference& node) {
  LANEWAY_TRY(node.one_of(1, {DType::i64}));
  const auto asked = node.contents(1);
  if (!asked) {  // its length says the rank at least
    const auto rank = node.shape(1) && node.shape(1)->size() == 1 ? (*node.shape(1))[0].number() : std::nullopt;
    std::optional<Sizes> shape;
    if (rank && *rank >= 0 && *rank <= static_cast<std::int64_t>(Shape::rank_max)) {
      shape.emplace();
      for (std::size_t i = 0; i < static_cast<std::size_t>(*rank); ++i) shape->push_back(node.unknown(0, i));
    }
    return node.output(0, node.dtype(0), std::move(shape)), Expected<>();
  }
  LANEWAY_TRY_ASSIGN(Sizes shape, without_zeros(op, node, *asked));
  const auto open = std::ranges::find_if(shape, [](const Size& extent) { return extent.is(-1); });
  if (open != shape.end()) {
    *open = 1;
    if (std::ranges::any_of(shape, [](const Size& extent) { return extent.is(-1); }))
      return Inference::wrong("shape: -1 stands twice");
    const auto at = static_cast<std::size_t>(open - shape.begin());
    const Size rest = product(shape);
    if (!node.shape(0)) *open = node.unknown(0, at);
    else *open = rest.is(0) ? Size(0) : floor_div(product(*node.shape(0)), rest);
    if (node.shape(0) && (*open * rest).number() && product(*node.shape(0)).number() &&
        !(*open * rest == product(*node.shape(0))))
      return Inference::wrong("shape: " + to_string(*node.shape(0)) + " does not become " + to_string(*asked));
  } else if (node.shape(0)) {
    const auto before = product(*node.shape(0)).number(), after = product(shape).number();
    if (before && after && *before != *after)
      return Inference::wrong("shape: " + to_string(*node.shape(0)) + " does not become " + to_string(*asked));
  }
  node.output(0, node.dtype(0), std::move(shape), node.contents(0));
  return {};
}

// ---- Flatten --------------------------------------------------------------------------------------------------------------

constexpr std::array flatten_onnx = {OnnxOperator{"", "Flatten"}};

Expected<Op> read_flatten(NodeReader& node) {
  Flatten op;
  LANEWAY_TRY_ASSIGN(op.axis, node.integer("axis", 1));
  return Op(op);
}

Expected<> infer_flatten(const Flatten& op, Inference& node) {
  if (!node.shape(0)) return node.output(0, node.dtype(0), std::nullopt), Expected<>();
  const std::span<const Size> x = *node.shape(0);
  const auto rank = static_cast<std::int64_t>(x.size());
  const std::int64_t axis = op.axis < 0 ? op.axis + rank : op.axis;
  if (axis < 0 || axis > rank)
    return Inference::wrong("attribute axis: expected 0 to " + std::to_string(rank) + ", got " + std::to_string(op.axis));
  const auto middle = static_cast<std::size_t>(axis);
  node.output(0, node.dtype(0), Sizes{product(x.first(middle)), product(x.subspan(middle))});
  return {};
}

// ---- Squeeze, Unsqueeze -----------------------------------------------------------------------------------------------------

constexpr std::array squeeze_onnx = {OnnxOperator{"", "Squeeze"}};
constexpr std::array unsqueeze_onnx = {OnnxOperator{"", "Unsqueeze"}};

template <class Struct>
Expected<Op> read_axes(NodeReader& node) {
  Struct op;
  if (node.version() < 13) { LANEWAY_TRY_ASSIGN(op.axes, node.integers("axes")); }
  return Op(op);
}

// Of the attribute or the second input. nullopt: only a run shows them.
std::optional<Integers> given_axes(const std::optional<Integers>& attribute, const Inference& node) {
  if (attribute || !node.has_input(1)) return attribute.value_or(Integers());
  const auto contents = node.contents(1);
  Integers axes;
  for (std::size_t i = 0; contents && i < contents->size(); ++i) {
    if (!(*contents)[i].number()) return std::nullopt;
    axes.push_back(*(*contents)[i].number());
  }
  return contents ? std::optional(axes) : std::nullopt;
}

Expected<> infer_squeeze(const Squeeze& op, Inference& node) {
  const auto axes = given_axes(op.axes, node);
  if (!node.shape(0) || !axes) return node.output(0, node.dtype(0), std::nullopt, node.contents(0)), Expected<>();
  const Sizes& x = *node.shape(0);
  const bool all = axes->empty() && !op.axes && !node.has_input(1);
  if (all && std::ranges::any_of(x, [](const Size& extent) { return !extent.number(); })) {
    return node.output(0, node.dtype(0), std::nullopt, node.contents(0)), Expected<>();
  }
  std::vector<bool> goes(x.size());
  for (std::size_t i = 0; i < x.size() && all; ++i) goes[i] = x[i].is(1);
  for (const std::int64_t one : *axes) {
    LANEWAY_TRY_ASSIGN(const std::size_t axis, node.axis(one, x.size()));
    if (x[axis].number() && !x[axis].is(1))
      return Inference::wrong("axis " + std::to_string(one) + ": expected an extent of 1, got " + to_string(x));
    goes[axis] = true;
  }
  Sizes shape;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!goes[i]) shape.push_back(x[i]);
  }
  node.output(0, node.dtype(0), std::move(shape), node.contents(0));
  return {};
}

Expected<> infer_unsqueeze(const Unsqueeze& op, Inference& node) {
  const auto axes = given_axes(op.axes, node);
  if (!node.shape(0) || !axes) return node.output(0, node.dtype(0), std::nullopt, node.contents(0)), Expected<>();
  const Sizes& x = *node.shape(0);
  std::vector<bool> comes(x.size() + axes->size());
  for (const std::int64_t one : *axes) {
    LANEWAY_TRY_ASSIGN(const std::size_t axis, node.axis(one, comes.size()));
    if (comes[axis]) return Inference::wrong("axes: " + std::to_string(one) + ": named twice");
    comes[axis] = true;
  }
  Sizes shape;
  std::size_t next = 0;
  for (const bool one : comes) shape.push_back(one ? Size(1) : x[next++]);
  node.output(0, node.dtype(0), std::move(shape), node.contents(0));
  return {};
}

// ---- reference kernels: the shape rule, of numbers ------------------------------------------------------------------------

// Runs a rule for shapes on tensors that are there, and gives the first input's elements in the shape it says.
Expected<> as_inferred(const Op& op, Evaluation& node) {
  LANEWAY_TRY_ASSIGN(const Shape shape, inferred_shape(op, node));
  if (node.input(0).dtype != DType::string && byte_count(node.input(0).dtype, shape).operator bool() &&
      *byte_count(node.input(0).dtype, shape) != node.input(0).bytes.size()) {
    return Inference::wrong("shape: " + to_string(node.input(0).shape) + " does not become " + to_string(shape));
  }
  node.give(0, shape, node.input(0));
  return {};
}

Expected<> evaluate_shape(const ShapeOf& op, Evaluation& node) {
  const auto extents = node.input(0).shape.extents();
  const auto rank = static_cast<std::int64_t>(extents.size());
  const auto place = [&](std::int64_t at) { return std::clamp<std::int64_t>(at < 0 ? at + rank : at, 0, rank); };
  const std::int64_t begin = place(op.start), end = std::max(begin, place(op.end.value_or(rank)));
  node.give(0, DType::i64, Shape{end - begin}, Integers(extents.begin() + begin, extents.begin() + end));
  return {};
}
Expected<> evaluate_reshape(const Reshape& op, Evaluation& node) { return as_inferred(op, node); }
Expected<> evaluate_flatten(const Flatten& op, Evaluation& node) { return as_inferred(op, node); }
Expected<> evaluate_squeeze(const Squeeze& op, Evaluation& node) { return as_inferred(op, node); }
Expected<> evaluate_unsqueeze(const Unsqueeze& op, Evaluation& node) { return as_inferred(op, node); }

}  // namespace

template <>
const OpInfo& info_of<ShapeOf>() {
  static constexpr OpInfo info = {.name = "Shape",
                                  .onnx = shape_onnx,
                                  .inputs_min = 1,
                                  .inputs_max = 1,
                                  .read = read_shape,
                                  .infer = infer_as<ShapeOf, infer_shape>,
                                  .evaluate = evaluate_as<ShapeOf, evaluate_shape>};
  return info;
}
template <>
const OpInfo& info_of<Reshape>() {
  static constexpr OpInfo info = {.name = "Reshape",
                                  .onnx = reshape_onnx,
                                  .inputs_min = 2,
                                  .inputs_max = 2,
                                  .read = read_reshape,
                                  .infer = infer_as<Reshape, infer_reshape>,
                                  .evaluate = evaluate_as<Reshape, evaluate_reshape>};
  return info;
}
template <>
const OpInfo& info_of<Flatten>() {
  static constexpr OpInfo info = {.name = "Flatten",
                                  .onnx = flatten_onnx,
                                  .inputs_min = 1,
                                  .inputs_max = 1,
                                  .read = read_flatten,
                                  .infer = infer_as<Flatten, infer_flatten>,
                                  .evaluate = evaluate_as<Flatten, evaluate_flatten>};
  return info;
}
template <>
const OpInfo& info_of<Squeeze>() {
  static constexpr OpInfo info = {.name = "Squeeze",
                                  .onnx = squeeze_onnx,
                                  .inputs_min = 1,
                                  .inputs_max = 2,
                                  .read = read_axes<Squeeze>,
                                  .infer = infer_as<Squeeze, infer_squeeze>,
                                  .evaluate = evaluate_as<Squeeze, evaluate_squeeze>};
  return info;
}
template <>
const OpInfo& info_of<Unsqueeze>() {
  static constexpr OpInfo info = {.name = "Unsqueeze",
                                  .onnx = unsqueeze_onnx,
                                  .inputs_min = 1,
                                  .inputs_max = 2,
                                  .read = read_axes<Unsqueeze>,
                                  .infer = infer_as<Unsqueeze, infer_unsqueeze>,
                                  .evaluate = evaluate_as<Unsqueeze, evaluate_unsqueeze>};
  return info;
}

}  // namespace laneway::graph
