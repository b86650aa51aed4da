#pragma once
#include <condition_variable>
#include <coroutine>
#include <cstdint>
#include <mutex>
#include <optional>

#include "laneway/engine/engine.h"
#include "laneway/runtime/job.h"
#include "runtime/observed.h"

namespace laneway {

/// A lane's room for the one job that may exist on it, so that starting one allocates nothing.
class LANEWAY_PRIVATE JobSlot final : public Completion {
 public:
  explicit JobSlot(Lane::Impl& lane) noexcept : lane_(lane) {}

  /// Errors: failed_precondition (a job of it exists, somebody is in the lane), those of the start.
  Expected<> start(JobSpec spec);
  /// By a thread that got it from the queue.
  void execute() noexcept;
  void done(Expected<> result) noexcept override;

  bool over() const noexcept;
  bool wait_for(std::chrono::nanoseconds timeout) noexcept;
  Expected<> take() noexcept;
  /// What is to be resumed when it is over. Empty: it is over. Errors: failed_precondition (awaited already).
  Expected<bool> await(std::coroutine_handle<> waiter) noexcept;
  void cancel() noexcept;
  /// Ends the job, and waits for that.
  void vacate() noexcept;

  JobSlot* next = nullptr;  // in the queue

 private:
  enum class State : std::uint8_t { vacant, pending, over, taken };

  Expected<> call_back(Expected<> result) noexcept;
  void wait() noexcept;

  Lane::Impl& lane_;
  mutable std::mutex mutex_;
  std::condition_variable ended_;
  State state_ = State::vacant;
  Expected<> result_;
  std::coroutine_handle<> waiter_;
  JobSpec spec_;
  std::optional<Observed> observed_;
};

}  // namespace laneway
