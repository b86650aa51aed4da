#include "laneway/ort/environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "laneway/diag/log.h"
#include "ort_support/models.h"

namespace laneway::ort {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Names of this process's threads, as `top -H` shows them.
std::vector<std::string> thread_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream file(entry.path() / "comm");
    std::string name;
    std::getline(file, name);
    names.push_back(name);
  }
  return names;
}

TEST(OrtEnvironment, O04_IsOnePerProcessAndLivesWhileNeeded) {
  auto first = take(Environment::get());
  auto second = take(Environment::get());
  EXPECT_EQ(first, second);
  const std::weak_ptr<const Environment> watch = first;
  first.reset();
  const auto session = open_model(test_models::identity());
  second.reset();
  EXPECT_EQ(session->environment(), watch.lock());
}

TEST(OrtEnvironment, O04_GoesWithItsLastUserAndMayThenDiffer) {
  const std::weak_ptr<const Environment> gone = take(Environment::get({.log_id = "one"}));
  EXPECT_TRUE(gone.expired());
  const auto other = take(Environment::get({.log_severity = Severity::error, .log_id = "two"}));
  EXPECT_EQ(other->spec().log_id, "two");
  EXPECT_EQ(other->spec().log_severity, Severity::error);
}

TEST(OrtEnvironment, O04_ASecondRequestThatDiffersIsRefusedNamingTheDifference) {
  const auto lives = take(Environment::get());
  const auto refused = [](const EnvironmentSpec& spec) { return outcome(Environment::get(spec)); };
  EXPECT_THAT(refused({.log_severity = Severity::info}),
              AllOf(HasSubstr("failed_precondition: environment.log_severity"), HasSubstr("expected warning, got info")));
  EXPECT_THAT(refused({.log_id = "mine"}),
              AllOf(HasSubstr("failed_precondition: environment.log_id"), HasSubstr("expected laneway, got mine")));
  EXPECT_THAT(refused({.telemetry = true}),
              AllOf(HasSubstr("failed_precondition: environment.telemetry"), HasSubstr("expected false, got true")));
  EXPECT_EQ(refused({.log_severity = Severity::warning, .log_id = "laneway", .telemetry = false}), "success");
}

TEST(OrtEnvironment, O04_AGlobalPoolBesideAPlainEnvironmentIsAnErrorAtOnce) {
  const auto plain = take(Environment::get());
  EXPECT_THAT(outcome(Environment::get({.global_pool = GlobalPool{.intra = {.count = 2}}})),
              AllOf(HasSubstr("failed_precondition: environment.global_pool"), HasSubstr("expected no pool, got {count=2")));
  const std::string model = test_models::identity();
  SessionSpec spec = spec_of(model);
  spec.global_pool = true;
  EXPECT_THAT(outcome(Session::open(spec)), HasSubstr("failed_precondition: session: global_pool"));
}

TEST(OrtEnvironment, O04_PoolsThatDifferAreRefusedAndThoseWithoutAWishAreNot) {
  const GlobalPool pool = {.intra = {.count = 3, .name = "shared"}};
  const auto lives = take(Environment::get({.global_pool = pool}));
  EXPECT_EQ(take(Environment::get()), lives);
  EXPECT_EQ(take(Environment::get({.global_pool = pool})), lives);
  GlobalPool other = pool;
  other.intra.count = 2;
  EXPECT_THAT(outcome(Environment::get({.global_pool = other})),
              AllOf(HasSubstr("failed_precondition: environment.global_pool"), HasSubstr("expected {count=3"),
                    HasSubstr("got {count=2")));
}

TEST(OrtEnvironment, O04_SessionsShareTheGlobalPool) {
  const auto lives = take(Environment::get({.global_pool = GlobalPool{.intra = {.count = 3, .spin = false, .name = "pool"}}}));
  const std::string model = test_models::mlp();
  SessionSpec spec = spec_of(model);
  spec.global_pool = true;
  // A thread names itself, some time after it was made and in any order.
  const auto both = AllOf(testing::Contains("pool-0"), testing::Contains("pool-1"));
  for (int i = 0; i < 10'000 && !testing::Matches(both)(thread_names()); ++i) usleep(1000);
  const auto before = thread_names();
  EXPECT_THAT(before, AllOf(both, testing::Not(testing::Contains("pool-2"))));
  const auto a = take(Session::open(spec));
  const auto b = take(Session::open(spec));
  EXPECT_EQ(thread_names().size(), before.size()) << "sessions made threads of their own";
  std::vector<float> x = test_models::random_floats(32, 7);
  const Value value = over(x, {1, 32});
  EXPECT_EQ(elements_of<float>(run_once(a, {&value})[0]), elements_of<float>(run_once(b, {&value})[0]));
}

TEST(OrtEnvironment, O04_ThePoolsThreadsAreJoinedWithIt) {
  take(Environment::get({.global_pool = GlobalPool{.intra = {.count = 4, .name = "brief"}}}));
  EXPECT_THAT(thread_names(), testing::Not(testing::Contains(HasSubstr("brief"))));
}

TEST(OrtEnvironment, O04_ManyThreadsGetTheSameOrASuccessor) {
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([seed] {
      std::mt19937 random(seed);
      for (int i = 0; i < 200; ++i) {
        const std::string id = random() % 2 == 0 ? "even" : "odd";
        const auto environment = Environment::get({.log_id = id});
        if (environment) {
          EXPECT_EQ((*environment)->spec().log_id, id);
        } else {
          EXPECT_EQ(environment.error().code(), ErrorCode::failed_precondition);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(OrtEnvironment, RefusesWrongThreadsAndTexts) {
  EXPECT_THAT(outcome(Environment::get({.log_id = std::string("a\0b", 3)})),
              HasSubstr("invalid_argument: environment.log_id: holds a NUL"));
  EXPECT_THAT(outcome(Environment::get({.global_pool = GlobalPool{.intra = {.count = 0}}})),
              HasSubstr("invalid_argument: environment.global_pool: threads.count"));
  EXPECT_THAT(outcome(Environment::get({.global_pool = GlobalPool{.inter_threads = 0}})),
              HasSubstr("invalid_argument: environment.global_pool.inter_threads"));
}

// A run that fails makes ONNX Runtime log an error.
void make_it_log() {
  const auto session = open_model(test_models::division());
  std::vector<std::int32_t> a = {1, 2}, b = {1, 2, 3};
  const Value left = over(a, {2}), right = over(b, {3});
  Binding binding = take(Binding::make(session));
  take(binding.bind_input(0, left));
  take(binding.bind_input(1, right));
  take(binding.bind_output(0));
  RunOptions options = take(RunOptions::make(session->library()));
  EXPECT_FALSE(binding.run(options));
}

TEST(OrtEnvironment, WhatItLogsReachesTheSinkAndNothingElse) {
  std::mutex mutex;
  std::vector<std::string> lines;
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  make_it_log();
  log::set_sink([&](const LogRecord& record) {
    const std::scoped_lock lock(mutex);
    lines.push_back(std::string(name(record.severity)) + " " + std::string(record.category) + " " + std::string(record.place) +
                    " " + std::string(record.message));
  });
  make_it_log();
  log::set_sink({});
  make_it_log();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_THAT(lines[0], AllOf(testing::StartsWith("error ort "), HasSubstr(".cc:"), HasSubstr("Div")));
}

}  // namespace
}  // namespace laneway::ort
