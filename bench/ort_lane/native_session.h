#pragma once
#include <onnxruntime_c_api.h>

#include <memory>
#include <vector>

#include "bench/ort_lane/contestant.h"
#include "laneway/ort/environment.h"

namespace laneway::bench {

/// What both contestants of the C API need: a session as a careful user of it makes one, and values over the buffers. The library
/// and the environment are the process's one, found by foundation ort; all else is the plain C API.
class NativeSession {
 public:
  /// Owns one native object of the C API.
  template <class Native>
  using Owned = std::unique_ptr<Native, void (*)(Native*)>;

  static Expected<std::unique_ptr<NativeSession>> open(const Workload& workload);

  Expected<Owned<OrtValue>> value_over(Buffer& buffer, const WorkloadPort& port) const;
  /// In memory of ONNX Runtime's default allocator.
  Expected<Owned<OrtValue>> new_value(const WorkloadPort& port) const;
  Expected<Owned<OrtRunOptions>> run_options() const;
  Expected<Owned<OrtIoBinding>> binding() const;
  static Expected<Answer> answer_of(OrtValue* value);
  const OrtMemoryInfo* host() const noexcept { return environment_->host_memory().native(); }

  OrtSession* get() const noexcept { return session_.get(); }

  /// The table, for calls inside of what is timed.
  static const OrtApi* api;
  /// Takes the status over: success, or an error with ONNX Runtime's text.
  static Expected<> check(OrtStatus* status);

 private:
  explicit NativeSession(std::shared_ptr<const ort::Environment> environment);

  std::shared_ptr<const ort::Environment> environment_;
  Owned<OrtSession> session_;
};

}  // namespace laneway::bench
