#include "ort/handle.h"

namespace laneway::ort {

template <class Native>
void Release<Native>::operator()(Native* native) const noexcept {
  release(*library, native);
}

#define LANEWAY_ORT_HANDLE(NAME) template struct Release<Ort##NAME>;
#define LANEWAY_ORT_HANDLE_AS(NATIVE, NAME) LANEWAY_ORT_HANDLE(NATIVE)
#define LANEWAY_ORT_HANDLE_OF(TABLE, NAME) LANEWAY_ORT_HANDLE(NAME)
#define LANEWAY_ORT_HANDLE_NEWER(NAME) LANEWAY_ORT_HANDLE(NAME)
#define LANEWAY_ORT_HANDLE_NEWER_OF(TABLE, NAME) LANEWAY_ORT_HANDLE(NAME)
#include "ort/handles.def"
#undef LANEWAY_ORT_HANDLE
#undef LANEWAY_ORT_HANDLE_AS
#undef LANEWAY_ORT_HANDLE_OF
#undef LANEWAY_ORT_HANDLE_NEWER
#undef LANEWAY_ORT_HANDLE_NEWER_OF

}  // namespace laneway::ort
