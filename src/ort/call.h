#pragma once
#include <onnxruntime_c_api.h>

#include <concepts>
#include <cstddef>
#include <memory>
#include <type_traits>

#include "laneway/core/expected.h"
#include "laneway/ort/handle.h"
#include "laneway/ort/library.h"
#include "ort/status.h"

/// How functions of the C API are called:
///
///     LANEWAY_TRY(call(library, LANEWAY_ORT_FN(SetIntraOpNumThreads), options, 4));
///     LANEWAY_TRY_ASSIGN(auto text, call<const char*>(library, LANEWAY_ORT_FN(GetBuildInfoString)));
///     LANEWAY_TRY_ASSIGN(auto options, make<OrtRunOptions>(library, LANEWAY_ORT_FN(CreateRunOptions)));
///
/// One that this library, or the headers of this build, do not have is `unimplemented`: no call site asks for versions.
namespace laneway::ort {

struct NotInHeaders {};

/// An entry of the table: its name, and how to find its slot.
template <class Find>
struct Entry {
  const char* name;
  Find find;  // const OrtApi* -> pointer to the slot, or NotInHeaders
};
template <class Find>
constexpr Entry<Find> entry(const char* name, Find find) noexcept {
  return {name, find};
}

#define LANEWAY_ORT_FN(NAME)                           \
  ::laneway::ort::entry(#NAME, [](const auto* table) { \
    if constexpr (requires { &table->NAME; }) {        \
      return &table->NAME;                             \
    } else {                                           \
      return ::laneway::ort::NotInHeaders{};           \
    }                                                  \
  })

Error no_library();
Error not_in_headers(const char* function);
Error not_in_library(const Library& library, const char* function, std::size_t offset);

/// Result is what a function returns that is none of status.
template <class Result = void, class Find, class... Args>
Expected<Result> call(const Library& library, const Entry<Find>& function, Args... args) {
  const auto slot = function.find(library.api());
  if constexpr (std::same_as<decltype(slot), const NotInHeaders>) {
    return not_in_headers(function.name);
  } else {
    const auto offset =
        static_cast<std::size_t>(reinterpret_cast<const char*>(slot) - reinterpret_cast<const char*>(library.api()));
    if (offset >= library.api_bytes()) return not_in_library(library, function.name, offset);
    if constexpr (!std::same_as<Result, void>) {
      return (*slot)(args...);
    } else if constexpr (std::same_as<decltype((*slot)(args...)), OrtStatus*>) {
      if (OrtStatus* status = (*slot)(args...)) return to_error(library, status);
      return {};
    } else {
      (*slot)(args...);
      return {};
    }
  }
}

/// For functions whose last argument receives a handle that becomes the caller's.
template <class Native, class Find, class... Args>
Expected<Handle<Native>> make(const std::shared_ptr<const Library>& library, const Entry<Find>& function, Args... args) {
  Native* native = nullptr;
  if (!library) return no_library();
  LANEWAY_TRY(call(*library, function, args..., &native));
  return Handle<Native>(native, Release<Native>{library});
}

}  // namespace laneway::ort
