// refused: nodiscard
#include "laneway/core/expected.h"

laneway::Expected<> work();
laneway::Expected<int> number();

laneway::Expected<> use() {
#ifdef MISUSE
  work();
#else
  LANEWAY_TRY(work());
#endif
  LANEWAY_TRY_ASSIGN(const int n, number());
  return n > 0 ? laneway::Expected<>() : laneway::Error::cancelled();
}
