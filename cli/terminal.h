#pragma once
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "laneway/core/expected.h"

namespace laneway::cli {

/// Whether text to this stream may be coloured: it is a terminal, and NO_COLOR is not set.
bool coloured(std::FILE* stream);
/// The text, bold where that is allowed.
std::string bold(std::string_view text, std::FILE* stream = stdout);

/// Messages for people: to stderr, "laneway run: error: ...".
void print_error(std::string_view command, std::string_view message);
void print_note(std::string_view command, std::string_view message);

/// A line on stderr that is written over again and again, where that is a terminal; else nothing.
class Progress {
 public:
  Progress();
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void show(std::string_view text);

 private:
  bool on_;
  std::string shown_;
};

/// Rows of cells as columns; the first column to the left, the others to the right unless told.
class Table {
 public:
  explicit Table(std::vector<std::string> heads) : heads_(std::move(heads)) {}
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  /// Columns from the second one to the left too.
  Table& left() {
    left_ = true;
    return *this;
  }
  std::string text() const;

 private:
  std::vector<std::string> heads_;
  std::vector<std::vector<std::string>> rows_;
  bool left_ = false;
};

/// "1.5 MiB", "640 B".
std::string bytes_text(std::size_t bytes);

/// Where --json goes: a file, or "-" for stdout. Errors: as the system says, naming the file.
Expected<> write_json(const std::string& where, const nlohmann::ordered_json& json);

}  // namespace laneway::cli
