#pragma once
#include <exception>
#include <new>
#include <string>

#include "laneway/core/expected.h"

namespace laneway::ort {

/// What the caller's code returns, or threw: for code of users that ONNX Runtime calls.
template <class Work>
Expected<> guarded(const Work& work) noexcept {
  try {
    return work();
  } catch (const std::bad_alloc&) { return Error::out_of_memory(); } catch (const std::exception& thrown) {
    try {
      return Error(ErrorCode::internal, thrown.what());
    } catch (...) { return Error::out_of_memory(); }
  } catch (...) { return Error(ErrorCode::internal, "an exception that is none of std::exception"); }
}

}  // namespace laneway::ort
