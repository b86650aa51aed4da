#pragma once
#include <string>
#include <string_view>

#include "laneway/core/expected.h"
#include "laneway/ort/session.h"

namespace laneway LANEWAY_PUBLIC {
namespace ort {

/// A spec as text and back, without loss: a JSON object whose keys are the fields' own names.
///
///     {"model": "encoder.onnx", "providers": [{"name": "CUDA", "options": {"device_id": "1"}, "fallback": [{"name": "CPU"}]}],
///      "dimensions": {"batch": 3}, "execution": "parallel", "threads": {"count": 4, "cores": [2, 3]}, "profile_prefix": null}
///
/// Enumerators are their names, severities and policies too. null stands for std::nullopt, and for no choice of devices.

/// All fields, but for those that cannot be text and are as by default.
/// Errors: invalid_argument naming the field: one that cannot be text (a model in memory, an environment, devices, functions,
///         values, allocators, a stop token that can be stopped), a text that is no UTF-8, a name given twice.
Expected<std::string> to_json(const SessionSpec& spec);

/// `base` with what the text says in its place. Whether that can be opened is not looked at.
/// Errors: invalid_argument naming the key: unknown, given twice, of the wrong type or range, one that cannot be text; what is
///         no JSON, with the place.
Expected<SessionSpec> from_json(std::string_view text, SessionSpec base);

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
