#pragma once
#include <complex>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

#include "laneway/core/dtype.h"

/// Elements of dense tensors, one by one, whatever their dtype.
namespace laneway::cli {

/// Wide enough for an element of every numeric dtype.
using Element = std::variant<bool, std::int64_t, std::uint64_t, double, std::complex<double>>;

Element element_at(DType dtype, const void* data, std::size_t index);

/// Stores a number as the nearest one the dtype has; integers are truncated and cut to its range, booleans are "not zero".
void set_element(DType dtype, void* data, std::size_t index, double value);
/// The same without the detour over double, for integers of 64 bits.
void set_element(DType dtype, void* data, std::size_t index, std::int64_t value);
void set_element(DType dtype, void* data, std::size_t index, std::uint64_t value);

/// Complex numbers by their real part.
double to_double(const Element& element);
/// "0.25", "-3", "true", "1+2i".
std::string to_string(const Element& element);

bool is_floating(DType dtype);
bool is_integer(DType dtype);  ///< Not booleans.

}  // namespace laneway::cli
