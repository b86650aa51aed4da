#pragma once
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

/// A folder that goes with whoever made it.
class ScratchFolder {
 public:
  ScratchFolder() : path_(testing::TempDir() + "laneway_example_XXXXXX") {
    if (!mkdtemp(path_.data())) std::abort();
  }
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  std::string path(const std::string& name) const { return path_ + "/" + name; }
  std::string write(const std::string& name, const std::string& content) const {
    std::ofstream(path(name), std::ios::binary) << content;
    return path(name);
  }

 private:
  std::string path_;
};

struct Outcome {
  int status;
  std::string out, err;
};

/// What a program does with these arguments, none of which holds a single quote.
inline Outcome run_program(const std::string& program, const std::vector<std::string>& arguments) {
  const ScratchFolder folder;
  std::string command = "'" + program + "'";
  for (const std::string& argument : arguments) command += " '" + argument + "'";
  command += " >'" + folder.path("out") + "' 2>'" + folder.path("err") + "'";
  const int status = std::system(command.c_str());
  const auto content = [&](const char* name) {
    std::ifstream file(folder.path(name), std::ios::binary);
    return std::string{std::istreambuf_iterator<char>(file), {}};
  };
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, content("out"), content("err")};
}
