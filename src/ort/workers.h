#pragma once
#include <onnxruntime_c_api.h>

#include <mutex>
#include <optional>

#include "laneway/core/error.h"
#include "laneway/core/threads.h"

namespace laneway::ort {

/// Makes the threads of a pool of ONNX Runtime, named and placed as a ThreadSpec says. Must outlive the pool.
class Workers {
 public:
  explicit Workers(ThreadSpec spec) : spec_(std::move(spec)) {}

  /// Hooks for ONNX Runtime; `workers` is a Workers. A thread that cannot be made is null to it, and failure() here.
  static OrtCustomThreadHandle create(void* workers, OrtThreadWorkerFn work, void* argument) noexcept;
  static void join(OrtCustomThreadHandle thread) noexcept;

  std::optional<Error> failure() const;

 private:
  OrtCustomThreadHandle create(OrtThreadWorkerFn work, void* argument);

  ThreadSpec spec_;
  mutable std::mutex mutex_;
  std::size_t made_ = 0;
  std::optional<Error> failure_;
};

}  // namespace laneway::ort
