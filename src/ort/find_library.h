#pragma once
#include <onnxruntime_c_api.h>

#include <filesystem>
#include <string>

#include "laneway/core/expected.h"
#include "laneway/ort/library.h"

namespace laneway::ort {

struct FoundLibrary {
  const OrtApiBase* base;
  std::filesystem::path path;
  std::string by;  // which of the places it was
};

/// Looks where Library::open() says, in that order, and loads the first one.
/// Errors: invalid_argument (a path that is empty or holds a NUL), unavailable naming each place looked at.
Expected<FoundLibrary> find_library(const LibrarySpec& spec);

bool same_file(const std::filesystem::path& a, const std::filesystem::path& b) noexcept;

}  // namespace laneway::ort
