// refused: (no matching function|could not convert|use of deleted function|no default constructor|missing initializer|no viable conversion|no matching constructor)
#include "laneway/laneway.h"

auto use() {
#ifdef MISUSE
  return laneway::open({.lanes = 4});
#else
  return laneway::open({.model = laneway::ModelFile{"x.onnx"}, .lanes = 4});
#endif
}
