#include "laneway/diag/trace.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "laneway/diag/log.h"

namespace laneway {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string text_of(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

std::vector<json> with_phase(const json& events, const std::string& phase) {
  std::vector<json> found;
  for (const json& event : events) {
    if (event.at("ph") == phase) found.push_back(event);
  }
  return found;
}

json named(const json& events, const std::string& name) {
  for (const json& event : events) {
    if (event.at("name") == name) return event;
  }
  ADD_FAILURE() << "no event " << name;
  return json::object();
}

std::int64_t ns_of(const json& microseconds) { return std::llround(microseconds.get<double>() * 1000); }
std::int64_t begin_ns(const json& event) { return ns_of(event.at("ts")); }
std::int64_t end_ns(const json& span) { return begin_ns(span) + ns_of(span.at("dur")); }

// What Chrome needs of every event, and of each kind; spans of one thread lie beside or inside one another, never across.
void expect_well_formed(const json& events) {
  ASSERT_TRUE(events.is_array());
  std::map<int, std::vector<json>> spans;
  std::set<int> named_threads;
  for (const json& event : events) {
    const std::string phase = event.at("ph");
    ASSERT_TRUE(phase == "X" || phase == "M") << event;
    EXPECT_TRUE(event.at("name").is_string() && event.at("args").is_object()) << event;
    EXPECT_EQ(event.at("pid"), getpid());
    if (phase == "M") {
      EXPECT_FALSE(event.at("args").at("name").get<std::string>().empty());
      const bool again = event.at("name") == "thread_name" && !named_threads.insert(event.at("tid").get<int>()).second;
      EXPECT_FALSE(again) << event;
      continue;
    }
    EXPECT_TRUE(named_threads.contains(event.at("tid").get<int>())) << "a thread is named before its first event: " << event;
    EXPECT_TRUE(event.at("cat").is_string() && event.at("ts").is_number()) << event;
    if (phase == "X") spans[event.at("tid").get<int>()].push_back(event);
  }
  for (auto& [thread, list] : spans) {
    std::ranges::sort(list, [](const json& a, const json& b) {
      return begin_ns(a) != begin_ns(b) ? begin_ns(a) < begin_ns(b) : end_ns(a) > end_ns(b);
    });
    std::vector<std::int64_t> open;
    for (const json& span : list) {
      while (!open.empty() && open.back() <= begin_ns(span)) open.pop_back();
      EXPECT_TRUE(open.empty() || end_ns(span) <= open.back()) << span.at("name") << " on thread " << thread;
      open.push_back(end_ns(span));
    }
  }
}

// An event of no length, now and here.
void mark(std::string_view name) { trace::complete(name, "test", trace::now_ns(), 0, trace::thread_id()); }

class Trace : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "laneway-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder = pattern;
    file = folder / "trace.json";
  }
  void TearDown() override {
    trace::stop();
    log::set_sink({});
    fs::remove_all(folder);
  }

  json stopped() const {
    trace::stop();
    const json events = json::parse(text_of(file));
    expect_well_formed(events);
    return events;
  }

  void start() const {
    const auto started = trace::start(file);
    ASSERT_TRUE(started) << started.error().message();
  }

  fs::path folder, file;
};

int exit_status(pid_t child) {
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

TEST_F(Trace, L38_SpansNestAndCarryArguments) {
  start();
  EXPECT_TRUE(trace::enabled());
  const std::int64_t before = trace::now_ns();
  {
    trace::Span outer("run", "lane");
    outer.add("lane", 3);
    outer.add("bucket", "{sequence=32}");
    trace::Span inner("node", "engine");
    inner.add("why", "a \"test\"");
  }
  const std::int64_t after = trace::now_ns();
  const json events = stopped();
  const json run = named(events, "run"), node = named(events, "node");
  EXPECT_EQ(run.at("cat"), "lane");
  EXPECT_EQ(run.at("args"), (json{{"lane", 3}, {"bucket", "{sequence=32}"}}));
  EXPECT_EQ(node.at("args"), (json{{"why", "a \"test\""}}));
  EXPECT_EQ(run.at("tid"), gettid());
  EXPECT_LE(before, begin_ns(run));
  EXPECT_LE(begin_ns(run), begin_ns(node));
  EXPECT_LE(begin_ns(node), end_ns(node));
  EXPECT_LE(end_ns(node), end_ns(run));
  EXPECT_LE(end_ns(run), after);
}

TEST_F(Trace, L38_ThreadsHaveTheirRealIdsAndNames) {
  start();
  std::map<int, std::string> expected;
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const std::string name = "worker \"" + std::to_string(t) + "\"";
      pthread_setname_np(pthread_self(), name.c_str());
      for (int i = 0; i < 200; ++i) {
        trace::Span outer("outer", "test");
        trace::Span inner("inner", "test");
      }
      const std::lock_guard lock(mutex);
      expected[gettid()] = name;
    });
  }
  for (std::thread& thread : threads) thread.join();
  const json events = stopped();
  std::map<int, std::string> names;
  std::map<int, int> spans;
  for (const json& event : events) {
    if (event.at("name") == "thread_name") names[event.at("tid")] = event.at("args").at("name");
    if (event.at("ph") == "X") ++spans[event.at("tid").get<int>()];
  }
  EXPECT_EQ(names, expected);
  for (const auto& [thread, name] : expected) EXPECT_EQ(spans[thread], 400) << name;
  EXPECT_EQ(named(events, "process_name").at("pid"), getpid());
}

TEST_F(Trace, L38_EventsWithKnownTimes) {
  start();
  const int other = gettid() + 100'000;  // of a thread that has ended
  trace::complete("MatMul", "node", 1'234'567'891, 4'005, gettid(), trace::Args().add("index", 7));
  trace::complete("Add", "node", 0, 0, other);
  trace::complete("Sub", "node", -1'234, -5, other);
  const json events = stopped();
  const json matmul = named(events, "MatMul");
  EXPECT_DOUBLE_EQ(matmul.at("ts").get<double>(), 1'234'567.891);
  EXPECT_DOUBLE_EQ(matmul.at("dur").get<double>(), 4.005);
  EXPECT_EQ(matmul.at("args"), (json{{"index", 7}}));
  EXPECT_EQ(named(events, "Add").at("tid"), other);
  EXPECT_EQ(named(events, "Sub").at("ts"), 0.0);
}

TEST_F(Trace, L38_StringsAreEscaped) {
  start();
  trace::complete("a\"b\\c\n\x01", "\xff", 5, 5, gettid(), trace::Args().add("k\"", "v\\"));
  const json events = stopped();
  const json span = with_phase(events, "X").at(0);
  EXPECT_EQ(span.at("name"), "a\"b\\c\n\x01");
  EXPECT_EQ(span.at("cat"), "\xef\xbf\xbd");
  EXPECT_EQ(span.at("args"), (json{{"k\"", "v\\"}}));
}

TEST_F(Trace, LongEventsAreCut) {
  start();
  const std::string text(10'000, '\x01');
  for (int i = 0; i < 20; ++i) {
    trace::complete(text, text, i * 10, 5, gettid(), trace::Args().add("k", text));
    trace::complete("fits", "test", i * 10 + 5, 5, gettid(), trace::Args().add("k", std::string(3'900, 'x')));
  }
  const std::vector<json> spans = with_phase(stopped(), "X");
  ASSERT_EQ(spans.size(), 40u);
  EXPECT_EQ(spans[0].at("name").get<std::string>(), text.substr(0, 256));
  EXPECT_EQ(spans[0].at("args"), json::object());
  EXPECT_EQ(spans[39].at("args").at("k").get<std::string>().size(), 3'900u);
}

// A write is cut by a kill only where it crosses a page of the file.
TEST_F(Trace, L38_NoEventCrossesAPage) {
  start();
  for (int i = 0; i < 600; ++i) mark(std::string(static_cast<std::size_t>(i % 700), 'n'));
  stopped();
  const std::string text = text_of(file);
  EXPECT_GT(text.size(), 200'000u);
  for (std::size_t page = 4096; page < text.size(); page += 4096) {
    EXPECT_TRUE(json::accept(text.substr(0, page) + "]")) << page;
  }
}

TEST_F(Trace, L38_StartsAndStopsRepeatedly) {
  for (int round = 0; round < 5; ++round) {
    file = folder / (std::to_string(round) + ".json");
    start();
    mark("round " + std::to_string(round));
    const json events = stopped();
    EXPECT_EQ(with_phase(events, "X").size(), 1u);
    named(events, "round " + std::to_string(round));
    EXPECT_FALSE(trace::enabled());
    mark("between");
    trace::stop();
    EXPECT_EQ(json::parse(text_of(file)), events) << "what comes after the end leaves the file alone";
  }
  start();
  EXPECT_EQ(with_phase(stopped(), "X").size(), 0u) << "a file is emptied first";
}

TEST_F(Trace, ASpanBelongsToTheTraceItBeganIn) {
  {
    trace::Span before("before any", "test");
    start();
  }
  {
    trace::Span across("across", "test");
    trace::stop();
    EXPECT_TRUE(with_phase(json::parse(text_of(file)), "X").empty());
    start();
    across.add("late", 1);
  }
  EXPECT_TRUE(with_phase(stopped(), "X").empty());
}

TEST_F(Trace, L38_StoppedWhileOthersTrace) {
  std::atomic<bool> going{true};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      while (going) trace::Span span("work", "test");
    });
  }
  for (int round = 0; round < 10; ++round) {
    start();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    stopped();
  }
  going = false;
  for (std::thread& thread : threads) thread.join();
}

TEST_F(Trace, OffWritesNothing) {
  EXPECT_FALSE(trace::enabled());
  {
    trace::Span span("nothing", "test");
    span.add("a", 1);
    trace::complete("nothing", "test", 0, 0, gettid());
  }
  EXPECT_TRUE(fs::is_empty(folder));
}

TEST_F(Trace, WrongUseIsAnError) {
  const auto code = [](const fs::path& path) {
    const auto started = trace::start(path);
    if (started) trace::stop();
    return started ? ErrorCode{} : started.error().code();
  };
  EXPECT_EQ(code(""), ErrorCode::invalid_argument);
  EXPECT_EQ(code(std::string("a\0b", 3)), ErrorCode::invalid_argument);
  EXPECT_EQ(code(folder), ErrorCode::invalid_argument);
  EXPECT_EQ(code(folder / "no" / "such"), ErrorCode::not_found);
  EXPECT_EQ(code("/dev/full"), ErrorCode::resource_exhausted);
  EXPECT_FALSE(trace::enabled());
  start();
  const auto second = trace::start(folder / "second.json");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::failed_precondition);
  EXPECT_FALSE(fs::exists(folder / "second.json"));
  EXPECT_EQ(stopped().size(), 1u) << "the first one goes on";
}

// The child writes without end and is killed at a moment of its own.
TEST_F(Trace, L38_AfterSigkillOnlyTheClosingBracketIsMissing) {
  for (int round = 0; round < 10; ++round) {
    file = folder / (std::to_string(round) + ".json");
    const pid_t child = fork();
    if (child == 0) {
      if (!trace::start(file)) _exit(1);
      std::thread other([] {
        for (;;) trace::Span span("other thread", "test");
      });
      for (;;) trace::Span span("endless", "test");
    }
    while (!fs::exists(file) || fs::file_size(file) < 20'000) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::microseconds(137 * round));
    kill(child, SIGKILL);
    EXPECT_TRUE(WIFSIGNALED(exit_status(child)));
    const std::string text = text_of(file);
    EXPECT_FALSE(json::accept(text));
    const json events = json::parse(text + "]");
    EXPECT_GT(with_phase(events, "X").size(), 20u);
  }
}

// The variable is read once per process, so that these run their bodies in a new one: such a death test begins this program anew,
// and the parent's variable is there already when the child comes to setenv.
class TraceByEnvironment : public ::testing::Test {
 protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const std::string own = ::testing::TempDir() + "laneway-" + std::to_string(getpid()) + ending;
    setenv("LANEWAY_TRACE", own.c_str(), 0);
    file = std::getenv("LANEWAY_TRACE");
  }
  void TearDown() override {
    unsetenv("LANEWAY_TRACE");
    fs::remove(file);
  }

  std::string ending = ".json";
  fs::path file;
};

TEST_F(TraceByEnvironment, L38_StartsAtTheFirstThingTracedAndEndsWithTheProcess) {
  EXPECT_EXIT(
      {
        { trace::Span span("by environment", "test"); }
        std::exit(trace::enabled() ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
  const json events = json::parse(text_of(file));
  EXPECT_EQ(with_phase(events, "X").size(), 1u);
  named(events, "by environment");
  named(events, "thread_name");
}

class TraceByWrongEnvironment : public TraceByEnvironment {
 protected:
  TraceByWrongEnvironment() { ending = ".no/such/folder.json"; }
};

TEST_F(TraceByWrongEnvironment, L38_WhatCannotBeWrittenIsToldToTheLogOnce) {
  EXPECT_EXIT(
      {
        log::set_sink(log::to_stderr());
        const bool on = trace::enabled() || trace::enabled();
        std::exit(on ? 1 : 0);
      },
      ::testing::ExitedWithCode(0), "^error \\[trace\\] LANEWAY_TRACE: [^\n]*: No such file or directory [^\n]*\n$");
}

TEST_F(Trace, AForkedChildLeavesTheFileToItsParent) {
  start();
  mark("parent");
  const pid_t child = fork();
  if (child == 0) {
    if (trace::enabled()) _exit(1);
    mark("child");
    trace::stop();
    std::exit(0);  // with the handlers of exit, which must not close the array
  }
  EXPECT_EQ(exit_status(child), 0);
  mark("parent again");
  EXPECT_EQ(with_phase(stopped(), "X").size(), 2u);
}

// A limit on the size of files is a full disk that any user can have.
TEST_F(Trace, AFullDiskEndsTheTraceAndKeepsItReadable) {
  const pid_t child = fork();
  if (child == 0) {
    std::string heard;
    log::set_sink([&](const LogRecord& record) { heard = record.message; });
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{5000, 5000};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0 || !trace::start(file)) _exit(1);
    for (int i = 0; i < 1000 && trace::enabled(); ++i) mark("event");
    if (trace::enabled() || heard.find("File too large") == std::string::npos) _exit(2);
    _exit(0);
  }
  EXPECT_EQ(exit_status(child), 0);
  std::string text = text_of(file);
  EXPECT_GT(text.size(), 4000u);
  if (!json::accept(text)) text += "]";  // there may be no room for it
  EXPECT_TRUE(json::accept(text)) << text.substr(text.size() - 200);
}

}  // namespace
}  // namespace laneway
