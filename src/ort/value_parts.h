#pragma once
#include <string_view>

#include "laneway/core/error.h"

/// What the files that implement Value share.
namespace laneway::ort {

Error wrong_kind(std::string_view expected, std::string_view got);

}  // namespace laneway::ort
