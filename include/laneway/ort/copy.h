#pragma once
#include <span>

#include "laneway/core/expected.h"
#include "laneway/ort/environment.h"
#include "laneway/ort/stream.h"
#include "laneway/ort/value.h"

namespace laneway LANEWAY_PUBLIC {
namespace ort {

/// Copies tensors into others of the same dtype and shape, wherever either is: strings too on the host. From host to host the
/// calling thread does it (ONNX Runtime has no such transfer); else the provider whose device takes part.
///
/// `stream`: of that device; the copy is then only queued, and both values must stay. Null: it is done on return.
/// Errors:  invalid_argument (another dtype or shape, even of as many bytes; what is no tensor; as many of one as of the other),
///          found before anything is copied; unimplemented (no provider that copies there); those of the provider.
Expected<> copy_tensors(const Environment& environment, std::span<const Value* const> from, std::span<Value* const> to,
                        const Stream* stream = nullptr);
Expected<> copy_tensor(const Environment& environment, const Value& from, Value& to, const Stream* stream = nullptr);

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
