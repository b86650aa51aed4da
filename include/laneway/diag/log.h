#pragma once
#include <atomic>
#include <concepts>
#include <cstdint>
#include <functional>
#include <string_view>

#include "laneway/core/visibility.h"

namespace laneway LANEWAY_PUBLIC {

enum class Severity : std::uint8_t { verbose, info, warning, error, fatal };

std::string_view name(Severity severity) noexcept;

/// One message. The texts are valid only while the sink is called with it.
struct LogRecord {
  Severity severity;
  std::string_view category;  ///< Who speaks: "runtime", "ort".
  std::string_view message;
  std::string_view place;  ///< "file:line", as far as it is known.
};

using LogSink = std::function<void(const LogRecord&)>;

/// Messages of the library, and of the libraries it uses, reach one sink per process. There is none by default: nothing is
/// printed.
///
/// Threads: all of it from any thread. A sink may be called by several threads at once, and on whichever thread has something
///          to say, a run's included. What a sink logs itself, or throws, is dropped.
/// Cost:    a message that nobody wants costs one relaxed load; others a short lock and the sink.
namespace log {

/// Replaces the sink; it gets messages of severity `least` and above. An empty one switches logging off. When this returns the
/// one before is not running any more and is destroyed (unless it is called from that very sink: then when that call ends).
/// Without memory for the new one nothing changes.
void set_sink(LogSink sink, Severity least = Severity::warning) noexcept;

/// A ready sink: a line per message, "warning [runtime] message (file:line)", to stderr, each in one write.
LogSink to_stderr();

namespace detail {
inline constexpr std::uint8_t nobody = 255;
extern std::atomic<std::uint8_t> least;
}  // namespace detail

inline bool enabled(Severity severity) noexcept {
  return static_cast<std::uint8_t>(severity) >= detail::least.load(std::memory_order_relaxed);
}

/// Hands a record over as it is: for messages of other libraries, which bring their own place.
void submit(const LogRecord& record) noexcept;

void write(Severity severity, std::string_view category, std::string_view message, const char* file = __builtin_FILE(),
           int line = __builtin_LINE()) noexcept;

/// For messages that take work to make: `make` returns the text, and is called only if somebody wants it.
template <std::invocable Make>
void write(Severity severity, std::string_view category, Make&& make, const char* file = __builtin_FILE(),
           int line = __builtin_LINE()) {
  if (enabled(severity)) write(severity, category, std::string_view(make()), file, line);
}

}  // namespace log
}  // namespace laneway
