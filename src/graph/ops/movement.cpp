// Operators that move elements.
#include <algorithm>
#include <array>
#include <limits>

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

}  // namespace

template <>
const OpInfo& info_of<Transpose>() {
  static constexpr OpInfo info = {.name = "Transpose",
                                  .onnx = transpose_onnx,
                                  .inputs_min = 1,
                                  .inputs_max = 1,
                                  .read = read_transpose,
                                  .infer = infer_as<Transpose, infer_transpose>};
  return info;
}
template <>
const OpInfo& info_of<Concat>() {
  static constexpr OpInfo info = {.name = "Concat",
                                  .onnx = concat_onnx,
                                  .inputs_min = 1,
                                  .inputs_max = any_number,
                                  .read = read_concat,
                                  .infer = infer_as<Concat, infer_concat>};
  return info;
}
template <>
const OpInfo& info_of<Slice>() {
  static constexpr OpInfo info = {.name = "Slice",
                                  .onnx = slice_onnx,
                                  .inputs_min = 1,
                                  .inputs_max = 5,
                                  .read = read_slice,
                                  .infer = infer_as<Slice, infer_slice>};
  return info;
}
template <>
const OpInfo& info_of<Gather>() {
  static constexpr OpInfo info = {.name = "Gather",
                                  .onnx = gather_onnx,
                                  .inputs_min = 2,
                                  .inputs_max = 2,
                                  .read = read_gather,
                                  .infer = infer_as<Gather, infer_gather>};
  return info;
}
template <>
const OpInfo& info_of<Expand>() {
  static constexpr OpInfo info = {.name = "Expand",
                                  .onnx = expand_onnx,
                                  .inputs_min = 2,
                                  .inputs_max = 2,
                                  .read = read_expand,
                                  .infer = infer_as<Expand, infer_expand>};
  return info;
}

}  // namespace laneway::graph
