#pragma once
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "laneway/diag/malloc_counter.h"

namespace laneway {

/// How often threads of others have run so far: ONNX Runtime keeps one that wakes every few seconds, and allocates, whoever
/// computes with it. The calling thread and those of ours, which have a name, are not among them.
inline std::uint64_t turns_of_strangers() {
  std::uint64_t turns = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream comm(task.path() / "comm"), statistics(task.path() / "schedstat");
    std::string name;
    std::uint64_t run_ns = 0, wait_ns = 0, count = 0;
    std::getline(comm, name);
    statistics >> run_ns >> wait_ns >> count;
    const bool ours = name.starts_with("laneway") || task.path().filename() == std::to_string(syscall(SYS_gettid));
    if (!ours) turns += count;
  }
  return turns;
}

/// Allocations of ten thousand calls, by the whole process, after a thousand calls that warm up; a block of a thousand during which
/// a stranger's thread ran is taken again.
template <class Call>
std::uint64_t allocations_of_calls(Call call) {
  std::uint64_t sum = 0;
  for (int blocks = -1; blocks < 10;) {
    const std::uint64_t turns = turns_of_strangers();
    const auto before = malloc_totals();
    for (int i = 0; i < 1'000; ++i) call();
    const auto after = malloc_totals();
    if (!before || !after) throw std::runtime_error("the counter is not linked");
    if (turns_of_strangers() != turns) continue;
    if (blocks++ >= 0) sum += (*after - *before).count;
  }
  return sum;
}

}  // namespace laneway
