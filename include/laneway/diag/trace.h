#pragma once
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "laneway/core/expected.h"

namespace laneway LANEWAY_PUBLIC {

/// Where time goes, as a file that Chrome's chrome://tracing and ui.perfetto.dev open. One per process; off by default. It starts by
/// start(), or at the first thing to be traced where the environment names a file: LANEWAY_TRACE=trace.json.
///
/// Errors:   what goes wrong after start() (a full disk) ends the trace and is told to the log.
/// Threads:  all of it from any thread.
/// Lifetime: from start() to stop() or the end of the process. Texts are copied, but for the names of a Span that is open.
/// Limits:   an event takes at most 4 KiB in the file; one that would take more loses its arguments and the ends of its texts.
/// Cost:     off, one relaxed load per span. On, one write(2) per event, some microseconds: whatever kills the process, only the
///           closing bracket is missing.
namespace trace {

/// Creates the file, or empties it. A forked child does not go on with the trace of its parent.
/// Errors: failed_precondition (a trace is on already), not_found, permission_denied, invalid_argument (a path that is empty,
/// holds a NUL, or is a directory), resource_exhausted, internal.
Expected<> start(const std::filesystem::path& path);

/// Closes the file; spans that are open are not in it. Nothing happens where no trace is on. The end of the process does it too.
void stop() noexcept;

namespace detail {
enum class State : std::uint8_t { off, on, unasked };  // unasked: the environment was not looked at yet
extern std::atomic<State> state;
bool start_by_environment() noexcept;
}  // namespace detail

inline bool enabled() noexcept {
  const detail::State state = detail::state.load(std::memory_order_relaxed);
  if (state == detail::State::off) [[likely]]
    return false;
  return state == detail::State::on || detail::start_by_environment();
}

/// The clock of all events: std::chrono::steady_clock, in nanoseconds.
std::int64_t now_ns() noexcept;

/// The calling thread's id as the system numbers it.
int thread_id() noexcept;

/// Named values shown with an event. Build them only where enabled().
class Args {
 public:
  Args& add(std::string_view name, std::string_view value);
  Args& add(std::string_view name, std::int64_t value);
  const std::string& json() const noexcept { return json_; }  ///< Members of an object: `"a":1,"b":"x"`.

 private:
  std::string json_;
};

/// An event whose times are known: how an engine adds the nodes of a run that it measured. `thread` is a system's thread id.
void complete(std::string_view name, std::string_view category, std::int64_t begin_ns, std::int64_t duration_ns, int thread,
              const Args& args = {}) noexcept;

/// The time from its making to its end, on one thread. `name` and `category` must outlive it.
///
///     trace::Span span("run", "lane");
///     span.add("lane", 3);
class Span {
 public:
  Span(std::string_view name, std::string_view category) noexcept : name_(name), category_(category) {
    if (enabled()) begin();
  }
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;
  ~Span() {
    if (session_ != 0) end();
  }

  /// Nothing where the trace is off.
  void add(std::string_view name, std::string_view value) noexcept;
  void add(std::string_view name, std::int64_t value) noexcept;

 private:
  void begin() noexcept;
  void end() noexcept;

  std::string_view name_;
  std::string_view category_;
  std::uint64_t session_ = 0;  // the trace it began in; 0: none
  std::int64_t begin_ns_ = 0;
  Args args_;
};

}  // namespace trace
}  // namespace laneway
