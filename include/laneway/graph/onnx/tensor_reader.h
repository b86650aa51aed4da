#pragma once
#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/graph/onnx/model_view.h"
#include "laneway/memory/mapped_file.h"

namespace laneway LANEWAY_PUBLIC {
namespace onnx {

/// The elements of a tensor: dense, row-major, little-endian, byte_count(dtype, shape) bytes, not aligned.
struct TensorBytes {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;  ///< Keeps the bytes. Null: they lie in the model's own bytes.
};

/// Gives the elements of a model's tensors, wherever they are: raw ones and those in other files without a copy, those in typed
/// fields decoded.
///
/// Files:    looked for in the model's folder and nowhere else: an absolute path, "..", and links that lead out of it are
/// refused. Threads:  one at a time. Lifetime: what it gave outlives it. Files are mapped once each, and as MappedFile says, must
/// not be rewritten in place.
class TensorReader {
 public:
  /// For a model without a folder, in memory say: external data is refused.
  TensorReader() = default;
  explicit TensorReader(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// Errors: invalid_argument (strings; a path that leaves the folder; a range beyond the end of its file), failed_precondition
  ///         (external data, and no folder), not_found, permission_denied, resource_exhausted.
  Expected<TensorBytes> bytes(const TensorView& tensor);

 private:
  Expected<TensorBytes> external_bytes(const TensorView& tensor, const ExternalData& external);
  Expected<std::shared_ptr<const MappedFile>> file(std::string_view location);

  std::optional<std::filesystem::path> folder_;
  std::map<std::filesystem::path, std::shared_ptr<const MappedFile>> files_;
};

/// The elements of a tensor of strings, as views into the model's bytes. Errors: invalid_argument (another dtype).
Expected<std::vector<std::string_view>> strings(const TensorView& tensor);

}  // namespace onnx
}  // namespace laneway
