#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>

#include "laneway/core/visibility.h"

namespace laneway LANEWAY_PUBLIC {
namespace ort {

/// Where a model keeps a weight outside itself.
struct ExternalPlace {
  std::filesystem::path file;  ///< Relative to the model's folder.
  std::int64_t offset = 0;
  std::size_t bytes = 0;

  friend bool operator==(const ExternalPlace&, const ExternalPlace&) = default;
};

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
