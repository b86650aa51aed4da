// Pools: the largest, the mean, the norm of a window or of a whole image.
#include <array>
#include <cmath>

#include "graph/op_info.h"
#include "graph/ops/window.h"

namespace laneway::graph {
namespace {

PoolFunction function_of(std::string_view type) {
  if (type.find("Max") != std::string_view::npos) return PoolFunction::max;
  return type.find("Lp") != std::string_view::npos ? PoolFunction::lp : PoolFunction::average;
}

constexpr std::array pool_onnx = {OnnxOperator{"", "MaxPool"}, OnnxOperator{"", "AveragePool"}, OnnxOperator{"", "LpPool", 2}};

Expected<Op> read_pool(NodeReader& node) {
  Pool op;
  op.function = function_of(node.type());
  LANEWAY_TRY_ASSIGN(op.kernel, node.integers("kernel_shape", {}));
  if (op.kernel.empty()) return Inference::wrong("attribute kernel_shape: expected extents, got none");
  LANEWAY_TRY_ASSIGN(op.window, read_window(node, op.kernel.size()));
  LANEWAY_TRY_ASSIGN(op.window.ceil, node.flag("ceil_mode", false));
  if (op.function == PoolFunction::average) { LANEWAY_TRY_ASSIGN(op.count_padding, node.flag("count_include_pad", false)); }
  if (op.function == PoolFunction::lp) { LANEWAY_TRY_ASSIGN(op.p, node.integer("p", 2)); }
  if (op.function == PoolFunction::max) { LANEWAY_TRY_ASSIGN(op.column_major, node.flag("storage_order", false)); }
  return Op(op);
}

Expected<> infer_pool(const Pool& op, Inference& node) {
  std::optional<Sizes> shape;
  LANEWAY_TRY(node.rank(0, op.kernel.size() + 2));
  if (node.shape(0)) {
    const Sizes& x = *node.shape(0);
    const Sizes kernel(op.kernel.begin(), op.kernel.end());
    LANEWAY_TRY_ASSIGN(const Sizes spatial, windowed(op.window, std::span(x).subspan(2), kernel));
    shape = Sizes{x[0], x[1]};
    shape->insert(shape->end(), spatial.begin(), spatial.end());
  }
  node.output(0, node.dtype(0), shape);
  node.output(1, DType::i64, shape);
  return {};
}

constexpr std::array global_onnx = {OnnxOperator{"", "GlobalMaxPool"}, OnnxOperator{"", "GlobalAveragePool"},
                                    OnnxOperator{"", "GlobalLpPool", 2}};

Expected<Op> read_global(NodeReader& node) {
  GlobalPool op{.function = function_of(node.type())};
  if (op.function == PoolFunction::lp) { LANEWAY_TRY_ASSIGN(op.p, node.integer("p", 2)); }
  return Op(op);
}

Expected<> infer_global(const GlobalPool&, Inference& node) {
  std::optional<Sizes> shape = node.shape(0);
  if (shape && shape->size() < 3) return Inference::wrong("input 0: rank: expected 3 or more, got shape " + to_string(*shape));
  for (std::size_t i = 2; shape && i < shape->size(); ++i) (*shape)[i] = 1;
  node.output(0, node.dtype(0), std::move(shape));
  return {};
}

// ---- reference kernels ----------------------------------------------------------------------------------------------------

// What the elements of one window become.
class Pooled {
 public:
  Pooled(PoolFunction function, std::int64_t p) : function_(function), p_(static_cast<double>(p)) {}
  void take(double x, std::size_t position) {
    if (function_ == PoolFunction::max && (count_ == 0 || x > value_ || x != x)) {
      value_ = x;
      position_ = position;
    }
    if (function_ == PoolFunction::average) value_ += x;
    if (function_ == PoolFunction::lp) value_ += std::pow(std::abs(x), p_);
    ++count_;
  }
  double result(std::size_t divisor) const {
    if (function_ == PoolFunction::average) return value_ / static_cast<double>(divisor == 0 ? count_ : divisor);
    return function_ == PoolFunction::lp ? std::pow(value_, 1 / p_) : value_;
  }
  std::size_t position() const { return position_; }

 private:
  PoolFunction function_;
  double p_, value_ = 0;
  std::size_t count_ = 0, position_ = 0;
};

// Elements of a window at `out` that lie in the image or in the padding that was given.
std::size_t padded_count(const Pool& op, const WindowRun& run, std::span<const std::int64_t> spatial,
                         std::span<const std::int64_t> out) {
  std::size_t count = 1;
  for (std::size_t i = 0; i < spatial.size(); ++i) {
    const std::int64_t begin = run.begins[i] + out[i] * op.window.strides[i];
    const bool given = op.window.padding == Window::Padding::given;
    const std::int64_t end = spatial[i] + (given ? op.window.pads_end[i] : op.kernel[i] * op.window.dilations[i]);
    std::int64_t here = 0;
    for (std::int64_t k = 0; k < op.kernel[i]; ++k) here += begin + k * op.window.dilations[i] < end;
    count *= static_cast<std::size_t>(here);
  }
  return count;
}

Expected<> evaluate_pool(const Pool& op, Evaluation& node) {
  const Shape& x = node.input(0).shape;
  const auto spatial = x.extents().subspan(2);
  LANEWAY_TRY_ASSIGN(const WindowRun run, run_window(op.window, spatial, op.kernel));
  std::vector<std::int64_t> extents = {x[0], x[1]};
  extents.insert(extents.end(), run.counts.begin(), run.counts.end());
  LANEWAY_TRY_ASSIGN(const Shape shape, Shape::of(extents));
  LANEWAY_TRY_ASSIGN(const std::size_t places, element_count(run.counts));
  LANEWAY_TRY_ASSIGN(const std::size_t image, element_count(spatial));
  if (op.column_major && node.wants(1)) return Error(ErrorCode::unimplemented, "attribute storage_order: expected 0, got 1");
  return with_numbers(node.input(0).dtype, [&]<class T>(T) -> Expected<> {
    const std::vector<T> in = node.elements<T>(0);
    std::vector<T> y;
    std::vector<std::int64_t> positions;
    for (std::size_t plane = 0; plane < static_cast<std::size_t>(x[0] * x[1]); ++plane) {
      Odometer at(run.counts);
      for (std::size_t place = 0; place < places; ++place, at.next()) {
        Pooled pooled(op.function, op.p);
        for_each_in_window(op.window, run, spatial, op.kernel, at.index(), [&](std::size_t, std::size_t position) {
          pooled.take(static_cast<double>(in[plane * image + position]), plane * image + position);
        });
        y.push_back(static_cast<T>(pooled.result(op.count_padding ? padded_count(op, run, spatial, at.index()) : 0)));
        positions.push_back(static_cast<std::int64_t>(pooled.position()));
      }
    }
    node.give(0, node.input(0).dtype, shape, std::move(y));
    node.give(1, DType::i64, shape, std::move(positions));
    return {};
  });
}

Expected<> evaluate_global(const GlobalPool& op, Evaluation& node) {
  const Shape& x = node.input(0).shape;
  std::vector<std::int64_t> extents(x.rank(), 1);
  extents[0] = x[0];
  extents[1] = x[1];
  LANEWAY_TRY_ASSIGN(const Shape shape, Shape::of(extents));
  LANEWAY_TRY_ASSIGN(const std::size_t image, element_count(x.extents().subspan(2)));
  return with_floats(node.input(0).dtype, [&]<class T>(T) -> Expected<> {
    const std::vector<T> in = node.elements<T>(0);
    std::vector<T> y;
    for (std::size_t plane = 0; plane < static_cast<std::size_t>(x[0] * x[1]); ++plane) {
      Pooled pooled(op.function, op.p);
      for (std::size_t i = 0; i < image; ++i) pooled.take(static_cast<double>(in[plane * image + i]), i);
      y.push_back(static_cast<T>(pooled.result(0)));
    }
    node.give(0, node.input(0).dtype, shape, std::move(y));
    return {};
  });
}

}  // namespace

template <>
const OpInfo& info_of<Pool>() {
  static constexpr OpInfo info = {.name = "Pool",
                                  .onnx = pool_onnx,
                                  .inputs_min = 1,
                                  .inputs_max = 1,
                                  .outputs_max = 2,
                                  .read = read_pool,
                                  .infer = infer_as<Pool, infer_pool>,
                                  .evaluate = evaluate_as<Pool, evaluate_pool>};
  return info;
}
template <>
const OpInfo& info_of<GlobalPool>() {
  static constexpr OpInfo info = {.name = "GlobalPool",
                                  .onnx = global_onnx,
                                  .inputs_min = 1,
                                  .inputs_max = 1,
                                  .read = read_global,
                                  .infer = infer_as<GlobalPool, infer_global>,
                                  .evaluate = evaluate_as<GlobalPool, evaluate_global>};
  return info;
}

}  // namespace laneway::graph
