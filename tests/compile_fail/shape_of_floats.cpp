// refused: (no matching function|no matching constructor)
#include "laneway/core/shape.h"

laneway::Shape use() {
#ifdef MISUSE
  return laneway::Shape(1, 3.0);
#else
  return laneway::Shape(1, 3);
#endif
}
