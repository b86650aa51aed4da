#include "laneway/graph/onnx/schema.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace laneway::onnx::schema {
namespace {

// In the order of TensorProto.DataType, whose first is 1.
constexpr std::array<DType, 26> numbered = {
    DType::f32,        DType::u8,      DType::i8,       DType::u16,        DType::i16,    DType::i32,        DType::i64,
    DType::string,     DType::boolean, DType::f16,      DType::f64,        DType::u32,    DType::u64,        DType::complex64,
    DType::complex128, DType::bf16,    DType::f8e4m3fn, DType::f8e4m3fnuz, DType::f8e5m2, DType::f8e5m2fnuz, DType::u4,
    DType::i4,         DType::f4e2m1,  DType::f8e8m0,   DType::u2,         DType::i2};

}  // namespace

std::optional<DType> dtype_of_number(std::int64_t number) noexcept {
  if (number < 1 || number > static_cast<std::int64_t>(numbered.size())) return std::nullopt;
  return numbered[static_cast<std::size_t>(number - 1)];
}

std::int32_t number_of(DType dtype) noexcept {
  return static_cast<std::int32_t>(std::find(numbered.begin(), numbered.end(), dtype) - numbered.begin()) + 1;
}

}  // namespace laneway::onnx::schema
