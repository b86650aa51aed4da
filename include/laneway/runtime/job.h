#pragma once
#include <chrono>
#include <coroutine>
#include <functional>
#include <memory>
#include <optional>

#include "laneway/core/expected.h"
#include "laneway/runtime/lane.h"
#include "laneway/runtime/runtime.h"

namespace laneway LANEWAY_PUBLIC {

class JobSlot;  // of the runtime's rooms

/// What is special about one job.
struct JobSpec {
  std::optional<std::chrono::nanoseconds> timeout = std::nullopt;  ///< From the start on, waiting for a thread included.
  /// Called once with the result, on the thread that ended the run, before anybody sees that the job is over. An error of its
  /// own, or an exception, becomes the job's result where the run succeeded, and goes to the log where it failed. It may read the
  /// lane's outputs; it must neither wait for the job nor destroy it. Null: nobody is called.
  std::function<Expected<>(const Expected<>& result)> on_done = nullptr;
  /// Where a coroutine that awaits the job goes on: given its handle, to be called (or resumed) once, now or later. Any executor
  /// will do: [&](auto waiter) { pool.post(waiter); }. If it throws, the log is told and the waiter goes on where the run ended.
  /// Null: on the thread that ended the run.
  std::function<void(std::coroutine_handle<> waiter)> resume_on = nullptr;
};

/// A run in progress: started by one thread, over on another, its result taken by whoever holds it.
///
///   LANEWAY_TRY_ASSIGN(Job job, start(*runtime.lease({{"sequence", 17}})));
///   ...                                       // something else
///   LANEWAY_TRY(job.take());                  // or, in a coroutine: LANEWAY_TRY(co_await job);
///   job.lane().output<float>("y");
///
/// It runs on a thread of the runtime's (RuntimeSpec::job_threads), unless the engine needs none to wait for it. The lane is
/// busy until the run is over, and takes no other job while this one exists.
///
/// Threads:  start it from any; then one at a time, except cancel().
/// Lifetime: keeps its lane, or its lease. Dropped before it is over it cancels and waits: inputs may go right after it.
/// Cost:     start() allocates nothing once there are threads, but what the functions of its spec need to be moved.
class [[nodiscard]] Job {
 public:
  Job(Job&& other) noexcept;
  Job& operator=(Job&& other) noexcept;
  ~Job();

  Lane& lane() const noexcept { return *at_; }

  bool done() const noexcept;
  /// Waits that long at most; whether it is over.
  bool wait_for(std::chrono::nanoseconds timeout) const noexcept;
  /// Waits, and gives the result, once. One that no thread has begun is run by the caller.
  /// Errors: the run's; failed_precondition (taken before, moved away).
  Expected<> take() noexcept;
  /// Ends it at its next node or tile, or before its first: the result is then `cancelled`. From any thread.
  void cancel() noexcept;

  /// co_await: suspends until it is over, then takes the result. One coroutine at a time.
  /// Errors: those of take(); failed_precondition (awaited already).
  class Awaiter;
  Awaiter operator co_await() noexcept;

 private:
  friend Expected<Job> start(std::shared_ptr<Lane> lane, JobSpec spec) noexcept;
  friend Expected<Job> start(Lease&& lease, JobSpec spec) noexcept;
  Job(std::shared_ptr<Lane> lane, std::optional<Lease> lease, Lane& at) noexcept;

  std::shared_ptr<Lane> lane_;  // one of these keeps it
  std::optional<Lease> lease_;
  Lane* at_ = nullptr;  // null: moved away
};

class Job::Awaiter {
 public:
  explicit Awaiter(Job& job) noexcept : job_(job) {}
  bool await_ready() const noexcept { return job_.done(); }
  bool await_suspend(std::coroutine_handle<> waiter) noexcept;
  Expected<> await_resume() noexcept;

 private:
  Job& job_;
  bool refused_ = false;
};

inline Job::Awaiter Job::operator co_await() noexcept { return Awaiter(*this); }

/// Starts a run on what the lane's inputs hold now; leave them alone until it is over.
/// Errors: failed_precondition (the lane is in use, or its job still exists), invalid_argument (null), deadline_exceeded (a timeout
///         that is over at once), resource_exhausted (no thread). The lease is then still the caller's.
Expected<Job> start(std::shared_ptr<Lane> lane, JobSpec spec = {}) noexcept;
/// The job keeps the lease: the lane is given back when the job goes.
Expected<Job> start(Lease&& lease, JobSpec spec = {}) noexcept;

}  // namespace laneway
