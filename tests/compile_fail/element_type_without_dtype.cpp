// refused: dtype_of<long double>
#include "laneway/core/dtype.h"

laneway::DType use() {
#ifdef MISUSE
  return laneway::dtype_of<long double>::value;
#else
  return laneway::dtype_of<double>::value;
#endif
}
