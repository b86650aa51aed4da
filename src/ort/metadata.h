#pragma once
#include <onnxruntime_c_api.h>

#include "laneway/ort/session.h"

namespace laneway::ort {

Expected<Metadata> read_metadata(const Library& library, const Allocator& allocator, const OrtModelMetadata* native);

}  // namespace laneway::ort
