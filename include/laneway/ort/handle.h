#pragma once
#include <memory>

#include "laneway/core/visibility.h"
#include "laneway/ort/native.h"

namespace laneway LANEWAY_PUBLIC {
namespace ort {

class Library;

/// Gives a native object back to the library it came from, which it keeps loaded. There is one for each handle that can be
/// owned; src/ort/handle.h says which function of the C API it calls, and nobody else calls one.
template <class Native>
struct Release {
  std::shared_ptr<const Library> library;
  void operator()(Native* native) const noexcept;
};

/// Owns one native object. Made by this library only; the classes beside it are what users hold.
template <class Native>
using Handle = std::unique_ptr<Native, Release<Native>>;

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
