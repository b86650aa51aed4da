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

}  // namespace

template <>
const OpInfo& info_of<Conv>() {
  static constexpr OpInfo info = {.name = "Conv",
                                  .onnx = conv_onnx,
                                  .inputs_min = 2,
                                  .inputs_max = 3,
                                  .read = read_conv,
                                  .infer = infer_as<Conv, infer_conv>};
  return info;
}

}  // namespace laneway::graph
