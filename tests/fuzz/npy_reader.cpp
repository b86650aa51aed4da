// Any bytes are an error or an array whose bytes are those of its shape.
#include <cstdint>

#include "cli/npy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto array = laneway::cli::read_npy(std::as_bytes(std::span(data, size)));
  if (!array) return 0;
  const auto expected = laneway::byte_count(array->dtype, array->shape);
  if (!expected || array->bytes.size() != *expected) __builtin_trap();
  return 0;
}
