// refused: nodiscard
#include "laneway/laneway.h"

void use(laneway::Runtime& runtime) {
#ifdef MISUSE
  runtime.lease({{"batch", 1}});
#else
  const auto lease = runtime.lease({{"batch", 1}});
#endif
}
