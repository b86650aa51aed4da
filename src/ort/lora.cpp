#include "laneway/ort/lora.h"

#include <utility>

#include "ort/call.h"
#include "ort/text.h"

namespace laneway::ort {
namespace {

// What ONNX Runtime calls a plain failure while it reads an adapter is that adapter's fault.
Error blame_adapter(Error error) {
  if (error.code() != ErrorCode::internal) return error;
  return Error(ErrorCode::invalid_argument, std::string(error.message()));
}

OrtAllocator* native_of(const std::optional<Allocator>& allocator) { return allocator ? allocator->native() : nullptr; }

}  // namespace

Expected<std::shared_ptr<const LoraAdapter>> LoraAdapter::load(const std::shared_ptr<const Library>& library,
                                                               const std::filesystem::path& path,
                                                               const std::optional<Allocator>& device) {
  LANEWAY_TRY(check_file("adapter", path));
  auto handle = make<OrtLoraAdapter>(library, LANEWAY_ORT_FN(CreateLoraAdapter), path.c_str(), native_of(device));
  if (!handle) return blame_adapter(std::move(handle).error()).with_context("adapter " + path.string());
  return std::shared_ptr<const LoraAdapter>(new LoraAdapter(device, *std::move(handle)));
}

Expected<std::shared_ptr<const LoraAdapter>> LoraAdapter::load(const std::shared_ptr<const Library>& library,
                                                               std::span<const std::byte> bytes,
                                                               const std::optional<Allocator>& device) {
  if (bytes.empty()) return Error(ErrorCode::invalid_argument, "adapter: bytes: none: expected a file's");
  const void* const data = bytes.data();
  auto handle = make<OrtLoraAdapter>(library, LANEWAY_ORT_FN(CreateLoraAdapterFromArray), data, bytes.size(), native_of(device));
  if (!handle) return blame_adapter(std::move(handle).error()).with_context("adapter");
  return std::shared_ptr<const LoraAdapter>(new LoraAdapter(device, *std::move(handle)));
}

}  // namespace laneway::ort
