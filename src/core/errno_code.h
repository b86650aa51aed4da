#pragma once
#include <cerrno>

#include "laneway/core/error.h"

namespace laneway {

/// The code of an error of the system that concerns a file.
inline ErrorCode errno_code(int why) noexcept {
  switch (why) {
    case ENOENT:
    case ENOTDIR: return ErrorCode::not_found;
    case EACCES:
    case EPERM:
    case EROFS: return ErrorCode::permission_denied;
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG:
    case ENXIO: return ErrorCode::invalid_argument;
    case EAGAIN:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOSPC: return ErrorCode::resource_exhausted;
    default: return ErrorCode::internal;
  }
}

}  // namespace laneway
