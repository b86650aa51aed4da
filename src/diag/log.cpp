#include "laneway/diag/log.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <utility>

namespace laneway {

std::string_view name(Severity severity) noexcept {
  switch (severity) {
    case Severity::verbose: return "verbose";
    case Severity::info: return "info";
    case Severity::warning: return "warning";
    case Severity::error: return "error";
    case Severity::fatal: return "fatal";
  }
  return "unknown";
}

namespace log {

std::atomic<std::uint8_t> detail::least{detail::nobody};

namespace {

struct Installed {
  LogSink sink;
  Severity least;
  int running = 0;  // calls in progress, guarded by State::mutex
};

struct State {
  std::mutex mutex;
  std::condition_variable finished;
  std::unique_ptr<Installed> installed;
};

// Never destroyed: other static objects may log while they are.
State& state() {
  static State* const instance = new State;
  return *instance;
}

// Both without a destructor, so that a thread can log to its very end.
thread_local const Installed* inside = nullptr;  // the sink that this thread is in
thread_local Installed* replaced = nullptr;      // the same one, once it has replaced itself: it dies when its call ends

Installed* enter(Severity severity) {
  const std::lock_guard lock(state().mutex);
  Installed* const installed = state().installed.get();
  if (installed == nullptr || severity < installed->least) return nullptr;
  ++installed->running;
  return installed;
}

void call(const Installed& installed, const LogRecord& record) noexcept {
  inside = &installed;
  try {
    installed.sink(record);
  } catch (...) {  // a log that fails must not fail what it tells about
  }
  inside = nullptr;
}

void leave(Installed& installed) {
  const std::lock_guard lock(state().mutex);
  --installed.running;
  state().finished.notify_all();
}

}  // namespace

void set_sink(LogSink sink, Severity least) noexcept {
  std::unique_ptr<Installed> other;  // first the new one, then the one before
  try {
    if (sink) other = std::make_unique<Installed>(Installed{std::move(sink), least});
  } catch (const std::bad_alloc&) { return; }
  std::unique_lock lock(state().mutex);
  detail::least.store(other ? static_cast<std::uint8_t>(least) : detail::nobody, std::memory_order_relaxed);
  other.swap(state().installed);
  if (!other) return;
  const bool own = other.get() == inside;
  state().finished.wait(lock, [&] { return other->running == (own ? 1 : 0); });
  lock.unlock();  // the one before dies without the lock: its destructor may log
  if (own) replaced = other.release();
}

void submit(const LogRecord& record) noexcept {
  if (!enabled(record.severity) || inside != nullptr) return;
  Installed* const installed = enter(record.severity);
  if (installed == nullptr) return;
  call(*installed, record);
  leave(*installed);
  const std::unique_ptr<Installed> dead(std::exchange(replaced, nullptr));
}

void write(Severity severity, std::string_view category, std::string_view message, const char* file, int line) noexcept {
  if (!enabled(severity)) return;
  const std::string_view path(file);
  std::array<char, 256> place;
  const std::size_t base = path.find_last_of('/') + 1;  // npos + 1 is 0
  const int length = std::snprintf(place.data(), place.size(), "%s:%d", file + base, line);
  const std::size_t shown = std::clamp<std::size_t>(static_cast<std::size_t>(length), 0, place.size() - 1);
  submit({severity, category, message, std::string_view(place.data(), shown)});
}

LogSink to_stderr() {
  return [](const LogRecord& record) {
    std::string line(name(record.severity));
    line.append(" [").append(record.category).append("] ").append(record.message);
    if (!record.place.empty()) line.append(" (").append(record.place).append(")");
    line += '\n';
    // Nothing is left to tell where stderr itself fails.
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
  };
}

}  // namespace log
}  // namespace laneway
