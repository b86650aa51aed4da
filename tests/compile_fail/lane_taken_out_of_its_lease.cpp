// refused: deleted
#include "laneway/laneway.h"

laneway::Expected<> use(laneway::Lease& lease) {
#ifdef MISUSE
  laneway::Lane taken(std::move(*lease));
  return taken.run();
#else
  laneway::Lane& borrowed = *lease;
  return borrowed.run();
#endif
}
