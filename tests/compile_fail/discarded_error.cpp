// refused: nodiscard
#include "laneway/core/error.h"

laneway::Error why();

laneway::Error use() {
#ifdef MISUSE
  why();
  return why();
#else
  return why().with_context("lane 2");
#endif
}
