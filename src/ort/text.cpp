#include "ort/text.h"

#include "ort/call.h"

namespace laneway::ort {

Expected<> no_nul(std::string_view field, std::string_view text) {
  if (text.find('\0') == text.npos) return {};
  return Error(ErrorCode::invalid_argument, std::string(field) + ": holds a NUL character");
}

std::string take_text(const Allocator& allocator, char* text) {
  std::string copy = text ? text : "";
  allocator.native()->Free(allocator.native(), text);
  return copy;
}

}  // namespace laneway::ort
