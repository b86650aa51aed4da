#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/ort/run.h"

namespace laneway LANEWAY_PUBLIC {
namespace ort {

/// A value for an input of a job, by its position in Session::inputs().
struct JobInput {
  std::size_t position;
  std::shared_ptr<const Value> value;
};

/// What a job runs.
struct JobSpec {
  std::vector<JobInput> inputs = {};
  std::vector<RunOutput> outputs = {};
  /// Called once with the result, on a thread of the session's, before wait() returns. It must not throw, wait for the job or
  /// let it or the session go. Empty: nobody is called.
  std::function<void(const Expected<>& result)> on_done = {};
};

/// A run on one of the session's own threads.
///
/// Threads:  one at a time; cancel() and done() from any.
/// Lifetime: owns the options, inputs and outputs and keeps the session. Dropped before it is over it waits, so that no run
///           writes to memory that is gone; cancel() first to wait less.
class Job {
 public:
  /// Errors: as run() (run.h); unimplemented (options with adapters: the C API passes them over); failed_precondition (a session with threads.count 1 or with the environment's pool: there is no
  /// thread of its own to run on).
  static Expected<Job> start(std::shared_ptr<const Session> session, RunOptions options, JobSpec spec);

  Job(Job&&) noexcept;
  Job& operator=(Job&&) noexcept;
  ~Job();

  bool done() const noexcept;
  /// Waits, and says how it went; again as often as asked. Errors: those of a run; failed_precondition (moved away).
  Expected<> wait();
  /// Ends it at its next node; wait() then gives `cancelled`.
  void cancel() noexcept;

  /// Waits; the output, until the job goes or it is moved away.
  /// Errors: out_of_range; failed_precondition (not asked for); those of wait().
  Expected<Value*> output(std::size_t output);

 private:
  struct LANEWAY_PRIVATE State;
  explicit Job(std::unique_ptr<State> state) noexcept;

  std::unique_ptr<State> state_;  // where ONNX Runtime finds all it needs: it does not move
};

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
