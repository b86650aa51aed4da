#pragma once
#include <onnxruntime_c_api.h>

#include "laneway/ort/memory.h"

namespace laneway::ort {

/// What ONNX Runtime tells of a kind of memory.
Expected<MemorySpec> read_memory(const Library& library, const OrtMemoryInfo* info);

}  // namespace laneway::ort
