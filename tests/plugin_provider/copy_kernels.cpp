#include "plugin_provider/copy_kernels.h"

#if ORT_API_VERSION >= 24
#include <cstdint>

namespace laneway::test_provider {
namespace {

// From the host and to it alike: what is scrambled twice is as it was.
struct CopyKernel : OrtKernelImpl {
  CopyKernel() : OrtKernelImpl{} {
    ort_version_supported = ORT_API_VERSION;
    Compute = [](OrtKernelImpl*, OrtKernelContext* context) noexcept { return copy(context); };
    Release = [](OrtKernelImpl* self) noexcept { delete static_cast<CopyKernel*>(self); };
  }

  static OrtStatus* copy(OrtKernelContext* context) noexcept {
    const OrtValue* from = nullptr;
    OrtValue* to = nullptr;
    const std::int64_t* shape = nullptr;
    ONNXTensorElementDataType element{};
    std::size_t rank = 0, bytes = 0;
    const void* source = nullptr;
    void* target = nullptr;
    LANEWAY_TEST_TRY(api->KernelContext_GetInput(context, 0, &from));
    LANEWAY_TEST_TRY(api->GetTensorElementTypeAndShapeDataReference(from, &element, &shape, &rank));
    LANEWAY_TEST_TRY(api->KernelContext_GetOutput(context, 0, shape, rank, &to));
    LANEWAY_TEST_TRY(api->GetTensorData(from, &source));
    LANEWAY_TEST_TRY(api->GetTensorSizeInBytes(from, &bytes));
    LANEWAY_TEST_TRY(api->GetTensorMutableData(to, &target));
    copy_scrambled(target, source, bytes);
    return nullptr;
  }
};

OrtStatus* describe(OrtKernelDefBuilder* builder, const char* type) noexcept {
  const OrtDataType* f32 = nullptr;
  LANEWAY_TEST_TRY(ep_api->GetTensorDataType(ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &f32));
  LANEWAY_TEST_TRY(ep_api->KernelDefBuilder_SetOperatorType(builder, type));
  LANEWAY_TEST_TRY(ep_api->KernelDefBuilder_SetDomain(builder, ""));
  LANEWAY_TEST_TRY(ep_api->KernelDefBuilder_SetSinceVersion(builder, 1, 1));
  LANEWAY_TEST_TRY(ep_api->KernelDefBuilder_SetExecutionProvider(builder, provider_name));
  return ep_api->KernelDefBuilder_AddTypeConstraint(builder, "T", &f32, 1);
}

OrtStatus* add(OrtKernelRegistry* kernels, OrtKernelDefBuilder* builder) noexcept {
  OrtKernelDef* described = nullptr;
  LANEWAY_TEST_TRY(ep_api->KernelDefBuilder_Build(builder, &described));
  const auto make = [](void*, const OrtKernelInfo*, OrtKernelImpl** made) noexcept {
    *made = new CopyKernel;
    return static_cast<OrtStatus*>(nullptr);
  };
  OrtStatus* const status = ep_api->KernelRegistry_AddKernel(kernels, described, make, nullptr);
  ep_api->ReleaseKernelDef(described);
  return status;
}

OrtStatus* add_kernel(OrtKernelRegistry* kernels, const char* type, bool to_host) noexcept {
  OrtKernelDefBuilder* builder = nullptr;
  LANEWAY_TEST_TRY(ep_api->CreateKernelDefBuilder(&builder));
  OrtStatus* status = describe(builder, type);
  if (!status) {
    status = to_host ? ep_api->KernelDefBuilder_SetOutputMemType(builder, 0, OrtMemTypeCPUOutput)
                     : ep_api->KernelDefBuilder_SetInputMemType(builder, 0, OrtMemTypeCPUInput);
  }
  if (!status) status = add(kernels, builder);
  ep_api->ReleaseKernelDefBuilder(builder);
  return status;
}

OrtStatus* make_kernels(OrtKernelRegistry** made) noexcept {
  LANEWAY_TEST_TRY(ep_api->CreateKernelRegistry(made));
  LANEWAY_TEST_TRY(add_kernel(*made, "MemcpyFromHost", false));
  return add_kernel(*made, "MemcpyToHost", true);
}

}  // namespace

CopyingProvider::CopyingProvider() noexcept : OrtEp{} {
  GetKernelRegistry = [](OrtEp* self, const OrtKernelRegistry** shown) noexcept {
    OrtKernelRegistry*& made = static_cast<CopyingProvider*>(self)->kernels;
    if (!made) LANEWAY_TEST_TRY(make_kernels(&made));
    *shown = made;
    return static_cast<OrtStatus*>(nullptr);
  };
}
CopyingProvider::~CopyingProvider() {
  if (kernels) ep_api->ReleaseKernelRegistry(kernels);
}

}  // namespace laneway::test_provider
#else
namespace laneway::test_provider {
CopyingProvider::CopyingProvider() noexcept : OrtEp{} {}
CopyingProvider::~CopyingProvider() = default;
}  // namespace laneway::test_provider
#endif
