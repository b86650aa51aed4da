// Flows that open sessions.
#include "laneway/ort/session.h"

#include <cstdlib>
#include <stop_token>

#include "ort_faults/faults.h"
#include "ort_support/folder.h"

namespace laneway::faults {
namespace {

using namespace ort;

Expected<> open_and_drop(const SessionSpec& spec) {
  LANEWAY_TRY_ASSIGN(const auto session, Session::open(spec));
  return check(!session->outputs().empty(), "outputs");
}

TEST(OrtEnvironmentFaults, O02_AnEnvironment) {
  fail_everything([]() -> Expected<> {
    LANEWAY_TRY_ASSIGN(const auto environment, Environment::get());
    return check(environment->native() != nullptr, "native");
  });
}

TEST(OrtEnvironmentFaults, O02_AnEnvironmentWithAPool) {
  const std::string model = test_models::relu();
  fail_everything([&]() -> Expected<> {
    EnvironmentSpec spec{.global_pool = GlobalPool{.intra = {.count = 2}, .denormals_as_zero = true}, .telemetry = true};
    LANEWAY_TRY_ASSIGN(const auto environment, Environment::get(spec));
    SessionSpec session = spec_of(model);
    session.environment = environment;
    session.global_pool = true;
    return open_and_drop(session);
  });
}

TEST(OrtEnvironmentFaults, O02_AnEnvironmentWithSettingsByName) {
  if (take(Library::open())->level() < 24) GTEST_SKIP() << "this library cannot";
  fail_everything([]() -> Expected<> {
    LANEWAY_TRY_ASSIGN(const auto environment, Environment::get({.log_id = "faults", .config = KeyValues{{"a", "b"}}}));
    return check(environment->spec().log_id == "faults", "log_id");
  });
}

TEST_F(OrtFaults, O02_TheLibrarysProviders) {
  fail_everything([&]() -> Expected<> {
    LANEWAY_TRY_ASSIGN(const auto providers, library_->providers());
    return check(!providers.empty(), "providers");
  });
}

TEST_F(OrtFaults, O02_ASessionFromBytes) {
  const std::string model = test_models::mlp();
  fail_everything([&] { return open_and_drop(spec_of(model)); });
}

TEST_F(OrtFaults, O02_SessionsWithPortsOfOtherKinds) {
  const std::string models[] = {test_models::map_input(), test_models::optional_identity(), test_models::sequence_identity(),
                                test_models::default_input()};
  fail_everything([&]() -> Expected<> {
    for (const std::string& model : models) LANEWAY_TRY(open_and_drop(spec_of(model)));
    return {};
  });
}

TEST_F(OrtFaults, O02_ASessionThatIsNotToBeOpenedAnyMore) {
  const std::string model = test_models::relu();
  std::stop_source stop;
  stop.request_stop();
  SessionSpec spec = spec_of(model);
  spec.load_cancellation = stop.get_token();
  fail_everything([&]() -> Expected<> {
    const auto opened = Session::open(spec);
    return opened || opened.error().code() == ErrorCode::cancelled ? Expected<>() : opened.error();
  });
}

TEST_F(OrtFaults, O02_ASessionFromAFileWithEveryOption) {
  const Folder folder;
  test_models::OnnxModel model;
  model.input("x", DType::f32, {"batch", "rest"}).node("Relu", {"x"}, {"y"}).output("y", DType::f32, {"batch", "rest"});
  SessionSpec spec{.model = ModelPath{folder.write("model.onnx", model.bytes())}};
  spec.dimensions = {{"batch", 2}};
  spec.dimensions_by_denotation = {{"DATA_CHANNEL", 3}};
  spec.config = {{"session.disable_prepacking", "1"}, {"session.intra_op_thread_affinities", ""}};
  spec.config.pop_back();
  spec.deterministic = spec.denormals_as_zero = spec.record_placement = true;
  spec.log_id = "faults";
  spec.log_severity = Severity::error;
  spec.log_verbosity = 1;
  spec.log_sink = [](const LogRecord&) {};
  spec.optimised_model = folder.path() / "optimised.onnx";
  spec.optimisation = Optimisation::basic;
  spec.threads.count = 2;
  spec.execution = Execution::parallel;
  spec.inter_threads = 2;
  spec.arena = spec.memory_pattern = false;
  fail_everything([&] { return open_and_drop(spec); });
}

TEST_F(OrtFaults, O02_ASessionWithInitializers) {
  const Folder folder;
  test_models::OnnxModel model;
  model.input("x", DType::f32, {4}).initializer("shared", Shape{4}, std::vector<float>(4, 0.0f));
  model.initializer("external",
                    test_models::external_tensor(DType::f32, Shape{4}, {{"location", "absent.bin"}, {"length", "16"}}));
  model.initializer("filed", test_models::external_tensor(DType::f32, Shape{4}, {{"location", "file.bin"}, {"length", "16"}}));
  model.node("Add", {"x", "shared"}, {"a"}).node("Add", {"a", "external"}, {"b"}).node("Add", {"b", "filed"}, {"y"});
  model.output("y", DType::f32, {4});
  const std::string bytes = model.bytes();
  const std::vector<float> weights = {1, 2, 3, 4};
  const std::string_view text(reinterpret_cast<const char*>(weights.data()), 16);
  const auto file = folder.write("weights", text);
  fail_everything([&]() -> Expected<> {
    SessionSpec spec = spec_of(bytes);
    LANEWAY_TRY_ASSIGN(auto shared, initializer_of(*environment_, "shared", weights, {4}));
    LANEWAY_TRY_ASSIGN(auto external,
                       map_initializer(*environment_, "external", {.path = file, .dtype = DType::f32, .shape = {4}}));
    spec.shared_initializers = {std::move(shared)};
    spec.external_initializers = {std::move(external)};
    spec.external_files = {{"file.bin", std::as_bytes(std::span(text.data(), text.size()))}};
    return open_and_drop(spec);
  });
}

TEST_F(OrtFaults, O02_SessionsThatSharePackedWeights) {
  const Folder folder;
  const std::string model = test_models::mlp();
  const auto file = folder.write("model.onnx", model);
  fail_everything([&]() -> Expected<> {
    SessionSpec spec = spec_of(model);
    LANEWAY_TRY_ASSIGN(spec.prepacked, PrepackedWeights::make(library_));
    LANEWAY_TRY_ASSIGN(const auto from_bytes, Session::open(spec));
    spec.model = ModelPath{file};
    return open_and_drop(spec);
  });
}

TEST_F(OrtFaults, O02_WhatASessionTells) {
  const Folder folder;
  test_models::OnnxModel described;
  described.metadata = {{"author", "a test"}};
  described.input("x", DType::f32, {4}).node("Relu", {"x"}, {"y"}).output("y", DType::f32, {4});
  const std::string model = described.bytes();
  SessionSpec spec = spec_of(model);
  spec.profile_prefix = folder.path() / "trace";
  spec.record_placement = true;
  const bool tells_nodes = library_->level() >= 24;
  fail_everything([&]() -> Expected<> {
    LANEWAY_TRY_ASSIGN(const auto session, Session::open(spec));
    LANEWAY_TRY_ASSIGN(const Metadata metadata, session->metadata());
    LANEWAY_TRY_ASSIGN(const int opset, session->opset(""));
    LANEWAY_TRY_ASSIGN(const auto inputs, session->input_placements());
    LANEWAY_TRY_ASSIGN(const auto outputs, session->output_placements());
    if (tells_nodes) {
      LANEWAY_TRY_ASSIGN(const auto assignments, session->assignments());
      LANEWAY_TRY(check(!assignments.empty(), "assignments"));
    }
    LANEWAY_TRY_ASSIGN(const std::uint64_t start_ns, session->profiling_start_ns());
    LANEWAY_TRY_ASSIGN(const auto trace, session->end_profiling());
    return check(opset > 0 && start_ns > 0 && !trace.empty() && metadata.custom.size() == 1, "what it tells");
  });
}

TEST_F(OrtFaults, O02_ASessionWhoseDeviceAFunctionChooses) {
  const std::string model = test_models::relu();
  fail_everything([&]() -> Expected<> {
    SessionSpec spec = spec_of(model);
    spec.device_selection = DeviceSelector([](const DeviceChoice& choice) -> Expected<std::vector<std::size_t>> {
      for (const Device& device : choice.devices) (void)device.hardware();
      return std::vector<std::size_t>{0};
    });
    return open_and_drop(spec);
  });
}

TEST_F(OrtFaults, O02_ASessionWhoseDeviceAPolicyChooses) {
  const std::string model = test_models::relu();
  SessionSpec spec = spec_of(model);
  spec.device_selection = DevicePolicy::prefer_cpu;
  fail_everything([&] { return open_and_drop(spec); });
}

TEST_F(OrtFaults, O02_ASessionOnASharedArena) {
  const std::string model = test_models::relu();
  fail_everything([&]() -> Expected<> {
    SessionSpec spec = spec_of(model);
    LANEWAY_TRY_ASSIGN(auto arena, SharedAllocator::arena(environment_, {.bytes_max = 1 << 20, .exact = true}));
    spec.shared_allocators = {std::move(arena)};
    return open_and_drop(spec);
  });
}

TEST_F(OrtFaults, O02_ASessionOnTheCallersAllocator) {
  const std::string model = test_models::relu();
  fail_everything([&]() -> Expected<> {
    SessionSpec spec = spec_of(model);
    LANEWAY_TRY_ASSIGN(auto own, SharedAllocator::own(environment_, {.allocate = std::malloc, .free = std::free}));
    spec.shared_allocators = {std::move(own)};
    return open_and_drop(spec);
  });
}

TEST_F(OrtFaults, O02_AllocatorsAndMemory) {
  const std::string model = test_models::relu();
  fail_everything([&]() -> Expected<> {
    LANEWAY_TRY_ASSIGN(const auto session, Session::open(spec_of(model)));
    LANEWAY_TRY_ASSIGN(const Allocator allocator, session->host_allocator());
    LANEWAY_TRY_ASSIGN(const Allocation allocation, allocator.allocate(1000));
    LANEWAY_TRY_ASSIGN(const MemorySpec where, allocator.memory());
    LANEWAY_TRY_ASSIGN(const AllocatorStatistics statistics, allocator.statistics());
    LANEWAY_TRY_ASSIGN(const MemoryInfo made, MemoryInfo::make(library_, {.name = "Cpu"}));
    LANEWAY_TRY_ASSIGN(const MemorySpec spec, made.spec());
    static_cast<void>(made == environment_->host_memory());
    return check(allocation.memory.bytes == 1000 && spec.name == where.name && statistics.allocations > 0, "memory");
  });
}

}  // namespace
}  // namespace laneway::faults
