#include "ort/handle.h"

namespace laneway::ort {

template <class Native>
void Release<Native>::operator()(Native* native) const noexcept {
  release(*library, native);
}

#define LANEWAY_ORT_HANDLE(NAME) template struct Release<Ort##NAME>;
#include "ort/handles.def"
#undef LANEWAY_ORT_HANDLE

}  // namespace laneway::ort
