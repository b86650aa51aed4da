#include "laneway/diag/log.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace laneway {
namespace {

// Keeps what it was told; the texts of a record end with the call.
struct Heard {
  struct Line {
    Severity severity;
    std::string category, message, place;
  };

  LogSink sink() {
    return [this](const LogRecord& record) {
      const std::lock_guard lock(mutex);
      lines.push_back({record.severity, std::string(record.category), std::string(record.message), std::string(record.place)});
    };
  }

  std::mutex mutex;
  std::vector<Line> lines;
};

class Log : public ::testing::Test {
 protected:
  void TearDown() override { log::set_sink({}); }
};

TEST_F(Log, L39_NothingIsPrintedByDefault) {
  ::testing::internal::CaptureStderr();
  ::testing::internal::CaptureStdout();
  for (const Severity severity : {Severity::verbose, Severity::warning, Severity::fatal}) {
    EXPECT_FALSE(log::enabled(severity));
    log::write(severity, "runtime", "nobody hears this");
    log::submit({severity, "ort", "nor this", "x.cc:1"});
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
}

TEST_F(Log, L39_SinkGetsSeverityCategoryMessageAndPlace) {
  Heard heard;
  log::set_sink(heard.sink(), Severity::verbose);
  const int line = __LINE__ + 1;
  log::write(Severity::info, "runtime", "opened");
  log::submit({Severity::fatal, "ort", "broken", "session.cc:17"});
  ASSERT_EQ(heard.lines.size(), 2u);
  EXPECT_EQ(heard.lines[0].severity, Severity::info);
  EXPECT_EQ(heard.lines[0].category, "runtime");
  EXPECT_EQ(heard.lines[0].message, "opened");
  EXPECT_EQ(heard.lines[0].place, "log_test.cpp:" + std::to_string(line));
  EXPECT_EQ(heard.lines[1].severity, Severity::fatal);
  EXPECT_EQ(heard.lines[1].category, "ort");
  EXPECT_EQ(heard.lines[1].message, "broken");
  EXPECT_EQ(heard.lines[1].place, "session.cc:17");
}

TEST_F(Log, L39_LeastSeverityFilters) {
  const std::vector<Severity> all = {Severity::verbose, Severity::info, Severity::warning, Severity::error, Severity::fatal};
  for (const Severity least : all) {
    Heard heard;
    log::set_sink(heard.sink(), least);
    for (const Severity severity : all) {
      EXPECT_EQ(log::enabled(severity), severity >= least);
      log::write(severity, "test", name(severity));
    }
    ASSERT_EQ(heard.lines.size(), all.size() - static_cast<std::size_t>(least));
    EXPECT_EQ(heard.lines.front().severity, least);
  }
}

TEST_F(Log, L39_TextsNobodyWantsAreNotMade) {
  Heard heard;
  int made = 0;
  const auto make = [&made] { return "text " + std::to_string(++made); };
  log::write(Severity::fatal, "test", make);
  EXPECT_EQ(made, 0);
  log::set_sink(heard.sink(), Severity::warning);
  log::write(Severity::info, "test", make);
  EXPECT_EQ(made, 0);
  log::write(Severity::warning, "test", make);
  EXPECT_EQ(made, 1);
  ASSERT_EQ(heard.lines.size(), 1u);
  EXPECT_EQ(heard.lines[0].message, "text 1");
}

TEST_F(Log, L39_ToStderrWritesOneLine) {
  log::set_sink(log::to_stderr(), Severity::warning);
  ::testing::internal::CaptureStderr();
  log::write(Severity::info, "runtime", "too quiet");
  log::submit({Severity::warning, "ort", "arena grew", "arena.cc:5"});
  log::submit({Severity::error, "runtime", "no place", ""});
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "warning [ort] arena grew (arena.cc:5)\nerror [runtime] no place\n");
}

TEST_F(Log, OneSinkAtATimeAndNoneAfterAnEmptyOne) {
  Heard first, second;
  log::set_sink(first.sink());
  log::write(Severity::error, "test", "a");
  log::set_sink(second.sink());
  log::write(Severity::error, "test", "b");
  log::set_sink({});
  log::write(Severity::error, "test", "c");
  ASSERT_EQ(first.lines.size(), 1u);
  ASSERT_EQ(second.lines.size(), 1u);
  EXPECT_EQ(first.lines[0].message, "a");
  EXPECT_EQ(second.lines[0].message, "b");
  EXPECT_FALSE(log::enabled(Severity::fatal));
}

TEST_F(Log, ASinkThatLogsIsNotCalledAgain) {
  int calls = 0;
  log::set_sink([&](const LogRecord&) {
    ++calls;
    log::write(Severity::error, "test", "from the sink");
  });
  log::write(Severity::error, "test", "outer");
  EXPECT_EQ(calls, 1);
  log::write(Severity::error, "test", "outer");
  EXPECT_EQ(calls, 2);
}

TEST_F(Log, ASinkThatThrowsHarmsNobody) {
  int calls = 0;
  log::set_sink([&](const LogRecord&) {
    ++calls;
    throw std::runtime_error("sink");
  });
  log::write(Severity::error, "test", "one");
  log::write(Severity::error, "test", "two");
  EXPECT_EQ(calls, 2);
}

TEST_F(Log, ASinkMayReplaceItself) {
  Heard next;
  auto alive = std::make_shared<int>(7);
  const std::weak_ptr<int> watch = alive;
  log::set_sink([alive = std::move(alive), &next](const LogRecord&) {
    log::set_sink(next.sink());
    EXPECT_EQ(*alive, 7) << "the closure lives until its call ends";
  });
  log::write(Severity::error, "test", "a");
  EXPECT_TRUE(watch.expired());
  log::write(Severity::error, "test", "b");
  ASSERT_EQ(next.lines.size(), 1u);
  EXPECT_EQ(next.lines[0].message, "b");
}

TEST_F(Log, ReplacingWaitsForCallsInProgressAndDestroysTheSink) {
  std::latch entered(1), leave(1);
  std::atomic<bool> replaced{false}, finished{false};
  auto alive = std::make_shared<int>(0);
  const std::weak_ptr<int> watch = alive;
  log::set_sink([&, alive = std::move(alive)](const LogRecord&) {
    entered.count_down();
    leave.wait();
    finished = true;
  });
  std::thread speaker([] { log::write(Severity::error, "test", "slow"); });
  entered.wait();
  std::thread replacer([&] {
    log::set_sink({});
    EXPECT_TRUE(finished);
    EXPECT_TRUE(watch.expired());
    replaced = true;
  });
  while (log::enabled(Severity::fatal)) std::this_thread::yield();
  EXPECT_FALSE(replaced);
  leave.count_down();
  speaker.join();
  replacer.join();
}

// Each sink dies as soon as it is replaced: one that is still called is a use after free, which the sanitizers and the canary see.
TEST_F(Log, ReplacedWhileOthersLog) {
  constexpr int speakers = 4, messages = 3000, replacements = 300;
  const std::string canary = "canary, long enough for the heap";
  std::atomic<std::uint64_t> heard{0};
  std::atomic<bool> speaking{true};
  const auto replace = [&] {
    log::set_sink([&, own = canary](const LogRecord& record) {
      EXPECT_EQ(own, canary);
      EXPECT_EQ(record.message.substr(0, 8), "message ");
      ++heard;
    });
  };
  replace();
  std::vector<std::thread> threads;
  for (int t = 0; t < speakers; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < messages; ++i) log::write(Severity::error, "test", [i] { return "message " + std::to_string(i); });
    });
  }
  std::thread replacer([&] {
    for (int i = 0; i < replacements || speaking; ++i) replace();
  });
  for (std::thread& thread : threads) thread.join();
  speaking = false;
  replacer.join();
  EXPECT_EQ(heard.load(), static_cast<std::uint64_t>(speakers * messages)) << "there was a sink at every moment";
}

}  // namespace
}  // namespace laneway
