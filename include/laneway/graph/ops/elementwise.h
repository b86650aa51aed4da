#pragma once
#include <cstdint>

#include "laneway/core/dtype.h"

namespace laneway::graph {

/// y[i] = f(x[i]).
struct Unary {
  enum class Function : std::uint8_t {
    identity,
    neg,
    abs,
    sign,
    ceil,
    floor,
    round,
    reciprocal,
    sqrt,
    exp,
    log,
    erf,
    relu,
    leaky_relu,
    elu,
    selu,
    celu,
    sigmoid,
    hard_sigmoid,
    hard_swish,
    softplus,
    softsign,
    thresholded_relu,
    mish,
    gelu,
    gelu_tanh,
    sin,
    cos,
    tan,
    asin,
    acos,
    atan,
    sinh,
    cosh,
    tanh,
    asinh,
    acosh,
    atanh,
    logical_not,
    is_nan,
    is_inf,
    bitwise_not
  };
  Function function = Function::identity;
  float alpha = 0;  ///< What ONNX calls so for this function; of is_inf: whether -infinity counts.
  float beta = 0;   ///< The same; selu's gamma; of is_inf: whether +infinity counts.

  friend bool operator==(const Unary&, const Unary&) = default;
};

/// z = f(x, y), broadcast.
struct Binary {
  enum class Function : std::uint8_t {
    add,
    sub,
    mul,
    div,
    pow,
    mod,
    fmod,
    min,
    max,
    mean,
    logical_and,
    logical_or,
    logical_xor,
    equal,
    less,
    less_or_equal,
    greater,
    greater_or_equal,
    bitwise_and,
    bitwise_or,
    bitwise_xor,
    shift_left,
    shift_right,
    prelu
  };
  Function function = Function::add;

  friend bool operator==(const Binary&, const Binary&) = default;
};

/// Elements in another dtype.
struct Cast {
  DType to = DType::f32;
  bool saturate = true;  ///< Of float8: what is out of range becomes the largest number.

  friend bool operator==(const Cast&, const Cast&) = default;
};

/// condition ? x : y, broadcast.
struct Where {
  friend bool operator==(const Where&, const Where&) = default;
};

}  // namespace laneway::graph
