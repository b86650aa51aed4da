#pragma once
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/ort/memory.h"

namespace laneway::ort {

/// The C API takes texts that end at the first NUL. Errors: invalid_argument, where `text` has one inside.
Expected<> no_nul(std::string_view field, std::string_view text);

/// Whether ONNX Runtime can open a file, whose errors do not tell why not. `object`: what it is.
/// Errors: not_found, permission_denied; invalid_argument (no path, a NUL, a folder).
Expected<> check_file(std::string_view object, const std::filesystem::path& path);

/// A text that the library allocated, which is given back.
std::string take_text(const Allocator& allocator, char* text);
/// A list of such texts.
std::vector<std::string> take_texts(const Allocator& allocator, char** texts, std::size_t count);

}  // namespace laneway::ort
