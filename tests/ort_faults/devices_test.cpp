// Flows with the provider of the tests and its device.
#include "laneway/ort/device.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "laneway/ort/binding.h"
#include "laneway/ort/compatibility.h"
#include "laneway/ort/copy.h"
#include "laneway/ort/external_memory.h"
#include "laneway/ort/stream.h"
#include "ort_faults/faults.h"
#include "ort_support/folder.h"
#include "ort_support/plugin.h"

namespace laneway::faults {
namespace {

using namespace ort;

class OrtDeviceFaults : public OrtPlugin {
 protected:
  using Loaded = std::shared_ptr<const ProviderLibrary>;
  Expected<Loaded> load_plugin() const { return ProviderLibrary::load(environment_, "plugin", LANEWAY_TEST_PROVIDER); }
  Expected<Value> host(const std::vector<float>& elements) const {
    return Value::copy<float>(environment_->host_allocator(), elements, {elements.size()});
  }
  bool has_level(int level) const { return environment_->library()->level() >= level; }

  const std::string model_ = sum_and_product();
};

TEST_F(OrtDeviceFaults, O02_ALibraryOfAProvider) {
  fail_everything([&]() -> Expected<> {
    LANEWAY_TRY_ASSIGN(const Loaded library, load_plugin());
    const std::vector<Device> own = library->devices();
    LANEWAY_TRY(check(own.size() == 1, "devices"));
    LANEWAY_TRY_ASSIGN(const auto all, devices(environment_));
    LANEWAY_TRY_ASSIGN(const auto memory, own[0].memory());
    LANEWAY_TRY_ASSIGN(const Allocator allocator, own[0].allocator());
    LANEWAY_TRY_ASSIGN(const Allocation allocation, allocator.allocate(64));
    LANEWAY_TRY_ASSIGN(const auto stream, Stream::make(own[0], {{"priority", "high"}}));
    return check(all.size() > 1 && memory && allocation.memory.data && stream->handle() && !own[0].hardware().vendor.empty() &&
                     !own[0].provider_metadata().empty(),
                 "device");
  });
}

TEST_F(OrtDeviceFaults, O02_WhatIsKnownOfProcessors) {
  if (!has_level(24)) GTEST_SKIP() << "this library cannot";
  fail_everything([&]() -> Expected<> {
    LANEWAY_TRY_ASSIGN(const Loaded library, load_plugin());
    LANEWAY_TRY_ASSIGN(const auto processors, hardware(environment_));
    LANEWAY_TRY_ASSIGN(const Incompatibility known, incompatibility(environment_, plugin, 0));
    LANEWAY_TRY_ASSIGN(const Compatibility fits, compatibility(library->devices(), "laneway-test-1"));
    return check(!processors.empty() && !known.driver && fits == Compatibility::optimal, "processors");
  });
}

TEST_F(OrtDeviceFaults, O02_AttachedByItsName) {
  fail_everything([&]() -> Expected<> {
    LANEWAY_TRY_ASSIGN(const Loaded library, load_plugin());
    SessionSpec spec = spec_of(model_);
    spec.providers = {{.name = "CUDA", .fallback = {{.name = plugin, .options = {{"speed", "3"}}}}}, {.name = "CPU"}};
    LANEWAY_TRY_ASSIGN(const auto session, Session::open(spec));
    LANEWAY_TRY_ASSIGN(const auto placed, session->input_placements());
    return check(placed[0].memory.vendor == 0x1a2e, "placement");
  });
}

TEST_F(OrtDeviceFaults, O02_AttachedByItsDevicesAndRun) {
  fail_everything([&]() -> Expected<> {
    LANEWAY_TRY_ASSIGN(const Loaded library, load_plugin());
    SessionSpec spec = spec_of(model_);
    spec.providers = {{.name = plugin, .options = {{"speed", "3"}}, .devices = library->devices()}};
    LANEWAY_TRY_ASSIGN(const auto session, Session::open(spec));
    LANEWAY_TRY_ASSIGN(const Allocator allocator, library->devices()[0].allocator());
    LANEWAY_TRY_ASSIGN(const Value a, host({1, 2, 3}));
    LANEWAY_TRY_ASSIGN(Value b, Value::allocate(allocator, DType::f32, {3}));
    LANEWAY_TRY(copy_tensor(*environment_, a, b));
    LANEWAY_TRY_ASSIGN(const auto memory, library->devices()[0].memory());
    LANEWAY_TRY_ASSIGN(const MemoryInfo where, MemoryInfo::make(environment_->library(), *memory));
    LANEWAY_TRY_ASSIGN(Binding binding, Binding::make(session));
    LANEWAY_TRY_ASSIGN(RunOptions options, RunOptions::make(environment_->library(), {.synchronise = false}));
    if (has_level(24)) {
      LANEWAY_TRY_ASSIGN(auto stream, Stream::make(library->devices()[0]));
      LANEWAY_TRY(options.use_stream(std::move(stream)));
    }
    LANEWAY_TRY(binding.bind_input(0, a));
    LANEWAY_TRY(binding.bind_input(1, b));
    LANEWAY_TRY(binding.bind_output(0, where));
    LANEWAY_TRY(binding.synchronise_inputs());
    LANEWAY_TRY(binding.run(options));
    LANEWAY_TRY(binding.synchronise_outputs());
    LANEWAY_TRY_ASSIGN(const Value* y, binding.output(0));
    LANEWAY_TRY_ASSIGN(Value back, host({0, 0, 0}));
    LANEWAY_TRY(copy_tensor(*environment_, *y, back));
    LANEWAY_TRY_ASSIGN(const TensorView view, back.tensor());
    return check(static_cast<const float*>(view.data)[2] == 18, "y = (a + b) b");
  });
}

TEST_F(OrtDeviceFaults, O02_CompiledModelsAndTheirCompatibility) {
  if (!has_level(25)) GTEST_SKIP() << "this library cannot";
  const Folder folder;
  const auto file = folder.write("model.onnx", model_);
  fail_everything([&]() -> Expected<> {
    LANEWAY_TRY_ASSIGN(const Loaded library, load_plugin());
    LANEWAY_TRY_ASSIGN(const auto info, compatibility_info(environment_, file, plugin));
    LANEWAY_TRY_ASSIGN(const auto same, compatibility_info(environment_, test_models::as_bytes(model_), plugin));
    return check(!info && !same, "a model that is not compiled");
  });
}

TEST_F(OrtDeviceFaults, O02_WhatOthersMade) {
  if (!has_level(25)) GTEST_SKIP() << "this library cannot";
  const int descriptor = memfd_create("laneway-test", 0);
  ASSERT_EQ(ftruncate(descriptor, 64), 0);
  fail_everything([&]() -> Expected<> {
    LANEWAY_TRY_ASSIGN(const Loaded library, load_plugin());
    const Device device = library->devices()[0];
    LANEWAY_TRY_ASSIGN(const auto stream, Stream::make(device));
    LANEWAY_TRY_ASSIGN(const auto importer, ExternalImporter::make(device));
    LANEWAY_TRY_ASSIGN(const bool memories, importer->can_import(ExternalMemoryKind::vulkan_fd));
    LANEWAY_TRY_ASSIGN(const bool semaphores, importer->can_import(ExternalSemaphoreKind::vulkan_timeline_fd));
    LANEWAY_TRY_ASSIGN(const auto memory, importer->import_memory({.handle = descriptor, .bytes = 64}));
    LANEWAY_TRY_ASSIGN(const Value tensor, memory->tensor(DType::f32, {3}, 8));
    LANEWAY_TRY_ASSIGN(const auto semaphore, importer->import_semaphore(ExternalSemaphoreKind::vulkan_timeline_fd, descriptor));
    LANEWAY_TRY(semaphore->signal(*stream, 7));
    LANEWAY_TRY(semaphore->wait(*stream, 7));
    LANEWAY_TRY_ASSIGN(const auto graphics, GraphicsInterop::begin(device, GraphicsApi::vulkan, nullptr, {{"queue", "1"}}));
    return check(memories && semaphores && tensor.native(), "imports");
  });
  close(descriptor);
}

}  // namespace
}  // namespace laneway::faults
