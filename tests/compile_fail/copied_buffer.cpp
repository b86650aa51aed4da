// refused: (deleted function|deleted constructor|deleted copy constructor)
#include "laneway/memory/buffer.h"

laneway::Buffer use(laneway::Buffer& buffer) {
#ifdef MISUSE
  return buffer;
#else
  return std::move(buffer);
#endif
}
