#include "cli/program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

extern char** environ;

namespace laneway::cli {
namespace {

Error cannot(std::string_view what, int why) {
  return Error(ErrorCode::resource_exhausted, fmt::format("another process of laneway: cannot {}: {}", what, std::strerror(why)));
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Ours, but for the trace: the file is this process's.
std::vector<std::string> environment_with(const std::optional<std::filesystem::path>& preload) {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    if (!text.starts_with("LANEWAY_TRACE=") && !(preload && text.starts_with("LD_PRELOAD="))) variables.emplace_back(text);
  }
  if (preload) variables.push_back("LD_PRELOAD=" + preload->native());
  return variables;
}

// All that comes until the other end is closed.
std::string read_all(int descriptor) {
  std::string text;
  char part[4096];
  while (true) {
    const ssize_t got = read(descriptor, part, sizeof part);
    if (got > 0) text.append(part, static_cast<std::size_t>(got));
    if (got == 0 || (got < 0 && errno != EINTR)) return text;
  }
}

Expected<> end_of(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  if (WIFSIGNALED(status)) return Error(ErrorCode::internal, fmt::format("crashed: {}", strsignal(WTERMSIG(status))));
  if (WEXITSTATUS(status) == 0) return {};
  return Error(ErrorCode::internal, fmt::format("ended with exit status {}", WEXITSTATUS(status)));
}

}  // namespace

std::filesystem::path this_program() {
  std::error_code failure;
  return std::filesystem::read_symlink("/proc/self/exe", failure);
}

std::optional<std::filesystem::path> malloc_counter_library() {
  const std::filesystem::path library = this_program().parent_path().parent_path() / "lib" / "liblaneway_malloc_counter.so";
  std::error_code failure;
  return std::filesystem::exists(library, failure) ? std::optional(library) : std::nullopt;
}

Expected<std::string> run_this_program(const std::vector<std::string>& arguments,
                                       const std::optional<std::filesystem::path>& preload) {
  std::vector<std::string> words = {this_program().native()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<std::string> variables = environment_with(preload);

  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return cannot("make a pipe", errno);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  pid_t child = 0;
  const int refused =
      posix_spawn(&child, words.front().c_str(), &actions, nullptr, pointers_to(words).data(), pointers_to(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (refused != 0) {
    close(ends[0]);
    return cannot("start it", refused);
  }
  std::string text = read_all(ends[0]);
  close(ends[0]);
  LANEWAY_TRY(end_of(child));
  return text;
}

}  // namespace laneway::cli
