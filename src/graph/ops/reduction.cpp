// Reductions over axes, and softmax.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "graph/op_info.h"

namespace laneway::graph {
namespace {

using F = Reduce::Function;

struct ReduceName {
  OnnxOperator onnx;
  F function;
  int axes_are_input_since = 18;
};
constexpr std::array names = {
    ReduceName{{"", "ReduceSum"}, F::sum, 13},
    ReduceName{{"", "ReduceMean"}, F::mean},
    ReduceName{{"", "ReduceMax"}, F::max},
    ReduceName{{"", "ReduceMin"}, F::min},
    ReduceName{{"", "ReduceProd"}, F::prod},
    ReduceName{{"", "ReduceL1"}, F::l1},
    ReduceName{{"", "ReduceL2"}, F::l2},
    ReduceName{{"", "ReduceLogSum"}, F::log_sum},
    ReduceName{{"", "ReduceLogSumExp"}, F::log_sum_exp},
    ReduceName{{"", "ReduceSumSquare"}, F::sum_square},
};
constexpr auto reduce_onnx = [] {
  std::array<OnnxOperator, names.size()> result{};
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = names[i].onnx;
  return result;
}();

Expected<Op> read_reduce(NodeReader& node) {
  const ReduceName& name = *std::ranges::find(names, node.type(), [](const ReduceName& one) { return one.onnx.name; });
  Reduce op{.function = name.function};
  LANEWAY_TRY_ASSIGN(op.keep_axes, node.flag("keepdims", true));
  if (node.version() < name.axes_are_input_since) {
    LANEWAY_TRY_ASSIGN(op.axes, node.integers("axes"));
  } else {
    LANEWAY_TRY_ASSIGN(const bool none_is_none, node.flag("noop_with_empty_axes", false));
    op.none_is_all = !none_is_none;
  }
  return Op(op);
}

// nullopt: only a run shows them.
Expected<std::optional<std::vector<bool>>> reduced_axes(const Reduce& op, const Inference& node, std::size_t rank) {
  std::vector<std::int64_t> axes = op.axes.value_or(std::vector<std::int64_t>());
  if (node.has_input(1)) {
    const auto contents = node.contents(1);
    if (!contents) return std::optional<std::vector<bool>>();
    for (const Size& axis : *contents) {
      if (!axis.number()) return std::optional<std::vector<bool>>();
      axes.push_back(*axis.number());
    }
  }
  std::vector<bool> reduced(rank, axes.empty() && op.none_is_all);
  for (const std::int64_t one : axes) {
    LANEWAY_TRY_ASSIGN(const std::size_t axis, node.axis(one, rank));
    if (reduced[axis]) return Inference::wrong("axes: " + std::to_string(one) + ": named twice");
    reduced[axis] = true;
  }
  return std::optional(std::move(reduced));
}

Expected<> infer_reduce(const Reduce& op, Inference& node) {
  if (!node.shape(0)) return node.output(0, node.dtype(0), std::nullopt), Expected<>();
  const Sizes& x = *node.shape(0);
  LANEWAY_TRY_ASSIGN(const auto reduced, reduced_axes(op, node, x.size()));
  Sizes shape;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!reduced && !op.keep_axes) return node.output(0, node.dtype(0), std::nullopt), Expected<>();
    if (!reduced) shape.push_back(node.unknown(0, i));
    else if (!(*reduced)[i]) shape.push_back(x[i]);
    else if (op.keep_axes) shape.push_back(1);
  }
  node.output(0, node.dtype(0), std::move(shape));
  return {};
}

constexpr std::array softmax_onnx = {OnnxOperator{"", "Softmax"}, OnnxOperator{"", "LogSoftmax"}};

Expected<Op> read_softmax(NodeReader& node) {
  const bool flattened = node.version() < 13;
  Softmax op{.logarithm = node.type() == "LogSoftmax", .flattened = flattened};
  LANEWAY_TRY_ASSIGN(op.axis, node.integer("axis", flattened ? 1 : -1));
  return Op(op);
}

Expected<> infer_softmax(const Softmax& op, Inference& node) {
  // Flattened, an axis after the last one makes rows of one element.
  if (node.shape(0) && !(op.flattened && op.axis == static_cast<std::int64_t>(node.shape(0)->size()))) {
    LANEWAY_TRY(node.axis(op.axis, node.shape(0)->size()));
  }
  node.output(0, node.dtype(0), node.shape(0));
  return {};
}

// ---- reference kernels ----------------------------------------------------------------------------------------------------

// What the elements that become one are so far.
class Reduced {
 public:
  explicit Reduced(F function) : function_(function) {}
  void take(double x) {
    switch (function_) {
      case F::max: value_ = count_ == 0 || x > value_ || x != x ? x : value_; break;
      case F::min: value_ = count_ == 0 || x < value_ || x != x ? x : value_; break;
      case F::prod: value_ = (count_ == 0 ? 1 : value_) * x; break;
      case F::l1: value_ += std::abs(x); break;
      case F::l2:
      case F::sum_square: value_ += x * x; break;
      case F::log_sum_exp: take_exponential(x); break;
      default: value_ += x;
    }
    ++count_;
  }
  double result() const {
    switch (function_) {
      case F::mean: return value_ / static_cast<double>(count_);
      case F::max: return count_ == 0 ? -std::numeric_limits<double>::infinity() : value_;
      case F::min: return count_ == 0 ? std::numeric_limits<double>::infinity() : value_;
      case F::prod: return count_ == 0 ? 1 : value_;
      case F::l2: return std::sqrt(value_);
      case F::log_sum: return std::log(value_);
      case F::log_sum_exp: return highest_ + std::log(value_);
      default: return value_;
    }
  }

 private:
  void take_exponential(double x) {
    if (x > highest_) {
      value_ = value_ * std::exp(highest_ - x) + 1;
      highest_ = x;
    } else {
      value_ += x == highest_ ? 1 : std::exp(x - highest_);
    }
  }
  F function_;
  double value_ = 0, highest_ = -std::numeric_limits<double>::infinity();
  std::size_t count_ = 0;
};

Expected<> evaluate_reduce(const Reduce& op, Evaluation& node) {
  const Shape& x = node.input(0).shape;
  std::vector<std::int64_t> axes = op.axes.value_or(std::vector<std::int64_t>());
  if (node.has_input(1)) { LANEWAY_TRY_ASSIGN(axes, node.integers(1)); }
  std::vector<bool> goes(x.rank(), axes.empty() && op.none_is_all);
  for (const std::int64_t axis : axes) {
    const std::int64_t at = axis < 0 ? axis + static_cast<std::int64_t>(x.rank()) : axis;
    if (at < 0 || at >= static_cast<std::int64_t>(x.rank()))
      return Inference::wrong("axes: " + std::to_string(axis) + ": no such axis");
    goes[static_cast<std::size_t>(at)] = true;
  }
  std::vector<std::int64_t> extents, strides(x.rank());
  std::int64_t stride = 1;
  for (std::size_t i = x.rank(); i-- > 0;) {
    strides[i] = goes[i] ? 0 : stride;
    stride *= goes[i] ? 1 : x[i];
  }
  for (std::size_t i = 0; i < x.rank(); ++i) {
    if (!goes[i]) extents.push_back(x[i]);
    else if (op.keep_axes) extents.push_back(1);
  }
  LANEWAY_TRY_ASSIGN(const Shape shape, Shape::of(extents));
  LANEWAY_TRY_ASSIGN(const std::size_t count, element_count(shape));
  return with_numbers(node.input(0).dtype, [&]<class T>(T) -> Expected<> {
    std::vector<Reduced> results(count, Reduced(op.function));
    Odometer at(x.extents());
    for (const T element : node.elements<T>(0)) {
      const auto to = std::inner_product(strides.begin(), strides.end(), at.index().begin(), std::int64_t{0});
      results[static_cast<std::size_t>(to)].take(static_cast<double>(element));
      at.next();
    }
    std::vector<T> y;
    for (const Reduced& one : results) y.push_back(static_cast<T>(one.result()));
    node.give(0, node.input(0).dtype, shape, std::move(y));
    return {};
  });
}

Expected<> evaluate_softmax(const Softmax& op, Evaluation& node) {
  const Shape& x = node.input(0).shape;
  const auto rank = static_cast<std::int64_t>(x.rank());
  const auto axis = static_cast<std::size_t>(op.axis < 0 ? op.axis + rank : op.axis);
  LANEWAY_TRY_ASSIGN(const std::size_t before, element_count(x.extents().first(std::min(axis, x.rank()))));
  LANEWAY_TRY_ASSIGN(const std::size_t from, element_count(x.extents().subspan(std::min(axis, x.rank()))));
  const std::size_t length = op.flattened ? from : axis < x.rank() ? static_cast<std::size_t>(x[axis]) : 1;
  const std::size_t step = length == 0 ? 1 : from / length;
  return with_floats(node.input(0).dtype, [&]<class T>(T) -> Expected<> {
    std::vector<T> y = node.elements<T>(0);
    for (std::size_t row = 0; row < before * step; ++row) {
      const auto at = [&](std::size_t i) -> T& { return y[row / step * from + row % step + i * step]; };
      Reduced sum(F::log_sum_exp);
      for (std::size_t i = 0; i < length; ++i) sum.take(static_cast<double>(at(i)));
      for (std::size_t i = 0; i < length; ++i) {
        const double logarithm = static_cast<double>(at(i)) - sum.result();
        at(i) = static_cast<T>(op.logarithm ? logarithm : std::exp(logarithm));
      }
    }
    node.give(0, node.input(0).dtype, x, std::move(y));
    return {};
  });
}

}  // namespace

template <>
const OpInfo& info_of<Reduce>() {
  static constexpr OpInfo info = {.name = "Reduce",
                                  .onnx = reduce_onnx,
                                  .inputs_min = 1,
                                  .inputs_max = 2,
                                  .read = read_reduce,
                                  .infer = infer_as<Reduce, infer_reduce>,
                                  .evaluate = evaluate_as<Reduce, evaluate_reduce>};
  return info;
}
template <>
const OpInfo& info_of<Softmax>() {
  static constexpr OpInfo info = {.name = "Softmax",
                                  .onnx = softmax_onnx,
                                  .inputs_min = 1,
                                  .inputs_max = 1,
                                  .read = read_softmax,
                                  .infer = infer_as<Softmax, infer_softmax>,
                                  .evaluate = evaluate_as<Softmax, evaluate_softmax>};
  return info;
}

}  // namespace laneway::graph
