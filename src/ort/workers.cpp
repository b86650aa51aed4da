#include "ort/workers.h"

#include <pthread.h>

#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "laneway/diag/log.h"

namespace laneway::ort {
namespace {

struct Thread {
  pthread_t id{};
  OrtThreadWorkerFn work;
  void* argument;
  std::string name;
  std::vector<int> cores;
};

// A name or a core that the system refuses costs speed, not the run.
void report(const Expected<>& result) {
  if (!result) log::write(Severity::warning, "ort", result.error().message());
}

void* run(void* self) {
  const Thread& thread = *static_cast<Thread*>(self);
  report(name_this_thread(thread.name));
  if (!thread.cores.empty()) report(bind_this_thread(thread.cores));
  thread.work(thread.argument);
  return nullptr;
}

}  // namespace

OrtCustomThreadHandle Workers::create(void* workers, OrtThreadWorkerFn work, void* argument) noexcept {
  auto& self = *static_cast<Workers*>(workers);
  try {
    return self.create(work, argument);
  } catch (const std::bad_alloc&) {
    const std::scoped_lock lock(self.mutex_);
    self.failure_ = Error::out_of_memory();
    return nullptr;
  }
}

OrtCustomThreadHandle Workers::create(OrtThreadWorkerFn work, void* argument) {
  const std::scoped_lock lock(mutex_);
  auto thread = std::make_unique<Thread>();
  thread->work = work;
  thread->argument = argument;
  thread->name = spec_.name.substr(0, 12) + '-' + std::to_string(made_ % 100);  // the system takes 15 characters
  if (!spec_.cores.empty()) thread->cores = {spec_.cores[made_ % spec_.cores.size()]};
  if (const int why = pthread_create(&thread->id, nullptr, run, thread.get()); why != 0) {
    failure_ = Error(ErrorCode::resource_exhausted, "thread " + thread->name + ": not created: " + std::strerror(why));
    return nullptr;
  }
  ++made_;
  return reinterpret_cast<OrtCustomThreadHandle>(thread.release());
}

void Workers::join(OrtCustomThreadHandle handle) noexcept {
  const std::unique_ptr<Thread> thread(reinterpret_cast<Thread*>(const_cast<OrtCustomHandleType*>(handle)));
  pthread_join(thread->id, nullptr);
}

std::optional<Error> Workers::failure() const {
  const std::scoped_lock lock(mutex_);
  return failure_;
}

}  // namespace laneway::ort
