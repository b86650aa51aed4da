#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/ort/device.h"

namespace laneway LANEWAY_PUBLIC {
namespace ort {

/// Who computes nodes: one of those that ONNX Runtime was built with, or that came in a provider library.
struct Provider {
  std::string name;                     ///< "CUDA", or in full "CUDAExecutionProvider"; any that ONNX Runtime knows.
  KeyValues options = {};               ///< As the provider names them; each once.
  std::vector<Device> devices = {};     ///< Those it is to compute on. Empty: all it has that share the first one's memory.
  std::vector<Provider> fallback = {};  ///< The first of these that is available, where this one is not. Empty: that is an error.
};

/// "CUDAExecutionProvider" for "CUDA", whatever the case.
std::string full_provider_name(const std::string& name);

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
