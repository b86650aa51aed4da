// Compiled by handle_test.cpp: as it is, and with one of the wrong lines, which must not compile.
#include "ort/call.h"
#include "ort/handle.h"

namespace laneway::ort {

constexpr ReleaseEntry<OrtSession> good_entry = &OrtApi::ReleaseSession;
static_assert(good_entry == release_entry<OrtSession>);

Handle<OrtSession> good_handle(OrtSession* session, std::shared_ptr<const Library> library) {
  return Handle<OrtSession>(session, Release<OrtSession>{library});
}

#if LANEWAY_WRONG == 1
constexpr ReleaseEntry<OrtSession> wrong_entry = &OrtApi::ReleaseEnv;
#elif LANEWAY_WRONG == 2
Handle<OrtSession> wrong_handle(OrtEnv* env, std::shared_ptr<const Library> library) {
  return Handle<OrtSession>(env, Release<OrtSession>{library});
}
#elif LANEWAY_WRONG == 3
Handle<OrtSession> wrong_release(OrtSession* session, std::shared_ptr<const Library> library) {
  return Handle<OrtSession>(session, Release<OrtEnv>{library});
}
#elif LANEWAY_WRONG == 4  // what is borrowed: there is no function that gives it back
constexpr auto wrong_kind = release_entry<OrtEpDevice>;
#elif LANEWAY_WRONG == 5
Expected<Handle<OrtSession> > wrong_maker(const std::shared_ptr<const Library>& library) {
  return make<OrtSession>(library, LANEWAY_ORT_FN(CreateRunOptions));
}
#endif

}  // namespace laneway::ort
