// L22: jobs. What a run gives, whoever waits for it and whoever computes it.
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "conformance/conformance.h"
#include "support/task.h"

namespace laneway::conformance {
namespace {

using namespace std::chrono_literals;

TEST_P(Conformance, L22_AJobGivesWhatARunGives) {
  RuntimeSpec made = spec("two_inputs", {{"batch", 3}});
  made.lanes = 2;
  Runtime runtime = must(open(made));
  Lane& by_run = *runtime.lanes()[0];
  Lane& by_job = *runtime.lanes()[1];
  for (int i = 0; i < 17; ++i) {
    const auto a = floats(12), b = floats(12);
    for (Lane* lane : {&by_run, &by_job}) {
      write(*lane, "a", a);
      write(*lane, "b", b);
    }
    must(by_run.run());
    Job job = must(start(runtime.lanes()[1]));
    must(job.take());
    EXPECT_EQ(read<float>(by_job, "y"), read<float>(by_run, "y"));
    expect_error(job.take(), ErrorCode::failed_precondition);
  }
}

TEST_P(Conformance, L22_JobsOnLeasesOfDifferentShapesOverlap) {
  RuntimeSpec made = bucketed("mean_pool", {"batch", "sequence"});
  made.lanes = 5;  // four kept by jobs
  Runtime runtime = must(open(made));
  std::vector<Job> jobs;
  std::vector<std::vector<float>> expected;
  for (std::int64_t sequence = 1; sequence <= 9; ++sequence) {
    const auto x = floats(static_cast<std::size_t>(2 * sequence * 8));
    {
      auto lease = must(runtime.lease({{"batch", 2}, {"sequence", sequence}}));
      write(*lease, "x", x);
      must(lease->run());
      expected.push_back(read<float>(*lease, "y"));
    }
    if (jobs.size() == 4) jobs.clear();  // each keeps its lane
    auto lease = must(runtime.lease({{"batch", 2}, {"sequence", sequence}}));
    write(*lease, "x", x);
    jobs.push_back(must(start(std::move(lease))));
    must(jobs.back().take());
    EXPECT_EQ(read<float>(jobs.back().lane(), "y"), expected.back());
  }
}

TEST_P(Conformance, L22_ACancelledJobEndsAndTheNextOneRuns) {
  RuntimeSpec made = spec("long_running");
  made.warm_up_runs = 0;  // its input says how long it takes
  Runtime runtime = must(open(made));
  const auto& lane = runtime.lanes()[0];
  write(*lane, "x", std::vector<float>(must(lane->input<float>("x")).size(), 0.25f));
  for (int i = 0; i < 3; ++i) {
    write<std::int64_t>(*lane, "iterations", {std::int64_t{1} << 40});
    {
      Job job = must(start(lane));
      EXPECT_FALSE(job.wait_for(1ms));
      job.cancel();
      expect_error(job.take(), ErrorCode::cancelled);
    }
    { const Job dropped = must(start(lane)); }
    {
      Job late = must(start(lane, {.timeout = 5ms}));
      expect_error(late.take(), ErrorCode::deadline_exceeded);
    }
    write<std::int64_t>(*lane, "iterations", {1});
    Job job = must(start(lane));
    must(job.take());
  }
}

TEST_P(Conformance, L22_AJobIsAwaited) {
  Runtime runtime = must(open(spec("two_inputs", {{"batch", 3}})));
  const auto& lane = runtime.lanes()[0];
  const auto a = floats(12), b = floats(12);
  write(*lane, "a", a);
  write(*lane, "b", b);
  std::atomic<int> done{0};
  const auto thrice = [](std::shared_ptr<Lane> on, std::atomic<int>& count) -> Task {
    for (int i = 0; i < 3; ++i) {
      Job job = must(start(on));
      must(co_await job);
      ++count;
    }
  };
  thrice(lane, done);
  for (int i = 0; i < 10'000 && done < 3; ++i) std::this_thread::sleep_for(1ms);
  ASSERT_EQ(done, 3);
  const auto y = read<float>(*lane, "y");
  for (std::size_t i = 0; i < y.size(); ++i) EXPECT_EQ(y[i], a[i] - b[i]);
}

}  // namespace
}  // namespace laneway::conformance
