#include "laneway/runtime/job.h"

#include <utility>

#include "core/guard.h"
#include "laneway/diag/log.h"
#include "runtime/deadline.h"
#include "runtime/job_slot.h"
#include "runtime/lane_impl.h"

namespace laneway {

// ---- the room -----------------------------------------------------------------------------------------------------------

Expected<> JobSlot::start(JobSpec spec) {
  {
    const std::lock_guard lock(mutex_);
    if (state_ != State::vacant) return Error(ErrorCode::failed_precondition, lane_.name() + ": its last job still exists");
    state_ = State::pending;
  }
  spec_ = std::move(spec);
  Expected<> started = lane_.start_job(spec_.timeout, observed_);
  if (started) return started;
  spec_ = {};
  const std::lock_guard lock(mutex_);
  state_ = State::vacant;
  return started;
}

void JobSlot::execute() noexcept { done(lane_.run_entered()); }

void JobSlot::done(Expected<> result) noexcept {
  result = call_back(lane_.end(std::move(result), spec_.timeout.has_value(), *observed_));
  std::coroutine_handle<> waiter;
  decltype(JobSpec::resume_on) resume_on;
  {
    const std::lock_guard lock(mutex_);
    result_ = std::move(result);
    state_ = State::over;
    waiter = std::exchange(waiter_, nullptr);
    resume_on = std::move(spec_.resume_on);
    ended_.notify_all();
  }
  // From here on the job may be gone, and the lane with it.
  if (!waiter) return;
  if (!resume_on) return waiter.resume();
  const Expected<> passed_on = guarded([&]() -> Expected<> { return resume_on(waiter), Expected<>(); });
  if (passed_on) return;
  log::write(Severity::error, "runtime", [&] { return "job: resume_on: " + std::string(passed_on.error().message()); });
  waiter.resume();
}

Expected<> JobSlot::call_back(Expected<> result) noexcept {
  if (!spec_.on_done) return result;
  Expected<> told = guarded([&] { return spec_.on_done(result); });
  if (told) return result;
  if (result) return std::move(told).error().with_context("on_done");
  log::write(Severity::error, "runtime", [&] { return lane_.name() + ": job: on_done: " + std::string(told.error().message()); });
  return result;
}

bool JobSlot::over() const noexcept {
  const std::lock_guard lock(mutex_);
  return state_ != State::pending;
}

bool JobSlot::wait_for(std::chrono::nanoseconds timeout) noexcept {
  std::unique_lock lock(mutex_);
  const auto ended = [&] { return state_ != State::pending; };
  const std::int64_t until_ns = deadline_after(steady_now_ns(), timeout);
  return ended_.wait_until(lock, std::chrono::steady_clock::time_point(std::chrono::nanoseconds(until_ns)), ended);
}

void JobSlot::wait() noexcept {
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [&] { return state_ != State::pending; });
}

Expected<> JobSlot::take() noexcept {
  if (!over() && lane_.blueprint().job_threads->withdraw(*this)) execute();
  wait();
  const std::lock_guard lock(mutex_);
  if (state_ == State::taken) {
    return guarded([]() -> Expected<> { return Error(ErrorCode::failed_precondition, "job: its result was taken before"); });
  }
  state_ = State::taken;
  return std::move(result_);
}

Expected<bool> JobSlot::await(std::coroutine_handle<> waiter) noexcept {
  const std::lock_guard lock(mutex_);
  if (state_ != State::pending) return false;
  if (waiter_) return Error::busy();
  waiter_ = waiter;
  return true;
}

void JobSlot::cancel() noexcept { lane_.cancel(); }

void JobSlot::vacate() noexcept {
  {
    const std::lock_guard lock(mutex_);
    waiter_ = nullptr;  // whoever awaits it goes with it
  }
  if (!over()) {
    cancel();
    if (lane_.blueprint().job_threads->withdraw(*this)) done(Error::cancelled());
    wait();
  }
  spec_ = {};
  const std::lock_guard lock(mutex_);
  state_ = State::vacant;
}

// ---- the public face ----------------------------------------------------------------------------------------------------

namespace {

JobSlot& slot_of(Lane& lane) noexcept { return LaneAccess::impl(lane).job(); }

}  // namespace

Job::Job(std::shared_ptr<Lane> lane, std::optional<Lease> lease, Lane& at) noexcept
    : lane_(std::move(lane)), lease_(std::move(lease)), at_(&at) {}

Job::Job(Job&& other) noexcept
    : lane_(std::move(other.lane_)), lease_(std::move(other.lease_)), at_(std::exchange(other.at_, nullptr)) {
  other.lease_.reset();
}

Job& Job::operator=(Job&& other) noexcept {
  Job taken(std::move(other));
  std::swap(lane_, taken.lane_);
  std::swap(lease_, taken.lease_);
  std::swap(at_, taken.at_);
  return *this;
}

Job::~Job() {
  if (at_) slot_of(*at_).vacate();
}

bool Job::done() const noexcept { return !at_ || slot_of(*at_).over(); }
bool Job::wait_for(std::chrono::nanoseconds timeout) const noexcept { return !at_ || slot_of(*at_).wait_for(timeout); }

Expected<> Job::take() noexcept {
  if (at_) return slot_of(*at_).take();
  return guarded([]() -> Expected<> { return Error(ErrorCode::failed_precondition, "job: moved away"); });
}

void Job::cancel() noexcept {
  if (at_) slot_of(*at_).cancel();
}

bool Job::Awaiter::await_suspend(std::coroutine_handle<> waiter) noexcept {
  const Expected<bool> waits = slot_of(*job_.at_).await(waiter);
  if (waits) return *waits;  // where it does, the waiter may have gone on by now, and this awaiter may be gone
  refused_ = true;
  return false;
}

Expected<> Job::Awaiter::await_resume() noexcept {
  if (!refused_) return job_.take();
  return guarded([]() -> Expected<> { return Error(ErrorCode::failed_precondition, "job: awaited by another already"); });
}

Expected<Job> start(std::shared_ptr<Lane> lane, JobSpec spec) noexcept {
  return guarded([&]() -> Expected<Job> {
    if (!lane) return Error(ErrorCode::invalid_argument, "job: lane: expected one, got null");
    LANEWAY_TRY(slot_of(*lane).start(std::move(spec)));
    Lane& at = *lane;
    return Job(std::move(lane), std::nullopt, at);
  });
}

Expected<Job> start(Lease&& lease, JobSpec spec) noexcept {
  return guarded([&]() -> Expected<Job> {
    Lane* const at = lease.operator->();
    if (!at) return Error(ErrorCode::invalid_argument, "job: lease: expected one, got one that was moved away");
    LANEWAY_TRY(slot_of(*at).start(std::move(spec)));
    return Job(nullptr, std::move(lease), *at);
  });
}

}  // namespace laneway
