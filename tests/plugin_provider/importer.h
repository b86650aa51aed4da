#pragma once
#include "plugin_provider/api.h"

namespace laneway::test_provider {

/// Sets the functions of a factory that import what others made.
void set_importer(OrtEpFactory& factory) noexcept;

}  // namespace laneway::test_provider
