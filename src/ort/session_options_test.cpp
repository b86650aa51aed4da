#include "ort/session_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <mutex>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "laneway/diag/log.h"
#include "ort/call.h"
#include "ort/key_values.h"
#include "ort_support/folder.h"
#include "ort_support/models.h"

namespace laneway::ort {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

// The spec as ONNX Runtime has it: its own functions tell.
class Native {
 public:
  explicit Native(const SessionSpec& spec)
      : environment_(take(Environment::get())),
        used_(spec, environment_),
        options_(take(make_options(environment_, spec, used_))) {}

  KeyValues config() const {
    OrtKeyValuePairs* pairs = nullptr;
    EXPECT_EQ(api().GetSessionOptionsConfigEntries(options_.get(), &pairs), nullptr);
    KeyValues entries = read_key_values(*environment_->library(), pairs);
    api().ReleaseKeyValuePairs(pairs);
    return entries;
  }
  ExecutionMode execution() const {
    ExecutionMode mode{};
    take(call(*environment_->library(), LANEWAY_ORT_FN(GetSessionExecutionMode), options_.get(), &mode));
    return mode;
  }
  bool memory_pattern() const {
    int enabled = -1;
    take(call(*environment_->library(), LANEWAY_ORT_FN(GetMemPatternEnabled), options_.get(), &enabled));
    return enabled == 1;
  }

 private:
  const OrtApi& api() const { return *environment_->library()->api(); }
  std::shared_ptr<const Environment> environment_;
  UsedBySession used_;
  Handle<OrtSessionOptions> options_;
};

std::string with_square() {  // folded as soon as anything is optimised
  test_models::OnnxModel model;
  model.input("x", DType::f32, {4}).initializer("c", Shape{4}, std::vector<float>{1, 2, 3, 4});
  model.node("Mul", {"c", "c"}, {"square"}).node("Add", {"x", "square"}, {"y"}).output("y", DType::f32, {4});
  return model.bytes();
}

TEST(OrtSessionOptions, O05_ConfigEntriesArriveAndTheCallersWordCounts) {
  const std::string model = test_models::relu();
  SessionSpec spec = spec_of(model);
  spec.config = {{"session.disable_prepacking", "1"}, {"session.intra_op.allow_spinning", "0"}, {"own.key", "größe"}};
  spec.threads.spin = true;
  spec.record_placement = true;
  spec.denormals_as_zero = true;
  const KeyValues config = Native(spec).config();
  using Entry = KeyValues::value_type;
  EXPECT_THAT(config, testing::IsSupersetOf(
                          {Entry("session.disable_prepacking", "1"), Entry("own.key", "größe"),
                           Entry("session.intra_op.allow_spinning", "0"), Entry("session.inter_op.allow_spinning", "1"),
                           Entry("session.record_ep_graph_assignment_info", "1"), Entry("session.set_denormal_as_zero", "1")}));
  EXPECT_THAT(Native(spec_of(model)).config(), testing::Not(testing::Contains(Entry("session.set_denormal_as_zero", "1"))));
}

TEST(OrtSessionOptions, O05_ExecutionAndMemoryPatternArrive) {
  if (take(Library::open())->level() < 27) GTEST_SKIP() << "this library cannot tell";
  const std::string model = test_models::relu();
  SessionSpec spec = spec_of(model);
  EXPECT_EQ(Native(spec).execution(), ORT_SEQUENTIAL);
  EXPECT_TRUE(Native(spec).memory_pattern());
  spec.execution = Execution::parallel;
  spec.memory_pattern = false;
  EXPECT_EQ(Native(spec).execution(), ORT_PARALLEL);
  EXPECT_FALSE(Native(spec).memory_pattern());
}

TEST(OrtSessionOptions, O05_OptimisationDecidesWhatIsWritten) {
  const Folder folder;
  const std::string model = with_square();
  const auto written = [&](Optimisation level) {
    SessionSpec spec = spec_of(model);
    spec.optimisation = level;
    spec.optimised_model = folder.path() / "optimised.onnx";
    take(Session::open(spec));
    return folder.read("optimised.onnx");
  };
  EXPECT_THAT(written(Optimisation::none), AllOf(HasSubstr("Mul"), HasSubstr("Add")));
  EXPECT_THAT(written(Optimisation::basic), AllOf(testing::Not(HasSubstr("Mul")), HasSubstr("Add")));
  const std::string optimised = written(Optimisation::all);
  std::vector<float> x = {1, 1, 1, 1};
  const Value value = over(x, {4});
  EXPECT_THAT(elements_of<float>(run_once(open_model(optimised), {&value})[0]), testing::ElementsAre(2, 5, 10, 17));
}

TEST(OrtSessionOptions, O05_WithoutTheArenaNothingIsCounted) {
  const std::string model = test_models::wide_mlp(64, 2);
  SessionSpec spec = spec_of(model);
  const auto counted = [&] {
    const auto statistics = take(Session::open(spec))->host_allocator();
    return take(take(statistics).statistics()).allocations.value_or(0) > 0;
  };
  EXPECT_TRUE(counted());
  spec.arena = false;
  EXPECT_FALSE(counted());
}

Dimension extent(std::int64_t value) { return {.extent = value}; }

TEST(OrtSessionOptions, O05_DimensionsAreFixedByName) {
  const std::string model = test_models::identity(DType::f32, {"batch", 4});
  SessionSpec spec = spec_of(model);
  spec.dimensions = {{"batch", 3}};
  EXPECT_EQ(take(Session::open(spec))->inputs()[0].shape, (std::vector<Dimension>{extent(3), extent(4)}));
}

TEST(OrtSessionOptions, O05_DimensionsAreFixedByDenotation) {
  // TypeProto { tensor_type { elem_type: 1, shape { dim { dim_param: "n", denotation: "DATA_BATCH" }, dim { dim_value: 4 } } } }
  const std::string dims = std::string("\x0a\x0f\x12\x01n\x1a\x0a") + "DATA_BATCH" + "\x0a\x02\x08\x04";
  const std::string tensor = std::string("\x08\x01\x12") + static_cast<char>(dims.size()) + dims;
  const test_models::Type type{std::string("\x0a") + static_cast<char>(tensor.size()) + tensor};
  test_models::OnnxModel writer;
  writer.input("x", type).node("Neg", {"x"}, {"y"}).output("y", DType::f32, {"m", 4});
  const std::string model = writer.bytes();
  SessionSpec spec = spec_of(model);
  EXPECT_EQ(take(Session::open(spec))->inputs()[0].shape[0].symbol, "n");
  spec.dimensions_by_denotation = {{"DATA_BATCH", 3}};
  EXPECT_EQ(take(Session::open(spec))->inputs()[0].shape, (std::vector<Dimension>{extent(3), extent(4)}));
  spec.dimensions_by_denotation = {{"DATA_BATCH", -3}};
  EXPECT_THAT(outcome(Session::open(spec)), StartsWith("invalid_argument: dimensions_by_denotation: DATA_BATCH"));
}

TEST(OrtSessionOptions, O05_ASessionsOwnSinkGetsWhatItSaysUnderItsId) {
  const std::string model = test_models::mlp();
  std::mutex mutex;
  std::vector<std::string> categories;
  bool verbose = false;
  SessionSpec spec = spec_of(model);
  spec.log_id = "mine";
  spec.log_sink = [&](const LogRecord& record) {
    const std::scoped_lock lock(mutex);
    categories.emplace_back(record.category);
    verbose |= record.severity == Severity::verbose;
    throw std::runtime_error("dropped");
  };
  take(Session::open(spec));
  EXPECT_TRUE(categories.empty()) << "nothing to warn of";
  spec.log_severity = Severity::verbose;
  spec.log_verbosity = 1;
  take(Session::open(spec));
  EXPECT_TRUE(verbose);
  EXPECT_THAT(categories, AllOf(testing::SizeIs(testing::Ge(1u)), testing::Each(HasSubstr("mine"))));
}

// ---- threads -------------------------------------------------------------------------------------------------------------

struct Counts {
  std::atomic<int> created = 0, begun = 0, joined = 0;
};

// `fails_at`: the thread, by its number, that cannot be made.
std::shared_ptr<const ThreadHooks> counting(Counts& counts, int fails_at = -1) {
  return std::make_shared<const ThreadHooks>(
      ThreadHooks{.create = [&counts, fails_at](std::function<void()> work) -> Expected<std::shared_ptr<void>> {
                    if (counts.created == fails_at) return Error(ErrorCode::unavailable, "no more threads today");
                    ++counts.created;
                    return std::shared_ptr<void>(std::make_shared<std::thread>([&counts, work = std::move(work)] {
                      ++counts.begun;
                      work();
                    }));
                  },
                  .join = [&counts](const std::shared_ptr<void>& thread) -> Expected<> {
                    static_cast<std::thread*>(thread.get())->join();
                    ++counts.joined;
                    return {};
                  }});
}

TEST(OrtThreadHooks, O05_EachThreadIsCreatedAndJoinedOnce) {
  const std::string model = test_models::mlp();
  Counts counts;
  SessionSpec spec = spec_of(model);
  spec.threads = {.count = 4, .spin = false};
  spec.execution = Execution::parallel;
  spec.inter_threads = 3;
  spec.thread_hooks = counting(counts);
  {
    const auto session = take(Session::open(spec));
    std::vector<float> x = test_models::random_floats(32, 3);
    const Value value = over(x, {1, 32});
    run_once(session, {&value});
    EXPECT_EQ(counts.created, 5) << "each pool has its caller too";
    EXPECT_EQ(counts.joined, 0);
  }
  EXPECT_EQ(counts.begun, 5);
  EXPECT_EQ(counts.joined, 5);
}

TEST(OrtThreadHooks, O05_AFailingCreateReachesTheCallerWithItsMessage) {
  const std::string model = test_models::mlp();
  for (const int fails_at : {0, 2}) {
    Counts counts;
    SessionSpec spec = spec_of(model);
    spec.threads = {.count = 4};
    spec.thread_hooks = counting(counts, fails_at);
    EXPECT_THAT(outcome(Session::open(spec)),
                AllOf(StartsWith("unavailable: thread laneway-"), HasSubstr("no more threads today")));
    EXPECT_EQ(counts.created, fails_at);
    EXPECT_EQ(counts.joined, fails_at) << "those before it went again";
  }
  SessionSpec spec = spec_of(model);
  spec.threads = {.count = 2};
  spec.thread_hooks = std::make_shared<const ThreadHooks>(
      ThreadHooks{.create = [](std::function<void()>) -> Expected<std::shared_ptr<void>> { throw std::runtime_error("thrown"); },
                  .join = [](std::shared_ptr<void>) -> Expected<> { return {}; }});
  EXPECT_THAT(outcome(Session::open(spec)), AllOf(StartsWith("internal: "), HasSubstr("thrown")));
}

TEST(OrtThreadHooks, O05_AFailingJoinReachesTheLog) {
  const std::string model = test_models::mlp();
  std::mutex mutex;
  std::vector<std::string> lines;
  log::set_sink([&](const LogRecord& record) {
    const std::scoped_lock lock(mutex);
    lines.emplace_back(record.message);
  });
  SessionSpec spec = spec_of(model);
  spec.threads = {.count = 3};
  spec.thread_hooks = std::make_shared<const ThreadHooks>(
      ThreadHooks{.create = [](std::function<void()> work) -> Expected<std::shared_ptr<void>> {
                    return std::shared_ptr<void>(std::make_shared<std::jthread>(std::move(work)));
                  },
                  .join = [](std::shared_ptr<void>) -> Expected<> { return Error(ErrorCode::internal, "lost its way"); }});
  take(Session::open(spec));
  log::set_sink({});
  EXPECT_THAT(lines, testing::ElementsAre(HasSubstr("lost its way"), HasSubstr("lost its way")));
}

TEST(OrtThreadHooks, O05_TheGlobalPoolTakesThemToo) {
  Counts counts;
  {
    const auto environment =
        take(Environment::get({.global_pool = GlobalPool{.intra = {.count = 3}, .hooks = counting(counts)}}));
    EXPECT_EQ(counts.created, 2);
  }
  EXPECT_EQ(counts.joined, 2);
  Counts failing;
  EXPECT_THAT(outcome(Environment::get({.global_pool = GlobalPool{.intra = {.count = 3}, .hooks = counting(failing, 1)}})),
              HasSubstr("no more threads today"));
}

TEST(OrtThreadHooks, O05_EmptyFunctionsAreRefused) {
  const std::string model = test_models::relu();
  SessionSpec spec = spec_of(model);
  spec.thread_hooks = std::make_shared<const ThreadHooks>();
  EXPECT_THAT(outcome(Session::open(spec)), StartsWith("invalid_argument: thread_hooks.create: empty"));
}

// ---- load cancellation ---------------------------------------------------------------------------------------------------

TEST(OrtSessionOptions, O05_AStopBeforeOrWhileLoadingCancels) {
  const std::string model = test_models::mlp();
  SessionSpec spec = spec_of(model);
  std::stop_source before;
  before.request_stop();
  spec.load_cancellation = before.get_token();
  EXPECT_THAT(outcome(Session::open(spec)), StartsWith("cancelled: "));

  std::stop_source during;
  spec.load_cancellation = during.get_token();
  spec.device_selection = DeviceSelector([&](const DeviceChoice&) -> Expected<std::vector<std::size_t>> {
    during.request_stop();
    return std::vector<std::size_t>{0};
  });
  EXPECT_THAT(outcome(Session::open(spec)), StartsWith("cancelled: "));

  std::stop_source never;
  spec.load_cancellation = never.get_token();
  spec.device_selection = {};
  const auto session = take(Session::open(spec));
  never.request_stop();
  EXPECT_EQ(session->inputs().size(), 1u);
}

// ---- choosing devices ----------------------------------------------------------------------------------------------------

TEST(OrtSessionOptions, O05_PoliciesChooseAmongTheDevices) {
  const std::string model = test_models::mlp();
  SessionSpec spec = spec_of(model);
  for (const auto policy : {DevicePolicy::automatic, DevicePolicy::prefer_cpu, DevicePolicy::prefer_npu, DevicePolicy::prefer_gpu,
                            DevicePolicy::max_performance, DevicePolicy::max_efficiency, DevicePolicy::min_overall_power}) {
    spec.device_selection = policy;
    const auto session = take(Session::open(spec));
    const auto placed = take(session->input_placements());
    ASSERT_EQ(placed.size(), 1u);
    ASSERT_TRUE(placed[0].device);
    EXPECT_EQ(placed[0].device->provider(), "CPUExecutionProvider");
  }
}

TEST(OrtSessionOptions, O05_AFunctionOfTheCallersChoosesDevices) {
  test_models::OnnxModel writer;
  writer.input("x", DType::f32, {2}).node("Relu", {"x"}, {"y"}).output("y", DType::f32, {2});
  writer.metadata = {{"author", "me"}};
  const std::string model = writer.bytes();
  SessionSpec spec = spec_of(model);
  int calls = 0;
  spec.device_selection = DeviceSelector([&](const DeviceChoice& choice) -> Expected<std::vector<std::size_t>> {
    ++calls;
    EXPECT_GE(choice.devices.size(), 1u);
    EXPECT_GE(choice.devices_max, choice.devices.size());
    EXPECT_FALSE(choice.model_metadata.empty());
    for (std::size_t i = 0; i < choice.devices.size(); ++i) {
      if (choice.devices[i].provider() == "CPUExecutionProvider") return std::vector<std::size_t>{i};
    }
    return Error(ErrorCode::not_found, "no processor");
  });
  EXPECT_EQ(take(take(Session::open(spec))->output_placements())[0].memory.device_kind, DeviceKind::cpu);
  EXPECT_EQ(calls, 1);
}

TEST(OrtSessionOptions, O05_AChoiceThatFailsIsTheError) {
  const std::string model = test_models::relu();
  const auto open = [&](DeviceSelector select) {
    SessionSpec spec = spec_of(model);
    spec.device_selection = std::move(select);
    return outcome(Session::open(spec));
  };
  using Choice = Expected<std::vector<std::size_t>>;
  EXPECT_THAT(open([](const DeviceChoice&) -> Choice { return Error(ErrorCode::permission_denied, "not today"); }),
              StartsWith("permission_denied: device_selection: not today"));
  EXPECT_THAT(open([](const DeviceChoice&) -> Choice { return std::vector<std::size_t>{1000}; }),
              StartsWith("out_of_range: device_selection"));
  EXPECT_THAT(open([](const DeviceChoice&) -> Choice { return std::vector<std::size_t>(1000, 0); }),
              StartsWith("invalid_argument: device_selection: too many"));
  EXPECT_THAT(open([](const DeviceChoice&) -> Choice { throw std::runtime_error("thrown"); }),
              AllOf(StartsWith("internal: device_selection"), HasSubstr("thrown")));
  EXPECT_THAT(open([](const DeviceChoice&) -> Choice { throw 42; }),
              AllOf(StartsWith("internal: device_selection"), HasSubstr("none of std::exception")));
  EXPECT_THAT(open({}), StartsWith("invalid_argument: device_selection: empty"));
}

// ---- wrong ones ----------------------------------------------------------------------------------------------------------

TEST(OrtSessionOptions, O05_WrongOnesAreRefusedNamingTheField) {
  const std::string model = test_models::identity();
  const auto refused = [&](auto edit) {
    SessionSpec spec = spec_of(model);
    edit(spec);
    return outcome(Session::open(spec));
  };
  EXPECT_THAT(refused([](SessionSpec& s) {
                s.config = {{"a", "1"}, {"a", "2"}};
              }),
              StartsWith("invalid_argument: config a: given twice"));
  EXPECT_THAT(refused([](SessionSpec& s) { s.providers = {{}}; }), StartsWith("invalid_argument: providers: name: empty"));
  EXPECT_THAT(refused([](SessionSpec& s) { s.providers = {{.name = std::string("a\0b", 3)}}; }),
              StartsWith("invalid_argument: providers: name: holds a NUL"));
  EXPECT_THAT(refused([](SessionSpec& s) {
                s.providers = {{.name = "CPU", .options = {{"", ""}}}};
              }),
              StartsWith("invalid_argument: provider CPU: options: empty name"));
  EXPECT_THAT(refused([](SessionSpec& s) {
                s.providers = {{.name = "CPU"}};
                s.device_selection = DevicePolicy::prefer_cpu;
              }),
              StartsWith("invalid_argument: device_selection: expected none"));
  EXPECT_THAT(refused([](SessionSpec& s) { s.shared_allocators = {nullptr}; }),
              StartsWith("invalid_argument: shared_allocators"));
  EXPECT_THAT(refused([](SessionSpec& s) { s.external_files = {{"", {}}}; }), StartsWith("invalid_argument: external_files"));
}

TEST(OrtSessionPresets, O05_AreSpecsToEdit) {
  const std::string model = test_models::mlp();
  std::vector<float> x = test_models::random_floats(32, 4);
  const Value value = over(x, {1, 32});
  const std::vector<float> expected = elements_of<float>(run_once(open_model(model), {&value})[0]);
  const ModelSource source = ModelBytes{test_models::as_bytes(model)};
  for (SessionSpec spec : {lowest_latency(source), highest_throughput(source, 2), least_memory(source), reproducible(source)}) {
    spec.log_id = "edited";
    const auto got = elements_of<float>(run_once(take(Session::open(spec)), {&value})[0]);
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-5);
  }
  EXPECT_FALSE(least_memory(source).arena);
  EXPECT_EQ(highest_throughput(source, 2).threads.count, 2);
}

}  // namespace
}  // namespace laneway::ort
