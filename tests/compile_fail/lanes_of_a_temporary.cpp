// refused: deleted
#include "laneway/laneway.h"

std::shared_ptr<laneway::Lane> use(laneway::Runtime (*make)()) {
#ifdef MISUSE
  return make().lanes()[0];
#else
  const laneway::Runtime runtime = make();
  return runtime.lanes()[0];
#endif
}
