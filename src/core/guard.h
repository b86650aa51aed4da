#pragma once
#include <exception>
#include <new>
#include <string>

#include "laneway/core/error.h"

namespace laneway {

/// Runs what may throw (the standard library, third parties) and turns an exception into an Error: nothing throws across the API.
template <class Body>
auto guarded(Body&& body) noexcept -> decltype(body()) {
  try {
    return body();
  } catch (const std::bad_alloc&) { return Error::out_of_memory(); } catch (const std::exception& failure) {
    return Error(ErrorCode::internal, std::string("unexpected exception: ") + failure.what());
  } catch (...) { return Error(ErrorCode::internal, "unexpected exception of unknown type"); }
}

}  // namespace laneway
