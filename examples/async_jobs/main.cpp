// async_jobs [MODEL]
//
// One thread keeps many runs going: each request is a coroutine that awaits its run and goes on where the program says, on the
// one thread of an event loop. Prints how many requests there were, on how many threads they went on, and what they computed.
// MODEL: one with an input [1, N] of floats, build/models/mlp.onnx unless told.
#include <condition_variable>
#include <coroutine>
#include <cstdio>
#include <deque>
#include <exception>
#include <mutex>
#include <numeric>
#include <set>
#include <thread>

#include "laneway/laneway.h"

using laneway::Expected;

namespace {

constexpr int requests = 24, lanes = 8;

/// A coroutine that begins at once and that nobody waits for.
struct Request {
  struct promise_type {
    Request get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }
  };
};

/// Runs on one thread what is posted from any.
class Loop {
 public:
  void post(std::coroutine_handle<> waiter) {
    const std::lock_guard lock(mutex_);
    posted_.push_back(waiter);
    more_.notify_one();
  }
  void run_one() {
    std::unique_lock lock(mutex_);
    more_.wait(lock, [&] { return !posted_.empty(); });
    const auto waiter = posted_.front();
    posted_.pop_front();
    lock.unlock();
    waiter.resume();
  }

 private:
  std::mutex mutex_;
  std::condition_variable more_;
  std::deque<std::coroutine_handle<>> posted_;
};

struct Results {
  int done = 0;
  double sum = 0;
  std::set<std::thread::id> threads = {};
  Expected<> first_failure = {};
};

/// One run. The lane is this request's own until it ends.
Request serve(std::shared_ptr<laneway::Lane> lane, Loop& loop, int number, Results& results) {
  Expected<> outcome;
  if (const auto input = lane->input<float>(0)) {
    std::iota(input->begin(), input->end(), static_cast<float>(number));
    auto job = laneway::start(lane, {.resume_on = [&loop](auto waiter) { loop.post(waiter); }});
    if (job) outcome = co_await *job;  // not in a conditional expression: gcc 12 evaluates both sides of it
    else outcome = job.error();
  } else {
    outcome = input.error();
  }
  const auto output = lane->output<float>(0);
  if (outcome && output) results.sum += std::accumulate(output->data.begin(), output->data.end(), 0.0);
  if (!outcome && results.first_failure) results.first_failure = outcome;
  results.threads.insert(std::this_thread::get_id());
  ++results.done;
}

Expected<> run(const char* model) {
  LANEWAY_TRY_ASSIGN(const auto runtime, laneway::open({.model = laneway::ModelFile{model}, .lanes = lanes}));
  Loop loop;
  Results results;
  for (int first = 0; first < requests; first += lanes) {
    for (int i = 0; i < lanes; ++i) serve(runtime.lanes()[static_cast<std::size_t>(i)], loop, first + i, results);
    while (results.done < first + lanes) loop.run_one();
  }
  LANEWAY_TRY(results.first_failure);
  std::printf("requests %d, threads %zu, sum %.6g\n", results.done, results.threads.size(), results.sum);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const auto result = run(argc > 1 ? argv[1] : "build/models/mlp.onnx");
  if (!result) std::fprintf(stderr, "async_jobs: %s\n", std::string(result.error().message()).c_str());
  return result ? 0 : 1;
}
