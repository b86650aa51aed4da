#pragma once
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "laneway/core/dtype.h"
#include "laneway/core/expected.h"
#include "laneway/core/shape.h"
#include "laneway/ort/environment.h"
#include "laneway/ort/handle.h"
#include "laneway/ort/value.h"

namespace laneway LANEWAY_PUBLIC {
namespace ort {

/// A tensor of the caller's for a weight of the model. Sessions keep it.
struct Initializer {
  std::string name;
  std::shared_ptr<const Value> value;
};

/// A tensor that lies in a file: dense, row-major, little-endian.
struct MappedTensor {
  std::filesystem::path path;
  DType dtype = DType::f32;
  Shape shape = {};
  std::size_t offset = 0;  ///< Of its first byte in the file: a multiple of an element's size.
};

/// Makes an initializer over bytes that `owner` keeps. They must not change while a session uses them.
/// Errors: invalid_argument (too few bytes for the shape, bytes that are not aligned for an element, strings).
Expected<Initializer> initializer_over(const Environment& environment, std::string name, std::span<const std::byte> bytes,
                                       DType dtype, const Shape& shape, std::shared_ptr<const void> owner);

/// Makes one of elements that it keeps.
template <class T>
Expected<Initializer> initializer_of(const Environment& environment, std::string name, std::vector<T> elements,
                                     const Shape& shape) {
  const auto owner = std::make_shared<const std::vector<T>>(std::move(elements));
  return initializer_over(environment, std::move(name), std::as_bytes(std::span(*owner)), dtype_of<T>::value, shape, owner);
}

/// Makes one of a file, which is mapped, not read: sessions that use it share the kernel's copy. The file may be unlinked.
/// Errors: those of MappedFile::open() (a part beyond the end of the file among them); invalid_argument (a misaligned offset).
Expected<Initializer> map_initializer(const Environment& environment, std::string name, const MappedTensor& tensor);

/// A file in which a model keeps weights, in memory instead. ONNX Runtime copies what it needs while it opens the session.
struct ExternalFile {
  std::string name;  ///< As the model's `location` has it.
  std::span<const std::byte> bytes;
};

/// Weights packed for kernels, held once for all sessions that are opened with the same container.
/// Threads: any. Lifetime: sessions keep it.
class PrepackedWeights {
 public:
  static Expected<std::shared_ptr<PrepackedWeights>> make(const std::shared_ptr<const Library>& library);
  OrtPrepackedWeightsContainer* native() const noexcept { return handle_.get(); }

 private:
  explicit PrepackedWeights(Handle<OrtPrepackedWeightsContainer> handle) noexcept : handle_(std::move(handle)) {}
  Handle<OrtPrepackedWeightsContainer> handle_;
};

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
