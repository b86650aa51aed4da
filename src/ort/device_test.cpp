// What is done on a device: copies, bindings, runs, streams, memory of others. The device is that of the tests' provider.
#include "laneway/ort/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <vector>

#include "laneway/ort/copy.h"
#include "laneway/ort/external_memory.h"
#include "laneway/ort/run.h"
#include "laneway/ort/stream.h"
#include "ort_support/plugin.h"

namespace laneway::ort {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

TEST_F(OrtPlugin, O23_ADeviceThatWasMovedAwayStillServes) {
  const auto library = load();
  Device device = library->devices()[0];
  const Device same = std::move(device);
  EXPECT_EQ(device, same);
  EXPECT_EQ(take(Stream::make(device))->device(), same);
  EXPECT_EQ(counts().factories, 1);
}

// ---- copies --------------------------------------------------------------------------------------------------------------

TEST_F(OrtPlugin, O15_CopiesToADeviceOnItAndBack) {
  const auto library = load();
  const Device device = library->devices()[0];
  const Allocator allocator = take(device.allocator());
  EXPECT_EQ(take(allocator.memory()).vendor, 0x1a2eu);
  EXPECT_THAT(outcome(device.allocator(true)), StartsWith("not_found: device of LanewayTestProvider: allocator"));
  std::vector<float> elements = test_models::random_floats(105, 3), back(105);
  const Value host = over(elements, {3, 5, 7});
  Value there = take(Value::allocate(allocator, DType::f32, {3, 5, 7}));
  Value elsewhere = take(Value::allocate(allocator, DType::f32, {3, 5, 7}));
  Value returned = over(back, {3, 5, 7});
  take(copy_tensor(*environment_, host, there));
  EXPECT_NE(*static_cast<const float*>(take(there.tensor()).data), elements[0]) << "not readable undeclared";
  take(copy_tensor(*environment_, there, elsewhere));
  take(copy_tensor(*environment_, elsewhere, returned, take(Stream::make(device)).get()));
  EXPECT_EQ(back, elements);
  EXPECT_EQ(counts().on_device, 1);
}

TEST_F(OrtPlugin, O15_SeveralAtOnceWhereverTheyAre) {
  const auto library = load();
  const Allocator allocator = take(library->devices()[0].allocator());
  std::vector<float> a = {1, 2, 3}, b = {4, 5}, a_back(3), b_copy(2);
  const Value a_host = over(a, {3}), b_host = over(b, {2});
  Value a_there = take(Value::allocate(allocator, DType::f32, {3}));
  Value a_returned = over(a_back, {3}), b_other = over(b_copy, {2});
  const Value* const from[] = {&b_host, &a_host};
  Value* const to[] = {&b_other, &a_there};
  take(copy_tensors(*environment_, from, to));
  take(copy_tensor(*environment_, a_there, a_returned));
  EXPECT_EQ(a_back, a);
  EXPECT_EQ(b_copy, b);
}

TEST_F(OrtPlugin, O15_WhatDoesNotFitIsRefusedOnADeviceToo) {
  const auto library = load();
  const Allocator allocator = take(library->devices()[0].allocator());
  std::vector<float> x = {1, 2, 3, 4};
  const Value host = over(x, {4});
  Value integers = take(Value::allocate(allocator, DType::i32, {4})),
        square = take(Value::allocate(allocator, DType::f32, {2, 2}));
  const int copied = counts().to_device;
  EXPECT_THAT(outcome(copy_tensor(*environment_, host, integers)), StartsWith("invalid_argument: copy: tensor 0: dtype"));
  EXPECT_THAT(outcome(copy_tensor(*environment_, host, square)), StartsWith("invalid_argument: copy: tensor 0: shape"));
  EXPECT_EQ(counts().to_device, copied);
}

TEST_F(OrtPlugin, O15_MemoryOfADeviceIsNotReadableAsTheHosts) {
  const auto library = load();
  const Allocator allocator = take(library->devices()[0].allocator());
  const Value there = take(Value::allocate(allocator, DType::f32, {3}));
  const TensorView view = take(there.tensor());
  EXPECT_EQ(view.placement, Placement::device);
  EXPECT_THAT(outcome(view.elements<float>()), StartsWith("failed_precondition: tensor: memory of device 0"));
  EXPECT_THAT(outcome(Value::copy<float>(allocator, std::vector<float>{1, 2, 3}, {3})),
              StartsWith("failed_precondition: tensor"));
}

// ---- bindings and runs on it ---------------------------------------------------------------------------------------------

TEST_F(OrtPlugin, O17_AnOutputOfItsOwnLiesOnTheDeviceInEachRunsShape) {
  const auto library = load();
  Binding binding = take(Binding::make(open_on_plugin(sum_and_product())));
  RunOptions options = take(RunOptions::make(environment_->library()));
  const auto where = take(library->devices()[0].memory());
  take(binding.bind_output(0, take(MemoryInfo::make(environment_->library(), *where))));
  for (const std::int64_t n : {3, 1, 7}) {
    std::vector<float> a = test_models::random_floats(static_cast<std::size_t>(n), 1),
                       b = test_models::random_floats(a.size(), 2);
    take(binding.bind_input(0, over(a, {n})));
    take(binding.bind_input(1, over(b, {n})));
    take(binding.run(options));
    const Value& output = *take(binding.output(0));
    EXPECT_EQ(take(output.tensor()).placement, Placement::device);
    std::vector<float> y(a.size());
    Value host = over(y, {n});
    take(copy_tensor(*environment_, output, host));
    for (std::size_t i = 0; i < y.size(); ++i) EXPECT_EQ(y[i], (a[i] + b[i]) * b[i]);
  }
}

TEST_F(OrtPlugin, O17_ValuesOnTheDeviceAreUsedWhereTheyLie) {
  const auto library = load();
  const Allocator allocator = take(library->devices()[0].allocator());
  const auto session = open_on_plugin(sum_and_product());
  Binding binding = take(Binding::make(session));
  RunOptions options = take(RunOptions::make(environment_->library()));
  std::vector<float> a = {1, 2, 3}, b = {10, 20, 30}, y(3);
  Value left = take(Value::allocate(allocator, DType::f32, {3})), right = take(Value::allocate(allocator, DType::f32, {3}));
  const Value output = take(Value::allocate(allocator, DType::f32, {3}));
  take(copy_tensor(*environment_, over(a, {3}), left));
  take(copy_tensor(*environment_, over(b, {3}), right));
  take(binding.bind_input(0, left));
  take(binding.bind_input(1, right));
  take(binding.bind_output(0, output));
  const int copied = counts().to_device + counts().to_host;
  take(binding.run(options));
  EXPECT_EQ(counts().to_device + counts().to_host, copied);
  Value host = over(y, {3});
  take(copy_tensor(*environment_, output, host));
  EXPECT_THAT(y, expected);
}

TEST_F(OrtPlugin, O17_InputsForADeviceAreCopiedWhenTheyAreBound) {
  const auto library = load();
  Binding binding = take(Binding::make(open_on_plugin(sum_and_product())));
  RunOptions options = take(RunOptions::make(environment_->library()));
  std::vector<float> a = {1, 2, 3}, b = {10, 20, 30}, y(3);
  take(binding.bind_input(0, over(a, {3})));
  take(binding.bind_input(1, over(b, {3})));
  take(binding.bind_output(0, over(y, {3})));
  take(binding.synchronise_inputs());
  a.assign(3, 1000);
  take(binding.run(options));
  EXPECT_THAT(y, expected) << "what was there when it was bound";
}

TEST_F(OrtPlugin, O18_APreparedRunCopiesItsInputsAtEachRun) {
  const auto library = load();
  const std::size_t wanted[] = {0};
  PreparedRun prepared = take(PreparedRun::make(open_on_plugin(sum_and_product()), wanted));
  RunOptions options = take(RunOptions::make(environment_->library()));
  std::vector<float> a = {1000, 1000, 1000}, b = {10, 20, 30};
  take(prepared.set_input(0, std::make_shared<Value>(over(a, {3}))));
  take(prepared.set_input(1, std::make_shared<Value>(over(b, {3}))));
  take(prepared.run(options));
  a = {1, 2, 3};
  take(prepared.run(options));
  EXPECT_THAT(elements_of<float>(*take(prepared.output(0))), expected);
}

TEST_F(OrtPlugin, O34_ARunWithoutSynchronisingIsWaitedForByACallOfItsOwn) {
  const auto library = load();
  Binding binding = take(Binding::make(open_on_plugin(sum_and_product())));
  RunOptions queues = take(RunOptions::make(environment_->library(), {.synchronise = false}));
  RunOptions waits = take(RunOptions::make(environment_->library()));
  std::vector<float> a = {1, 2, 3}, b = {10, 20, 30}, y(3);
  take(binding.bind_input(0, over(a, {3})));
  take(binding.bind_input(1, over(b, {3})));
  take(binding.bind_output(0, over(y, {3})));
  const int runs = counts().runs_synchronised, calls = counts().synchronised;
  take(binding.run(queues));
  EXPECT_EQ(counts().runs_synchronised, runs);
  take(binding.synchronise_outputs());
  EXPECT_THAT(y, expected);
  take(binding.run(waits));
  EXPECT_EQ(counts().runs_synchronised, runs + 1);
  take(binding.synchronise_inputs());
  const bool asks = environment_->library()->level() >= 25;  // older ones do not ask the provider
  EXPECT_EQ(counts().synchronised - calls, asks ? 2 : 0);
}

TEST_F(OrtPlugin, O34_ARunTakesTheCallersStreamInPlaceOfItsOwn) {
  if (environment_->library()->level() < 24) GTEST_SKIP() << "this library cannot";
  const auto library = load();
  const auto session = open_on_plugin(sum_and_product());
  std::vector<float> a = {1, 2, 3}, b = {10, 20, 30};
  const Value left = over(a, {3}), right = over(b, {3});
  const RunInput inputs[] = {{0, &left}, {1, &right}};
  RunOptions options = take(RunOptions::make(environment_->library()));
  const auto stream_of_run = [&]() -> const void* {
    RunOutput outputs[] = {{0}};
    take(run(*session, options, inputs, outputs));
    EXPECT_THAT(elements_of<float>(*outputs[0].value), expected);
    return counts().computed_on;
  };
  const void* const own = stream_of_run();
  auto stream = take(Stream::make(library->devices()[0]));
  const void* const handle = stream->handle();
  EXPECT_NE(own, handle);
  const int streams = counts().streams;
  take(options.use_stream(std::move(stream)));
  EXPECT_EQ(stream_of_run(), handle);
  EXPECT_EQ(counts().streams, streams) << "the options keep it";
  take(options.use_stream(nullptr));
  EXPECT_EQ(counts().streams, streams - 1);
  EXPECT_EQ(stream_of_run(), own);
}

TEST_F(OrtPlugin, O34_ABindingRunsOnTheCallersStreamToo) {
  if (environment_->library()->level() < 24) GTEST_SKIP() << "this library cannot";
  const auto library = load();
  Binding binding = take(Binding::make(open_on_plugin(sum_and_product())));
  RunOptions options = take(RunOptions::make(environment_->library()));
  std::vector<float> a = {1, 2, 3}, b = {10, 20, 30}, y(3);
  take(binding.bind_input(0, over(a, {3})));
  take(binding.bind_input(1, over(b, {3})));
  take(binding.bind_output(0, over(y, {3})));
  const auto stream = take(Stream::make(library->devices()[0]));
  take(options.use_stream(stream));
  take(binding.run(options));
  EXPECT_EQ(counts().computed_on, stream->handle());
  EXPECT_THAT(y, expected);
}

// The device computes first and last, the host between: ONNX Runtime copies, by kernels of the provider.
std::string by_turns() {
  test_models::OnnxModel model;
  model.input("a", DType::f32, {"n"}).input("b", DType::f32, {"n"}).output("y", DType::f32, {"n"});
  model.node("Add", {"a", "b"}, {"t"}).node("Sub", {"t", "a"}, {"u"}).node("Mul", {"u", "b"}, {"y"});
  return model.bytes();
}

TEST_F(OrtPlugin, O34_TheProvidersNotificationsOrderItAndTheHost) {
  if (environment_->library()->level() < 24) GTEST_SKIP() << "this library asks for no kernels that copy";
  const auto library = load();
  std::vector<float> a = {1, 2, 3}, b = {10, 20, 30};
  const Value left = over(a, {3}), right = over(b, {3});
  const int notified = counts().notified, waits = counts().waits;
  EXPECT_THAT(elements_of<float>(run_once(open_on_plugin(by_turns()), {&left, &right})[0]), testing::ElementsAre(100, 400, 900));
  EXPECT_GE(counts().notified, notified + 1);
  EXPECT_GE(counts().waits, waits + 1);
}

// ---- what others made ----------------------------------------------------------------------------------------------------

// Memory that another API might have made: a file that lives in memory.
struct Shared {
  explicit Shared(std::size_t size) : bytes(size), descriptor(memfd_create("laneway-test", 0)) {
    EXPECT_EQ(ftruncate(descriptor, static_cast<off_t>(bytes)), 0);
    data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  }
  ~Shared() {
    munmap(data, bytes);
    close(descriptor);
  }
  std::size_t bytes;
  int descriptor;
  void* data;
};

TEST_F(OrtPlugin, O24_ImportedMemoryIsTheDevices) {
  if (environment_->library()->level() < 25) GTEST_SKIP() << "this library cannot";
  const auto library = load();
  const auto importer = take(ExternalImporter::make(library->devices()[0]));
  EXPECT_TRUE(take(importer->can_import(ExternalMemoryKind::vulkan_fd)));
  EXPECT_FALSE(take(importer->can_import(ExternalMemoryKind::d3d12_heap)));
  const Shared shared(64);
  const float numbers[] = {10, 20, 30};
  for (std::size_t i = 0; i < sizeof numbers; ++i) {  // as the device has its bytes
    static_cast<unsigned char*>(shared.data)[16 + i] =
        static_cast<unsigned char>(reinterpret_cast<const unsigned char*>(numbers)[i] ^ 0x5a);
  }
  std::optional<Value> b;
  {
    const auto memory = take(importer->import_memory({.handle = shared.descriptor, .bytes = 64, .offset = 4}));
    b = take(memory->tensor(DType::f32, {3}, 12));
    EXPECT_THAT(outcome(memory->tensor(DType::f32, {13}, 12)), StartsWith("invalid_argument: external memory: too few bytes"));
    EXPECT_THAT(outcome(memory->tensor(DType::f32, {1}, 61)), StartsWith("invalid_argument: external memory: too few bytes"));
    EXPECT_THAT(outcome(memory->tensor(DType::string, {1})), StartsWith("invalid_argument"));
  }
  const std::string model = sum_and_product();
  SessionSpec spec = spec_of(model);
  spec.providers = {{.name = plugin}};
  const auto session = take(Session::open(spec));
  std::vector<float> a = {1, 2, 3};
  const Value left = over(a, {3});
  EXPECT_THAT(elements_of<float>(run_once(session, {&left, &*b})[0]), expected);
}

TEST_F(OrtPlugin, O24_WhatCannotBeImportedIsRefused) {
  if (environment_->library()->level() < 25) GTEST_SKIP() << "this library cannot";
  const auto library = load();
  const auto importer = take(ExternalImporter::make(library->devices()[0]));
  EXPECT_THAT(outcome(importer->import_memory({.handle = 0, .bytes = 8, .offset = 8})),
              StartsWith("invalid_argument: external memory"));
  EXPECT_THAT(outcome(importer->import_memory({.handle = -1, .bytes = 8})), HasSubstr("cannot be mapped"));
  EXPECT_THAT(outcome(importer->import_memory({.kind = ExternalMemoryKind::d3d12_heap, .handle = 0, .bytes = 8})),
              StartsWith("unimplemented: device of LanewayTestProvider: cannot import memory"));
  EXPECT_THAT(outcome(importer->import_semaphore(ExternalSemaphoreKind::d3d12_fence, 0)),
              StartsWith("unimplemented: device of LanewayTestProvider: cannot import semaphores"));
  const auto cpu = take(devices(environment_))[0];
  EXPECT_THAT(outcome(ExternalImporter::make(cpu)), StartsWith("unimplemented: "));
  EXPECT_THAT(outcome(GraphicsInterop::begin(cpu, GraphicsApi::vulkan)), testing::Not("success"));
}

TEST_F(OrtPlugin, O24_SemaphoresAreWaitedForAndSignalled) {
  if (environment_->library()->level() < 25) GTEST_SKIP() << "this library cannot";
  const auto library = load();
  const auto stream = take(Stream::make(library->devices()[0]));
  const Shared shared(sizeof(std::uint64_t));
  const auto semaphore = take(take(ExternalImporter::make(library->devices()[0]))
                                  ->import_semaphore(ExternalSemaphoreKind::vulkan_timeline_fd, shared.descriptor));
  take(semaphore->wait(*stream, 0));
  EXPECT_THAT(outcome(semaphore->wait(*stream, 7)), HasSubstr("nobody would ever signal that"));
  take(semaphore->signal(*stream, 7));
  EXPECT_EQ(*static_cast<const std::uint64_t*>(shared.data), 7u);
  take(semaphore->wait(*stream, 7));
}

TEST_F(OrtPlugin, O24_GraphicsWorkTogetherWhileTheObjectLives) {
  if (environment_->library()->level() < 25) GTEST_SKIP() << "this library cannot";
  const auto library = load();
  const Device device = library->devices()[0];
  {
    const auto graphics = take(GraphicsInterop::begin(device, GraphicsApi::vulkan, nullptr, {{"queue", "1"}}));
    EXPECT_EQ(counts().imports, 1);
  }
  EXPECT_EQ(counts().imports, 0);
  EXPECT_THAT(outcome(GraphicsInterop::begin(device, GraphicsApi::d3d12)),
              AllOf(StartsWith("unimplemented: "), HasSubstr("Vulkan only")));
  EXPECT_THAT(outcome(GraphicsInterop::begin(device, GraphicsApi::vulkan, nullptr, {{"", ""}})), StartsWith("invalid_argument"));
}

}  // namespace
}  // namespace laneway::ort
