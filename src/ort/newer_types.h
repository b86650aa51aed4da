#pragma once
#include <onnxruntime_c_api.h>

/// Types of ONNX Runtime's C API that headers before level 24 or 25 lack, so that code which uses them compiles with those too. There
/// the functions that take them are `unimplemented` (call.h), so that nobody is ever given one.
#if ORT_API_VERSION < 24
struct OrtEnvCreationOptions {
  uint32_t version;
  int32_t logging_severity_level;
  const char* log_id;
  OrtLoggingFunction custom_logging_function;
  void* custom_logging_param;
  const OrtThreadingOptions* threading_options;
  const OrtKeyValuePairs* config_entries;
};
struct OrtEpAssignedSubgraph;
struct OrtEpAssignedNode;
struct OrtInteropApi;
enum OrtExternalMemoryHandleType { ORT_EXTERNAL_MEMORY_HANDLE_TYPE_D3D12_RESOURCE };
enum OrtExternalSemaphoreType { ORT_EXTERNAL_SEMAPHORE_D3D12_FENCE };
struct OrtExternalMemoryDescriptor {
  uint32_t version;
  OrtExternalMemoryHandleType handle_type;
  void* native_handle;
  size_t size_bytes;
  size_t offset_bytes;
};
struct OrtExternalSemaphoreDescriptor {
  uint32_t version;
  OrtExternalSemaphoreType type;
  void* native_handle;
};
struct OrtExternalTensorDescriptor {
  uint32_t version;
  ONNXTensorElementDataType element_type;
  const int64_t* shape;
  size_t rank;
  size_t offset_bytes;
};
#endif
#if ORT_API_VERSION < 25
enum OrtGraphicsApi { ORT_GRAPHICS_API_NONE };
struct OrtGraphicsInteropConfig {
  uint32_t version;
  OrtGraphicsApi graphics_api;
  void* command_queue;
  const OrtKeyValuePairs* additional_options;
};
#endif
