#pragma once
#include <onnxruntime_c_api.h>

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include "laneway/core/error.h"
#include "laneway/core/threads.h"
#include "laneway/ort/environment.h"

namespace laneway::ort {

/// Makes the threads of ONNX Runtime's pools, named and placed as a ThreadSpec says. Must outlive the pools.
///
/// All of them are made when the first one is asked for, and wait: where a later one cannot be made ONNX Runtime waits for ever
/// for those before it.
class Workers {
 public:
  /// `count`: as many as the pools will ask for. `hooks`: null for threads of the standard library.
  Workers(ThreadSpec spec, std::size_t count, std::shared_ptr<const ThreadHooks> hooks);
  ~Workers();

  /// Hooks for ONNX Runtime; `workers` is a Workers. A thread that cannot be made is null to it, and failure() here.
  static OrtCustomThreadHandle create(void* workers, OrtThreadWorkerFn work, void* argument) noexcept;
  static void join(OrtCustomThreadHandle thread) noexcept;

  std::optional<Error> failure() const;

 private:
  struct Thread;
  OrtCustomThreadHandle create(OrtThreadWorkerFn work, void* argument);
  bool make_threads(std::size_t count);
  void dismiss_waiting() noexcept;

  ThreadSpec spec_;
  std::size_t count_;
  std::shared_ptr<const ThreadHooks> hooks_;
  mutable std::mutex mutex_;
  std::size_t made_ = 0;
  std::deque<std::unique_ptr<Thread>> waiting_;
  std::optional<Error> failure_;
};

/// Errors: invalid_argument (a function that is empty).
Expected<> validate(const ThreadHooks* hooks);

}  // namespace laneway::ort
