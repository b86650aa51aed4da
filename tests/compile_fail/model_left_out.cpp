// refused: (invalid initialization of reference|no matching constructor)
#include "laneway/laneway.h"

auto use() {
#ifdef MISUSE
  return laneway::open({.lanes = 4});
#else
  return laneway::open({.model = laneway::ModelFile{"x.onnx"}, .lanes = 4});
#endif
}
