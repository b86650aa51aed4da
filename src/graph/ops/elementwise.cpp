// Functions of one element, or of two that broadcast.
#include <algorithm>
#include <array>

#include "graph/op_info.h"

namespace laneway::graph {
namespace {

using F = Unary::Function;
using G = Binary::Function;

// What ONNX calls each, and what alpha and beta are where a file does not say.
struct UnaryName {
  OnnxOperator onnx;
  F function;
  float alpha = 0, beta = 0;
};
constexpr std::array unary_names = {
    UnaryName{{"", "Identity"}, F::identity},
    UnaryName{{"", "Neg"}, F::neg},
    UnaryName{{"", "Abs"}, F::abs},
    UnaryName{{"", "Sign", 9}, F::sign},
    UnaryName{{"", "Ceil"}, F::ceil},
    UnaryName{{"", "Floor"}, F::floor},
    UnaryName{{"", "Round", 11}, F::round},
    UnaryName{{"", "Reciprocal"}, F::reciprocal},
    UnaryName{{"", "Sqrt"}, F::sqrt},
    UnaryName{{"", "Exp"}, F::exp},
    UnaryName{{"", "Log"}, F::log},
    UnaryName{{"", "Erf", 9}, F::erf},
    UnaryName{{"", "Relu"}, F::relu},
    UnaryName{{"", "LeakyRelu"}, F::leaky_relu, 0.01f},
    UnaryName{{"", "Elu"}, F::elu, 1.0f},
    UnaryName{{"", "Selu"}, F::selu, 1.67326319217681884765625f, 1.05070102214813232421875f},
    UnaryName{{"", "Celu", 12}, F::celu, 1.0f},
    UnaryName{{"", "Sigmoid"}, F::sigmoid},
    UnaryName{{"", "HardSigmoid"}, F::hard_sigmoid, 0.2f, 0.5f},
    UnaryName{{"", "HardSwish", 14}, F::hard_swish},
    UnaryName{{"", "Softplus"}, F::softplus},
    UnaryName{{"", "Softsign"}, F::softsign},
    UnaryName{{"", "ThresholdedRelu", 10}, F::thresholded_relu, 1.0f},
    UnaryName{{"", "Mish", 18}, F::mish},
    UnaryName{{"", "Gelu", 20}, F::gelu},
    UnaryName{{"", "Sin", 7}, F::sin},
    UnaryName{{"", "Cos", 7}, F::cos},
    UnaryName{{"", "Tan", 7}, F::tan},
    UnaryName{{"", "Asin", 7}, F::asin},
    UnaryName{{"", "Acos", 7}, F::acos},
    UnaryName{{"", "Atan", 7}, F::atan},
    UnaryName{{"", "Sinh", 9}, F::sinh},
    UnaryName{{"", "Cosh", 9}, F::cosh},
    UnaryName{{"", "Tanh"}, F::tanh},
    UnaryName{{"", "Asinh", 9}, F::asinh},
    UnaryName{{"", "Acosh", 9}, F::acosh},
    UnaryName{{"", "Atanh", 9}, F::atanh},
    UnaryName{{"", "Not"}, F::logical_not},
    UnaryName{{"", "IsNaN", 9}, F::is_nan},
    UnaryName{{"", "IsInf", 10}, F::is_inf, 1.0f, 1.0f},
    UnaryName{{"", "BitwiseNot", 18}, F::bitwise_not},
};

struct BinaryName {
  OnnxOperator onnx;
  G function;
};
constexpr std::array binary_names = {
    BinaryName{{"", "Add", 7}, G::add},
    BinaryName{{"", "Sub", 7}, G::sub},
    BinaryName{{"", "Mul", 7}, G::mul},
    BinaryName{{"", "Div", 7}, G::div},
    BinaryName{{"", "Pow", 7}, G::pow},
    BinaryName{{"", "Mod", 10}, G::mod},
    BinaryName{{"", "And", 7}, G::logical_and},
    BinaryName{{"", "Or", 7}, G::logical_or},
    BinaryName{{"", "Xor", 7}, G::logical_xor},
    BinaryName{{"", "Equal", 7}, G::equal},
    BinaryName{{"", "Less", 7}, G::less},
    BinaryName{{"", "LessOrEqual", 12}, G::less_or_equal},
    BinaryName{{"", "Greater", 7}, G::greater},
    BinaryName{{"", "GreaterOrEqual", 12}, G::greater_or_equal},
    BinaryName{{"", "BitwiseAnd", 18}, G::bitwise_and},
    BinaryName{{"", "BitwiseOr", 18}, G::bitwise_or},
    BinaryName{{"", "BitwiseXor", 18}, G::bitwise_xor},
    BinaryName{{"", "BitShift", 11}, G::shift_left},
    BinaryName{{"", "PRelu", 7}, G::prelu},
};

template <auto& table>
constexpr auto onnx_names = [] {
  std::array<OnnxOperator, table.size()> names{};
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = table[i].onnx;
  return names;
}();

template <class Table>
const auto& known(const Table& table, std::string_view type) {
  return *std::ranges::find(table, type, [](const auto& one) { return one.onnx.name; });
}

Expected<> read_is_inf(NodeReader& node, Unary& op) {
  LANEWAY_TRY_ASSIGN(const bool negative, node.flag("detect_negative", true));
  LANEWAY_TRY_ASSIGN(const bool positive, node.flag("detect_positive", true));
  op.alpha = negative ? 1.0f : 0.0f;
  op.beta = positive ? 1.0f : 0.0f;
  return {};
}

Expected<> read_gelu(NodeReader& node, Unary& op) {
  LANEWAY_TRY_ASSIGN(const std::string form, node.text("approximate", "none"));
  if (form == "tanh") op.function = F::gelu_tanh;
  else if (form != "none") return Inference::wrong("attribute approximate: expected none or tanh, got " + form);
  return {};
}

Expected<Op> read_unary(NodeReader& node) {
  const UnaryName& name = known(unary_names, node.type());
  Unary op{name.function, name.alpha, name.beta};
  if (op.function == F::is_inf) {
    LANEWAY_TRY(read_is_inf(node, op));
  } else if (op.function == F::gelu) {
    LANEWAY_TRY(read_gelu(node, op));
  } else {  // an attribute that belongs to no function of this name is not asked for, and so an error
    if (name.alpha != 0) { LANEWAY_TRY_ASSIGN(op.alpha, node.number("alpha", name.alpha)); }
    if (name.beta != 0) { LANEWAY_TRY_ASSIGN(op.beta, node.number(op.function == F::selu ? "gamma" : "beta", name.beta)); }
  }
  return Op(op);
}

Expected<> infer_unary(const Unary& op, Inference& node) {
  const bool asks = op.function == F::is_nan || op.function == F::is_inf;
  if (op.function == F::logical_not) LANEWAY_TRY(node.one_of(0, {DType::boolean}));
  node.output(0, asks ? DType::boolean : node.dtype(0), node.shape(0),
              op.function == F::identity ? node.contents(0) : std::nullopt);
  return {};
}

Expected<Op> read_binary(NodeReader& node) {
  Binary op{known(binary_names, node.type()).function};
  if (op.function == G::mod) {
    LANEWAY_TRY_ASSIGN(const bool as_in_c, node.flag("fmod", false));
    if (as_in_c) op.function = G::fmod;
  }
  if (op.function == G::shift_left) {
    LANEWAY_TRY_ASSIGN(const std::string direction, node.text("direction", ""));
    if (direction == "RIGHT") op.function = G::shift_right;
    else if (direction != "LEFT") return Inference::wrong("attribute direction: expected LEFT or RIGHT, got " + direction);
  }
  return Op(op);
}

bool is_comparison(G function) {
  return function == G::equal || function == G::less || function == G::less_or_equal || function == G::greater ||
         function == G::greater_or_equal;
}
bool is_logical(G function) { return function == G::logical_and || function == G::logical_or || function == G::logical_xor; }

// What two sizes become in arithmetic on shapes. nullopt: it depends on more than their form.
std::optional<Size> combined(G function, const Size& x, const Size& y) {
  switch (function) {
    case G::add: return x + y;
    case G::sub: return x - y;
    case G::mul: return x * y;
    case G::div:  // ONNX cuts towards zero
      return x.never_negative() && y.never_negative() && !y.is(0) ? std::optional(floor_div(x, y)) : std::nullopt;
    case G::mod: return y.number().value_or(0) > 0 ? std::optional(x - floor_div(x, y) * y) : std::nullopt;
    default: return std::nullopt;
  }
}

std::optional<Sizes> contents_of(const Binary& op, const Inference& node) {
  const auto a = node.contents(0), b = node.contents(1);
  if (!a || !b || a->empty() || b->empty() || (a->size() != b->size() && a->size() != 1 && b->size() != 1)) return std::nullopt;
  Sizes result;
  for (std::size_t i = 0; i < std::max(a->size(), b->size()); ++i) {
    const auto one = combined(op.function, (*a)[a->size() == 1 ? 0 : i], (*b)[b->size() == 1 ? 0 : i]);
    if (!one || !one->valid()) return std::nullopt;
    result.push_back(*one);
  }
  return result;
}

Expected<> infer_binary(const Binary& op, Inference& node) {
  if (op.function != G::pow) LANEWAY_TRY(node.same_dtype(0, 1));
  if (is_logical(op.function)) LANEWAY_TRY(node.one_of(0, {DType::boolean}));
  std::optional<Sizes> shape;
  if (node.shape(0) && node.shape(1)) {
    LANEWAY_TRY_ASSIGN(shape, node.broadcast(*node.shape(0), *node.shape(1)));
    if (op.function == G::prelu && shape->size() != node.shape(0)->size()) {
      return Inference::wrong("input 1: slope: expected a shape that broadcasts to " + to_string(*node.shape(0)) + ", got " +
                              to_string(*node.shape(1)));
    }
  }
  const bool asks = is_comparison(op.function) || is_logical(op.function);
  node.output(0, asks ? DType::boolean : node.dtype(0), std::move(shape), contents_of(op, node));
  return {};
}

constexpr std::array cast_onnx = {OnnxOperator{"", "Cast", 6}};

Expected<Op> read_cast(NodeReader& node) {
  LANEWAY_TRY_ASSIGN(const auto to, node.integer("to"));
  if (!to) return Inference::wrong("attribute to: expected a dtype, got none");
  const auto dtype = onnx::schema::dtype_of_number(*to);
  if (!dtype) return Error(ErrorCode::unimplemented, "attribute to: expected a dtype that is known, got " + std::to_string(*to));
  LANEWAY_TRY_ASSIGN(const bool saturate, node.flag("saturate", true));
  return Op(Cast{*dtype, saturate});
}

Expected<> infer_cast(const Cast& op, Inference& node) {
  const auto whole = [](DType dtype) { return dtype == DType::i64 || dtype == DType::i32; };
  const bool keeps = whole(op.to) && whole(node.dtype(0));
  node.output(0, op.to, node.shape(0), keeps ? node.contents(0) : std::nullopt);
  return {};
}

constexpr std::array where_onnx = {OnnxOperator{"", "Where", 9}};

Expected<Op> read_where(NodeReader&) { return Op(Where{}); }

Expected<> infer_where(const Where&, Inference& node) {
  LANEWAY_TRY(node.one_of(0, {DType::boolean}));
  LANEWAY_TRY(node.same_dtype(1, 2));
  std::optional<Sizes> shape;
  if (node.shape(0) && node.shape(1) && node.shape(2)) {
    LANEWAY_TRY_ASSIGN(const Sizes values, node.broadcast(*node.shape(1), *node.shape(2)));
    LANEWAY_TRY_ASSIGN(shape, node.broadcast(*node.shape(0), values));
  }
  node.output(0, node.dtype(1), std::move(shape));
  return {};
}

}  // namespace

template <>
const OpInfo& info_of<Unary>() {
  static constexpr OpInfo info = {.name = "Unary",
                                  .onnx = onnx_names<unary_names>,
                                  .inputs_min = 1,
                                  .inputs_max = 1,
                                  .read = read_unary,
                                  .infer = infer_as<Unary, infer_unary>};
  return info;
}
template <>
const OpInfo& info_of<Binary>() {
  static constexpr OpInfo info = {.name = "Binary",
                                  .onnx = onnx_names<binary_names>,
                                  .inputs_min = 2,
                                  .inputs_max = 2,
                                  .read = read_binary,
                                  .infer = infer_as<Binary, infer_binary>};
  return info;
}
template <>
const OpInfo& info_of<Cast>() {
  static constexpr OpInfo info = {.name = "Cast",
                                  .onnx = cast_onnx,
                                  .inputs_min = 1,
                                  .inputs_max = 1,
                                  .read = read_cast,
                                  .infer = infer_as<Cast, infer_cast>};
  return info;
}
template <>
const OpInfo& info_of<Where>() {
  static constexpr OpInfo info = {.name = "Where",
                                  .onnx = where_onnx,
                                  .inputs_min = 3,
                                  .inputs_max = 3,
                                  .read = read_where,
                                  .infer = infer_as<Where, infer_where>};
  return info;
}

}  // namespace laneway::graph
