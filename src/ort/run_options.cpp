#include "laneway/ort/run_options.h"

#include <utility>

#include "ort/call.h"
#include "ort/handle.h"
#include "ort/text.h"

namespace laneway::ort {
namespace {

// Neither of the two calls this serves can fail in a library there is; a status must be given back all the same.
void drop(const Library& library, OrtStatus* status) noexcept {
  if (status) release(library, status);
}

}  // namespace

Expected<RunOptions> RunOptions::make(const std::shared_ptr<const Library>& library, const RunSpec& spec) {
  LANEWAY_TRY(no_nul("tag", spec.tag));
  LANEWAY_TRY_ASSIGN(auto handle, ort::make<OrtRunOptions>(library, LANEWAY_ORT_FN(CreateRunOptions)));
  if (!spec.tag.empty()) LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(RunOptionsSetRunTag), handle.get(), spec.tag.c_str()));
  for (const auto& [key, value] : spec.config) {
    LANEWAY_TRY(no_nul("config", key));
    LANEWAY_TRY(no_nul("config " + key, value));
    LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(AddRunConfigEntry), handle.get(), key.c_str(), value.c_str()));
  }
  return RunOptions(std::move(handle));
}

RunOptions::RunOptions(RunOptions&& other) noexcept : handle_(std::move(other.handle_)), terminated_(other.terminated()) {}

RunOptions& RunOptions::operator=(RunOptions&& other) noexcept {
  handle_ = std::move(other.handle_);
  terminated_.store(other.terminated(), std::memory_order_release);
  return *this;
}

void RunOptions::terminate() noexcept {
  const Library& library = *handle_.get_deleter().library;
  terminated_.store(true, std::memory_order_release);
  drop(library, library.api()->RunOptionsSetTerminate(native()));
}

void RunOptions::resume() noexcept {
  const Library& library = *handle_.get_deleter().library;
  drop(library, library.api()->RunOptionsUnsetTerminate(native()));
  terminated_.store(false, std::memory_order_release);
}

Expected<> RunOptions::enable_profiling(const std::filesystem::path& prefix) {
  LANEWAY_TRY(no_nul("profile prefix", prefix.native()));
  return call(*handle_.get_deleter().library, LANEWAY_ORT_FN(RunOptionsEnableProfiling), native(), prefix.c_str());
}

Expected<> RunOptions::disable_profiling() {
  return call(*handle_.get_deleter().library, LANEWAY_ORT_FN(RunOptionsDisableProfiling), native());
}

}  // namespace laneway::ort
