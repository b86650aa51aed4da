#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "laneway/core/visibility.h"

namespace laneway LANEWAY_PUBLIC {

/// What kind of failure, and so what the caller should do. Names and numbers are gRPC's; these are the ones we use.
/// docs/errors.md maps them to exit status, HTTP and ONNX Runtime.
enum class ErrorCode : std::uint8_t {
  cancelled = 1,            ///< The caller asked for it.
  invalid_argument = 3,     ///< Wrong in itself: fix the call.
  deadline_exceeded = 4,    ///< Every wait and every run that met its deadline, whatever it was waiting for.
  not_found = 5,            ///< No such file, port, engine, bucket.
  permission_denied = 7,    ///< The system refuses: a file that may not be read.
  resource_exhausted = 8,   ///< A limit: memory, bytes, lanes. Free something or raise the limit named.
  failed_precondition = 9,  ///< Right call, wrong state: change the state first.
  out_of_range = 11,        ///< A key or index beyond what is covered.
  unimplemented = 12,       ///< This engine cannot; another may.
  internal = 13,            ///< The engine failed. Report it.
  unavailable = 14,         ///< Hardware or library missing, or device lost.
  data_loss = 15,           ///< A file on disk is damaged.
};

/// The field's own name for a code: "invalid_argument".
std::string_view name(ErrorCode code) noexcept;

/// The code of an error of the system (an errno) that concerns a file; internal where it is none of those.
ErrorCode errno_code(int why) noexcept;

/// A failure: code, message, where it was made, and context added on the way up.
///
/// Messages read *object: problem: expected ..., got ... (hint)*. One pointer wide, so that a function that succeeds pays
/// nothing for being able to fail.
/// Threads: a value; an immortal one may be used from any thread.
/// Cost:    making one allocates, except the four made by name below.
class [[nodiscard]] Error {
 public:
  Error(ErrorCode code, std::string message, const char* file = __builtin_FILE(), int line = __builtin_LINE()) noexcept;
  Error(Error&&) noexcept = default;
  Error& operator=(Error&&) noexcept = default;
  Error(const Error& other) noexcept;
  Error& operator=(const Error& other) noexcept;
  ~Error() = default;

  /// Immortal, so that a path that may not allocate can fail too.
  static Error cancelled() noexcept;
  static Error deadline_exceeded() noexcept;
  static Error out_of_memory() noexcept;
  static Error busy() noexcept;  ///< failed_precondition: a second thread entered a lane that runs.

  ErrorCode code() const noexcept { return payload_->code; }
  std::string_view message() const noexcept { return payload_->message; }
  const char* file() const noexcept { return payload_->file; }
  int line() const noexcept { return payload_->line; }

  /// "lane 2: " + message. For callers that know what the callee could not.
  Error with_context(std::string_view what) && noexcept;

 private:
  template <class>
  friend class Expected;

  struct Payload {
    ErrorCode code;
    std::string message;
    const char* file;
    int line;
    bool immortal;
  };
  struct Drop {
    void operator()(Payload* payload) const noexcept {
      if (!payload->immortal) delete payload;
    }
  };

  Error() noexcept = default;  // no error: for Expected<void>
  explicit Error(Payload* payload) noexcept : payload_(payload) {}

  std::unique_ptr<Payload, Drop> payload_;
};
static_assert(sizeof(Error) == sizeof(void*));

}  // namespace laneway
