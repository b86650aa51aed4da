// Operators that move elements.
#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <numeric>

#include "graph/op_info.h"

namespace laneway::graph {
namespace {

using Integers = std::vector<std::int64_t>;

// ---- Transpose --------------------------------------------------------------------------------------------------------------

constexpr std::array transpose_onnx = {OnnxOperator{"", "Transpose"}};

Expected<Op> read_transpose(NodeReader& node) {
  Transpose op;
  LANEWAY_TRY_ASSIGN(op.order, node.integers("perm", {}));
  return Op(op);
}

Expected<> infer_transpose(const Transpose& op, Inference& node) {
  if (!node.shape(0)) return node.output(0, node.dtype(0), std::nullopt), Expected<>();
  const Sizes& x = *node.shape(0);
  if (op.order.empty()) return node.output(0, node.dtype(0), Sizes(x.rbegin(), x.rend())), Expected<>();
  std::vector<bool> used(x.size());
  Sizes shape;
  for (const std::int64_t axis : op.order) {
    const bool fits = axis >= 0 && static_cast<std::size_t>(axis) < x.size() && !used[static_cast<std::size_t>(axis)];
    if (!fits || op.order.size() != x.size()) {
      return Inference::wrong("attribute perm: expected each axis of " + to_string(x) + " once, got " +
                              to_string(Sizes(op.order.begin(), op.order.end())));
    }
    used[static_cast<std::size_t>(axis)] = true;
    shape.push_back(x[static_cast<std::size_t>(axis)]);
  }
  node.output(0, node.dtype(0), std::move(shape));
  return {};
}

// ---- Concat -----------------------------------------------------------------------------------------------------------------

constexpr std::array concat_onnx = {OnnxOperator{"", "Concat", 4}};

Expected<Op> read_concat(NodeReader& node) {
  LANEWAY_TRY_ASSIGN(const auto axis, node.integer("axis"));
  if (!axis) return Inference::wrong("attribute axis: expected one, got none");
  return Op(Concat{*axis});
}

Expected<> infer_concat(const Concat& op, Inference& node) {
  std::optional<Sizes> shape = node.shape(0), contents = Sizes();
  for (std::size_t i = 0; i < node.input_count(); ++i) {
    if (i > 0) LANEWAY_TRY(node.same_dtype(0, i));
    const auto more = node.contents(i);
    if (more && contents) contents->insert(contents->end(), more->begin(), more->end());
    else contents.reset();
    if (i == 0 || !shape) continue;
    if (!node.shape(i)) {
      shape.reset();
      continue;
    }
    const Sizes& x = *node.shape(i);
    LANEWAY_TRY(node.rank(i, shape->size()));
    LANEWAY_TRY_ASSIGN(const std::size_t axis, node.axis(op.axis, shape->size()));
    for (std::size_t k = 0; k < x.size(); ++k) {
      const bool differ = x[k].number() && (*shape)[k].number() && !(x[k] == (*shape)[k]);
      if (k == axis) (*shape)[k] = (*shape)[k] + x[k];
      else if (differ) return Inference::wrong("shapes differ: " + to_string(*node.shape(0)) + " and " + to_string(x));
      else if (x[k].number()) (*shape)[k] = x[k];  // the others must be the same
    }
  }
  if (shape) LANEWAY_TRY(node.axis(op.axis, shape->size()));
  if (!shape || shape->size() != 1) contents.reset();
  node.output(0, node.dtype(0), std::move(shape), std::move(contents));
  return {};
}

// ---- Slice ------------------------------------------------------------------------------------------------------------------

constexpr std::array slice_onnx = {OnnxOperator{"", "Slice"}};

Expected<Op> read_slice(NodeReader& node) {
  Slice op;
  if (node.version() >= 10) return Op(op);
  LANEWAY_TRY_ASSIGN(op.starts, node.integers("starts"));
  LANEWAY_TRY_ASSIGN(op.ends, node.integers("ends"));
  LANEWAY_TRY_ASSIGN(op.axes, node.integers("axes"));
  if (op.starts && op.ends) return Op(op);
  return Inference::wrong("attributes starts and ends: expected both");
}

struct Cut {
  Size start, end;
  std::int64_t axis, step;
};

// nullopt: only a run shows which.
Expected<std::optional<std::vector<Cut>>> cuts_of(const Slice& op, const Inference& node) {
  const auto given = [&](const std::optional<Integers>& attribute, std::size_t input) -> std::optional<Sizes> {
    if (attribute) return Sizes(attribute->begin(), attribute->end());
    return node.has_input(input) ? node.contents(input) : std::nullopt;
  };
  const auto starts = given(op.starts, 1), ends = given(op.ends, 2);
  auto axes = given(op.axes, 3), steps = given(std::nullopt, 4);
  if (!starts || !ends) return std::optional<std::vector<Cut>>();
  if ((!axes && node.has_input(3)) || (!steps && node.has_input(4))) return std::optional<std::vector<Cut>>();
  if (!steps) steps = Sizes(starts->size(), Size(1));
  if (!axes) {
    axes.emplace();
    for (std::size_t i = 0; i < starts->size(); ++i) axes->push_back(static_cast<std::int64_t>(i));
  }
  if (ends->size() != starts->size() || axes->size() != starts->size() || steps->size() != starts->size())
    return Inference::wrong("starts, ends, axes, steps: expected as many of each, got " + to_string(*starts) + ", " +
                            to_string(*ends) + ", " + to_string(*axes) + ", " + to_string(*steps));
  std::vector<Cut> cuts;
  for (std::size_t i = 0; i < starts->size(); ++i) {
    const auto axis = (*axes)[i].number(), step = (*steps)[i].number();
    if (!axis || !step) return std::optional<std::vector<Cut>>();
    if (*step == 0) return Inference::wrong("steps: expected none of 0");
    cuts.push_back({(*starts)[i], (*ends)[i], *axis, *step});
  }
  return std::optional(std::move(cuts));
}

// Where a start or end lies in an axis: one that is negative counts from the end, and what is beyond is moved in. nullopt: the sign
// of a size decides that a run shows only.
std::optional<Size> place(const Size& at, const Size& extent, const Size& least, const Size& most) {
  Size moved = at;
  if (at.number()) {
    if (*at.number() < 0) moved = *at.number() == std::numeric_limits<std::int64_t>::min() ? least : extent + at;
  } else if (!at.never_negative()) {
    return std::nullopt;
  }
  return max(least, min(moved, most));
}

std::optional<Size> extent_of(const Cut& cut, const Size& extent) {
  const bool forward = cut.step > 0;
  const auto start = place(cut.start, extent, 0, forward ? extent : extent - 1);
  const auto end = place(cut.end, extent, forward ? 0 : -1, forward ? extent : extent - 1);
  if (!start || !end) return std::nullopt;
  return forward ? max(0, ceil_div(*end - *start, cut.step)) : max(0, ceil_div(*start - *end, Size(0) - Size(cut.step)));
}

// Of a list of sizes, where the cut is known.
std::optional<Sizes> cut_contents(const Cut& cut, const Sizes& list) {
  const auto count = static_cast<std::int64_t>(list.size());
  if (!cut.start.number() || !cut.end.number() || cut.step != 1) return std::nullopt;
  const auto at = [&](std::int64_t index) { return std::clamp<std::int64_t>(index < 0 ? index + count : index, 0, count); };
  const std::int64_t begin = at(*cut.start.number()), end = std::max(begin, at(*cut.end.number()));
  return Sizes(list.begin() + begin, list.begin() + end);
}

Expected<> infer_slice(const Slice& op, Inference& node) {
  if (!node.shape(0)) return node.output(0, node.dtype(0), std::nullopt), Expected<>();
  Sizes shape = *node.shape(0);
  LANEWAY_TRY_ASSIGN(const auto cuts, cuts_of(op, node));
  std::optional<Sizes> contents;
  if (!cuts) {
    for (std::size_t i = 0; i < shape.size(); ++i) shape[i] = node.unknown(0, i);
  } else {
    for (const Cut& cut : *cuts) {
      LANEWAY_TRY_ASSIGN(const std::size_t axis, node.axis(cut.axis, shape.size()));
      shape[axis] = extent_of(cut, (*node.shape(0))[axis]).value_or(node.unknown(0, axis));
    }
    if (const auto list = node.contents(0); list && shape.size() == 1 && cuts->size() == 1)
      contents = cut_contents(cuts->front(), *list);
  }
  node.output(0, node.dtype(0), std::move(shape), std::move(contents));
  return {};
}

// ---- Gather -----------------------------------------------------------------------------------------------------------------

constexpr std::array gather_onnx = {OnnxOperator{"", "Gather"}};

Expected<Op> read_gather(NodeReader& node) {
  Gather op;
  LANEWAY_TRY_ASSIGN(op.axis, node.integer("axis", 0));
  return Op(op);
}

std::optional<Sizes> gathered(const Inference& node) {
  const auto list = node.contents(0), indices = node.contents(1);
  if (!list || !indices || !node.shape(0) || node.shape(0)->size() != 1) return std::nullopt;
  const auto count = static_cast<std::int64_t>(list->size());
  Sizes result;
  for (const Size& index : *indices) {
    const auto number = index.number();
    if (!number || *number < -count || *number >= count) return std::nullopt;
    result.push_back((*list)[static_cast<std::size_t>(*number < 0 ? *number + count : *number)]);
  }
  return result;
}

Expected<> infer_gather(const Gather& op, Inference& node) {
  LANEWAY_TRY(node.one_of(1, {DType::i32, DType::i64}));
  if (!node.shape(0) || !node.shape(1)) return node.output(0, node.dtype(0), std::nullopt), Expected<>();
  Sizes shape = *node.shape(0);
  LANEWAY_TRY_ASSIGN(const std::size_t axis, node.axis(op.axis, shape.size()));
  const auto at = shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
  shape.insert(at, node.shape(1)->begin(), node.shape(1)->end());
  node.output(0, node.dtype(0), std::move(shape), gathered(node));
  return {};
}

// ---- Expand -----------------------------------------------------------------------------------------------------------------

constexpr std::array expand_onnx = {OnnxOperator{"", "Expand", 8}};

Expected<Op> read_expand(NodeReader&) { return Op(Expand{}); }

Expected<> infer_expand(const Expand&, Inference& node) {
  LANEWAY_TRY(node.one_of(1, {DType::i64}));
  const auto wanted = node.contents(1);
  std::optional<Sizes> shape;
  if (wanted && node.shape(0)) { LANEWAY_TRY_ASSIGN(shape, node.broadcast(*node.shape(0), *wanted)); }
  node.output(0, node.dtype(0), std::move(shape));
  return {};
}

// ---- reference kernels ----------------------------------------------------------------------------------------------------

// Gives elements of the first input, whatever they are: `from` says for each of the output's which.
Expected<> gather_elements(Evaluation& node, const Shape& shape, const std::vector<std::size_t>& from) {
  const Tensor& x = node.input(0);
  if (x.dtype == DType::string || bits_of(x.dtype) % 8 != 0) {
    return Error(ErrorCode::unimplemented, "dtype " + std::string(name(x.dtype)) + ": no reference kernel");
  }
  const std::size_t bytes = bits_of(x.dtype) / 8;
  std::vector<std::byte> y(from.size() * bytes);
  for (std::size_t i = 0; i < from.size(); ++i) std::memcpy(y.data() + i * bytes, x.bytes.data() + from[i] * bytes, bytes);
  node.give(0, x.dtype, shape, std::move(y));
  return {};
}

// The same, where the source goes by these steps from `start` as the output's indices do.
Expected<> gather_by_strides(Evaluation& node, const Shape& shape, std::int64_t start, std::span<const std::int64_t> strides) {
  LANEWAY_TRY_ASSIGN(const std::size_t count, element_count(shape));
  std::vector<std::size_t> from;
  Odometer at(shape.extents());
  for (std::size_t i = 0; i < count; ++i, at.next())
    from.push_back(static_cast<std::size_t>(std::inner_product(strides.begin(), strides.end(), at.index().begin(), start)));
  return gather_elements(node, shape, from);
}

Expected<> evaluate_transpose(const Transpose& op, Evaluation& node) {
  const Shape& x = node.input(0).shape;
  const auto steps = strides_of(x);
  std::vector<std::int64_t> extents, strides;
  for (std::size_t i = 0; i < x.rank(); ++i) {
    const std::size_t axis = op.order.empty() ? x.rank() - 1 - i : static_cast<std::size_t>(op.order[i]);
    extents.push_back(x[axis]);
    strides.push_back(steps[axis]);
  }
  LANEWAY_TRY_ASSIGN(const Shape shape, Shape::of(extents));
  return gather_by_strides(node, shape, 0, strides);
}

Expected<> evaluate_concat(const Concat& op, Evaluation& node) {
  LANEWAY_TRY_ASSIGN(const Shape shape, inferred_shape(op, node));
  const auto axis = static_cast<std::size_t>(op.axis < 0 ? op.axis + static_cast<std::int64_t>(shape.rank()) : op.axis);
  LANEWAY_TRY_ASSIGN(const std::size_t rows, element_count(shape.extents().first(axis)));
  std::vector<std::byte> y;
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t i = 0; i < node.input_count(); ++i) {
      const auto part = node.input(i).bytes;
      const std::size_t length = part.size() / rows;
      y.insert(y.end(), part.begin() + static_cast<std::ptrdiff_t>(row * length),
               part.begin() + static_cast<std::ptrdiff_t>((row + 1) * length));
    }
  }
  node.give(0, node.input(0).dtype, shape, std::move(y));
  return {};
}

Expected<> evaluate_slice(const Slice& op, Evaluation& node) {
  const Shape& x = node.input(0).shape;
  const auto numbers = [&](const std::optional<Integers>& attribute, std::size_t input) -> Expected<Integers> {
    if (attribute || !node.has_input(input)) return attribute.value_or(Integers());
    return node.integers(input);
  };
  LANEWAY_TRY_ASSIGN(const Integers starts, numbers(op.starts, 1));
  LANEWAY_TRY_ASSIGN(const Integers ends, numbers(op.ends, 2));
  LANEWAY_TRY_ASSIGN(Integers axes, numbers(op.axes, 3));
  LANEWAY_TRY_ASSIGN(Integers steps, numbers(std::nullopt, 4));
  for (std::size_t i = axes.size(); i < starts.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  steps.resize(starts.size(), 1);
  if (ends.size() != starts.size() || axes.size() != starts.size())
    return Inference::wrong("starts, ends, axes: expected as many of each");
  std::vector<std::int64_t> extents(x.extents().begin(), x.extents().end()), strides = strides_of(x);
  std::int64_t start = 0;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const std::int64_t at = axes[i] < 0 ? axes[i] + static_cast<std::int64_t>(x.rank()) : axes[i];
    if (at < 0 || at >= static_cast<std::int64_t>(x.rank()) || steps[i] == 0)
      return Inference::wrong("axes, steps: " + std::to_string(axes[i]));
    const auto axis = static_cast<std::size_t>(at);
    const auto count = extent_of({starts[i], ends[i], at, steps[i]}, x[axis]);
    const auto first = place(starts[i], x[axis], 0, steps[i] > 0 ? x[axis] : x[axis] - 1);
    extents[axis] = count->number().value_or(0);
    start += first->number().value_or(0) * strides[axis];
    strides[axis] *= steps[i];
  }
  LANEWAY_TRY_ASSIGN(const Shape shape, Shape::of(extents));
  return gather_by_strides(node, shape, start, strides);
}

Expected<> evaluate_gather(const Gather& op, Evaluation& node) {
  const Shape &x = node.input(0).shape, &indices_shape = node.input(1).shape;
  LANEWAY_TRY_ASSIGN(Integers indices, node.integers(1));
  const auto axis = static_cast<std::size_t>(op.axis < 0 ? op.axis + static_cast<std::int64_t>(x.rank()) : op.axis);
  if (axis >= x.rank()) return Inference::wrong("axis: " + std::to_string(op.axis));
  for (std::int64_t& index : indices) {
    if (index < -x[axis] || index >= x[axis])
      return Inference::wrong("indices: expected " + std::to_string(-x[axis]) + " to " + std::to_string(x[axis] - 1) + ", got " +
                              std::to_string(index));
    if (index < 0) index += x[axis];
  }
  std::vector<std::int64_t> extents(x.extents().begin(), x.extents().begin() + static_cast<std::ptrdiff_t>(axis));
  extents.insert(extents.end(), indices_shape.extents().begin(), indices_shape.extents().end());
  extents.insert(extents.end(), x.extents().begin() + static_cast<std::ptrdiff_t>(axis) + 1, x.extents().end());
  LANEWAY_TRY_ASSIGN(const Shape shape, Shape::of(extents));
  LANEWAY_TRY_ASSIGN(const std::size_t before, element_count(x.extents().first(axis)));
  LANEWAY_TRY_ASSIGN(const std::size_t after, element_count(x.extents().subspan(axis + 1)));
  std::vector<std::size_t> from;
  for (std::size_t i = 0; i < before; ++i) {
    for (const std::int64_t index : indices) {
      for (std::size_t k = 0; k < after; ++k)
        from.push_back((i * static_cast<std::size_t>(x[axis]) + static_cast<std::size_t>(index)) * after + k);
    }
  }
  return gather_elements(node, shape, from);
}

Expected<> evaluate_expand(const Expand&, Evaluation& node) {
  LANEWAY_TRY_ASSIGN(const Integers wanted, node.integers(1));
  LANEWAY_TRY_ASSIGN(const Shape other, Shape::of(wanted));
  LANEWAY_TRY_ASSIGN(const Shape shape, broadcast(node.input(0).shape, other));
  return gather_by_strides(node, shape, 0, broadcast_strides(node.input(0).shape, shape.rank()));
}

}  // namespace

template <>
const OpInfo& info_of<Transpose>() {
  static constexpr OpInfo info = {.name = "Transpose",
                                  .onnx = transpose_onnx,
                                  .inputs_min = 1,
                                  .inputs_max = 1,
                                  .read = read_transpose,
                                  .infer = infer_as<Transpose, infer_transpose>,
                                  .evaluate = evaluate_as<Transpose, evaluate_transpose>};
  return info;
}
template <>
const OpInfo& info_of<Concat>() {
  static constexpr OpInfo info = {.name = "Concat",
                                  .onnx = concat_onnx,
                                  .inputs_min = 1,
                                  .inputs_max = any_number,
                                  .read = read_concat,
                                  .infer = infer_as<Concat, infer_concat>,
                                  .evaluate = evaluate_as<Concat, evaluate_concat>};
  return info;
}
template <>
const OpInfo& info_of<Slice>() {
  static constexpr OpInfo info = {.name = "Slice",
                                  .onnx = slice_onnx,
                                  .inputs_min = 1,
                                  .inputs_max = 5,
                                  .read = read_slice,
                                  .infer = infer_as<Slice, infer_slice>,
                                  .evaluate = evaluate_as<Slice, evaluate_slice>};
  return info;
}
template <>
const OpInfo& info_of<Gather>() {
  static constexpr OpInfo info = {.name = "Gather",
                                  .onnx = gather_onnx,
                                  .inputs_min = 2,
                                  .inputs_max = 2,
                                  .read = read_gather,
                                  .infer = infer_as<Gather, infer_gather>,
                                  .evaluate = evaluate_as<Gather, evaluate_gather>};
  return info;
}
template <>
const OpInfo& info_of<Expand>() {
  static constexpr OpInfo info = {.name = "Expand",
                                  .onnx = expand_onnx,
                                  .inputs_min = 2,
                                  .inputs_max = 2,
                                  .read = read_expand,
                                  .infer = infer_as<Expand, infer_expand>,
                                  .evaluate = evaluate_as<Expand, evaluate_expand>};
  return info;
}

}  // namespace laneway::graph
