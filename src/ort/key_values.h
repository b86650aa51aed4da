#pragma once
#include <onnxruntime_c_api.h>

#include <memory>
#include <string_view>
#include <vector>

#include "laneway/ort/handle.h"
#include "laneway/ort/library.h"

namespace laneway::ort {

/// Null: none.
KeyValues read_key_values(const Library& library, const OrtKeyValuePairs* pairs);
Expected<Handle<OrtKeyValuePairs>> make_key_values(const std::shared_ptr<const Library>& library, const KeyValues& entries);

/// Errors: invalid_argument (a NUL, an empty name, a name given twice).
Expected<> validate_key_values(std::string_view field, const KeyValues& entries);

/// The two lists of texts that functions of the C API take. They are those of `entries`, which must stay.
struct KeyValueTexts {
  explicit KeyValueTexts(const KeyValues& entries);
  std::vector<const char*> names, values;
};

}  // namespace laneway::ort
