#pragma once
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The program laneway as its users run it: a process with arguments, files and a terminal.
namespace laneway::cli_tests {

/// A folder that goes with whoever made it.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::filesystem::path& path() const noexcept { return path_; }
  void write(const std::string& name, std::string_view content) const;
  std::string read(const std::string& name) const;

 private:
  std::filesystem::path path_;
};

struct How {
  std::filesystem::path folder = {};          ///< Where it runs. Empty: here.
  std::vector<std::string> environment = {};  ///< NAME=VALUE beside the test's own.
  bool on_terminal = false;                   ///< Its stderr is a terminal.
  std::string out = {};                       ///< A file that its stdout goes to; empty: to us.
  std::vector<int> closed = {};               ///< Streams that it does not have.
  /// Asked whenever there is more on stderr; true sends it a SIGINT, once.
  std::function<bool(std::string_view err)> interrupt = nullptr;
};

struct Ended {
  int status = -1;  ///< Exit status; -1 where a signal ended it.
  std::string out, err;

  nlohmann::json json() const { return nlohmann::json::parse(out, nullptr, false); }
};
Ended laneway(const std::vector<std::string>& arguments, const How& how = {});

/// A .npy file of version 1.0, written here without the code that is tested.
std::string npy_file(std::string_view descr, std::string_view shape, std::string_view bytes, bool fortran = false);
template <class T>
std::string npy_file(std::string_view descr, std::string_view shape, std::span<const T> elements) {
  return npy_file(descr, shape, std::string_view(reinterpret_cast<const char*>(elements.data()), elements.size_bytes()));
}
/// The elements of such a file, whose header must hold this text.
template <class T>
std::vector<T> npy_elements(const std::string& file, std::string_view header) {
  const std::size_t begin = 10 + static_cast<unsigned char>(file.at(8)) + 256u * static_cast<unsigned char>(file.at(9));
  if (file.substr(0, begin).find(header) == std::string::npos) return {};
  std::vector<T> elements((file.size() - begin) / sizeof(T));
  file.copy(reinterpret_cast<char*>(elements.data()), elements.size() * sizeof(T), begin);
  return elements;
}

/// The expectation in tests/golden/NAME.txt. With LANEWAY_UPDATE_GOLDEN set the file is written instead.
void expect_golden(const std::string& name, const std::string& text);

}  // namespace laneway::cli_tests
