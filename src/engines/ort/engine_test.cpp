// What an engine is made from: models, weights, dimensions, sessions, threads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "laneway/diag/log.h"
#include "laneway/ort/session.h"
#include "models/onnx_writer.h"
#include "ort_support/raw.h"
#include "ort_support/seam.h"

namespace laneway {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Each;
using testing::HasSubstr;
using testing::StartsWith;
using Floats = std::vector<float>;

Floats floats(std::size_t count, std::uint64_t seed) { return test_models::random_floats(count, seed); }

// A folder of the test's own, gone with it.
class Folder {
 public:
  Folder() {
    std::string pattern = fs::temp_directory_path() / "laneway-XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const fs::path& path() const { return path_; }
  fs::path write(const std::string& name, std::string_view bytes) const {
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return path_ / name;
  }

 private:
  fs::path path_;
};

Floats run(Bound& bound, const Floats& x) {
  bound.write(0, x);
  must(bound.run());
  return bound.read<float>(0);
}

Floats run(const OpenEngine& engine, const Floats& x, const Shape& shape) {
  Bound bound(engine, {.inputs = {shape}});
  return run(bound, x);
}

// ---- models --------------------------------------------------------------------------------------------------------------

TEST(OrtEngine, L01_LogitsAreThoseOfRawRunBitForBit) {
  const std::string model = test_models::mnist();
  raw::Session raw(model);
  for (const OrtSessions sessions : {OrtSessions::shared, OrtSessions::per_lane}) {
    Bound bound(open_ort(model, {.sessions = sessions}), {.inputs = {Shape{1, 1, 28, 28}}});
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      Floats image = floats(784, seed);
      ASSERT_EQ(run(bound, image), raw.run({{"image", raw.value(image, {1, 1, 28, 28})}}, "logits"));
    }
  }
}

TEST(OrtEngine, L01_ATransformerIsThatOfRawRunBitForBit) {
  const std::string model = test_models::encoder();
  raw::Session raw(model);
  for (const OrtSessions sessions : {OrtSessions::shared, OrtSessions::per_lane}) {
    Bound bound(open_ort(model, {.sessions = sessions}), {.inputs = {Shape{3, 40}, Shape{3, 40}}});
    for (const std::size_t sequence : {1u, 17u, 40u}) {
      std::vector<std::int64_t> ids(3 * sequence), mask(3 * sequence, 1);
      for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int64_t>(i * 37 % 1000);
      must(bound.resize({Shape{3, sequence}, Shape{3, sequence}}));
      bound.write(0, ids);
      bound.write(1, mask);
      must(bound.run());
      const std::vector<std::int64_t> shape = {3, static_cast<std::int64_t>(sequence)};
      const auto value = [&](std::vector<std::int64_t>& of) {
        return raw.value(of.data(), of.size() * 8, shape, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64);
      };
      ASSERT_EQ(bound.read<float>(0), raw.run({{"ids", value(ids)}, {"mask", value(mask)}}, "hidden"));
    }
  }
}

TEST(OrtEngine, L02_WhatOnnxRuntimeRefusesIsRefusedWithItsReason) {
  const auto opened = [](std::string model) { return outcome(OrtEngineSpec{}.open({.model = model_of(std::move(model))})); };
  EXPECT_THAT(opened(std::string(1000, '?')), AllOf(StartsWith("invalid_argument: model"), HasSubstr("ONNX Runtime")));
  EXPECT_THAT(opened(test_models::mlp().substr(0, 20'000)),
              AllOf(StartsWith("invalid_argument: model"), HasSubstr("ONNX Runtime")));
  EXPECT_THAT(opened(test_models::unknown_operator()), HasSubstr("NoSuchOperator"));
  EXPECT_THAT(opened(""), StartsWith("invalid_argument: model"));
  EXPECT_THAT(outcome(OrtEngineSpec{}.open({.model = ModelFile{"/nowhere/model.onnx"}})),
              AllOf(StartsWith("not_found: model"), HasSubstr("/nowhere/model.onnx")));
  EXPECT_THAT(outcome(OrtEngineSpec{}.open({.model = ModelFile{"/tmp"}})), StartsWith("invalid_argument: model"));
}

TEST(OrtEngine, L02_WrongOptionsAreNamed) {
  const auto opened = [](const OrtEngineSpec& options) { return outcome(options.open({.model = model_of(test_models::mlp())})); };
  EXPECT_THAT(opened({.optimisation_level = 4}), StartsWith("invalid_argument: optimisation_level"));
  EXPECT_THAT(opened({.shapes_max = 0}), StartsWith("invalid_argument: shapes_max"));
  EXPECT_THAT(opened({.config = {{std::string("a\0b", 3), ""}}}), StartsWith("invalid_argument: config"));
}

// A model whose weight lies in a file beside it.
struct External {
  Folder folder;
  Floats w = floats(12, 5);
  fs::path path;

  explicit External(bool two_outputs = false) {
    test_models::OnnxModel m;
    m.input("x", DType::f32, {1, 3});
    m.initializer(
        "w", test_models::external_tensor(DType::f32, Shape{3, 4}, {{"location", "w.bin"}, {"offset", "16"}, {"length", "48"}}));
    m.node("MatMul", {"x", "w"}, {"y"}).output("y", DType::f32, {1, 4});
    if (two_outputs) m.node("Relu", {"x"}, {"z"}).output("z", DType::f32, {1, 3});
    path = folder.write("model.onnx", m.bytes());
    folder.write("w.bin", std::string(16, '!') + std::string(reinterpret_cast<const char*>(w.data()), 48));
  }
  Floats times(const Floats& x) const {
    Floats y(4);
    for (std::size_t j = 0; j < 4; ++j) y[j] = x[0] * w[j] + x[1] * w[4 + j] + x[2] * w[8 + j];
    return y;
  }
};

void expect_near(const Floats& a, const Floats& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-5f) << i;
}

TEST(OrtEngine, L16_WeightsInOtherFilesMayBeUnlinkedToo) {
  for (const OrtSessions sessions : {OrtSessions::shared, OrtSessions::per_lane}) {
    const External model;
    const OpenEngine engine = must(OrtEngineSpec{.sessions = sessions}.open({.model = ModelFile{model.path}}));
    EXPECT_EQ(engine->weight_bytes(), 48u);
    fs::remove(model.path);
    fs::remove(model.path.parent_path() / "w.bin");
    for (int lane = 0; lane < 3; ++lane) expect_near(run(engine, {1, -2, 3}, Shape{1, 3}), model.times({1, -2, 3}));
  }
}

TEST(OrtEngine, L16_APartOfTheModelNeedsNoFileEither) {
  const External model(true);
  const OpenEngine engine = must(OrtEngineSpec{}.open({.model = ModelFile{model.path}}));
  fs::remove(model.path);
  fs::remove(model.path.parent_path() / "w.bin");
  Bound bound(engine, {.inputs = {Shape{1, 3}}, .outputs = {0}});
  expect_near(run(bound, {1, -2, 3}), model.times({1, -2, 3}));
}

TEST(OrtEngine, L16_APartOfTheModelNeedsNoBytesOfTheCallersEither) {
  std::string bytes = test_models::two_outputs();
  const OpenEngine engine = must(OrtEngineSpec{}.open({.model = ModelBytes{test_models::as_bytes(bytes)}}));
  std::ranges::fill(bytes, '?');
  Bound bound(engine, {.inputs = {Shape{4}, Shape{}}, .outputs = {0}});
  bound.write<std::int64_t>(1, {1'000});  // no index at all
  EXPECT_EQ(run(bound, {1, 2, 3, 4}), (Floats{2, 3, 4, 5}));
}

// ---- outputs that nobody wants -------------------------------------------------------------------------------------------

TEST(OrtEngine, L06_PlansWithDifferentOutputsLiveSideBySide) {
  for (const OrtSessions sessions : {OrtSessions::shared, OrtSessions::per_lane}) {
    const OpenEngine engine = open_ort(test_models::two_outputs(), {.sessions = sessions});
    Bound y(engine, {.inputs = {Shape{4}, Shape{}}, .outputs = {0}});
    Bound both(engine, {.inputs = {Shape{4}, Shape{}}});
    Bound picked(engine, {.inputs = {Shape{4}, Shape{}}, .outputs = {1}});
    for (Bound* bound : {&y, &both, &picked}) {
      bound->write<float>(0, {1, 2, 3, 4});
      bound->write<std::int64_t>(1, {2});
      must(bound->run());
    }
    EXPECT_EQ(y.read<float>(0), (Floats{2, 3, 4, 5}));
    EXPECT_EQ(both.read<float>(0), (Floats{2, 3, 4, 5}));
    EXPECT_EQ(both.read<float>(1), Floats{3});
    EXPECT_EQ(picked.read<float>(1), Floats{3});
    EXPECT_THAT(outcome(picked.binding().output(0)), StartsWith("failed_precondition"));
  }
}

// What a loop's body takes from outside is needed as much as what its node lists.
TEST(OrtEngine, L06_BodiesOfLoopsKeepWhatTheyNeed) {
  test_models::OnnxGraph body("body");
  body.input("i", DType::i64, {}).input("go_in", DType::boolean, {}).input("sum_in", DType::f32, {3});
  body.node("Identity", {"go_in"}, {"go_out"}).node("Add", {"sum_in", "doubled"}, {"sum_out"});
  body.output("go_out", DType::boolean, {}).output("sum_out", DType::f32, {3});
  test_models::OnnxModel m;
  m.input("x", DType::f32, {3}).initializer("two", Shape{}, Floats{2});
  m.initializer("times", Shape{}, std::vector<std::int64_t>{3});
  m.node("Relu", {"x"}, {"other"})
      .node("Mul", {"x", "two"}, {"doubled"})
      .node("Loop", {"times", "", "x"}, {"y"}, {{"body", body}});
  m.output("other", DType::f32, {3}).output("y", DType::f32, {3});
  Bound bound(open_ort(m.bytes()), {.inputs = {Shape{3}}, .outputs = {1}});
  bound.write<float>(0, {1, -2, 3});
  must(bound.run());
  EXPECT_EQ(bound.read<float>(1), (Floats{7, -14, 21}));
}

// ---- weights -------------------------------------------------------------------------------------------------------------

// x [1, 3, 2, 4] -> y: the optimiser moves the two transpositions together, and with them turns "b" under its name.
std::string turned_weight(const Floats& b) {
  test_models::OnnxModel m;
  m.input("x", DType::f32, {1, 2, 2, 2}).initializer("b", Shape{1, 2, 2, 2}, b);
  m.node("Transpose", {"x"}, {"t"}, {{"perm", {0, 3, 1, 2}}}).node("Add", {"t", "b"}, {"a"});
  m.node("Transpose", {"a"}, {"y"}, {{"perm", {0, 2, 3, 1}}}).output("y", DType::f32, {1, 2, 2, 2});
  return m.bytes();
}

Floats turned_sum(const Floats& x, const Floats& b) {
  Floats y(8);
  for (std::size_t h = 0; h < 2; ++h) {
    for (std::size_t w = 0; w < 2; ++w) {
      for (std::size_t c = 0; c < 2; ++c) y[h * 4 + w * 2 + c] = x[h * 4 + w * 2 + c] + b[c * 4 + h * 2 + w];
    }
  }
  return y;
}

TEST(OrtEngine, L20_WeightsTheOptimiserChangesAreSharedAsChanged) {
  const Floats b = floats(8, 1), x = floats(8, 2);
  const OpenEngine engine = open_ort(turned_weight(b), {.sessions = OrtSessions::per_lane});
  for (std::size_t lane = 0; lane < 3; ++lane) {
    Bound bound(engine, {.inputs = {Shape{1, 2, 2, 2}}}, {}, lane);
    EXPECT_EQ(run(bound, x), turned_sum(x, b));
  }
  EXPECT_EQ(note(*engine, "sessions_open"), "3");
  EXPECT_EQ(note(*engine, "weight_bytes_not_shared"), "0");
}

TEST(OrtEngine, L42_WeightsTheOptimiserChangesAreOverriddenBefore) {
  Floats b = floats(8, 1);
  const Floats x = floats(8, 2);
  for (const OrtSessions sessions : {OrtSessions::shared, OrtSessions::per_lane}) {
    const OpenEngine engine =
        open_ort(turned_weight(floats(8, 3)), {.sessions = sessions},
                 {.model = ModelBytes{}, .weights = {{.name = "b", .shape = Shape{1, 2, 2, 2}, .memory = {b.data(), 32}}}});
    EXPECT_EQ(run(engine, x, Shape{1, 2, 2, 2}), turned_sum(x, b));
  }
}

TEST(OrtEngine, L42_WhatIsFoldedComesFromTheOverride) {
  test_models::OnnxModel m;
  m.input("x", DType::f32, {2}).initializer("a", Shape{}, Floats{1}).initializer("b", Shape{}, Floats{2});
  m.node("Mul", {"a", "b"}, {"ab"}).node("Add", {"x", "ab"}, {"y"}).output("y", DType::f32, {2});
  float a = 10;
  const OpenEngine engine =
      open_ort(m.bytes(), {}, {.model = ModelBytes{}, .weights = {{.name = "a", .shape = Shape{}, .memory = {&a, 4}}}});
  EXPECT_EQ(run(engine, {1, 2}, Shape{2}), (Floats{21, 22}));
}

TEST(OrtEngine, L42_WeightsStoredInEveryWayAreOverridden) {
  for (const bool typed : {false, true}) {
    test_models::OnnxModel m;
    const Floats old = {1, 2, 3};
    m.input("x", DType::f32, {3});
    m.initializer("w", typed ? test_models::typed_tensor(DType::f32, Shape{3}, old) : test_models::tensor(Shape{3}, old));
    m.node("Mul", {"x", "w"}, {"y"}).output("y", DType::f32, {3});
    Floats w = {4, 5, 6};
    const OpenEngine engine =
        open_ort(m.bytes(), {}, {.model = ModelBytes{}, .weights = {{.name = "w", .shape = Shape{3}, .memory = {w.data(), 12}}}});
    w = {0, 0, 0};  // taken when the engine opened
    EXPECT_EQ(run(engine, {1, 1, 2}, Shape{3}), (Floats{4, 5, 12}));
  }
  const External model;
  Floats w = floats(12, 9);
  const OpenEngine engine = must(OrtEngineSpec{}.open(
      {.model = ModelFile{model.path}, .weights = {{.name = "w", .shape = Shape{3, 4}, .memory = {w.data(), 48}}}}));
  External expected;
  expected.w = w;
  expect_near(run(engine, {1, -2, 3}, Shape{1, 3}), expected.times({1, -2, 3}));
}

TEST(OrtEngine, L42_WrongOverridesAreRefusedByName) {
  Floats w(32 * 64);
  const WeightOverride good{.name = "fc1.weight", .shape = Shape{32, 64}, .memory = {w.data(), w.size() * 4}};
  const auto opened = [](std::vector<WeightOverride> weights) {
    return outcome(OrtEngineSpec{}.open({.model = model_of(test_models::mlp()), .weights = std::move(weights)}));
  };
  EXPECT_EQ(opened({good}), "success");
  EXPECT_THAT(opened({good, good}), StartsWith("invalid_argument: weight fc1.weight: given twice"));
  WeightOverride wrong = good;
  wrong.name = "fc9.weight";
  EXPECT_THAT(opened({wrong}), AllOf(StartsWith("not_found: weight fc9.weight"), HasSubstr("fc1.weight, fc1.bias")));
  wrong = good;
  wrong.memory.placement = Placement::device;
  EXPECT_THAT(opened({wrong}), HasSubstr("expected host memory, got device memory"));
  wrong = good;
  wrong.memory.bytes += 4;
  EXPECT_THAT(opened({wrong}), HasSubstr("expected 8192 bytes, got 8196"));
}

TEST(OrtEngine, L16_OwnersGoOnceOnnxRuntimeHasCopied) {
  for (const OrtSessions sessions : {OrtSessions::shared, OrtSessions::per_lane}) {
    auto bytes = std::make_shared<std::string>(test_models::mlp());
    auto weight = std::make_shared<Floats>(floats(32 * 64, 3));
    const std::weak_ptr<void> bytes_watched = bytes, weight_watched = weight;
    OpenSpec spec{.model = ModelBytes{test_models::as_bytes(*bytes), bytes},
                  .weights = {{.name = "fc1.weight",
                               .shape = Shape{32, 64},
                               .memory = {weight->data(), weight->size() * sizeof(float)},
                               .owner = weight}}};
    const OpenEngine engine = must(OrtEngineSpec{.sessions = sessions}.open(spec));
    Bound before(engine, {.inputs = {Shape{1, 32}}});
    const Floats y = run(before, floats(32, 4));
    spec = {.model = ModelBytes{}};
    bytes.reset();
    weight.reset();
    EXPECT_TRUE(bytes_watched.expired());
    EXPECT_TRUE(weight_watched.expired());
    EXPECT_EQ(run(before, floats(32, 4)), y);
    Bound after(engine, {.inputs = {Shape{1, 32}}});
    EXPECT_EQ(run(after, floats(32, 4)), y);
  }
}

TEST(OrtEngine, L16_AModelInOnnxRuntimesOwnFormatIsUsedWhereItLies) {
  const Folder folder;
  const fs::path path = folder.path() / "model.ort";
  const std::string model = test_models::mlp();
  must(ort::Session::open({.model = ort::ModelBytes{test_models::as_bytes(model)}, .optimised_model = path}));
  std::ifstream file(path, std::ios::binary);
  auto bytes = std::make_shared<std::string>(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  const std::weak_ptr<void> watched = bytes;
  OpenEngine engine = must(OrtEngineSpec{}.open({.model = ModelBytes{test_models::as_bytes(*bytes), bytes}}));
  bytes.reset();
  EXPECT_FALSE(watched.expired());
  EXPECT_EQ(run(engine, floats(32, 4), Shape{1, 32}), run(open_ort(model), floats(32, 4), Shape{1, 32}));
  engine.reset();
  EXPECT_TRUE(watched.expired());
}

// ---- sessions and threads ------------------------------------------------------------------------------------------------

TEST(OrtEngine, L20_AutomaticSessionsFollowThreadsAndWeights) {
  const auto sessions = [](std::string model, int threads, const OrtEngineSpec& options = {}) {
    return note(*open_ort(std::move(model), options, {.model = ModelBytes{}, .threads = {.count = threads}}), "sessions");
  };
  EXPECT_EQ(sessions(test_models::mlp(), 1), "shared (runs have no workers)");
  EXPECT_EQ(sessions(test_models::mlp(), 2), "per_lane (runs have workers, and the weights are at most 64 MiB)");
  EXPECT_EQ(sessions(test_models::wide_mlp(2048, 5), 2), "shared (the weights are over 64 MiB)");
  EXPECT_EQ(sessions(test_models::mlp(), 2, {.sessions = OrtSessions::shared}), "shared (asked for)");
}

TEST(OrtEngine, L20_LanesOfOnePlanHaveASessionEachAndThoseOfOneNumberShareIt) {
  const OpenEngine engine = open_ort(test_models::relu(), {.sessions = OrtSessions::per_lane});
  const auto lane = [&](std::int64_t n) { return std::make_unique<Bound>(engine, PlanSpec{.inputs = {Shape{n}}}); };
  const auto first = lane(3);
  EXPECT_EQ(note(*engine, "sessions_open"), "1");
  const auto plan = must(engine->specialise({.inputs = {Shape{5}}}));
  std::vector<std::array<float, 10>> memory(3);
  std::vector<std::unique_ptr<Binding>> lanes;
  for (std::size_t i = 0; i < memory.size(); ++i) {
    float* const data = memory[i].data();
    const Attachment in[] = {Memory{data, 20}}, out[] = {Memory{data + 5, 20}};
    lanes.push_back(must(plan->bind({.inputs = in, .outputs = out, .lane = i})));
    const Attachment crossed_in[] = {Memory{data + 5, 20}}, crossed_out[] = {Memory{data, 20}};
    lanes.push_back(must(plan->bind({.inputs = crossed_in, .outputs = crossed_out, .lane = i})));
  }
  EXPECT_EQ(note(*engine, "sessions_open"), "3")
      << "three lanes of two bindings each; the other plan's lane is the first of them";
  lanes.clear();
  const auto again = lane(4);
  EXPECT_EQ(note(*engine, "sessions_open"), "3");
}

// The sink holds a session up while it opens: ONNX Runtime warns of a shape that the model declares wrong.
TEST(OrtEngine, L29_OnlyThoseWhoNeedASessionWaitForItAndItOpensOnce) {
  test_models::OnnxModel m;
  m.input("x", DType::f32, {4}).node("Relu", {"x"}, {"y"}).node("Neg", {"x"}, {"z"});
  m.output("y", DType::f32, {5}).output("z", DType::f32, {4});
  const OpenEngine engine = open_ort(m.bytes());
  Bound all(engine, {.inputs = {Shape{4}}});
  constexpr std::chrono::seconds long_enough{20};
  std::promise<void> opening, go_on;
  std::atomic<int> warnings{0};
  std::shared_future<void> may_go_on = go_on.get_future().share();
  log::set_sink([&](const LogRecord&) {
    if (warnings++ == 0) opening.set_value();
    may_go_on.wait_for(long_enough);
  });
  const auto open_part = [&] { Bound part(engine, {.inputs = {Shape{4}}, .outputs = {0}}); };
  auto first = std::async(std::launch::async, open_part);
  EXPECT_EQ(opening.get_future().wait_for(long_enough), std::future_status::ready) << "no warning while a session opens";
  auto second = std::async(std::launch::async, open_part);
  auto others = std::async(std::launch::async, [&] {
    EXPECT_EQ(note(*engine, "sessions_open"), "1");
    EXPECT_TRUE(engine->allocate(100, Placement::host, 0));
    Bound again(engine, {.inputs = {Shape{4}}});
  });
  EXPECT_EQ(others.wait_for(long_enough / 2), std::future_status::ready) << "they wait for a session of somebody else's";
  go_on.set_value();
  first.get();
  second.get();
  others.get();
  log::set_sink({});
  EXPECT_EQ(note(*engine, "sessions_open"), "2");
}

std::vector<int> cores_of_threads(const std::string& prefix) {
  std::vector<int> cores;
  for (const auto& entry : fs::directory_iterator("/proc/self/task")) {
    std::ifstream comm(entry.path() / "comm");
    std::string name;
    std::getline(comm, name);
    if (!name.starts_with(prefix)) continue;
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(std::stoi(entry.path().filename()), sizeof(set), &set) != 0) continue;
    for (int core = 0; core < CPU_SETSIZE; ++core) {
      if (CPU_ISSET(core, &set)) cores.push_back(core);
    }
  }
  return cores;
}

// Threads name and place themselves, one after the other, so that they must be waited for; threads that are gone, too.
std::vector<int> cores_of_threads_settle(const std::string& prefix, std::vector<int> expected) {
  std::ranges::sort(expected);
  std::vector<int> cores;
  for (int i = 0; i < 5'000; ++i) {
    cores = cores_of_threads(prefix);
    std::ranges::sort(cores);
    if (cores == expected) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return cores;
}

std::size_t settled_count(const std::string& prefix, std::size_t expected) {
  std::size_t count = cores_of_threads(prefix).size();
  for (int i = 0; i < 5'000 && count != expected; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    count = cores_of_threads(prefix).size();
  }
  return count;
}

TEST(OrtEngine, L43_LanesHaveWorkersOnCoresOfTheirOwn) {
  const std::vector<int> allowed = allowed_cores();
  const OpenEngine engine = open_ort(test_models::relu(), {}, {.model = ModelBytes{}, .threads = {.count = 3, .name = "placed"}});
  Bound first(engine, {.inputs = {Shape{5}}}, {allowed.front()});
  const std::vector<int> once = {allowed.front(), allowed.front()};
  EXPECT_EQ(cores_of_threads_settle("placed", once), once) << "and no session without use";
  Bound second(engine, {.inputs = {Shape{5}}}, {allowed.back()});
  const std::vector<int> both = {allowed.front(), allowed.front(), allowed.back(), allowed.back()};
  EXPECT_EQ(cores_of_threads_settle("placed", both), both);
  EXPECT_EQ(run(first, {-1, 2, -3, 4, 5}), run(second, {-1, 2, -3, 4, 5}));
  const auto plan = must(engine->specialise({.inputs = {Shape{5}}}));
  EXPECT_THAT(outcome(plan->bind({.inputs = first.inputs(), .outputs = first.outputs(), .cores = {100'000}})),
              HasSubstr("100000"));
}

TEST(OrtEngine, L43_CoresNeedWorkersOfTheLanesOwn) {
  const OpenEngine shared =
      open_ort(test_models::relu(), {.sessions = OrtSessions::shared}, {.model = ModelBytes{}, .threads = {.count = 2}});
  const Bound lane(shared, {.inputs = {Shape{5}}});
  const auto plan = must(shared->specialise({.inputs = {Shape{5}}}));
  EXPECT_THAT(outcome(plan->bind({.inputs = lane.inputs(), .outputs = lane.outputs(), .cores = {allowed_cores().front()}})),
              AllOf(StartsWith("failed_precondition: cores"), HasSubstr("OrtSessions::per_lane")));
}

TEST(OrtEngine, L24_EnginesShareOnePoolWhenItIsAskedForFirst) {
  const OrtEngineSpec pooled{.global_pool = true};
  const OpenSpec spec{.model = model_of(test_models::relu()), .threads = {.count = 3, .name = "pool"}};
  {
    const OpenEngine first = must(pooled.open(spec)), second = must(pooled.open(spec));
    const std::size_t all = 2 * allowed_cores().size();  // two workers, placed nowhere
    EXPECT_EQ(settled_count("pool", all), all) << "of the process, not of an engine";
    EXPECT_EQ(run(first, {-1, 2}, Shape{2}), run(second, {-1, 2}, Shape{2}));
    EXPECT_EQ(note(*first, "sessions"), "shared (the workers are the process's)");
    OpenSpec other = spec;
    other.threads.count = 2;
    EXPECT_THAT(outcome(pooled.open(other)), AllOf(StartsWith("failed_precondition"), HasSubstr("global_pool")));
    EXPECT_EQ(outcome(OrtEngineSpec{}.open(spec)), "success") << "with workers of its own";
  }
  const OpenEngine plain = must(OrtEngineSpec{}.open(spec));
  EXPECT_THAT(outcome(pooled.open(spec)), AllOf(StartsWith("failed_precondition"), HasSubstr("global_pool")));
}

TEST(OrtEngine, L46_FixedDimensionsAreToldToOnnxRuntimeToo) {
  test_models::OnnxModel m;  // y = the shape of x, as numbers
  m.input("x", DType::f32, {"batch", 3}).node("Shape", {"x"}, {"y"}).output("y", DType::i64, {2});
  const Folder folder;
  const OpenEngine engine = open_ort(m.bytes(), {}, {.model = ModelBytes{}, .dimensions = {{"batch", 5}}});
  EXPECT_EQ(describe_shape(engine->inputs()[0]), "[5, 3]");
  Bound bound(engine, {.inputs = {Shape{5, 3}}});
  must(bound.run());
  EXPECT_EQ(bound.read<std::int64_t>(0), (std::vector<std::int64_t>{5, 3}));
  EXPECT_THAT(outcome(engine->specialise({.inputs = {Shape{4, 3}}})), StartsWith("invalid_argument: port x"));
}

TEST(OrtEngine, L12_MemoryOfItsOwnAllocator) {
  Engine::Allocation allocation;
  {
    const OpenEngine engine = open_ort(test_models::relu());
    allocation = must(engine->allocate(1000, Placement::host, 0));
    EXPECT_THAT(outcome(engine->allocate(1000, Placement::device, 0)), StartsWith("unimplemented: engine ort"));
  }
  ASSERT_EQ(allocation.memory.bytes, 1000u);
  std::memset(allocation.memory.data, 7, 1000);  // outlives its engine
}

}  // namespace
}  // namespace laneway
