#include "ort/text.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "ort/call.h"

namespace laneway::ort {

Expected<> no_nul(std::string_view field, std::string_view text) {
  if (text.find('\0') == text.npos) return {};
  return Error(ErrorCode::invalid_argument, std::string(field) + ": holds a NUL character");
}

Expected<> check_file(std::string_view object, const std::filesystem::path& path) {
  const std::string& text = path.native();
  const std::string what(object);
  if (text.empty()) return Error(ErrorCode::invalid_argument, what + ": path: empty: expected a file");
  LANEWAY_TRY(no_nul(what + ": path", text));
  std::error_code failure;
  if (std::filesystem::is_directory(path, failure)) {
    return Error(ErrorCode::invalid_argument, what + " " + text + ": a folder: expected a file");
  }
  if (faccessat(AT_FDCWD, text.c_str(), R_OK, AT_EACCESS) == 0) return {};
  const int why = errno;
  return Error(errno_code(why), what + " " + text + ": " + std::strerror(why));
}

std::string take_text(const Allocator& allocator, char* text) {
  std::string copy = text ? text : "";
  allocator.native()->Free(allocator.native(), text);
  return copy;
}

}  // namespace laneway::ort
