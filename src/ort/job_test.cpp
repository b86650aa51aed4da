#include "laneway/ort/job.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include "ort_support/models.h"

namespace laneway::ort {
namespace {

using testing::ElementsAre;
using testing::StartsWith;
using namespace std::chrono_literals;

class OrtJob : public testing::Test {
 protected:
  std::shared_ptr<const Session> open(const std::string& model, int threads = 2) {
    SessionSpec spec = spec_of(model);
    spec.threads.count = threads;
    return take(Session::open(spec));
  }
  RunOptions options() { return take(RunOptions::make(environment_->library())); }
  std::shared_ptr<const Value> tensor(const std::vector<float>& elements, const Shape& shape) {
    return std::make_shared<Value>(take(Value::copy<float>(environment_->host_allocator(), elements, shape)));
  }
  std::shared_ptr<const Value> count(std::int64_t number) {
    const std::vector<std::int64_t> one = {number};
    return std::make_shared<Value>(take(Value::copy<std::int64_t>(environment_->host_allocator(), one, {})));
  }
  // One that runs until it is told to stop.
  Job endless(std::function<void(const Expected<>&)> on_done = {}) {
    JobSpec spec{.inputs = {{0, tensor(test_models::random_floats(4096, 1), {64, 64})}, {1, count(100000000)}},
                 .on_done = std::move(on_done)};
    spec.outputs.push_back({0});
    return take(Job::start(open(test_models::long_running()), options(), std::move(spec)));
  }

  std::shared_ptr<const Environment> environment_ = take(Environment::get());
};

TEST_F(OrtJob, O18_RunsOnAThreadOfTheSessionAndOwnsItsInputs) {
  std::vector<float> y(3, -1);
  std::thread::id thread;
  JobSpec spec{.inputs = {{0, tensor({1, -2, 3}, {3})}}, .on_done = [&](const Expected<>& result) {
                 take(result);
                 thread = std::this_thread::get_id();
               }};
  spec.outputs.push_back({0, over(y, {3})});
  Job job = take(Job::start(open(test_models::relu()), options(), std::move(spec)));
  take(job.wait());
  EXPECT_TRUE(job.done());
  EXPECT_THAT(y, ElementsAre(1, 0, 3));
  EXPECT_NE(thread, std::this_thread::get_id());
  EXPECT_NE(thread, std::thread::id());
  EXPECT_EQ(take(take(job.output(0))->tensor()).data, y.data());
  take(job.wait());
}

TEST_F(OrtJob, O18_ManyJobsAtOnceEachHaveTheirOwn) {
  const auto session = open(test_models::mlp(), 3);
  std::vector<Job> jobs;
  std::vector<std::vector<float>> expected;
  for (unsigned seed = 0; seed < 20; ++seed) {
    const auto x = tensor(test_models::random_floats(32, seed), {1, 32});
    expected.push_back(elements_of<float>(run_once(session, {x.get()})[0]));
    JobSpec spec{.inputs = {{0, x}}};
    spec.outputs.push_back({0});
    jobs.push_back(take(Job::start(session, options(), std::move(spec))));
  }
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    EXPECT_THAT(elements_of<float>(*take(jobs[i].output(0))), testing::Pointwise(testing::FloatNear(1e-5f), expected[i]));
  }
}

TEST_F(OrtJob, O18_DroppedBeforeItIsOverItWaits) {
  std::atomic<bool> over = false;
  {
    Job job = endless([&](const Expected<>& result) {
      std::this_thread::sleep_for(20ms);
      over = !result;
    });
    EXPECT_FALSE(job.done());
    job.cancel();
  }
  EXPECT_TRUE(over) << "on_done ran to its end before the job was gone";
}

TEST_F(OrtJob, O18_OneThatIsCancelledSaysSo) {
  Job job = endless();
  std::this_thread::sleep_for(10ms);
  job.cancel();
  EXPECT_EQ(outcome(job.wait()), outcome(Expected<>(Error::cancelled())));
  EXPECT_EQ(outcome(job.output(0)), outcome(Expected<>(Error::cancelled())));
  EXPECT_TRUE(job.done());
}

TEST_F(OrtJob, O18_OutputsOutliveTheJob) {
  std::optional<Value> output;
  {
    JobSpec spec{.inputs = {{0, tensor({1, -2, 3}, {3})}}};
    spec.outputs.push_back({0});
    Job job = take(Job::start(open(test_models::relu()), options(), std::move(spec)));
    output = std::move(*take(job.output(0)));
  }
  EXPECT_THAT(elements_of<float>(*output), ElementsAre(1, 0, 3));
}

TEST_F(OrtJob, O18_ARunThatFailsIsTheJobsResult) {
  JobSpec spec{.inputs = {{0, tensor({1, 2, 3, 4}, {4})}, {1, count(99)}},
               .on_done = [](const Expected<>&) { throw std::runtime_error("what a sink may hear of"); }};
  spec.outputs.push_back({1});
  Job job = take(Job::start(open(test_models::two_outputs()), options(), std::move(spec)));
  EXPECT_THAT(outcome(job.wait()), StartsWith("invalid_argument: ONNX Runtime: INVALID_ARGUMENT"));
  EXPECT_THAT(outcome(job.output(1)), StartsWith("invalid_argument"));
}

TEST_F(OrtJob, O18_WrongJobsAreRefusedBeforeTheyStart) {
  const auto session = open(test_models::relu());
  const auto start = [&](const std::shared_ptr<const Session>& of, std::vector<JobInput> inputs, std::size_t output) {
    JobSpec spec{.inputs = std::move(inputs)};
    spec.outputs.push_back({output});
    return outcome(Job::start(of, options(), std::move(spec)));
  };
  const auto x = tensor({1, 2}, {2});
  EXPECT_THAT(start(nullptr, {{0, x}}, 0), StartsWith("invalid_argument: job: session: null"));
  EXPECT_THAT(start(open(test_models::relu(), 1), {{0, x}}, 0),
              StartsWith("failed_precondition: job: session: expected one with threads.count of 2 or more"));
  EXPECT_THAT(start(session, {}, 0), StartsWith("failed_precondition: run: input x"));
  EXPECT_THAT(start(session, {{0, nullptr}}, 0), StartsWith("invalid_argument: input x: null"));
  EXPECT_THAT(start(session, {{0, count(1)}}, 0), StartsWith("invalid_argument: input x: dtype"));
  EXPECT_THAT(start(session, {{0, x}}, 1), StartsWith("out_of_range: output 1"));
  RunOptions moved = options();
  const RunOptions taken = std::move(moved);
  EXPECT_THAT(outcome(Job::start(session, std::move(moved), {})), StartsWith("invalid_argument: run options: moved away"));

  JobSpec spec{.inputs = {{0, x}}};
  spec.outputs.push_back({0});
  Job job = take(Job::start(session, options(), std::move(spec)));
  EXPECT_THAT(outcome(job.output(1)), StartsWith("out_of_range: output 1"));
  Job other = std::move(job);
  EXPECT_THAT(outcome(job.wait()), StartsWith("failed_precondition: job: moved away"));
  EXPECT_THAT(outcome(job.output(0)), StartsWith("failed_precondition: job: moved away"));
  EXPECT_TRUE(job.done());
  job.cancel();
  take(other.wait());
}

}  // namespace
}  // namespace laneway::ort
