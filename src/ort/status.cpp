#include "ort/status.h"

#include <array>
#include <new>
#include <string>
#include <string_view>

#include "ort/call.h"
#include "ort/handle.h"
#include "ort/levels.h"

namespace laneway::ort {
namespace {

struct Code {
  std::string_view name;
  ErrorCode ours;
};

// By ONNX Runtime's number. Headers of level 23 lack the last names, not the numbers.
constexpr std::array<Code, 15> codes = {{
    {"OK", ErrorCode::internal},  // never the code of a status
    {"FAIL", ErrorCode::internal},
    {"INVALID_ARGUMENT", ErrorCode::invalid_argument},
    {"NO_SUCHFILE", ErrorCode::not_found},
    {"NO_MODEL", ErrorCode::failed_precondition},
    {"ENGINE_ERROR", ErrorCode::internal},
    {"RUNTIME_EXCEPTION", ErrorCode::internal},
    {"INVALID_PROTOBUF", ErrorCode::invalid_argument},
    {"MODEL_LOADED", ErrorCode::failed_precondition},
    {"NOT_IMPLEMENTED", ErrorCode::unimplemented},
    {"INVALID_GRAPH", ErrorCode::invalid_argument},
    {"EP_FAIL", ErrorCode::internal},
    {"MODEL_LOAD_CANCELED", ErrorCode::cancelled},
    {"MODEL_REQUIRES_COMPILATION", ErrorCode::failed_precondition},
    {"NOT_FOUND", ErrorCode::not_found},
}};
static_assert(ORT_NO_SUCHFILE == 3 && ORT_INVALID_PROTOBUF == 7 && ORT_EP_FAIL == 11);

// ONNX Runtime has no code of its own for memory that is not there.
bool tells_of_memory(std::string_view text) noexcept {
  for (const std::string_view sign : {"bad_alloc", "out of memory", "Failed to allocate memory", "is smaller than requested bytes"}) {
    if (text.find(sign) != text.npos) return true;
  }
  return false;
}

}  // namespace

Error to_error(const Library& library, OrtStatus* status) noexcept {
  const OrtApi& api = *library.api();
  const auto number = static_cast<std::size_t>(api.GetErrorCode(status));
  const Code code = number < codes.size() ? codes[number] : Code{"UNKNOWN", ErrorCode::internal};
  const std::string_view text = api.GetErrorMessage(status);
  try {
    std::string message = std::string("ONNX Runtime: ").append(code.name).append(": ").append(text);
    while (message.back() == '\n') message.pop_back();
    const bool memory = code.ours == ErrorCode::internal && tells_of_memory(text);
    release(library, status);
    return Error(memory ? ErrorCode::resource_exhausted : code.ours, std::move(message));
  } catch (const std::bad_alloc&) {
    release(library, status);
    return Error::out_of_memory();
  }
}

OrtStatus* to_status(const OrtApi& api, const Expected<>& result) noexcept {
  if (result) return nullptr;
  OrtErrorCode code = ORT_FAIL;
  switch (result.error().code()) {
    case ErrorCode::invalid_argument:
    case ErrorCode::out_of_range: code = ORT_INVALID_ARGUMENT; break;
    case ErrorCode::not_found: code = ORT_NO_SUCHFILE; break;
    case ErrorCode::unimplemented: code = ORT_NOT_IMPLEMENTED; break;
    default: break;
  }
  try {
    return api.CreateStatus(code, std::string(result.error().message()).c_str());
  } catch (const std::bad_alloc&) { return api.CreateStatus(code, "out of memory"); }
}

Error no_library() { return Error(ErrorCode::invalid_argument, "library: null: expected one that is open"); }

Error not_in_headers(const char* function) {
  return Error(ErrorCode::unimplemented, std::string("ONNX Runtime: ") + function +
                                             ": not in the headers of this build: expected newer ones, got level " +
                                             std::to_string(ORT_API_VERSION));
}

Error not_in_library(const Library& library, const char* function, std::size_t offset) {
  return Error(ErrorCode::unimplemented, std::string("ONNX Runtime: ") + function + ": not in this library: expected level " +
                                             std::to_string(level_of_offset(offset)) + ", got " +
                                             std::to_string(library.level()) + " (version " + library.version() + ")");
}

}  // namespace laneway::ort
