#include "cli/terminal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

namespace laneway::cli {
namespace {

std::string styled(std::string_view text, std::string_view code, std::FILE* stream) {
  return coloured(stream) ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

void print_message(std::string_view command, std::string_view kind, std::string_view code, std::string_view message) {
  const std::string_view space = command.empty() ? "" : " ";
  write_text(fmt::format("laneway{}{}: {} {}\n", space, command, styled(fmt::format("{}:", kind), code, stderr),
                         printable(message, "\n")),
             stderr);
}

// Columns on a screen, as far as UTF-8 tells: the bytes that begin a character.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace

std::string printable(std::string_view text, std::string_view kept) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool control = byte < 0x20 || byte == 0x7f;
    result += !control || kept.find(c) != kept.npos ? std::string(1, c) : fmt::format("\\x{:02x}", byte);
  }
  return result;
}

std::string shortened(const std::string& name) {
  constexpr std::size_t width_max = 60;
  if (width_of(name) <= width_max) return name;
  std::size_t end = width_max - 3;
  while ((static_cast<unsigned char>(name[end]) & 0xc0) == 0x80) --end;
  return name.substr(0, end) + "...";
}

void Table::add(std::vector<std::string> cells) {
  for (std::string& cell : cells) cell = printable(cell);
  rows_.push_back(std::move(cells));
}

void write_text(std::string_view text, std::FILE* stream) { std::fwrite(text.data(), 1, text.size(), stream); }

bool coloured(std::FILE* stream) {
  const char* const refused = std::getenv("NO_COLOR");
  return isatty(fileno(stream)) == 1 && (refused == nullptr || *refused == '\0');
}

std::string bold(std::string_view text, std::FILE* stream) { return styled(text, "1", stream); }

void print_error(std::string_view command, std::string_view message) { print_message(command, "error", "1;31", message); }
void print_note(std::string_view command, std::string_view message) { print_message(command, "note", "1;36", message); }

Progress::Progress() : on_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() { show(""); }

void Progress::show(std::string_view text) {
  if (!on_ || text == shown_) return;
  shown_ = text;
  write_text(fmt::format("\r\x1b[K{}", text), stderr);
}

std::string Table::text() const {
  std::vector<std::size_t> widths;
  const auto widen = [&](const std::vector<std::string>& cells) {
    widths.resize(std::max(widths.size(), cells.size()));
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], width_of(cells[i]));
  };
  widen(heads_);
  for (const auto& row : rows_) widen(row);
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string result;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string pad(widths[i] - width_of(cells[i]), ' ');
      result += (i == 0 ? "" : "  ") + (left_ || i == 0 ? cells[i] + pad : pad + cells[i]);
    }
    result.erase(result.find_last_not_of(' ') + 1);
    return result;
  };
  std::string result = heads_.empty() ? "" : bold(line(heads_)) + "\n";
  for (const auto& row : rows_) result += line(row) + "\n";
  return result;
}

std::string bytes_text(std::size_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  const double kib = static_cast<double>(bytes) / 1024;
  if (kib < 1024) return fmt::format("{:.1f} KiB", kib);
  return kib < 1024 * 1024 ? fmt::format("{:.1f} MiB", kib / 1024) : fmt::format("{:.2f} GiB", kib / 1024 / 1024);
}

void open_streams() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(descriptor, F_GETFD) < 0) open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

Expected<> close_output() {
  const bool failed_before = std::ferror(stdout) != 0;
  if (std::fflush(stdout) == 0 && !failed_before) return {};
  const std::string why = failed_before ? "" : fmt::format(": {}", std::strerror(errno));
  return Error(failed_before ? ErrorCode::internal : errno_code(errno), "stdout: cannot be written" + why);
}

Expected<> check_writable(const std::string& what, const std::filesystem::path& path) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return Error(ErrorCode::invalid_argument, what + ": cannot be written: is a folder: expected a file");
  }
  if (access(path.c_str(), W_OK) == 0) return {};
  if (errno == ENOENT && access(folder.c_str(), W_OK | X_OK) == 0) return {};
  return Error(errno_code(errno), fmt::format("{}: cannot be written: {}", what, std::strerror(errno)));
}

Expected<> check_json(const std::string& where) { return where == "-" ? Expected<>() : check_writable("--json " + where, where); }

Expected<> write_json(const std::string& where, const nlohmann::ordered_json& json) {
  // Names in models may be any bytes: what is no UTF-8 is replaced.
  const std::string text = json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  std::FILE* const file = where == "-" ? stdout : std::fopen(where.c_str(), "w");
  const bool written = file != nullptr && std::fwrite(text.data(), 1, text.size(), file) == text.size() && std::fflush(file) == 0;
  const int why = errno;
  const bool closed = file == nullptr || file == stdout || std::fclose(file) == 0;
  if (written && closed) return {};
  return Error(errno_code(why), fmt::format("--json {}: cannot be written: {}", where, std::strerror(why)));
}

}  // namespace laneway::cli
