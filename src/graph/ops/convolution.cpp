// Convolutions.
#include <array>

#include "graph/op_info.h"
#include "graph/ops/window.h"

namespace laneway::graph {
namespace {

constexpr std::array conv_onnx = {OnnxOperator{"", "Conv"}};

// Of the window, which is the weight's; an attribute may tell it. 2 where none does.
Expected<std::size_t> window_rank(NodeReader& node) {
  for (const char* name : {"kernel_shape", "strides", "dilations", "pads"}) {
    LANEWAY_TRY_ASSIGN(const auto values, node.integers(name));
    if (values) return std::string_view(name) == "pads" ? values->size() / 2 : values->size();
  }
  return 2;
}

Expected<Op> read_conv(NodeReader& node) {
  Conv op;
  LANEWAY_TRY_ASSIGN(const std::size_t rank, window_rank(node));
  LANEWAY_TRY_ASSIGN(op.window, read_window(node, rank));
  LANEWAY_TRY_ASSIGN(op.groups, node.integer("group", 1));
  if (op.groups >= 1) return Op(op);
  return Inference::wrong("attribute group: expected 1 or more, got " + std::to_string(op.groups));
}

Expected<> check_channels(const Conv& op, const Sizes& x, const Sizes& weight) {
  const auto channels = x[1].number(), per_filter = weight[1].number(), filters = weight[0].number();
  if (channels && per_filter && !(Size(*per_filter) * Size(op.groups)).is(*channels)) {
    return Inference::wrong("channels: expected " + to_string(Size(*per_filter) * Size(op.groups)) + ", got " +
                            std::to_string(*channels));
  }
  if (!filters || *filters % op.groups == 0) return {};
  return Inference::wrong("filters: expected a multiple of " + std::to_string(op.groups) + " groups, got " +
                          std::to_string(*filters));
}

Expected<> infer_conv(const Conv& op, Inference& node) {
  LANEWAY_TRY(node.same_dtype(0, 1));
  if (node.has_input(2)) LANEWAY_TRY(node.same_dtype(0, 2));
  if (!node.shape(0) || !node.shape(1)) return node.output(0, node.dtype(0), std::nullopt), Expected<>();
  const Sizes &x = *node.shape(0), &weight = *node.shape(1);
  if (x.size() < 3 || weight.size() != x.size()) {
    return Inference::wrong("expected an image and filters of one rank, 3 or more, got " + to_string(x) + " and " +
                            to_string(weight));
  }
  LANEWAY_TRY(check_channels(op, x, weight));
  LANEWAY_TRY_ASSIGN(const Sizes spatial, windowed(op.window, std::span(x).subspan(2), std::span(weight).subspan(2)));
  Sizes shape = {x[0], weight[0]};
  shape.insert(shape.end(), spatial.begin(), spatial.end());
  node.output(0, node.dtype(0), std::move(shape));
  return {};
}

// ---- reference kernel -----------------------------------------------------------------------------------------------------

Expected<> evaluate_conv(const Conv& op, Evaluation& node) {
  const Shape &x = node.input(0).shape, &weight = node.input(1).shape;
  const auto spatial = x.extents().subspan(2), kernel = weight.extents().subspan(2);
  LANEWAY_TRY_ASSIGN(const WindowRun run, run_window(op.window, spatial, kernel));
  if (x[1] != weight[1] * op.groups || weight[0] % op.groups != 0) return Inference::wrong("channels do not fit the filters");
  std::vector<std::int64_t> extents = {x[0], weight[0]};
  extents.insert(extents.end(), run.counts.begin(), run.counts.end());
  LANEWAY_TRY_ASSIGN(const Shape shape, Shape::of(extents));
  LANEWAY_TRY_ASSIGN(const std::size_t places, element_count(run.counts));
  LANEWAY_TRY_ASSIGN(const std::size_t image, element_count(spatial));
  LANEWAY_TRY_ASSIGN(const std::size_t taps, element_count(kernel));
  const auto channels = static_cast<std::size_t>(weight[1]), filters = static_cast<std::size_t>(weight[0]);
  const std::size_t filters_per_group = filters / static_cast<std::size_t>(op.groups);
  return with_floats(node.input(0).dtype, [&]<class T>(T) -> Expected<> {
    const std::vector<T> in = node.elements<T>(0), w = node.elements<T>(1),
                         bias = node.has_input(2) ? node.elements<T>(2) : std::vector<T>();
    std::vector<T> y;
    for (std::size_t n = 0; n < static_cast<std::size_t>(x[0]); ++n) {
      for (std::size_t f = 0; f < filters; ++f) {
        const std::size_t first = n * static_cast<std::size_t>(x[1]) + f / filters_per_group * channels;
        Odometer at(run.counts);
        for (std::size_t place = 0; place < places; ++place, at.next()) {
          double sum = bias.empty() ? 0.0 : static_cast<double>(bias[f]);
          for (std::size_t c = 0; c < channels; ++c) {
            for_each_in_window(op.window, run, spatial, kernel, at.index(), [&](std::size_t k, std::size_t position) {
              sum +=
                  static_cast<double>(in[(first + c) * image + position]) * static_cast<double>(w[(f * channels + c) * taps + k]);
            });
          }
          y.push_back(static_cast<T>(sum));
        }
      }
    }
    node.give(0, node.input(0).dtype, shape, std::move(y));
    return {};
  });
}

}  // namespace

template <>
const OpInfo& info_of<Conv>() {
  static constexpr OpInfo info = {.name = "Conv",
                                  .onnx = conv_onnx,
                                  .inputs_min = 2,
                                  .inputs_max = 3,
                                  .read = read_conv,
                                  .infer = infer_as<Conv, infer_conv>,
                                  .evaluate = evaluate_as<Conv, evaluate_conv>};
  return info;
}

}  // namespace laneway::graph
