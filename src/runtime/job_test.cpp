// L22: runs that nobody waits for. What the parameters of the engine change is in the names of the suites.
#include "laneway/runtime/job.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <future>
#include <numeric>
#include <random>
#include <stdexcept>

#include "laneway/diag/log.h"
#include "runtime/toy_fixture.h"
#include "support/task.h"

namespace laneway {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class JobTest : public OnToy {
 protected:
  static RuntimeSpec lanes_of(std::shared_ptr<Toy> toy, int lanes) {
    RuntimeSpec result = spec(std::move(toy));
    result.dimensions = batch(3);
    result.lanes = lanes;
    result.warm_up_runs = 0;
    return result;
  }
  static std::shared_ptr<Toy> make_starting(ToyModel model) {
    model.starts = true;
    return make(std::move(model));
  }
  /// Closed before anything runs, so that what is started stays pending until the test says so.
  static Gate& gate_of(Toy& toy) { return toy.phase(ToyPhase::run).gate; }
  static void fill(Lane& lane, float first) {
    auto x = lane.input<float>("x");
    ASSERT_OK(x);
    std::iota(x->begin(), x->end(), first);
  }
  /// y = 2x + 1 of what fill() wrote.
  static void expect_result(const Lane& lane, float first) {
    const auto y = lane.output<float>("y");
    ASSERT_OK(y);
    for (std::size_t i = 0; i < y->data.size(); ++i) ASSERT_EQ(y->data[i], 2 * (first + static_cast<float>(i)) + 1);
  }
};
INSTANTIATE_ON_TOY(JobTest);

TEST_P(JobTest, L22_GivesWhatARunGivesOnAnotherThread) {
  for (const bool starts : {false, true}) {
    auto toy = starts ? make_starting(toys::affine()) : make(toys::affine());
    auto runtime = open(lanes_of(toy, 1));
    ASSERT_OK(runtime);
    for (int i = 0; i < 7; ++i) {
      fill(*runtime->lanes()[0], static_cast<float>(i));
      std::thread::id where;
      auto job = start(runtime->lanes()[0], {.on_done = [&](const Expected<>& result) {
                         where = std::this_thread::get_id();
                         return result;
                       }});
      ASSERT_OK(job);
      EXPECT_EQ(&job->lane(), runtime->lanes()[0].get());
      ASSERT_TRUE(job->wait_for(10s));
      EXPECT_OK(job->take());
      EXPECT_NE(where, std::this_thread::get_id());
      expect_result(job->lane(), static_cast<float>(i));
    }
    EXPECT_EQ(toy->counters.starts.value(), starts ? 7 : 0);
    EXPECT_EQ(toy->counters.runs_done.value(), 7);
  }
}

TEST_P(JobTest, L22_IsPolledAndWaitedForWithATimeout) {
  auto toy = make(toys::affine());
  auto runtime = open(lanes_of(toy, 1));
  ASSERT_OK(runtime);
  gate_of(*toy).close();
  auto job = start(runtime->lanes()[0]);
  ASSERT_OK(job);
  ASSERT_TRUE(gate_of(*toy).wait_for(1));
  EXPECT_FALSE(job->done());
  EXPECT_FALSE(job->wait_for(3ms));
  EXPECT_FALSE(job->wait_for(-1s));
  gate_of(*toy).open();
  EXPECT_TRUE(job->wait_for(std::chrono::nanoseconds::max()));
  EXPECT_TRUE(job->done());
  EXPECT_OK(job->take());
}

TEST_P(JobTest, L22_ASecondTakeIsRefused) {
  auto runtime = open(lanes_of(make(toys::affine()), 1));
  ASSERT_OK(runtime);
  auto job = start(runtime->lanes()[0]);
  ASSERT_OK(job);
  EXPECT_OK(job->take());
  EXPECT_EQ(code_of(job->take()), ErrorCode::failed_precondition);
  Job moved = *std::move(job);
  EXPECT_EQ(code_of(job->take()), ErrorCode::failed_precondition);
  EXPECT_EQ(code_of(moved.take()), ErrorCode::failed_precondition);
}

TEST_P(JobTest, L22_ErrorsOfTheStartReturnAtOnce) {
  auto toy = make(toys::affine());
  auto runtime = open(lanes_of(toy, 1));
  ASSERT_OK(runtime);
  const auto lane = runtime->lanes()[0];
  EXPECT_EQ(code_of(start(std::shared_ptr<Lane>())), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(start(lane, {.timeout = 0ns})), ErrorCode::deadline_exceeded);
  gate_of(*toy).close();
  auto job = start(lane);
  ASSERT_OK(job);
  ASSERT_TRUE(gate_of(*toy).wait_for(1));
  EXPECT_EQ(code_of(start(lane)), ErrorCode::failed_precondition) << "it has a job";
  EXPECT_EQ(code_of(lane->run()), ErrorCode::failed_precondition) << "its job runs";
  gate_of(*toy).open();
  EXPECT_OK(job->take());
  EXPECT_THAT(message_of(start(lane)), HasSubstr("lane 0: its last job still exists"));
  EXPECT_OK(lane->run()) << "nothing runs";
  job = start(lane);  // the old one goes first only now
  EXPECT_EQ(code_of(job), ErrorCode::failed_precondition);
  job = start(lane);
  ASSERT_OK(job);
  EXPECT_OK(job->take());
}

TEST_P(JobTest, L22_ALeaseThatDoesNotStartStaysTheCallers) {
  auto runtime = open(bucketed(make(toys::affine())));
  ASSERT_OK(runtime);
  auto lease = runtime->lease(batch(3));
  ASSERT_OK(lease);
  EXPECT_EQ(code_of(start(*std::move(lease), {.timeout = -1ns})), ErrorCode::deadline_exceeded);
  EXPECT_OK((*lease)->run());
  auto job = start(*std::move(lease));
  ASSERT_OK(job);
  EXPECT_OK(job->take());
  EXPECT_EQ(code_of(start(*std::move(lease))), ErrorCode::invalid_argument) << "the job has it";
}

TEST_P(JobTest, L22_AThousandOverlappingJobsEachCompleteOnce) {
  for (const bool starts : {false, true}) {
    const int count = starts ? 50 : 1000;  // a toy that starts runs by itself has a thread for each
    auto toy = starts ? make_starting(toys::affine()) : make(toys::affine());
    RuntimeSpec many = lanes_of(toy, count);
    many.job_threads = 3;
    auto runtime = open(many);
    ASSERT_OK(runtime);
    std::vector<std::atomic<int>> completed(static_cast<std::size_t>(count));
    std::vector<Job> jobs;
    gate_of(*toy).close();
    for (int i = 0; i < count; ++i) {
      const auto& lane = runtime->lanes()[static_cast<std::size_t>(i)];
      fill(*lane, static_cast<float>(i));
      auto job = start(lane, {.on_done = [&completed, i](const Expected<>&) -> Expected<> {
                         ++completed[static_cast<std::size_t>(i)];
                         return {};
                       }});
      ASSERT_OK(job);
      EXPECT_FALSE(job->done());
      jobs.push_back(*std::move(job));
    }
    ASSERT_TRUE(gate_of(*toy).wait_for(starts ? count : 3)) << "all of them overlap";
    gate_of(*toy).open();
    std::ranges::shuffle(jobs, std::mt19937(7));
    for (Job& job : jobs) EXPECT_OK(job.take());
    for (int i = 0; i < count; ++i) {
      EXPECT_EQ(completed[static_cast<std::size_t>(i)], 1);
      expect_result(*runtime->lanes()[static_cast<std::size_t>(i)], static_cast<float>(i));
    }
    EXPECT_EQ(toy->counters.runs_done.value(), count);
  }
}

// ---- ending -------------------------------------------------------------------------------------------------------------

TEST_P(JobTest, L22_ACancelledJobIsCancelledAndTheNextIsNot) {
  for (const bool starts : {false, true}) {
    auto toy = starts ? make_starting(toys::affine()) : make(toys::affine());
    auto runtime = open(lanes_of(toy, 1));
    ASSERT_OK(runtime);
    gate_of(*toy).close();
    {
      auto job = start(runtime->lanes()[0]);
      ASSERT_OK(job);
      ASSERT_TRUE(gate_of(*toy).wait_for(1));
      job->cancel();
      EXPECT_EQ(code_of(job->take()), ErrorCode::cancelled);
    }
    gate_of(*toy).open();
    auto job = start(runtime->lanes()[0]);
    ASSERT_OK(job);
    EXPECT_OK(job->take());
  }
}

TEST_P(JobTest, L22_ATimeoutCountsTheTimeInTheQueue) {
  auto toy = make(toys::affine());
  RuntimeSpec two = lanes_of(toy, 2);
  two.job_threads = 1;
  auto runtime = open(two);
  ASSERT_OK(runtime);
  gate_of(*toy).close();
  auto first = start(runtime->lanes()[0]);
  ASSERT_OK(first);
  ASSERT_TRUE(gate_of(*toy).wait_for(1));
  auto second = start(runtime->lanes()[1], {.timeout = 5ms});
  ASSERT_OK(second);
  EXPECT_EQ(code_of(second->take()), ErrorCode::deadline_exceeded) << "the gate is closed";
  gate_of(*toy).open();
  EXPECT_OK(first->take());
}

TEST_P(JobTest, L22_WhoeverTakesAJobThatNoThreadHasBegunRunsIt) {
  auto toy = make(toys::affine());
  RuntimeSpec two = lanes_of(toy, 2);
  two.job_threads = 1;
  auto runtime = open(two);
  ASSERT_OK(runtime);
  toy->finish.close();
  auto first = start(runtime->lanes()[0]);
  ASSERT_OK(first);
  ASSERT_TRUE(toy->finish.wait_for(1));
  fill(*runtime->lanes()[1], 5);
  auto second = start(runtime->lanes()[1]);
  ASSERT_OK(second);
  EXPECT_FALSE(second->wait_for(2ms)) << "the one thread is busy";
  std::thread opener([&] {
    ASSERT_TRUE(toy->finish.wait_for(2)) << "the second one runs too";
    toy->finish.open();
  });
  EXPECT_OK(second->take());
  expect_result(second->lane(), 5);
  opener.join();
  EXPECT_OK(first->take());
}

TEST_P(JobTest, L22_AJobOutlivesItsRuntime) {
  for (const bool starts : {false, true}) {
    auto toy = starts ? make_starting(toys::affine()) : make(toys::affine());
    auto runtime = open(bucketed(toy));
    ASSERT_OK(runtime);
    auto lease = runtime->lease(batch(3));
    ASSERT_OK(lease);
    fill(**lease, 3);
    gate_of(*toy).close();
    auto job = start(*std::move(lease));
    ASSERT_OK(job);
    runtime = Error::cancelled();
    gate_of(*toy).open();
    EXPECT_OK(job->take());
    expect_result(job->lane(), 3);
    job = Error::cancelled();
    EXPECT_EQ(toy->complaints(), "");
  }
}

TEST_P(JobTest, L22_JobsAreDroppedAtAnyMomentWithTheirInputsAndRuntime) {
  for (const bool starts : {false, true}) {
    auto toy = starts ? make_starting(toys::affine()) : make(toys::affine());
    toy->nodes = 5;
    toy->node_ns = 10'000;
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        std::mt19937 random(t);
        for (int i = 0; i < 60; ++i) {
          auto x = std::make_unique<std::vector<float>>(12, 1.0f);
          std::vector<float> y(12);
          RuntimeSpec one = lanes_of(toy, 1);
          one.ports = {{.name = "x", .memory = Memory{.data = x->data(), .bytes = 48}},
                       {.name = "y", .memory = Memory{.data = y.data(), .bytes = 48}}};
          auto runtime = open(one);
          ASSERT_OK(runtime);
          auto job = std::make_optional(*start(runtime->lanes()[0]));
          if (random() % 2) runtime = Error::cancelled();
          std::this_thread::sleep_for(std::chrono::microseconds(random() % 300));
          if (random() % 3 == 0) job->cancel();
          job.reset();
        }  // with x and y, which a run that goes on would touch
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(toy->complaints(), "");
  }
}

// ---- coroutines and callbacks -------------------------------------------------------------------------------------------

// Runs what is given to it when its owner says so.
class Executor {
 public:
  void post(std::coroutine_handle<> waiter) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(waiter);
  }
  bool run_one() {
    std::unique_lock lock(mutex_);
    if (waiting_.empty()) return false;
    const auto waiter = waiting_.front();
    waiting_.pop_front();
    lock.unlock();
    waiter.resume();
    return true;
  }

 private:
  std::mutex mutex_;
  std::deque<std::coroutine_handle<>> waiting_;
};

struct Heard {
  std::atomic<bool> over{false};
  Expected<> result = Error(ErrorCode::internal, "not heard of");
  std::thread::id where = {};
};

Task await(Job& job, Heard& heard) {
  heard.result = co_await job;
  heard.where = std::this_thread::get_id();
  heard.over = true;
}

TEST_P(JobTest, L22_IsAwaitedOnAnyExecutor) {
  auto toy = make(toys::affine());
  auto runtime = open(lanes_of(toy, 1));
  ASSERT_OK(runtime);
  Executor executor;
  gate_of(*toy).close();
  auto job = start(runtime->lanes()[0], {.resume_on = [&](auto waiter) { executor.post(waiter); }});
  ASSERT_OK(job);
  Heard heard;
  await(*job, heard);
  EXPECT_FALSE(executor.run_one()) << "it goes on";
  gate_of(*toy).open();
  ASSERT_TRUE(eventually([&] { return executor.run_one(); }));
  EXPECT_TRUE(heard.over);
  EXPECT_OK(heard.result);
  EXPECT_EQ(heard.where, std::this_thread::get_id());
  EXPECT_FALSE(executor.run_one()) << "once";
  EXPECT_EQ(code_of(job->take()), ErrorCode::failed_precondition) << "the coroutine took it";
}

TEST_P(JobTest, L22_WithoutAnExecutorTheCoroutineGoesOnWhereTheRunEnded) {
  for (const bool starts : {false, true}) {
    auto toy = starts ? make_starting(toys::affine()) : make(toys::affine());
    auto runtime = open(lanes_of(toy, 1));
    ASSERT_OK(runtime);
    gate_of(*toy).close();
    std::atomic<std::thread::id> ended;
    auto job = start(runtime->lanes()[0], {.on_done = [&](const Expected<>& result) {
                       ended = std::this_thread::get_id();
                       return result;
                     }});
    ASSERT_OK(job);
    Heard heard;
    await(*job, heard);
    gate_of(*toy).open();
    ASSERT_TRUE(eventually([&] { return heard.over.load(); }));
    EXPECT_OK(heard.result);
    EXPECT_EQ(heard.where, ended.load());
  }
}

TEST_P(JobTest, L22_AJobThatIsOverIsNotWaitedFor) {
  auto toy = make(toys::affine());
  auto runtime = open(lanes_of(toy, 1));
  ASSERT_OK(runtime);
  toy->phase(ToyPhase::run).fail_next(Error(ErrorCode::internal, "broken"));
  auto job = start(runtime->lanes()[0]);
  ASSERT_OK(job);
  ASSERT_TRUE(job->wait_for(10s));
  Heard heard;
  await(*job, heard);
  EXPECT_TRUE(heard.over);
  EXPECT_EQ(message_of(heard.result), "broken");
  EXPECT_EQ(heard.where, std::this_thread::get_id());
}

TEST_P(JobTest, L22_OneCoroutineAwaitsAJob) {
  auto toy = make(toys::affine());
  auto runtime = open(lanes_of(toy, 1));
  ASSERT_OK(runtime);
  gate_of(*toy).close();
  auto job = start(runtime->lanes()[0]);
  ASSERT_OK(job);
  Heard first, second;
  await(*job, first);
  await(*job, second);
  EXPECT_TRUE(second.over);
  EXPECT_EQ(code_of(second.result), ErrorCode::failed_precondition);
  EXPECT_FALSE(first.over);
  gate_of(*toy).open();
  ASSERT_TRUE(eventually([&] { return first.over.load(); }));
  EXPECT_OK(first.result);
}

TEST_P(JobTest, L22_ACoroutineThatIsDestroyedTakesItsJobWithIt) {
  auto toy = make(toys::affine());
  auto runtime = open(lanes_of(toy, 1));
  ASSERT_OK(runtime);
  gate_of(*toy).close();
  const auto awaiting = [](std::shared_ptr<Lane> lane) -> Task {
    auto job = start(std::move(lane));
    if (job) static_cast<void>(co_await *job);
    ADD_FAILURE() << "resumed";
  };
  const Task task = awaiting(runtime->lanes()[0]);
  ASSERT_TRUE(gate_of(*toy).wait_for(1));
  task.handle.destroy();
  EXPECT_EQ(toy->counters.runs_cancelled.value(), 1);
  gate_of(*toy).open();
  EXPECT_OK(runtime->lanes()[0]->run());
}

// The last owner of lane, runtime and threads is a coroutine that one of these threads resumed.
TEST_P(JobTest, L22_ACoroutineMayLetEverythingGo) {
  for (const bool starts : {false, true}) {
    auto toy = starts ? make_starting(toys::affine()) : make(toys::affine());
    auto runtime = open(bucketed(toy));
    ASSERT_OK(runtime);
    gate_of(*toy).close();
    std::atomic<bool> over{false};
    const auto owning = [](Runtime owned, std::atomic<bool>& let_go) -> Task {
      auto lease = owned.lease(batch(3));
      auto job = start(*std::move(lease));
      EXPECT_OK(co_await *job);
      { const Runtime gone = std::move(owned); }
      job = Error::cancelled();
      let_go = true;
    };
    owning(*std::move(runtime), over);
    gate_of(*toy).open();
    ASSERT_TRUE(eventually([&] { return over.load(); }));
    EXPECT_TRUE(eventually([&] { return toy->complaints().empty(); })) << toy->complaints();
  }
}

TEST_P(JobTest, L22_CallbacksThatFailAreReported) {
  auto toy = make(toys::affine());
  auto runtime = open(lanes_of(toy, 1));
  ASSERT_OK(runtime);
  std::vector<std::string> heard;
  log::set_sink([&](const LogRecord& record) { heard.emplace_back(record.message); });
  const auto outcome_with = [&](std::function<Expected<>(const Expected<>&)> on_done) {
    auto job = start(runtime->lanes()[0], {.on_done = std::move(on_done)});
    return job ? message_of(job->take()) : message_of(job);
  };
  EXPECT_EQ(outcome_with([](const Expected<>&) -> Expected<> { return Error(ErrorCode::internal, "no room today"); }),
            "on_done: no room today");
  EXPECT_THAT(outcome_with([](const Expected<>&) -> Expected<> { throw std::runtime_error("no luck today"); }),
              HasSubstr("on_done: unexpected exception: no luck today"));
  EXPECT_TRUE(heard.empty());
  toy->phase(ToyPhase::run).fail_next(Error(ErrorCode::internal, "broken"));
  EXPECT_EQ(outcome_with([](const Expected<>&) -> Expected<> { throw 42; }), "broken");
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_THAT(heard[0], HasSubstr("lane 0: job: on_done: "));
  EXPECT_EQ(outcome_with(nullptr), "success");

  gate_of(*toy).close();
  auto job = start(runtime->lanes()[0], {.resume_on = [](auto) { throw std::runtime_error("no executor today"); }});
  ASSERT_OK(job);
  Heard coroutine;
  await(*job, coroutine);
  gate_of(*toy).open();
  ASSERT_TRUE(eventually([&] { return coroutine.over.load(); }));
  EXPECT_OK(coroutine.result);
  log::set_sink(nullptr);
  ASSERT_EQ(heard.size(), 2u);
  EXPECT_THAT(heard[1], HasSubstr("resume_on: unexpected exception: no executor today"));
}

TEST_P(JobTest, L22_EnginesThatRunOneAtATimeDo) {
  ToyModel model = toys::affine();
  model.traits.concurrent_bindings = false;
  model.starts = true;
  auto toy = make(std::move(model));
  auto runtime = open(lanes_of(toy, 5));
  ASSERT_OK(runtime);
  std::vector<Job> jobs;
  for (const auto& lane : runtime->lanes()) {
    auto job = start(lane);
    ASSERT_OK(job);
    jobs.push_back(*std::move(job));
  }
  for (Job& job : jobs) EXPECT_OK(job.take());
  jobs.clear();
  EXPECT_EQ(toy->violations(), std::vector<std::string>{});
}

TEST_P(JobTest, L22_StatesOfLinksGoOnFromJobToJob) {
  RuntimeSpec linked = spec(make(toys::counter()));
  linked.dimensions = {{"n", 3}};
  linked.links = {{.output = "stateN", .input = "state"}};
  linked.warm_up_runs = 0;
  auto by_run = open(linked), by_job = open(linked);
  ASSERT_OK(by_run);
  ASSERT_OK(by_job);
  for (int i = 0; i < 5; ++i) {
    ASSERT_OK(by_run->lanes()[0]->run());
    auto job = start(by_job->lanes()[0]);
    ASSERT_OK(job);
    ASSERT_OK(job->take());
    const auto expected = by_run->lanes()[0]->output("stateN"), got = by_job->lanes()[0]->output("stateN");
    ASSERT_OK(expected);
    ASSERT_OK(got);
    ASSERT_EQ(expected->bytes, got->bytes);
    EXPECT_EQ(std::memcmp(expected->data, got->data, got->bytes), 0);
  }
}

TEST_P(JobTest, L22_TooFewThreadsAreRefused) {
  RuntimeSpec none = lanes_of(make(toys::affine()), 1);
  none.job_threads = 0;
  EXPECT_THAT(message_of(open(none)), HasSubstr("job_threads: too few: expected 1 or more, got 0"));
}

}  // namespace
}  // namespace laneway
