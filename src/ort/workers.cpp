#include "ort/workers.h"

#include <algorithm>
#include <exception>
#include <new>
#include <semaphore>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "core/guard.h"
#include "laneway/diag/log.h"

namespace laneway::ort {
namespace {

// A name or a core that the system refuses costs speed, not the run; and who joins cannot do anything about a failure.
void report(const Expected<>& result) {
  if (!result) log::write(Severity::warning, "ort", result.error().message());
}

std::shared_ptr<const ThreadHooks> standard_threads() {
  static const auto& hooks = *new std::shared_ptr<const ThreadHooks>(std::make_shared<const ThreadHooks>(
      ThreadHooks{.create = [](std::function<void()> work) -> Expected<std::shared_ptr<void>> {
                    return std::shared_ptr<void>(std::make_shared<std::thread>(std::move(work)));
                  },
                  .join = [](const std::shared_ptr<void>& thread) -> Expected<> {
                    static_cast<std::thread*>(thread.get())->join();
                    return {};
                  }}));
  return hooks;
}

}  // namespace

struct Workers::Thread {
  std::string name;
  std::vector<int> cores;
  std::shared_ptr<const ThreadHooks> hooks;
  std::shared_ptr<void> started;
  std::binary_semaphore begin{0};
  OrtThreadWorkerFn work = nullptr;  // still null when it begins: dismissed
  void* argument = nullptr;

  Expected<> start() {
    auto thread = guarded([this] { return hooks->create([this] { run(); }); });
    if (!thread) return std::move(thread).error().with_context("thread " + name + ": not created");
    started = *std::move(thread);
    return {};
  }

  void run() {
    report(name_this_thread(name));
    if (!cores.empty()) report(bind_this_thread(cores));
    begin.acquire();
    if (work) work(argument);
  }

  void join() noexcept {
    auto joined = guarded([this] { return hooks->join(std::move(started)); });
    if (!joined) report(std::move(joined).error().with_context("thread: not joined"));
  }
};

Workers::Workers(ThreadSpec spec, std::size_t count, std::shared_ptr<const ThreadHooks> hooks)
    : spec_(std::move(spec)), count_(count), hooks_(hooks ? std::move(hooks) : standard_threads()) {}

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
    thread->hooks = hooks_;
    waiting_.push_back(std::move(thread));
    auto started = waiting_.back()->start();
    if (started) continue;
    failure_ = std::move(started).error();
    waiting_.pop_back();
    dismiss_waiting();
    return false;
  }
  return true;
}

void Workers::dismiss_waiting() noexcept {
  for (const std::unique_ptr<Thread>& thread : waiting_) {
    thread->begin.release();
    thread->join();
  }
  waiting_.clear();
}

void Workers::join(OrtCustomThreadHandle handle) noexcept {
  const std::unique_ptr<Thread> thread(reinterpret_cast<Thread*>(const_cast<OrtCustomHandleType*>(handle)));
  thread->join();
}

std::optional<Error> Workers::failure() const {
  const std::scoped_lock lock(mutex_);
  return failure_;
}

Expected<> validate(const ThreadHooks* hooks) {
  if (!hooks || (hooks->create && hooks->join)) return {};
  return Error(ErrorCode::invalid_argument,
               std::string("thread_hooks.") + (hooks->create ? "join" : "create") + ": empty: expected a function");
}

}  // namespace laneway::ort
