// Lanes on a device: that of the tests' provider, whose memory holds scrambled bytes, so that who reads it as the host's sees it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "laneway/engines/ort.h"
#include "laneway/laneway.h"
#include "laneway/ort/copy.h"
#include "ort_support/plugin.h"

namespace laneway {
namespace {

using ort::take;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

template <class T>
std::string outcome(const Expected<T>& result) {
  return ort::outcome(result);
}

// y = (a + b) * b on the device, of [n] elements.
class Devices : public ort::OrtPlugin {
 protected:
  void TearDown() override {
    library_.reset();
    counts().devices = 1;
    OrtPlugin::TearDown();
  }

  void plug_in(int devices = 1) {
    counts().devices = devices;
    library_ = load();
  }

  static RuntimeSpec on_device(std::int64_t n, const std::string& model = ort::sum_and_product()) {
    const auto owner = std::make_shared<const std::string>(model);
    return {.model = ModelBytes{test_models::as_bytes(*owner), owner},
            .engine = OrtEngineSpec{.providers = {{.name = ort::plugin}}},
            .dimensions = {{"n", n}}};
  }

  static std::vector<PortSpec> placed(std::initializer_list<const char*> names) {
    std::vector<PortSpec> ports;
    for (const char* name : names) ports.push_back({.name = name, .placement = Placement::device});
    return ports;
  }

  // Values over memory of a lane's port, wherever that is.
  ort::Value value_at(const Memory& memory, std::int64_t n) const {
    const ort::MemoryInfo where = memory.placement == Placement::device ? memory_of(memory.device) : environment_->host_memory();
    return take(ort::Value::borrow(where, memory.data, static_cast<std::size_t>(n) * sizeof(float), DType::f32, {n}));
  }
  ort::MemoryInfo memory_of(int device) const {
    const auto spec = take(library_->devices()[static_cast<std::size_t>(device)].memory());
    return take(ort::MemoryInfo::make(environment_->library(), *spec));
  }
  void write(const Memory& to, std::vector<float> elements) const {
    const auto n = static_cast<std::int64_t>(elements.size());
    ort::Value there = value_at(to, n);
    take(ort::copy_tensor(*environment_, ort::over(elements, {n}), there));
  }
  std::vector<float> read(const OutputView& view) const {
    std::vector<float> elements(view.bytes / sizeof(float));
    const auto n = static_cast<std::int64_t>(elements.size());
    ort::Value here = ort::over(elements, {n});
    const Memory memory{const_cast<void*>(view.data), view.bytes, view.placement, view.device};
    take(ort::copy_tensor(*environment_, value_at(memory, n), here));
    return elements;
  }

  static std::vector<float> answer(const std::vector<float>& a, const std::vector<float>& b) {
    std::vector<float> y(a.size());
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = (a[i] + b[i]) * b[i];
    return y;
  }

  // Runs on random elements, written and read wherever the ports are.
  void run_and_check(Lane& lane, std::size_t n) {
    const std::vector<float> a = test_models::random_floats(n, ++seed_), b = test_models::random_floats(n, ++seed_);
    write(take(lane.input_memory("a")), a);
    write(take(lane.input_memory("b")), b);
    take(lane.run());
    EXPECT_EQ(read(take(lane.output("y"))), answer(a, b));
  }

  std::shared_ptr<const ort::ProviderLibrary> library_;
  unsigned seed_ = 0;
};

// ---- L12: the address that is given is the one that is read -------------------------------------------------------------

TEST_F(Devices, L12_PortsPlacedOnTheDeviceLieInTheProvidersMemory) {
  plug_in();
  RuntimeSpec spec = on_device(7);
  spec.ports = placed({"a", "b", "y"});
  const Runtime runtime = take(open(spec));
  Lane& lane = *runtime.lanes()[0];
  const int allocated = counts().allocations;
  EXPECT_GE(allocated, 3);
  const void* const at = take(lane.input_memory("a")).data;
  const int copied = counts().to_device + counts().to_host;
  for (int i = 0; i < 1000; ++i) take(lane.run());
  EXPECT_EQ(counts().to_device + counts().to_host, copied) << "nothing is copied by a run";
  EXPECT_EQ(counts().allocations, allocated);
  run_and_check(lane, 7);
  EXPECT_EQ(take(lane.input_memory("a")).data, at);
  take(lane.audit().require_zero_copy());
  for (const AuditedPort& port : lane.audit().ports) {
    EXPECT_EQ(port.placement, Placement::device) << port.port;
    EXPECT_EQ(port.owner, "engine");
    EXPECT_EQ(port.bytes, 28u);
  }
  EXPECT_EQ(lane.audit().ports[0].address, at);
}

TEST_F(Devices, L12_MemoryOfADeviceIsNotReadAsTheHosts) {
  plug_in();
  RuntimeSpec spec = on_device(5);
  spec.ports = placed({"b", "y"});
  const Runtime runtime = take(open(spec));
  Lane& lane = *runtime.lanes()[0];
  EXPECT_TRUE(lane.input<float>("a"));
  EXPECT_THAT(outcome(lane.input<float>("b")), StartsWith("failed_precondition: input b: lies on a device"));
  EXPECT_THAT(outcome(lane.output<float>("y")), StartsWith("failed_precondition: output y: lies on a device"));
  EXPECT_EQ(take(lane.output("y")).placement, Placement::device);
  run_and_check(lane, 5);
}

TEST_F(Devices, L12_TheCallersMemoryOnTheDeviceIsUsedAndChangedFromRunToRun) {
  plug_in();
  const auto allocator = take(library_->devices()[0].allocator());
  std::vector<ort::Allocation> ring;
  const auto there = [&](std::size_t i) { return Memory{ring[i].memory.data, 12, Placement::device}; };
  for (int i = 0; i < 4; ++i) ring.push_back(take(allocator.allocate(12)));
  RuntimeSpec spec = on_device(3);
  spec.ports = {{.name = "a", .memory = there(0)}, {.name = "y", .memory = there(3)}};
  const Runtime runtime = take(open(spec));
  Lane& lane = *runtime.lanes()[0];
  for (std::size_t frame = 0; frame < 30; ++frame) {
    take(lane.rebind("a", there(frame % 3)));
    EXPECT_EQ(take(lane.input_memory("a")).data, ring[frame % 3].memory.data);
    run_and_check(lane, 3);
    EXPECT_EQ(take(lane.output("y")).data, ring[3].memory.data);
  }
  std::vector<float> on_host(3);
  take(lane.rebind("a", {on_host.data(), 12}));
  run_and_check(lane, 3);
  EXPECT_THAT(lane.audit().ports[0].copied, HasSubstr("lies on host, the engine wants device"));
  take(lane.rebind("a", there(1)));
  run_and_check(lane, 3);
  EXPECT_EQ(lane.audit().ports[0].copied, "");
}

TEST_F(Devices, L12_MemoryThatIsNotWherePortsAreIsRefused) {
  plug_in();
  float elements[3] = {};
  RuntimeSpec spec = on_device(3);
  spec.ports = {{.name = "a", .memory = Memory{elements, 12, Placement::device, 5}}};
  EXPECT_THAT(outcome(open(spec)),
              AllOf(StartsWith("invalid_argument"), HasSubstr("input a: lies on device 5: expected memory of "
                                                              "device 0, or the host's")));
  spec.ports = {{.name = "y", .placement = Placement::pinned_host}};
  EXPECT_THAT(outcome(open(spec)), AllOf(StartsWith("unimplemented"), HasSubstr("output y: ")));
  spec = on_device(3);
  spec.engine = "ort";
  spec.ports = {{.name = "a", .memory = Memory{elements, 12, Placement::device}}};
  EXPECT_THAT(outcome(open(spec)), HasSubstr("input a: lies on a device: expected host memory"));
  spec.ports = placed({"a"});
  EXPECT_THAT(outcome(open(spec)), AllOf(StartsWith("unimplemented"), HasSubstr("no allocator of its own for device memory")));
}

// What a lane feeds back is set by the host when it is reset.
TEST_F(Devices, L41_LinkedPortsStayOnTheHost) {
  plug_in();
  RuntimeSpec spec = on_device(3);
  spec.links = {{.output = "y", .input = "a"}};
  spec.ports = placed({"a"});
  EXPECT_THAT(outcome(open(spec)), HasSubstr("ports: a: a linked port on a device: expected the host"));
  spec.ports.clear();
  const Runtime runtime = take(open(spec));
  Lane& lane = *runtime.lanes()[0];
  std::ranges::fill(take(lane.input<float>("b")), 2.0f);
  for (const float y : {4.0f, 12.0f, 28.0f}) {
    take(lane.run());
    EXPECT_EQ(take(lane.output<float>("y")).data[2], y) << "(a + 2) * 2";
  }
}

// ---- L14: what changes between runs changes the output ------------------------------------------------------------------

TEST_F(Devices, L14_HostBuffersOfPortsOnTheDeviceAreReadAtEachRun) {
  plug_in();
  const Runtime runtime = take(open(on_device(105)));
  Lane& lane = *runtime.lanes()[0];
  const int computed = counts().computed;
  for (int i = 0; i < 20; ++i) run_and_check(lane, 105);
  EXPECT_EQ(counts().computed, computed + 40);
  EXPECT_THAT(outcome(lane.audit().require_zero_copy()),
              AllOf(StartsWith("failed_precondition"), HasSubstr("a"), HasSubstr("the engine wants device")));
}

TEST_F(Devices, L14_BuffersOnTheDeviceAreReadAtEachRun) {
  plug_in();
  RuntimeSpec spec = on_device(105);
  spec.ports = placed({"a", "b"});
  const Runtime runtime = take(open(spec));
  for (int i = 0; i < 20; ++i) run_and_check(*runtime.lanes()[0], 105);
}

// An input that the provider does not take, beside one that it does, and an output of each.
TEST_F(Devices, L14_PortsOfBothPlacesInOneModel) {
  plug_in();
  test_models::OnnxModel model;
  model.input("a", DType::f32, {"n"}).input("b", DType::f32, {"n"}).output("y", DType::f32, {"n"}).output("z", DType::f32, {"n"});
  model.input("c", DType::f32, {"n"}).input("unread", DType::f32, {"n"});
  model.node("Add", {"a", "c"}, {"y"}).node("Neg", {"b"}, {"z"});
  const Runtime runtime = take(open(on_device(3, model.bytes())));
  Lane& lane = *runtime.lanes()[0];
  for (const float x : {1.0f, 2.0f, 3.0f}) {
    std::ranges::fill(take(lane.input<float>("a")), x);
    std::ranges::fill(take(lane.input<float>("b")), 10 * x);
    std::ranges::fill(take(lane.input<float>("c")), 7 * x);
    take(lane.run());
    EXPECT_EQ(take(lane.output<float>("y")).data[1], 8 * x);
    EXPECT_EQ(take(lane.output<float>("z")).data[1], -10 * x);
  }
}

TEST_F(Devices, L14_LeasesOfManyShapesOnHostAndDevice) {
  plug_in();
  for (const bool there : {false, true}) {
    RuntimeSpec spec = on_device(0);
    spec.dimensions.clear();
    spec.buckets = BucketSpec{.ladders = {{.dimension = "n", .from = 4, .to = 16}}};
    if (there) spec.ports = placed({"a", "y"});
    Runtime runtime = take(open(spec));
    for (const std::int64_t n : {3, 16, 1, 5, 3, 4, 16}) {
      const Lease lease = take(runtime.lease({{"n", n}}));
      run_and_check(*lease, static_cast<std::size_t>(n));
    }
  }
}

TEST_F(Devices, L14_AnOutputWhoseShapeOnlyARunShowsComesToTheHost) {
  plug_in();
  test_models::OnnxModel model;
  model.input("a", DType::f32, {"n"}).input("b", DType::f32, {"n"}).output("y", DType::f32, {"m"});
  model.node("Add", {"a", "b"}, {"y"});
  const Runtime runtime = take(open(on_device(3, model.bytes())));
  Lane& lane = *runtime.lanes()[0];
  for (const float x : {1.0f, 2.0f}) {
    std::ranges::fill(take(lane.input<float>("a")), x);
    take(lane.run());
    EXPECT_THAT(take(lane.output<float>("y")).data, testing::ElementsAre(x, x, x));
  }
  EXPECT_THAT(lane.audit().text(), HasSubstr("from its device to the host"));
}

// The model's author was wrong about the output's shape: the run is repeated, and what came out is copied where it was wanted.
TEST_F(Devices, L14_AProvenOutputInTheCallersMemoryOnTheDevice) {
  plug_in();
  test_models::OnnxModel model;
  model.input("a", DType::f32, {"n"}).input("b", DType::f32, {"n"}).output("y", DType::f32, {"m"});
  model.node("Add", {"a", "b"}, {"y"});
  const auto allocator = take(library_->devices()[0].allocator());
  const ort::Allocation allocation = take(allocator.allocate(12));
  RuntimeSpec spec = on_device(3, model.bytes());
  spec.ports = {{.name = "y", .shape = Shape(3), .memory = Memory{allocation.memory.data, 12, Placement::device}}};
  const Runtime runtime = take(open(spec));
  Lane& lane = *runtime.lanes()[0];
  std::ranges::fill(take(lane.input<float>("a")), 4.0f);
  take(lane.run());
  EXPECT_EQ(take(lane.output("y")).data, allocation.memory.data);
  EXPECT_THAT(read(take(lane.output("y"))), testing::ElementsAre(4, 4, 4));
}

// ---- L43: lanes differ ---------------------------------------------------------------------------------------------------

TEST_F(Devices, L43_EachLaneComputesOnTheDeviceThatItsSpecNames) {
  plug_in(2);
  RuntimeSpec spec = on_device(3);
  spec.lanes = 3;
  spec.per_lane = {{.device = 1}, {.device = 0}};
  spec.ports = placed({"a", "y"});
  const Runtime runtime = take(open(spec));
  for (std::size_t number = 0; number < 3; ++number) {
    const int device = number == 0 ? 1 : 0;
    Lane& lane = *runtime.lanes()[number];
    const int before[2] = {counts().computed_by[0], counts().computed_by[1]};
    run_and_check(lane, 3);
    EXPECT_EQ(counts().computed_by[device], before[device] + 2);
    EXPECT_EQ(counts().computed_by[1 - device], before[1 - device]);
    EXPECT_EQ(take(lane.input_memory("a")).device, device);
    EXPECT_EQ(lane.audit().ports[0].device, device);
    EXPECT_EQ(take(ort_session(lane.binding())->input_placements())[0].memory.device, device);
  }
  EXPECT_NE(ort_session(runtime.lanes()[0]->binding()), ort_session(runtime.lanes()[1]->binding()));
}

TEST_F(Devices, L43_DevicesAreNumberedAsTheProviderListsThem) {
  plug_in(2);
  const auto devices = library_->devices();
  RuntimeSpec spec = on_device(3);
  spec.engine = OrtEngineSpec{.providers = {{.name = ort::plugin, .devices = {devices[1]}}}};
  spec.ports = placed({"a"});
  const Runtime runtime = take(open(spec));
  Lane& lane = *runtime.lanes()[0];
  EXPECT_EQ(take(lane.input_memory("a")).device, 0) << "the engine's only one";
  EXPECT_EQ(take(ort_session(lane.binding())->input_placements())[0].memory.device, 1);
  const int computed = counts().computed_by[1];
  take(lane.run());
  EXPECT_EQ(counts().computed_by[1], computed + 2);
}

TEST_F(Devices, L43_ADeviceThatIsNotThereIsRefused) {
  plug_in(2);
  RuntimeSpec spec = on_device(3);
  for (const int device : {2, -1}) {
    spec.per_lane = {{.device = device}};
    EXPECT_THAT(outcome(open(spec)), AllOf(StartsWith("invalid_argument"),
                                           HasSubstr("device: no such device: expected 0 to 1, got " + std::to_string(device))));
  }
  spec.engine = "ort";
  spec.per_lane = {{.device = 1}};
  EXPECT_THAT(outcome(open(spec)), HasSubstr("device: no such device: expected 0 (the processor), got 1"));
}

TEST_F(Devices, L43_MemoryOfAnotherDeviceThanTheLanesIsRefused) {
  plug_in(2);
  const ort::Allocation other = take(take(library_->devices()[0].allocator()).allocate(12));
  RuntimeSpec spec = on_device(3);
  spec.per_lane = {{.device = 1, .ports = {{.name = "a", .memory = Memory{other.memory.data, 12, Placement::device, 0}}}}};
  EXPECT_THAT(outcome(open(spec)), HasSubstr("input a: lies on device 0: expected memory of device 1"));
}

TEST_F(Devices, L43_LanesOfBucketsHaveTheirDevicesToo) {
  plug_in(2);
  RuntimeSpec spec = on_device(0);
  spec.dimensions.clear();
  spec.buckets = BucketSpec{.ladders = {{.dimension = "n", .from = 4, .to = 8}}};
  spec.lanes = 2;
  spec.per_lane = {{.device = 0}, {.device = 1}};
  spec.ports = placed({"b"});
  Runtime runtime = take(open(spec));
  for (const std::int64_t n : {3, 7}) {
    const Lease first = take(runtime.lease({{"n", n}})), second = take(runtime.lease({{"n", n}}));
    run_and_check(*first, static_cast<std::size_t>(n));
    run_and_check(*second, static_cast<std::size_t>(n));
    EXPECT_EQ(take(first->input_memory("b")).device + take(second->input_memory("b")).device, 1) << "one on each";
  }
}

TEST_F(Devices, L43_LanesThatWantSomeOutputsHaveTheirDevicesToo) {
  plug_in(2);
  test_models::OnnxModel model;
  model.input("a", DType::f32, {"n"}).input("b", DType::f32, {"n"}).output("y", DType::f32, {"n"}).output("z", DType::f32, {"n"});
  model.node("Add", {"a", "b"}, {"y"}).node("Mul", {"y", "b"}, {"z"});
  RuntimeSpec spec = on_device(3, model.bytes());
  spec.outputs = {"y"};
  spec.lanes = 2;
  spec.per_lane = {{.device = 1}, {.device = 0}};
  const Runtime runtime = take(open(spec));
  for (const auto& lane : runtime.lanes()) {
    const int computed = counts().computed;
    std::ranges::fill(take(lane->input<float>("a")), 3.0f);
    take(lane->run());
    EXPECT_EQ(take(lane->output<float>("y")).data[0], 3.0f);
    EXPECT_EQ(counts().computed, computed + 1) << "what nobody wants is not computed";
  }
}

}  // namespace
}  // namespace laneway
