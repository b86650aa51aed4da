#pragma once
#include <memory>
#include <thread>
#include <vector>

#include "laneway/core/expected.h"

namespace laneway {

class JobSlot;

/// Threads that run jobs, first come first served. Each is started by a job that finds none free.
class JobThreads {
 public:
  explicit JobThreads(int count_max);
  /// No job is left by then. May be called on one of the threads: by what a job's end resumed there.
  ~JobThreads();
  JobThreads(const JobThreads&) = delete;
  JobThreads& operator=(const JobThreads&) = delete;

  /// Errors: resource_exhausted (the system gives no thread, and there is none).
  Expected<> submit(JobSlot& job);
  /// Takes back one that no thread has begun. False: it was begun, or is not of these.
  bool withdraw(JobSlot& job) noexcept;

 private:
  struct Queue;
  static void work(const std::shared_ptr<Queue>& queue) noexcept;

  const std::size_t count_max_;
  const std::shared_ptr<Queue> queue_;  // the threads' too: one of them may outlive us
  std::vector<std::thread> threads_;    // under the queue's mutex
};

}  // namespace laneway
