// Compiled by handle_test.cpp: as it is, and with one of the wrong lines, which must not compile.
#include "ort/call.h"
#include "ort/handle.h"

namespace laneway::ort {

ReleaseFunction<OrtSession> good_function(const OrtApi& api) { return api.ReleaseSession; }
ReleaseFunction<OrtSession> ours(const OrtApi& api) { return release_function<OrtSession>(api); }

Handle<OrtSession> good_handle(OrtSession* session, std::shared_ptr<const Library> library) {
  return Handle<OrtSession>(session, Release<OrtSession>{library});
}

#if LANEWAY_WRONG == 1
ReleaseFunction<OrtSession> wrong_function(const OrtApi& api) { return api.ReleaseEnv; }
#elif LANEWAY_WRONG == 2
Handle<OrtSession> wrong_handle(OrtEnv* env, std::shared_ptr<const Library> library) {
  return Handle<OrtSession>(env, Release<OrtSession>{library});
}
#elif LANEWAY_WRONG == 3
Handle<OrtSession> wrong_release(OrtSession* session, std::shared_ptr<const Library> library) {
  return Handle<OrtSession>(session, Release<OrtEnv>{library});
}
#elif LANEWAY_WRONG == 4  // what is borrowed: there is no function that gives it back
auto wrong_kind(const OrtApi& api) { return release_function<OrtEpDevice>(api); }
#elif LANEWAY_WRONG == 5
Expected<Handle<OrtSession> > wrong_maker(const std::shared_ptr<const Library>& library) {
  return make<OrtSession>(library, LANEWAY_ORT_FN(CreateRunOptions));
}
#endif

}  // namespace laneway::ort
