#pragma once
#include "laneway/ort/session.h"

namespace laneway::ort {

/// The custom operators of a session's spec. Errors: see Session::open().
Expected<> validate_operators(const SessionSpec& spec);
Expected<> add_operators(const Library& library, OrtSessionOptions* options, const SessionSpec& spec);

}  // namespace laneway::ort
