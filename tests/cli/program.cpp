#include "cli/program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>

extern char** environ;

namespace laneway::cli_tests {
namespace {

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Two ends of a stream from the child to us.
struct Stream {
  int ours = -1, childs = -1;

  static Stream pipe() {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    return {ends[0], ends[1]};
  }
  static Stream terminal() {
    const int ours = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    EXPECT_GE(ours, 0);
    EXPECT_EQ(grantpt(ours), 0);
    EXPECT_EQ(unlockpt(ours), 0);
    return {ours, open(ptsname(ours), O_RDWR | O_NOCTTY | O_CLOEXEC)};
  }
};

// Appends what there is. False: the other end is closed.
bool read_some(int descriptor, std::string& text) {
  char part[4096];
  const ssize_t got = read(descriptor, part, sizeof part);
  if (got > 0) text.append(part, static_cast<std::size_t>(got));
  return got > 0;
}

void read_until_end(pid_t child, const Stream& out, const Stream& err, const How& how, Ended& ended) {
  using Time = std::chrono::steady_clock;
  const auto deadline = Time::now() + std::chrono::minutes(5);
  bool interrupted = false;
  pollfd streams[2] = {{out.ours, POLLIN, 0}, {err.ours, POLLIN, 0}};
  while (streams[0].fd >= 0 || streams[1].fd >= 0) {
    if (Time::now() > deadline) {
      ADD_FAILURE() << "laneway does not end: " << ended.out << ended.err;
      kill(child, SIGKILL);
      return;
    }
    poll(streams, 2, 1000);
    if (streams[0].revents != 0 && !read_some(out.ours, ended.out)) streams[0].fd = -1;
    if (streams[1].revents != 0 && !read_some(err.ours, ended.err)) streams[1].fd = -1;
    if (!interrupted && how.interrupt && how.interrupt(ended.err)) {
      interrupted = true;
      kill(child, SIGINT);
    }
  }
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> environment_with(const std::vector<std::string>& added) {
  std::vector<std::string> variables = added;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const auto replaced = [&](const std::string& by) { return text.substr(0, text.find('=')) == by.substr(0, by.find('=')); };
    if (std::none_of(added.begin(), added.end(), replaced)) variables.emplace_back(text);
  }
  return variables;
}

}  // namespace

ScratchFolder::ScratchFolder() {
  std::string path = testing::TempDir() + "laneway_cli_XXXXXX";
  if (mkdtemp(path.data()) == nullptr) std::abort();
  path_ = path;
}
ScratchFolder::~ScratchFolder() { std::filesystem::remove_all(path_); }
void ScratchFolder::write(const std::string& name, std::string_view content) const {
  std::ofstream(path_ / name, std::ios::binary) << content;
}
std::string ScratchFolder::read(const std::string& name) const { return content_of(path_ / name); }

Ended laneway(const std::vector<std::string>& arguments, const How& how) {
  std::vector<std::string> words = {LANEWAY_CLI};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<std::string> variables = environment_with(how.environment);
  const Stream out = Stream::pipe(), err = how.on_terminal ? Stream::terminal() : Stream::pipe();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out.childs, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.childs, STDERR_FILENO);
  if (!how.out.empty()) posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, how.out.c_str(), O_WRONLY, 0);
  for (const int stream : how.closed) posix_spawn_file_actions_addclose(&actions, stream);
  if (!how.folder.empty()) posix_spawn_file_actions_addchdir_np(&actions, how.folder.c_str());
  pid_t child = 0;
  const int refused =
      posix_spawn(&child, LANEWAY_CLI, &actions, nullptr, pointers_to(words).data(), pointers_to(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  close(out.childs);
  close(err.childs);
  Ended ended;
  if (refused != 0) {
    ADD_FAILURE() << "cannot start " << LANEWAY_CLI;
    return ended;
  }
  read_until_end(child, out, err, how, ended);
  close(out.ours);
  close(err.ours);
  int status = 0;
  waitpid(child, &status, 0);
  ended.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ended;
}

std::string npy_file(std::string_view descr, std::string_view shape, std::string_view bytes, bool fortran) {
  std::string header = "{'descr': '" + std::string(descr) + "', 'fortran_order': " + (fortran ? "True" : "False") +
                       ", 'shape': " + std::string(shape) + ", }";
  header.resize((10 + header.size() + 1 + 63) / 64 * 64 - 10 - 1, ' ');
  header += '\n';
  const char length[2] = {static_cast<char>(header.size() % 256), static_cast<char>(header.size() / 256)};
  return std::string("\x93NUMPY\x01\x00", 8) + std::string(length, 2) + header + std::string(bytes);
}

void expect_golden(const std::string& name, const std::string& text) {
  const std::string path = std::string(LANEWAY_TEST_SOURCE_DIR "/tests/golden/") + name + ".txt";
  if (std::getenv("LANEWAY_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << text;
    return;
  }
  EXPECT_EQ(text, content_of(path)) << path << " (LANEWAY_UPDATE_GOLDEN=1 writes it anew)";
}

}  // namespace laneway::cli_tests
