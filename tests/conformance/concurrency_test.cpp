// L19, L21, L23, L43: several threads, runs that are stopped, lanes that differ, versions that take over.
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include "conformance/conformance.h"

namespace laneway::conformance {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t endless = std::int64_t{1} << 40;

TEST_P(Conformance, L19_EightThreadsOnEightLanes) {
  constexpr std::size_t threads = 8, runs = 1000;
  RuntimeSpec made = spec("two_inputs", {{"batch", 3}});
  made.lanes = threads;
  Runtime runtime = must(open(made));
  std::atomic<int> wrong{0};
  std::vector<std::thread> workers;
  for (std::size_t t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      Lane& lane = *runtime.lanes()[t];
      auto a = lane.input<float>("a"), b = lane.input<float>("b");
      for (std::size_t i = 0; a && b && i < runs; ++i) {
        for (std::size_t k = 0; k < a->size(); ++k) {
          (*a)[k] = static_cast<float>(1000 * t + k);
          (*b)[k] = static_cast<float>(i);
        }
        const bool ran = static_cast<bool>(lane.run());
        const auto y = lane.output<float>("y");
        bool right = ran && y && y->data.size() == 12;
        for (std::size_t k = 0; right && k < 12; ++k)
          right = y->data[k] == static_cast<float>(1000 * t + k) - static_cast<float>(i);
        wrong += right ? 0 : 1;
      }
      wrong += a && b ? 0 : 1;
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(wrong, 0);
}

// ---- stopping -------------------------------------------------------------------------------------------------------------

// A lane of the model that runs as long as it is told.
struct Long {
  explicit Long(RuntimeSpec spec) : runtime(must(open(spec))), lane(*runtime.lanes()[0]) {
    std::ranges::fill(must(lane.input<float>("x")), 0.25f);
  }
  void iterations(std::int64_t count) { must(lane.input<std::int64_t>("iterations"))[0] = count; }
  std::vector<float> once() {
    iterations(1);
    must(lane.run());
    return read<float>(lane, "y");
  }

  Runtime runtime;
  Lane& lane;
};

RuntimeSpec without_warm_up(RuntimeSpec spec) {
  spec.warm_up_runs = 0;  // its input says how long it takes
  return spec;
}

TEST_P(Conformance, L21_CancelEndsTheRunInProgress) {
  Long model(without_warm_up(spec("long_running")));
  const std::vector<float> expected = model.once();
  for (int i = 0; i < 5; ++i) {
    model.iterations(endless);
    std::atomic<bool> over{false};
    Expected<> result;
    std::thread runner([&] {
      result = model.lane.run();
      over = true;
    });
    while (!over) {
      model.lane.cancel();
      std::this_thread::sleep_for(1ms);
    }
    runner.join();
    expect_error(result, ErrorCode::cancelled);
    expect_error(model.lane.output("y"), ErrorCode::failed_precondition, {"y"});
    EXPECT_EQ(model.once(), expected) << "the next run is right";
  }
}

TEST_P(Conformance, L21_CancelBetweenRunsHasNoEffect) {
  Long model(without_warm_up(spec("long_running")));
  const std::vector<float> expected = model.once();
  for (int i = 0; i < 100; ++i) {
    model.lane.cancel();
    EXPECT_EQ(model.once(), expected);
    model.lane.cancel();
    EXPECT_EQ(read<float>(model.lane, "y"), expected) << "a run that had finished keeps its result";
  }
}

TEST_P(Conformance, L21_CancelAtAnyMomentGivesOneOfTwoOutcomes) {
  Long model(without_warm_up(spec("long_running")));
  const std::vector<float> expected = model.once();
  std::atomic<bool> over{false};
  std::thread canceller([&] {
    while (!over) {
      model.lane.cancel();
      std::this_thread::sleep_for(200us);
    }
  });
  int finished = 0;
  for (int i = 0; i < 300; ++i) {
    model.iterations(1);
    const Expected<> result = model.lane.run();
    if (result) {
      ++finished;
      EXPECT_EQ(read<float>(model.lane, "y"), expected);
    } else {
      EXPECT_EQ(result.error().code(), ErrorCode::cancelled) << result.error().message();
    }
  }
  over = true;
  canceller.join();
  EXPECT_GT(finished, 0);
  EXPECT_EQ(model.once(), expected);
}

TEST_P(Conformance, L21_ARunsOwnTimeoutIsDeadlineExceeded) {
  Long model(without_warm_up(spec("long_running")));
  const std::vector<float> expected = model.once();
  for (int i = 0; i < 3; ++i) {
    model.iterations(endless);
    expect_error(model.lane.run(5ms), ErrorCode::deadline_exceeded);
    EXPECT_EQ(model.once(), expected);
    model.iterations(1);
    must(model.lane.run(1h));
    EXPECT_EQ(read<float>(model.lane, "y"), expected);
  }
}

TEST_P(Conformance, L23_ASecondThreadInARunningLaneIsRefused) {
  Long model(without_warm_up(spec("long_running")));
  const std::vector<float> expected = model.once();
  model.iterations(endless);
  Expected<> result;
  std::thread runner([&] {
    do result = model.lane.run();  // the test below may be inside at the very moment
    while (!result && result.error().code() == ErrorCode::failed_precondition);
  });
  while (model.lane.reset()) std::this_thread::sleep_for(1ms);  // nothing to reset: fails once the run is inside
  expect_error(model.lane.run(), ErrorCode::failed_precondition);
  expect_error(model.lane.run(1s), ErrorCode::failed_precondition);
  std::vector<float> other(64 * 64);
  expect_error(model.lane.rebind("x", Memory{other.data(), other.size() * sizeof(float)}), ErrorCode::failed_precondition);
  expect_error(model.lane.rebind_output("y", Memory{other.data(), other.size() * sizeof(float)}), ErrorCode::failed_precondition);
  for (const float value : must(model.lane.input<float>("x"))) ASSERT_EQ(value, 0.25f) << "buffers are untouched";
  model.lane.cancel();
  runner.join();
  expect_error(result, ErrorCode::cancelled);
  EXPECT_EQ(model.once(), expected);
}

// ---- lanes that differ, engines that are shared -----------------------------------------------------------------------------

TEST_P(Conformance, L43_LanesMayDiffer) {
  RuntimeSpec made = spec("two_inputs", {{"batch", 2}});
  made.lanes = 3;
  made.per_lane = {{.cores = {allowed_cores().back()}}, {.pages = PagePolicy{.alignment_bytes = 4096, .prefault = true}}};
  Runtime runtime = must(open(made));
  for (const AuditedPort& port : runtime.audit().ports) {
    EXPECT_EQ(port.pages.alignment_bytes, port.lane == "lane 1" ? 4096u : 64u) << port.lane;
  }
  for (const auto& lane : runtime.lanes()) {
    const std::vector<float> a = floats(8), b = floats(8);
    write(*lane, "a", a);
    write(*lane, "b", b);
    must(lane->run());
    for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(read<float>(*lane, "y")[i], a[i] - b[i]);
  }
  made.per_lane = {{.cores = {1 << 20}}};
  expect_error(open(made), ErrorCode::invalid_argument, {"per_lane[0]", std::to_string(1 << 20)});
}

TEST_P(Conformance, L43_AnOpenEngineIsSharedByRuntimes) {
  OpenEngine shared = engine("two_inputs");
  Runtime two = must(open({.model = shared, .dimensions = {{"batch", 2}}}));
  Runtime three = must(open({.model = shared, .dimensions = {{"batch", 3}}, .lanes = 2}));
  EXPECT_EQ(two.engine(), three.engine());
  EXPECT_EQ(two.report().engine, GetParam().name.substr(0, GetParam().name.find('_')));
  shared.reset();
  for (Runtime* runtime : {&two, &three}) {
    Lane& lane = *runtime->lanes()[0];
    const std::vector<float> a = floats(must(lane.input<float>("a")).size()), b = floats(a.size());
    write(lane, "a", a);
    write(lane, "b", b);
    must(lane.run());
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_EQ(read<float>(lane, "y")[i], a[i] - b[i]);
  }
}

// The version in service, swapped while leases of the old one are out.
class Service {
 public:
  explicit Service(std::shared_ptr<Runtime> first) : current_(std::move(first)) {}
  std::shared_ptr<Runtime> current() const {
    const std::lock_guard lock(mutex_);
    return current_;
  }
  void replace(std::shared_ptr<Runtime> next) {
    const std::lock_guard lock(mutex_);
    current_.swap(next);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<Runtime> current_;
};

TEST_P(Conformance, L43_ANewVersionTakesOverUnderLoad) {
  const auto version = [&](const char* model) {
    RuntimeSpec made = bucketed(model, {"batch", "sequence"}, 8);
    made.lanes = 2;
    return std::make_shared<Runtime>(must(open(made)));
  };
  // Of rows that are all alike, attention gives the row itself, softmax over the sequence 1 / sequence.
  Service service(version("attention"));
  std::atomic<bool> over{false};
  std::atomic<int> failed{0}, old_answers{0}, new_answers{0};
  std::vector<std::thread> clients;
  for (int t = 0; t < 4; ++t) {
    clients.emplace_back([&, t] {
      while (!over) {
        const std::shared_ptr<Runtime> runtime = service.current();
        auto lease = runtime->lease({{"batch", 1}, {"sequence", 4 + t}});
        auto x = lease ? (*lease)->input<float>("x") : Expected<std::span<float>>(Error::busy());
        if (x) std::ranges::fill(*x, 0.5f);
        const bool ran = x && (*lease)->run();
        const auto y = ran ? (*lease)->output<float>("y") : Expected<TypedView<float>>(Error::busy());
        if (!y) {
          ++failed;
        } else if (std::abs(y->data[0] - 0.5f) < 1e-5f) {
          ++old_answers;
        } else if (std::abs(y->data[0] - 1.0f / static_cast<float>(4 + t)) < 1e-5f) {
          ++new_answers;
        } else {
          ++failed;
        }
      }
    });
  }
  for (int swaps = 0; swaps < 20; ++swaps) {
    service.replace(version(swaps % 2 == 0 ? "softmax_over_sequence" : "attention"));
    std::this_thread::sleep_for(5ms);
  }
  while (old_answers == 0 || new_answers == 0) {
    service.replace(version(old_answers == 0 ? "attention" : "softmax_over_sequence"));
    std::this_thread::sleep_for(50ms);
  }
  over = true;
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(failed, 0);
}

}  // namespace
}  // namespace laneway::conformance
