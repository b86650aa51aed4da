#pragma once
#include <onnxruntime_c_api.h>

#include "laneway/ort/handle.h"
#include "laneway/ort/library.h"

/// The only file that names a function which gives something back (a test looks through the others).
namespace laneway::ort {

/// The function that gives back handles of this kind. Another kind's does not compile.
template <class Native>
using ReleaseFunction = void (*)(Native*);

/// Defined for the handles of handles.def alone, so that no other can be owned.
template <class Native>
ReleaseFunction<Native> release_function(const OrtApi& api) noexcept = delete;

#define LANEWAY_ORT_HANDLE(NAME) LANEWAY_ORT_HANDLE_AS(NAME, NAME)
#define LANEWAY_ORT_HANDLE_AS(NATIVE, NAME)                                                       \
  template <>                                                                                     \
  inline ReleaseFunction<Ort##NATIVE> release_function<Ort##NATIVE>(const OrtApi& api) noexcept { \
    return api.Release##NAME;                                                                     \
  }
#define LANEWAY_ORT_HANDLE_OF(TABLE, NAME)                                                    \
  template <>                                                                                 \
  inline ReleaseFunction<Ort##NAME> release_function<Ort##NAME>(const OrtApi& api) noexcept { \
    return api.Get##TABLE()->Release##NAME;                                                   \
  }
#define LANEWAY_ORT_HANDLE_NEWER(NAME) LANEWAY_ORT_HANDLE_FROM(table.Release##NAME, NAME)
#define LANEWAY_ORT_HANDLE_NEWER_OF(TABLE, NAME) LANEWAY_ORT_HANDLE_FROM(table.Get##TABLE()->Release##NAME, NAME)
#define LANEWAY_ORT_HANDLE_FROM(FUNCTION, NAME)                                               \
  template <>                                                                                 \
  inline ReleaseFunction<Ort##NAME> release_function<Ort##NAME>(const OrtApi& api) noexcept { \
    return [](const auto& table) -> ReleaseFunction<Ort##NAME> {                              \
      if constexpr (requires { FUNCTION; }) {                                                 \
        return FUNCTION;                                                                      \
      } else {                                                                                \
        return nullptr;                                                                       \
      }                                                                                       \
    }                                                                                         \
    (api);                                                                                    \
  }
#include "ort/handles.def"
#undef LANEWAY_ORT_HANDLE
#undef LANEWAY_ORT_HANDLE_AS
#undef LANEWAY_ORT_HANDLE_OF
#undef LANEWAY_ORT_HANDLE_NEWER
#undef LANEWAY_ORT_HANDLE_NEWER_OF
#undef LANEWAY_ORT_HANDLE_FROM

template <class Native>
void release(const Library& library, Native* native) noexcept {
  release_function<Native> (*library.api())(native);
}

/// A list of names that the library allocated.
inline void release_names(const Library& library, char** names, int count) noexcept {
  if (OrtStatus* status = library.api()->ReleaseAvailableProviders(names, count)) release(library, status);
}

}  // namespace laneway::ort
