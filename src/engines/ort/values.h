#pragma once
#include "laneway/engine/value.h"
#include "laneway/ort/environment.h"
#include "laneway/ort/value.h"

namespace laneway::engines_ort {

/// The seam's value as ONNX Runtime's. Tensors are used where they lie: `value` must stay as it is as long as the result is used.
/// Errors: invalid_argument; unimplemented (what the C API cannot make: an empty sequence, an optional that holds nothing).
Expected<ort::Value> to_ort(const ort::Environment& environment, const Value& value);

/// The inverse, for an output of this port. Everything is copied.
Expected<Value> from_ort(const ort::Value& value, PortKind kind);

}  // namespace laneway::engines_ort
