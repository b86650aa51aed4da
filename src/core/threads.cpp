#include "laneway/core/threads.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>

namespace laneway {
namespace {

// As the system gives it: a set sized for more cores than cpu_set_t has would be needed beyond 1,024 of them.
cpu_set_t allowed_set() noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) CPU_SET(0, &set);
  return set;
}

Error core_refused(int core) {
  std::string cores;
  for (const int allowed : allowed_cores()) cores += (cores.empty() ? "" : ", ") + std::to_string(allowed);
  return Error(ErrorCode::invalid_argument,
               "threads.cores: core not allowed: expected one of " + cores + ", got " + std::to_string(core));
}

}  // namespace

int threads_max() { return std::max(64, 8 * static_cast<int>(allowed_cores().size())); }

Expected<> validate(const ThreadSpec& spec) {
  if (spec.count < 1) {
    return Error(ErrorCode::invalid_argument, "threads.count: too few: expected 1 or more, got " + std::to_string(spec.count));
  }
  if (const int most = threads_max(); spec.count > most) {
    return Error(ErrorCode::invalid_argument, "threads.count: too many: expected " + std::to_string(most) +
                                                  " or fewer (8 for each core this process may use, or 64), got " +
                                                  std::to_string(spec.count));
  }
  if (spec.name.find('\0') != std::string::npos) return Error(ErrorCode::invalid_argument, "threads.name: holds a NUL character");
  const std::vector<int> allowed = allowed_cores();
  for (const int core : spec.cores) {
    if (!std::ranges::binary_search(allowed, core)) return core_refused(core);
  }
  return {};
}

std::vector<int> allowed_cores() {
  const cpu_set_t set = allowed_set();
  std::vector<int> cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(static_cast<std::size_t>(core), &set)) cores.push_back(core);
  }
  return cores;
}

Expected<> name_this_thread(const std::string& name) noexcept {
  constexpr std::size_t system_limit = 15;  // pthread_setname_np refuses longer ones
  if (pthread_setname_np(pthread_self(), name.substr(0, system_limit).c_str()) != 0) {
    return Error(ErrorCode::internal, "thread: the system refused the name " + name);
  }
  return {};
}

Expected<> bind_this_thread(const std::vector<int>& cores) noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int core : cores) {
    if (core < 0 || core >= CPU_SETSIZE) return core_refused(core);
    CPU_SET(static_cast<std::size_t>(core), &set);
  }
  if (pthread_setaffinity_np(pthread_self(), sizeof set, &set) != 0) return core_refused(cores.empty() ? -1 : cores.front());
  return {};
}

}  // namespace laneway
