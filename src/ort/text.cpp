#include "ort/text.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

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

namespace {

// Given back even where there is no memory for our copy.
struct GivesBack {
  OrtAllocator* allocator;
  void operator()(void* memory) const noexcept { allocator->Free(allocator, memory); }
};

}  // namespace

std::string take_text(const Allocator& allocator, char* text) {
  const std::unique_ptr<char, GivesBack> taken(text, {allocator.native()});
  return text ? text : "";
}

std::vector<std::string> take_texts(const Allocator& allocator, char** texts, std::size_t count) {
  const GivesBack give_back{allocator.native()};
  const auto give_back_all = [give_back, count](char** list) {
    for (std::size_t i = 0; i < count; ++i) give_back(list[i]);
    give_back(list);
  };
  const std::unique_ptr<char*, decltype(give_back_all)> taken(texts, give_back_all);
  return texts ? std::vector<std::string>(texts, texts + count) : std::vector<std::string>();
}

}  // namespace laneway::ort
