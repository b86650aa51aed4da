#pragma once
#include "plugin_provider/api.h"

namespace laneway::test_provider {

/// A provider with the kernels that ONNX Runtime puts between a node of the device and one of the host, which it asks for since
/// level 24.
struct CopyingProvider : OrtEp {
  CopyingProvider() noexcept;
  CopyingProvider(const CopyingProvider&) = delete;
  ~CopyingProvider();
#if ORT_API_VERSION >= 24
  OrtKernelRegistry* kernels = nullptr;
#endif
};

}  // namespace laneway::test_provider
