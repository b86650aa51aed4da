#include "ort/workers.h"

#include <pthread.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <semaphore>
#include <string>
#include <utility>

#include "laneway/diag/log.h"

namespace laneway::ort {
namespace {

// A name or a core that the system refuses costs speed, not the run.
void report(const Expected<>& result) {
  if (!result) log::write(Severity::warning, "ort", result.error().message());
}

}  // namespace

struct Workers::Thread {
  pthread_t id{};
  std::string name;
  std::vector<int> cores;
  std::binary_semaphore begin{0};
  OrtThreadWorkerFn work = nullptr;  // still null when it begins: dismissed
  void* argument = nullptr;

  static void* run(void* self) {
    Thread& thread = *static_cast<Thread*>(self);
    report(name_this_thread(thread.name));
    if (!thread.cores.empty()) report(bind_this_thread(thread.cores));
    thread.begin.acquire();
    if (thread.work) thread.work(thread.argument);
    return nullptr;
  }
};

Workers::Workers(ThreadSpec spec, std::size_t count) : spec_(std::move(spec)), count_(count) {}

Workers::~Workers() { dismiss_waiting(); }

OrtCustomThreadHandle Workers::create(void* workers, OrtThreadWorkerFn work, void* argument) noexcept {
  auto& self = *static_cast<Workers*>(workers);
  const std::scoped_lock lock(self.mutex_);
  try {
    return self.create(work, argument);
  } catch (const std::bad_alloc&) {
    self.failure_ = Error::out_of_memory();
    return nullptr;
  }
}

OrtCustomThreadHandle Workers::create(OrtThreadWorkerFn work, void* argument) {
  if (waiting_.empty() && !make_threads(std::max<std::size_t>(count_, made_ + 1))) return nullptr;
  std::unique_ptr<Thread> thread = std::move(waiting_.front());
  waiting_.pop_front();
  thread->work = work;
  thread->argument = argument;
  thread->begin.release();
  return reinterpret_cast<OrtCustomThreadHandle>(thread.release());
}

bool Workers::make_threads(std::size_t count) {
  for (; made_ < count; ++made_) {
    auto thread = std::make_unique<Thread>();
    thread->name = spec_.name.substr(0, 12) + '-' + std::to_string(made_ % 100);  // the system takes 15 characters
    if (!spec_.cores.empty()) thread->cores = {spec_.cores[made_ % spec_.cores.size()]};
    waiting_.push_back(std::move(thread));
    const int why = pthread_create(&waiting_.back()->id, nullptr, Thread::run, waiting_.back().get());
    if (why == 0) continue;
    failure_ = Error(ErrorCode::resource_exhausted, "thread " + waiting_.back()->name + ": not created: " + std::strerror(why));
    waiting_.pop_back();
    dismiss_waiting();
    return false;
  }
  return true;
}

void Workers::dismiss_waiting() noexcept {
  for (const std::unique_ptr<Thread>& thread : waiting_) {
    thread->begin.release();
    pthread_join(thread->id, nullptr);
  }
  waiting_.clear();
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
