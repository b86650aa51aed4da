#pragma once
#include <string>

#include "laneway/engine/open_spec.h"

namespace laneway LANEWAY_PUBLIC {

/// The skeleton of an engine, to copy: it answers unimplemented. Not tried by "auto".
struct NullEngineSpec {
  static std::string name() { return "null"; }
  Expected<OpenEngine> open(const OpenSpec& spec) const;
};

}  // namespace laneway
