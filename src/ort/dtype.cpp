#include "ort/dtype.h"

#include <algorithm>
#include <array>
#include <string>

namespace laneway::ort {
namespace {

// By ONNX Runtime's number, from 1. Headers of level 23 lack the last names, not the numbers.
constexpr std::array<DType, 26> by_number = {
    DType::f32,        DType::u8,      DType::i8,       DType::u16,        DType::i16,    DType::i32,        DType::i64,
    DType::string,     DType::boolean, DType::f16,      DType::f64,        DType::u32,    DType::u64,        DType::complex64,
    DType::complex128, DType::bf16,    DType::f8e4m3fn, DType::f8e4m3fnuz, DType::f8e5m2, DType::f8e5m2fnuz, DType::u4,
    DType::i4,         DType::f4e2m1,  DType::u2,       DType::i2,         DType::f8e8m0};
static_assert(ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING == 8 && by_number[7] == DType::string);
static_assert(ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16 == 16 && by_number[15] == DType::bf16);
static_assert(ONNX_TENSOR_ELEMENT_DATA_TYPE_INT4 == 22 && by_number[21] == DType::i4);

}  // namespace

ONNXTensorElementDataType to_native(DType dtype) noexcept {
  const auto found = std::find(by_number.begin(), by_number.end(), dtype);
  return static_cast<ONNXTensorElementDataType>(found - by_number.begin() + 1);
}

Expected<DType> from_native(ONNXTensorElementDataType type) {
  const auto number = static_cast<std::size_t>(type);
  if (number >= 1 && number <= by_number.size()) return by_number[number - 1];
  return Error(ErrorCode::unimplemented,
               "dtype: expected one this build knows, got ONNX Runtime's number " + std::to_string(number));
}

}  // namespace laneway::ort
