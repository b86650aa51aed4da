#pragma once
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "laneway/core/expected.h"

namespace laneway::cli {

/// Text for people. What fails is told by close_output().
void write_text(std::string_view text, std::FILE* stream = stdout);

/// Whether text to this stream may be coloured: it is a terminal, and NO_COLOR is not set.
bool coloured(std::FILE* stream);
/// The text, bold where that is allowed.
std::string bold(std::string_view text, std::FILE* stream = stdout);

/// Without control characters, but those `kept`: "\x1b" instead of the byte. Names in models may be any bytes.
std::string printable(std::string_view text, std::string_view kept = "");

/// A name as a table shows it: the beginning of one that would make it too wide.
std::string shortened(const std::string& name);

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
  /// What a cell holds is made printable().
  void add(std::vector<std::string> cells);
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

/// A stream that its parent closed becomes one that refuses all, or the next file that is opened would get what is written to it.
void open_streams();
/// Writes what stdout still holds. Errors: as the system says, for all that was written.
Expected<> close_output();

/// Whether a file can be written, asked before the work whose result it is to hold. Errors: as the system says, naming `what`.
Expected<> check_writable(const std::string& what, const std::filesystem::path& path);
Expected<> check_json(const std::string& where);

/// Where --json goes: a file, or "-" for stdout. Errors: as the system says, naming the file.
Expected<> write_json(const std::string& where, const nlohmann::ordered_json& json);

}  // namespace laneway::cli
