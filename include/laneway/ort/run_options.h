#pragma once
#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/diag/log.h"
#include "laneway/ort/handle.h"
#include "laneway/ort/library.h"

namespace laneway LANEWAY_PUBLIC {
namespace ort {

class LoraAdapter;
class Stream;

struct RunSpec {
  std::string tag = {};                                 ///< Shown in ONNX Runtime's log.
  KeyValues config = {};                                ///< Run config entries, as ONNX Runtime names them; each once.
  std::optional<Severity> log_severity = std::nullopt;  ///< nullopt: the session's.
  int log_verbosity = 0;                                ///< Of what is said at severity verbose: more with a higher one.
  /// False: a run only queues what its devices do; Binding::synchronise_outputs() waits for it.
  bool synchronise = true;
};

/// What a run is told; made once and used again and again.
///
/// Errors:   one that was moved away is invalid_argument to whoever is given it.
/// Threads:  one run at a time; terminate() from any thread.
/// Lifetime: keeps its library, adapters and stream. A run's options must outlive the run.
/// Cost:     make() and profiling allocate; terminate() and resume() are one call of ONNX Runtime each, without a lock of ours.
class RunOptions {
 public:
  /// Errors: invalid_argument (a text with a NUL, an entry given twice).
  static Expected<RunOptions> make(const std::shared_ptr<const Library>& library, const RunSpec& spec = {});

  RunOptions(RunOptions&& other) noexcept;
  RunOptions& operator=(RunOptions&& other) noexcept;

  /// As ONNX Runtime holds them now, but for the config entries, which it tells one by one.
  Expected<RunSpec> spec() const;
  /// nullopt: not set.
  Expected<std::optional<std::string>> config(std::string_view key) const;
  /// Replaces. Errors: invalid_argument (a NUL, an empty key).
  Expected<> set_config(const std::string& key, const std::string& value);

  /// Ends the run in progress at its next node with `cancelled`, and so every later one, until resume().
  void terminate() noexcept;
  void resume() noexcept;
  bool terminated() const noexcept { return terminated_.load(std::memory_order_acquire); }

  /// Later runs write a trace each, to a file whose name begins so. Errors: unimplemented (a library before level 25).
  Expected<> enable_profiling(const std::filesystem::path& prefix);
  Expected<> disable_profiling();

  /// Later runs by run() and PreparedRun take the adapter's parameters for the inputs of the same names, whatever they are given
  /// for those; several add up. There is no way back but other options. Errors: invalid_argument (null).
  Expected<> add_adapter(std::shared_ptr<const LoraAdapter> adapter);
  std::span<const std::shared_ptr<const LoraAdapter>> adapters() const noexcept {
    return kept_ ? std::span<const std::shared_ptr<const LoraAdapter>>(kept_->adapters)
                 : std::span<const std::shared_ptr<const LoraAdapter>>();
  }

  /// Later runs queue their work there, in place of a stream of the provider's own. Null: no more.
  /// Errors: unimplemented (a library before level 24).
  Expected<> use_stream(std::shared_ptr<const Stream> stream);

  OrtRunOptions* native() const noexcept { return handle_.get(); }

 private:
  struct Kept {
    std::vector<std::shared_ptr<const LoraAdapter>> adapters = {};
    std::shared_ptr<const Stream> stream = nullptr;
  };
  explicit RunOptions(Handle<OrtRunOptions> handle) noexcept : handle_(std::move(handle)) {}
  const Library& library() const noexcept { return *handle_.get_deleter().library; }
  Expected<> present() const;
  Kept& kept();

  std::unique_ptr<Kept> kept_;  // null: nothing
  Handle<OrtRunOptions> handle_;
  std::atomic<bool> terminated_{false};
};

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
