#include "laneway/core/error.h"

#include <cerrno>
#include <new>
#include <utility>

namespace laneway {

std::string_view name(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::cancelled: return "cancelled";
    case ErrorCode::invalid_argument: return "invalid_argument";
    case ErrorCode::deadline_exceeded: return "deadline_exceeded";
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::permission_denied: return "permission_denied";
    case ErrorCode::resource_exhausted: return "resource_exhausted";
    case ErrorCode::failed_precondition: return "failed_precondition";
    case ErrorCode::out_of_range: return "out_of_range";
    case ErrorCode::unimplemented: return "unimplemented";
    case ErrorCode::internal: return "internal";
    case ErrorCode::unavailable: return "unavailable";
    case ErrorCode::data_loss: return "data_loss";
  }
  return "unknown";
}

ErrorCode errno_code(int why) noexcept {
  switch (why) {
    case ENOENT:
    case ENOTDIR: return ErrorCode::not_found;
    case EACCES:
    case EPERM:
    case EROFS: return ErrorCode::permission_denied;
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG:
    case ENXIO: return ErrorCode::invalid_argument;
    case EAGAIN:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOSPC: return ErrorCode::resource_exhausted;
    default: return ErrorCode::internal;
  }
}

Error::Error(ErrorCode code, std::string message, const char* file, int line) noexcept
    : payload_(new (std::nothrow) Payload{code, std::move(message), file, line, false}) {
  if (!payload_) *this = out_of_memory();
}

Error::Error(const Error& other) noexcept {
  if (!other.payload_ || other.payload_->immortal) {
    payload_.reset(other.payload_.get());
    return;
  }
  try {
    payload_.reset(new Payload(*other.payload_));
  } catch (const std::bad_alloc&) { *this = out_of_memory(); }
}

Error& Error::operator=(const Error& other) noexcept {
  if (this != &other) *this = Error(other);
  return *this;
}

// Each message fits the small-string buffer, so that the first call allocates nothing either.
#define LANEWAY_IMMORTAL(code, text)                          \
  static Payload payload{ErrorCode::code, text, "", 0, true}; \
  return Error(&payload)

Error Error::cancelled() noexcept { LANEWAY_IMMORTAL(cancelled, "run cancelled"); }
Error Error::deadline_exceeded() noexcept { LANEWAY_IMMORTAL(deadline_exceeded, "deadline over"); }
Error Error::out_of_memory() noexcept { LANEWAY_IMMORTAL(resource_exhausted, "out of memory"); }
Error Error::busy() noexcept { LANEWAY_IMMORTAL(failed_precondition, "lane is busy"); }

#undef LANEWAY_IMMORTAL

Error Error::with_context(std::string_view what) && noexcept {
  try {
    std::string text = std::string(what).append(": ").append(payload_->message);
    return Error(payload_->code, std::move(text), payload_->file, payload_->line);
  } catch (const std::bad_alloc&) { return std::move(*this); }
}

}  // namespace laneway
