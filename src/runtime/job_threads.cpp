#include "runtime/job_threads.h"

#include <condition_variable>
#include <mutex>
#include <system_error>

#include "laneway/core/threads.h"
#include "runtime/job_slot.h"

namespace laneway {

struct JobThreads::Queue {
  std::mutex mutex;
  std::condition_variable changed;
  JobSlot* first = nullptr;
  JobSlot* last = nullptr;
  std::size_t length = 0, idle = 0;
  bool closing = false;

  JobSlot* pop() noexcept {
    JobSlot* const job = first;
    first = job->next;
    if (!first) last = nullptr;
    --length;
    return job;
  }
};

JobThreads::JobThreads(int count_max) : count_max_(static_cast<std::size_t>(count_max)), queue_(std::make_shared<Queue>()) {}

JobThreads::~JobThreads() {
  {
    const std::lock_guard lock(queue_->mutex);
    queue_->closing = true;
    queue_->changed.notify_all();
  }
  for (std::thread& thread : threads_) {
    if (thread.get_id() == std::this_thread::get_id()) thread.detach();
    else thread.join();
  }
}

Expected<> JobThreads::submit(JobSlot& job) {
  const std::lock_guard lock(queue_->mutex);
  if (queue_->length >= queue_->idle && threads_.size() < count_max_) {
    try {
      threads_.reserve(threads_.size() + 1);
      threads_.emplace_back([queue = queue_] { work(queue); });
    } catch (const std::system_error&) {
      if (threads_.empty()) return Error(ErrorCode::resource_exhausted, "job: the system gives no thread to run it");
    }
  }
  job.next = nullptr;
  (queue_->last ? queue_->last->next : queue_->first) = &job;
  queue_->last = &job;
  ++queue_->length;
  queue_->changed.notify_one();
  return {};
}

bool JobThreads::withdraw(JobSlot& job) noexcept {
  const std::lock_guard lock(queue_->mutex);
  JobSlot* before = nullptr;
  for (JobSlot* one = queue_->first; one; before = one, one = one->next) {
    if (one != &job) continue;
    (before ? before->next : queue_->first) = job.next;
    if (queue_->last == &job) queue_->last = before;
    --queue_->length;
    return true;
  }
  return false;
}

void JobThreads::work(const std::shared_ptr<Queue>& queue) noexcept {
  static_cast<void>(name_this_thread("laneway-job"));  // a name is a courtesy
  std::unique_lock lock(queue->mutex);
  while (true) {
    ++queue->idle;
    queue->changed.wait(lock, [&] { return queue->first || queue->closing; });
    --queue->idle;
    if (!queue->first) return;
    JobSlot* const job = queue->pop();
    lock.unlock();
    job->execute();
    lock.lock();
  }
}

}  // namespace laneway
