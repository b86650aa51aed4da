#pragma once
#include <onnxruntime_c_api.h>

#include "laneway/ort/handle.h"
#include "laneway/ort/library.h"

/// The only file that names a function which gives something back (a test looks through the others).
namespace laneway::ort {

/// The entry of the table that gives back handles of this kind. Another kind's does not compile.
template <class Native>
using ReleaseEntry = void (*OrtApi::*)(Native*);

/// Declared for the handles of handles.def alone, so that no other can be owned.
template <class Native>
extern const ReleaseEntry<Native> release_entry;

#define LANEWAY_ORT_HANDLE(NAME) \
  template <>                    \
  inline constexpr ReleaseEntry<Ort##NAME> release_entry<Ort##NAME> = &OrtApi::Release##NAME;
#include "ort/handles.def"
#undef LANEWAY_ORT_HANDLE

template <class Native>
void release(const Library& library, Native* native) noexcept {
  (library.api()->*release_entry<Native>)(native);
}

/// A list of names that the library allocated.
inline void release_names(const Library& library, char** names, int count) noexcept {
  if (OrtStatus* status = library.api()->ReleaseAvailableProviders(names, count)) release(library, status);
}

}  // namespace laneway::ort
