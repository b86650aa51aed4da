#pragma once
#include <string>
#include <string_view>

#include "laneway/core/expected.h"
#include "laneway/ort/memory.h"

namespace laneway::ort {

/// The C API takes texts that end at the first NUL. Errors: invalid_argument, where `text` has one inside.
Expected<> no_nul(std::string_view field, std::string_view text);

/// A text that the library allocated, which is given back.
std::string take_text(const Allocator& allocator, char* text);

}  // namespace laneway::ort
