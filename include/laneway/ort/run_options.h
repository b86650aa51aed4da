#pragma once
#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/ort/handle.h"

namespace laneway LANEWAY_PUBLIC {
namespace ort {

struct RunSpec {
  std::string tag = {};                                          ///< Shown in ONNX Runtime's log.
  std::vector<std::pair<std::string, std::string>> config = {};  ///< Run config entries, as ONNX Runtime names them.
};

/// What a run is told; made once and used again and again.
///
/// Threads:  one run at a time; terminate() from any thread.
/// Lifetime: keeps its library. A run's options must outlive the run.
/// Cost:     make() and profiling allocate; terminate() and resume() are one call of ONNX Runtime each, without a lock of ours.
class RunOptions {
 public:
  /// Errors: invalid_argument (a text with a NUL).
  static Expected<RunOptions> make(const std::shared_ptr<const Library>& library, const RunSpec& spec = {});

  RunOptions(RunOptions&& other) noexcept;
  RunOptions& operator=(RunOptions&& other) noexcept;

  /// Ends the run in progress at its next node with `cancelled`, and so every later one, until resume().
  void terminate() noexcept;
  void resume() noexcept;
  bool terminated() const noexcept { return terminated_.load(std::memory_order_acquire); }

  /// Later runs write a trace each, to a file whose name begins so. Errors: unimplemented (a library before level 25).
  Expected<> enable_profiling(const std::filesystem::path& prefix);
  Expected<> disable_profiling();

  OrtRunOptions* native() const noexcept { return handle_.get(); }

 private:
  explicit RunOptions(Handle<OrtRunOptions> handle) noexcept : handle_(std::move(handle)) {}

  Handle<OrtRunOptions> handle_;
  std::atomic<bool> terminated_{false};
};

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
