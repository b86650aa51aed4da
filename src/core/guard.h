#pragma once
#include <exception>
#include <new>
#include <string>
#include <system_error>

#include "laneway/core/error.h"

namespace laneway {

/// Runs what may throw (the standard library, third parties, the caller's own functions) and turns an exception into an Error:
/// nothing throws across an API, ours or ONNX Runtime's.
template <class Body>
auto guarded(Body&& body) noexcept -> decltype(body()) {
  try {
    try {
      return body();
    } catch (const std::bad_alloc&) { return Error::out_of_memory(); } catch (const std::system_error& failure) {
      return Error(errno_code(failure.code().value()), failure.what());
    } catch (const std::exception& failure) {
      return Error(ErrorCode::internal, std::string("unexpected exception: ") + failure.what());
    }
  } catch (const std::bad_alloc&) {
    return Error::out_of_memory();  // the message found no room
  } catch (...) { return Error(ErrorCode::internal, "unexpected exception: an exception that is none of std::exception"); }
}

}  // namespace laneway
