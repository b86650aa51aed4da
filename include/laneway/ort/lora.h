#pragma once
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>

#include "laneway/core/expected.h"
#include "laneway/ort/handle.h"
#include "laneway/ort/memory.h"

namespace laneway LANEWAY_PUBLIC {
namespace ort {

/// Values for inputs of a model, or for weights that it lets a run override, in ONNX Runtime's file format for adapters. A run is
/// told to use it by its run options, and takes each parameter for the input of the same name.
///
/// Threads:  immutable; any thread. Lifetime: whatever it was made from may go; run options keep it.
class LoraAdapter {
 public:
  /// `device`: where the parameters are copied to at once. nullopt: they stay on the host, and runs copy what a device needs.
  /// Errors: not_found, permission_denied (a file); invalid_argument (no adapter, a path with a NUL).
  static Expected<std::shared_ptr<const LoraAdapter>> load(const std::shared_ptr<const Library>& library,
                                                           const std::filesystem::path& path,
                                                           const std::optional<Allocator>& device = std::nullopt);
  static Expected<std::shared_ptr<const LoraAdapter>> load(const std::shared_ptr<const Library>& library,
                                                           std::span<const std::byte> bytes,
                                                           const std::optional<Allocator>& device = std::nullopt);

  OrtLoraAdapter* native() const noexcept { return handle_.get(); }

 private:
  LoraAdapter(std::optional<Allocator> device, Handle<OrtLoraAdapter> handle) noexcept
      : device_(std::move(device)), handle_(std::move(handle)) {}

  std::optional<Allocator> device_;
  Handle<OrtLoraAdapter> handle_;
};

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
