// Functions of one element, or of two that broadcast.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <type_traits>

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

// ---- reference kernels ----------------------------------------------------------------------------------------------------

double gelu(double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }
double gelu_tanh(double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x))); }
double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }
double clipped(double x) { return std::clamp(x, 0.0, 1.0); }

// Of functions of real numbers.
double apply(const Unary& op, double x) {
  const double a = op.alpha, b = op.beta;
  switch (op.function) {
    case F::ceil: return std::ceil(x);
    case F::floor: return std::floor(x);
    case F::round: return std::nearbyint(x);
    case F::reciprocal: return 1 / x;
    case F::sqrt: return std::sqrt(x);
    case F::exp: return std::exp(x);
    case F::log: return std::log(x);
    case F::erf: return std::erf(x);
    case F::leaky_relu: return x < 0 ? a * x : x;
    case F::elu: return x < 0 ? a * std::expm1(x) : x;
    case F::selu: return b * (x > 0 ? x : a * std::expm1(x));
    case F::celu: return std::max(0.0, x) + std::min(0.0, a * std::expm1(x / a));
    case F::sigmoid: return 1 / (1 + std::exp(-x));
    case F::hard_sigmoid: return clipped(a * x + b);
    case F::hard_swish: return x * clipped(x / 6 + 0.5);
    case F::softplus: return softplus(x);
    case F::softsign: return x / (1 + std::abs(x));
    case F::thresholded_relu: return x > a ? x : 0;
    case F::mish: return x * std::tanh(softplus(x));
    case F::gelu: return gelu(x);
    case F::gelu_tanh: return gelu_tanh(x);
    case F::sin: return std::sin(x);
    case F::cos: return std::cos(x);
    case F::tan: return std::tan(x);
    case F::asin: return std::asin(x);
    case F::acos: return std::acos(x);
    case F::atan: return std::atan(x);
    case F::sinh: return std::sinh(x);
    case F::cosh: return std::cosh(x);
    case F::tanh: return std::tanh(x);
    case F::asinh: return std::asinh(x);
    case F::acosh: return std::acosh(x);
    case F::atanh: return std::atanh(x);
    default: return x;
  }
}

// Of functions of numbers of any kind. nullopt: it is none of these.
template <class T>
std::optional<T> apply_exactly(F function, T x) {
  switch (function) {
    case F::neg: return static_cast<T>(T{} - x);
    case F::abs: return x < T{} ? static_cast<T>(T{} - x) : x;
    case F::sign: return static_cast<T>((x > T{}) - (x < T{}));
    case F::relu: return x > T{} || x != x ? x : T{};
    case F::logical_not: return static_cast<T>(x == T{});
    default: break;
  }
  if constexpr (std::is_integral_v<T>) {
    if (function == F::bitwise_not) return static_cast<T>(~x);
  }
  return std::nullopt;
}

template <class T>
Expected<> evaluate_numbers(const Unary& op, Evaluation& node) {
  std::vector<T> y = node.elements<T>(0);
  for (T& one : y) {
    const auto exact = apply_exactly(op.function, one);
    if (!exact && !std::is_floating_point_v<T>)
      return Error(ErrorCode::unimplemented, "dtype " + std::string(name(node.input(0).dtype)) + ": no reference kernel");
    one = exact ? *exact : static_cast<T>(apply(op, static_cast<double>(one)));
  }
  node.give(0, node.input(0).dtype, node.input(0).shape, std::move(y));
  return {};
}

Expected<> evaluate_question(const Unary& op, Evaluation& node) {
  return with_floats(node.input(0).dtype, [&]<class T>(T) -> Expected<> {
    std::vector<std::uint8_t> y;
    for (const T x : node.elements<T>(0)) {
      const bool infinite = std::isinf(x) && (x < 0 ? op.alpha != 0 : op.beta != 0);
      y.push_back(op.function == F::is_nan ? std::isnan(x) : infinite);
    }
    node.give(0, DType::boolean, node.input(0).shape, std::move(y));
    return {};
  });
}

Expected<> evaluate_unary(const Unary& op, Evaluation& node) {
  if (op.function == F::identity) return node.give(0, node.input(0).shape, node.input(0)), Expected<>();
  if (op.function == F::is_nan || op.function == F::is_inf) return evaluate_question(op, node);
  return with_numbers(node.input(0).dtype, [&]<class T>(T) { return evaluate_numbers<T>(op, node); });
}

Error by_zero() { return Error(ErrorCode::invalid_argument, "division by zero, or of the least number by -1"); }

// Integers wrap where they overflow, as they do in ONNX Runtime.
template <class T>
Expected<T> integer_result(G function, T x, T y) {
  using Wide = std::make_unsigned_t<T>;
  const auto a = static_cast<Wide>(x), b = static_cast<Wide>(y);
  const bool overflows = std::is_signed_v<T> && y == static_cast<T>(-1) && x == std::numeric_limits<T>::min();
  const bool in_range = b < sizeof(T) * 8;
  switch (function) {
    case G::add: return static_cast<T>(a + b);
    case G::sub: return static_cast<T>(a - b);
    case G::mul: return static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
    case G::div: return y == 0 || overflows ? Expected<T>(by_zero()) : static_cast<T>(x / y);
    case G::fmod: return y == 0 || overflows ? Expected<T>(by_zero()) : static_cast<T>(x % y);
    case G::mod: {
      if (y == 0 || overflows) return by_zero();
      const T rest = static_cast<T>(x % y);
      return rest != 0 && (rest < 0) != (y < 0) ? static_cast<T>(rest + y) : rest;
    }
    case G::pow: return static_cast<T>(std::pow(static_cast<double>(x), static_cast<double>(y)));
    case G::bitwise_and:
    case G::logical_and: return static_cast<T>(a & b);
    case G::bitwise_or:
    case G::logical_or: return static_cast<T>(a | b);
    case G::bitwise_xor:
    case G::logical_xor: return static_cast<T>(a ^ b);
    case G::shift_left: return in_range ? static_cast<T>(static_cast<std::uint64_t>(a) << b) : T{};
    case G::shift_right: return in_range ? static_cast<T>(a >> b) : T{};
    default: return x < 0 ? static_cast<T>(a * b) : x;  // prelu
  }
}

template <class T>
Expected<T> float_result(G function, T x, T y) {
  switch (function) {
    case G::add: return x + y;
    case G::sub: return x - y;
    case G::mul: return x * y;
    case G::div: return x / y;
    case G::fmod: return std::fmod(x, y);
    case G::pow: return static_cast<T>(std::pow(static_cast<double>(x), static_cast<double>(y)));
    case G::prelu: return x < 0 ? x * y : x;
    default: return Error(ErrorCode::unimplemented, "no reference kernel for this function of floats");
  }
}

template <class T>
bool answer(G function, T x, T y) {
  switch (function) {
    case G::equal: return x == y;
    case G::less: return x < y;
    case G::less_or_equal: return x <= y;
    case G::greater: return x > y;
    default: return x >= y;
  }
}

// Calls visit(i, j) with the positions of the operands, for each element of the result.
template <class Visit>
Expected<Shape> for_each_pair(const Shape& a, const Shape& b, Visit visit) {
  LANEWAY_TRY_ASSIGN(const Shape shape, broadcast(a, b));
  const auto a_strides = broadcast_strides(a, shape.rank()), b_strides = broadcast_strides(b, shape.rank());
  LANEWAY_TRY_ASSIGN(const std::size_t count, element_count(shape));
  Odometer at(shape.extents());
  for (std::size_t k = 0; k < count; ++k, at.next()) {
    const auto i = std::inner_product(a_strides.begin(), a_strides.end(), at.index().begin(), std::int64_t{0});
    const auto j = std::inner_product(b_strides.begin(), b_strides.end(), at.index().begin(), std::int64_t{0});
    LANEWAY_TRY(visit(static_cast<std::size_t>(i), static_cast<std::size_t>(j)));
  }
  return shape;
}

template <class T, class U>
Expected<> evaluate_pair(const Binary& op, Evaluation& node) {
  const std::vector<T> x = node.elements<T>(0);
  const std::vector<U> y = node.elements<U>(1);
  std::vector<T> z;
  std::vector<std::uint8_t> answers;
  const auto visit = [&](std::size_t i, std::size_t j) -> Expected<> {
    const T b = static_cast<T>(y[j]);
    if (is_comparison(op.function)) return answers.push_back(answer(op.function, x[i], b)), Expected<>();
    auto one = [&] {
      if constexpr (std::is_integral_v<T>) {
        if (op.function == G::pow && !std::is_integral_v<U>)
          return Expected<T>(static_cast<T>(std::pow(static_cast<double>(x[i]), static_cast<double>(y[j]))));
        return integer_result(op.function, x[i], b);
      } else {
        return float_result(op.function, x[i], b);
      }
    }();
    if (!one) return std::move(one).error();
    z.push_back(*one);
    return {};
  };
  LANEWAY_TRY_ASSIGN(const Shape shape, for_each_pair(node.input(0).shape, node.input(1).shape, visit));
  if (is_comparison(op.function)) node.give(0, DType::boolean, shape, std::move(answers));
  else node.give(0, node.input(0).dtype, shape, std::move(z));
  return {};
}

Expected<> evaluate_binary(const Binary& op, Evaluation& node) {
  return with_numbers(node.input(0).dtype, [&]<class T>(T) {
    return with_numbers(node.input(1).dtype, [&]<class U>(U) { return evaluate_pair<T, U>(op, node); });
  });
}

template <class To, class From>
To converted(From x) {
  if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    // What does not fit has no number that ONNX names; this is where it would be without bounds.
    if (x != x) return To{};
    if (x <= static_cast<From>(std::numeric_limits<To>::min())) return std::numeric_limits<To>::min();
    if (x >= static_cast<From>(std::numeric_limits<To>::max())) return std::numeric_limits<To>::max();
  }
  return static_cast<To>(x);
}

Expected<> evaluate_cast(const Cast& op, Evaluation& node) {
  return with_numbers(node.input(0).dtype, [&]<class From>(From) {
    return with_numbers(op.to, [&]<class To>(To) -> Expected<> {
      std::vector<To> y;
      for (const From x : node.elements<From>(0))
        y.push_back(op.to == DType::boolean ? static_cast<To>(x != From{}) : converted<To>(x));
      node.give(0, op.to, node.input(0).shape, std::move(y));
      return {};
    });
  });
}

Expected<> evaluate_where(const Where&, Evaluation& node) {
  return with_numbers(node.input(1).dtype, [&]<class T>(T) -> Expected<> {
    const auto condition = node.elements<std::uint8_t>(0);
    const std::vector<T> x = node.elements<T>(1), y = node.elements<T>(2);
    // The pairs of x and y first, then each with its condition.
    std::vector<T> from_x, from_y, z;
    LANEWAY_TRY_ASSIGN(const Shape values,
                       for_each_pair(node.input(1).shape, node.input(2).shape, [&](std::size_t i, std::size_t j) -> Expected<> {
                         from_x.push_back(x[i]);
                         from_y.push_back(y[j]);
                         return {};
                       }));
    LANEWAY_TRY_ASSIGN(const Shape shape,
                       for_each_pair(node.input(0).shape, values, [&](std::size_t i, std::size_t j) -> Expected<> {
                         z.push_back(condition[i] ? from_x[j] : from_y[j]);
                         return {};
                       }));
    node.give(0, node.input(1).dtype, shape, std::move(z));
    return {};
  });
}

}  // namespace

template <>
const OpInfo& info_of<Unary>() {
  static constexpr OpInfo info = {.name = "Unary",
                                  .onnx = onnx_names<unary_names>,
                                  .inputs_min = 1,
                                  .inputs_max = 1,
                                  .read = read_unary,
                                  .infer = infer_as<Unary, infer_unary>,
                                  .evaluate = evaluate_as<Unary, evaluate_unary>};
  return info;
}
template <>
const OpInfo& info_of<Binary>() {
  static constexpr OpInfo info = {.name = "Binary",
                                  .onnx = onnx_names<binary_names>,
                                  .inputs_min = 2,
                                  .inputs_max = 2,
                                  .read = read_binary,
                                  .infer = infer_as<Binary, infer_binary>,
                                  .evaluate = evaluate_as<Binary, evaluate_binary>};
  return info;
}
template <>
const OpInfo& info_of<Cast>() {
  static constexpr OpInfo info = {.name = "Cast",
                                  .onnx = cast_onnx,
                                  .inputs_min = 1,
                                  .inputs_max = 1,
                                  .read = read_cast,
                                  .infer = infer_as<Cast, infer_cast>,
                                  .evaluate = evaluate_as<Cast, evaluate_cast>};
  return info;
}
template <>
const OpInfo& info_of<Where>() {
  static constexpr OpInfo info = {.name = "Where",
                                  .onnx = where_onnx,
                                  .inputs_min = 3,
                                  .inputs_max = 3,
                                  .read = read_where,
                                  .infer = infer_as<Where, infer_where>,
                                  .evaluate = evaluate_as<Where, evaluate_where>};
  return info;
}

}  // namespace laneway::graph
