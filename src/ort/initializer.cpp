#include "laneway/ort/initializer.h"

#include <algorithm>
#include <string>

#include "laneway/memory/mapped_file.h"
#include "ort/call.h"
#include "ort/text.h"

namespace laneway::ort {
namespace {

// Of one element as the processor wants it; packed ones and those of a byte go anywhere.
std::size_t alignment_of(DType dtype) { return std::clamp<std::size_t>(bits_of(dtype) / 8, 1, 8); }

}  // namespace

Expected<Initializer> initializer_over(const Environment& environment, std::string name, std::span<const std::byte> bytes,
                                       DType dtype, const Shape& shape, std::shared_ptr<const void> owner) {
  LANEWAY_TRY(no_nul("initializer", name));
  const std::string object = "initializer " + name;
  if (!is_numeric(dtype)) return Error(ErrorCode::invalid_argument, object + ": dtype: expected a numeric one, got string");
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignment_of(dtype) != 0) {
    return Error(ErrorCode::invalid_argument,
                 object + ": address: misaligned: expected a multiple of " + std::to_string(alignment_of(dtype)));
  }
  // ONNX Runtime takes an address it may write to; weights it only reads.
  void* const data = const_cast<std::byte*>(bytes.data());
  auto value = Value::borrow(environment.host_memory(), data, bytes.size(), dtype, shape);
  if (!value) return std::move(value).error().with_context(object);
  struct Held {
    std::shared_ptr<const void> owner;
    Value value;
  };
  const auto held = std::make_shared<const Held>(Held{std::move(owner), *std::move(value)});
  return Initializer{std::move(name), std::shared_ptr<const Value>(held, &held->value)};
}

Expected<Initializer> map_initializer(const Environment& environment, std::string name, const MappedTensor& tensor) {
  const std::string object = "initializer " + name;
  auto bytes = byte_count(tensor.dtype, tensor.shape);
  if (!bytes) return std::move(bytes).error().with_context(object);
  if (tensor.offset % alignment_of(tensor.dtype) != 0) {
    return Error(ErrorCode::invalid_argument, object + ": offset: misaligned: expected a multiple of " +
                                                  std::to_string(alignment_of(tensor.dtype)) + ", got " +
                                                  std::to_string(tensor.offset));
  }
  auto file = MappedFile::open(tensor.path, {.offset = tensor.offset, .bytes = *bytes});
  if (!file) return std::move(file).error().with_context(object);
  const auto owner = std::make_shared<const MappedFile>(*std::move(file));
  return initializer_over(environment, std::move(name), owner->data(), tensor.dtype, tensor.shape, owner);
}

Expected<std::shared_ptr<PrepackedWeights>> PrepackedWeights::make(const std::shared_ptr<const Library>& library) {
  LANEWAY_TRY_ASSIGN(auto handle,
                     ort::make<OrtPrepackedWeightsContainer>(library, LANEWAY_ORT_FN(CreatePrepackedWeightsContainer)));
  return std::shared_ptr<PrepackedWeights>(new PrepackedWeights(std::move(handle)));
}

}  // namespace laneway::ort
