#pragma once
#include <stdexcept>
#include <string>
#include <utility>

#include "laneway/core/expected.h"

namespace laneway {

/// The value; ends the test with the error's code and message where there is none.
template <class T>
T must(Expected<T> result) {
  if (!result) throw std::runtime_error(std::string(name(result.error().code())) + ": " + std::string(result.error().message()));
  return *std::move(result);
}
inline void must(Expected<> result) {
  if (!result) throw std::runtime_error(std::string(name(result.error().code())) + ": " + std::string(result.error().message()));
}

}  // namespace laneway
