#pragma once
#include <onnxruntime_c_api.h>

/// Types of ONNX Runtime's C API that headers before level 24 lack, so that code which uses them compiles with those too. There
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
#endif
