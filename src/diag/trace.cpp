#include "laneway/diag/trace.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mutex>
#include <new>
#include <unordered_set>

#include "diag/json_text.h"
#include "laneway/diag/log.h"

namespace laneway::trace {

std::atomic<detail::State> detail::state{detail::State::unasked};

namespace {

constexpr std::size_t page_bytes = 4096;
constexpr std::string_view separator = ",\n";

// The open file, guarded by one mutex: the file itself takes one write at a time anyway.
struct Session {
  std::mutex mutex;
  int fd = -1;
  std::size_t bytes = 0;  // of the file
  std::unordered_set<int> named_threads;
  std::atomic<std::uint64_t> number{0};  // of the trace that is on, or was the last
};

// Never destroyed: other static objects may still be traced while they are.
Session& session() {
  static Session* const instance = new Session;
  return *instance;
}

std::string json_string(std::string_view text) {
  std::string json;
  append_json_string(json, text);
  return json;
}

std::string metadata(std::string_view what, int thread, std::string_view name) {
  return R"({"ph":"M","name":)" + json_string(what) + R"(,"pid":)" + std::to_string(getpid()) + R"(,"tid":)" +
         std::to_string(thread) + R"(,"args":{"name":)" + json_string(name) + "}}";
}

// Chrome counts in microseconds. No clock of ours shows a time before 0.
std::string microseconds(std::int64_t ns) {
  const auto shown = static_cast<unsigned long long>(std::max<std::int64_t>(ns, 0));
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%llu.%03llu", shown / 1000, shown % 1000);
  return text.data();
}

// An event fits a page of the file, see append_event(): one that would not loses its arguments and the ends of its texts.
std::string event(std::string_view name, std::string_view category, std::int64_t begin_ns, std::int64_t duration_ns, int thread,
                  const Args& args) {
  constexpr std::size_t text_max = 256;
  const std::string json = R"({"ph":"X","name":)" + json_string(name) + R"(,"cat":)" + json_string(category) + R"(,"ts":)" +
                           microseconds(begin_ns) + R"(,"dur":)" + microseconds(duration_ns) + R"(,"pid":)" +
                           std::to_string(getpid()) + R"(,"tid":)" + std::to_string(thread) + R"(,"args":{)" + args.json() + "}}";
  if (json.size() + separator.size() <= page_bytes) return json;
  return event(name.substr(0, text_max), category.substr(0, text_max), begin_ns, duration_ns, thread, {});
}

std::string thread_name(int thread) {
  std::ifstream comm("/proc/self/task/" + std::to_string(thread) + "/comm");
  std::string name;
  if (!std::getline(comm, name)) name = "thread " + std::to_string(thread);  // it has ended
  return name;
}

// What could not be written is left in `text`. 0, or why.
int append(int fd, std::string_view& text) noexcept {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return written < 0 ? errno : EIO;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

// Under the mutex.
void close_file(Session& open, std::string_view ending) noexcept {
  detail::state.store(detail::State::off, std::memory_order_relaxed);
  (void)append(open.fd, ending);
  close(open.fd);
  open.fd = -1;
}

// Under the mutex. The kernel copies a write page by page, and a kill is heeded between two pages: an event that would lie across
// a boundary is moved behind it. What a full disk cuts is taken back, and with it the trace ends. So the file stays readable.
int append_event(Session& open, const std::string& json) {
  const std::size_t room = page_bytes - open.bytes % page_bytes;
  const std::size_t needed = separator.size() + json.size();
  const std::string text = std::string(needed <= room ? 0 : room, ' ').append(separator).append(json);
  std::string_view rest = text;
  const int failure = append(open.fd, rest);
  if (failure == 0) {
    open.bytes += text.size();
  } else {
    const bool whole = ftruncate(open.fd, static_cast<off_t>(open.bytes)) == 0;
    close_file(open, whole ? "\n]\n" : "");
  }
  return failure;
}

// `expected` 0: whichever trace is on; else only that one.
void submit(int thread, std::uint64_t expected, const std::string& json) {
  Session& open = session();
  std::unique_lock lock(open.mutex);
  if (open.fd < 0 || (expected != 0 && expected != open.number)) return;
  const bool named = !open.named_threads.insert(thread).second;
  int failure = named ? 0 : append_event(open, metadata("thread_name", thread, thread_name(thread)));
  if (failure == 0) failure = append_event(open, json);
  lock.unlock();  // a sink of the log may trace
  if (failure != 0) log::write(Severity::error, "trace", [&] { return std::string("trace ended: ") + std::strerror(failure); });
}

// Once. A forked child leaves the file to its parent; the lock is held over the fork, so that the child finds it free.
void watch_process() {
  std::atexit([] { stop(); });
  pthread_atfork([] { session().mutex.lock(); }, [] { session().mutex.unlock(); },
                 [] {
                   if (session().fd >= 0) close_file(session(), "");
                   session().mutex.unlock();
                 });
}

Error cannot_write(const std::string& path, int why) {
  return Error(errno_code(why), "trace " + path + ": cannot be written: " + std::strerror(why));
}

}  // namespace

Expected<> start(const std::filesystem::path& path) {
  const std::string& text = path.native();
  if (text.empty()) return Error(ErrorCode::invalid_argument, "trace: the path is empty");
  if (text.find('\0') != std::string::npos) return Error(ErrorCode::invalid_argument, "trace: the path holds a NUL character");
  Session& fresh = session();
  const std::lock_guard lock(fresh.mutex);
  if (fresh.fd >= 0) return Error(ErrorCode::failed_precondition, "trace " + text + ": another trace is on: stop it first");
  const int fd = open(text.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return cannot_write(text, errno);
  // The first event, so that every other one can bring the comma before it.
  const std::string head = "[\n" + metadata("process_name", getpid(), program_invocation_short_name);
  std::string_view rest = head;
  if (const int failure = append(fd, rest); failure != 0) {
    close(fd);
    return cannot_write(text, failure);
  }
  static std::once_flag watched;
  std::call_once(watched, watch_process);
  fresh.fd = fd;
  fresh.bytes = head.size();
  ++fresh.number;
  fresh.named_threads.clear();
  detail::state.store(detail::State::on, std::memory_order_relaxed);
  return {};
}

void stop() noexcept {
  Session& open = session();
  const std::lock_guard lock(open.mutex);
  if (open.fd >= 0) close_file(open, "\n]\n");
}

bool detail::start_by_environment() noexcept try {
  State unasked = State::unasked;
  if (!state.compare_exchange_strong(unasked, State::off, std::memory_order_relaxed)) return unasked == State::on;
  const char* const path = secure_getenv("LANEWAY_TRACE");
  if (path == nullptr || *path == '\0') return false;
  const auto started = start(path);
  if (!started) log::write(Severity::error, "trace", [&] { return "LANEWAY_TRACE: " + std::string(started.error().message()); });
  return static_cast<bool>(started);
} catch (const std::bad_alloc&) { return false; }

std::int64_t now_ns() noexcept {
  using std::chrono::nanoseconds, std::chrono::steady_clock;
  return std::chrono::duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
}

int thread_id() noexcept { return gettid(); }

Args& Args::add(std::string_view name, std::string_view value) {
  if (!json_.empty()) json_ += ',';
  json_ += json_string(name) + ':' + json_string(value);
  return *this;
}

Args& Args::add(std::string_view name, std::int64_t value) {
  if (!json_.empty()) json_ += ',';
  json_ += json_string(name) + ':' + std::to_string(value);
  return *this;
}

// An event for which there is no memory is lost; the program goes on.

void complete(std::string_view name, std::string_view category, std::int64_t begin_ns, std::int64_t duration_ns, int thread,
              const Args& args) noexcept try {
  if (enabled()) submit(thread, 0, event(name, category, begin_ns, duration_ns, thread, args));
} catch (const std::bad_alloc&) {}

void Span::begin() noexcept {
  session_ = session().number;
  begin_ns_ = now_ns();
}

void Span::end() noexcept try {
  submit(thread_id(), session_, event(name_, category_, begin_ns_, now_ns() - begin_ns_, thread_id(), args_));
} catch (const std::bad_alloc&) {}

void Span::add(std::string_view name, std::string_view value) noexcept try {
  if (session_ != 0) args_.add(name, value);
} catch (const std::bad_alloc&) {}

void Span::add(std::string_view name, std::int64_t value) noexcept try {
  if (session_ != 0) args_.add(name, value);
} catch (const std::bad_alloc&) {}

}  // namespace laneway::trace
