#include "laneway/ort/provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "laneway/ort/compatibility.h"
#include "laneway/ort/provider_options.h"
#include "laneway/ort/session_json.h"
#include "laneway/ort/stream.h"
#include "ort_support/folder.h"
#include "ort_support/plugin.h"

namespace laneway::ort {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::string open_with(std::vector<Provider> providers) {
  const std::string model = test_models::relu();
  SessionSpec spec = spec_of(model);
  spec.providers = std::move(providers);
  return outcome(Session::open(spec));
}

// ---- by name -------------------------------------------------------------------------------------------------------------

TEST(OrtProviders, O22_OneThatIsMissingIsUnavailableNamingWhatThereIs) {
  EXPECT_EQ(open_with({{.name = "CPU"}}), "success");
  EXPECT_EQ(open_with({{.name = "cpuexecutionprovider"}}), "success");
  for (const char* name : {"CANN", "CoreML", "CUDA", "DNNL", "MIGraphX", "NvTensorRtRtx", "OpenVINO", "QNN", "ROCM", "TensorRT",
                           "VitisAI", "WebGPU", "XNNPACK", "Martian"}) {
    EXPECT_THAT(open_with({{.name = name}}),
                AllOf(StartsWith("unavailable: provider " + std::string(name) + ": not available: expected one of "),
                      HasSubstr("CPUExecutionProvider"), HasSubstr("got " + full_provider_name(name))));
  }
  EXPECT_EQ(full_provider_name("tensorrt"), "TensorrtExecutionProvider");
  EXPECT_EQ(full_provider_name("Martian"), "Martian");
}

TEST(OrtProviders, O22_TheFirstFallbackThatIsThereServes) {
  EXPECT_EQ(open_with({{.name = "CUDA", .fallback = {{.name = "ROCM"}, {.name = "CPU"}}}}), "success");
  EXPECT_EQ(open_with({{.name = "CUDA", .fallback = {{.name = "ROCM", .fallback = {{.name = "CPU"}}}}}}), "success");
  EXPECT_THAT(open_with({{.name = "CUDA", .fallback = {{.name = "ROCM"}}}}), StartsWith("unavailable: provider CUDA: "));
}

TEST(OrtProviders, O22_FieldsBecomeTheOptionsThatProvidersKnow) {
  int stream = 0;
  const Provider cuda =
      provider(CudaOptions{.device = 1, .memory_bytes_max = 1ull << 33, .arena_exact = true, .stream = &stream});
  EXPECT_EQ(cuda.name, "CUDA");
  EXPECT_EQ(cuda.options, (KeyValues{{"device_id", "1"},
                                     {"gpu_mem_limit", "8589934592"},
                                     {"arena_extend_strategy", "kSameAsRequested"},
                                     {"user_compute_stream", std::to_string(reinterpret_cast<std::uintptr_t>(&stream))}}));
  EXPECT_EQ(provider(CudaOptions{}).options, KeyValues{});
  using Entry = KeyValues::value_type;
  EXPECT_THAT(provider(cuda_for_speed()).options,
              testing::IsSupersetOf({Entry("cudnn_conv_algo_search", "EXHAUSTIVE"), Entry("use_tf32", "1")}));
  EXPECT_THAT(provider(cuda_for_graphs()).options, testing::Contains(Entry("enable_cuda_graph", "1")));
  EXPECT_THAT(provider(cuda_for_low_memory()).options, testing::Contains(Entry("cudnn_conv_use_max_workspace", "0")));
  EXPECT_EQ(provider(TensorRtOptions{.f16 = true, .engine_cache_path = "c"}).options,
            (KeyValues{{"trt_fp16_enable", "1"}, {"trt_engine_cache_enable", "1"}, {"trt_engine_cache_path", "c"}}));
  EXPECT_EQ(provider(OpenVinoOptions{.device = "CPU", .threads = 2}).options,
            (KeyValues{{"device_type", "CPU"}, {"num_of_threads", "2"}}));
  EXPECT_EQ(provider(XnnpackOptions{.threads = 3}).options, (KeyValues{{"intra_op_num_threads", "3"}}));
  const Provider all[] = {provider(AzureOptions{}),    provider(CannOptions{}),          provider(CoreMlOptions{}),
                          provider(CudaOptions{}),     provider(DnnlOptions{}),          provider(MigraphxOptions{}),
                          provider(OpenVinoOptions{}), provider(NvTensorRtRtxOptions{}), provider(QnnOptions{}),
                          provider(RocmOptions{}),     provider(TensorRtOptions{}),      provider(VitisAiOptions{}),
                          provider(WebGpuOptions{}),   provider(XnnpackOptions{})};
  for (const Provider& each : all) {
    EXPECT_THAT(full_provider_name(each.name), testing::EndsWith("ExecutionProvider")) << each.name << " is not known";
    EXPECT_TRUE(each.options.empty()) << each.name;
  }
}

// ---- a provider in a library of its own ----------------------------------------------------------------------------------

TEST_F(OrtPlugin, O23_RegistersAndListsItsDevices) {
  const auto before = take(devices(environment_));
  {
    const auto library = load();
    EXPECT_EQ(library->name(), "plugin");
    const auto own = library->devices();
    ASSERT_EQ(own.size(), 1u);
    const Device& device = own[0];
    EXPECT_EQ(device.provider(), plugin);
    EXPECT_EQ(device.provider_vendor(), "Laneway");
    EXPECT_THAT(device.provider_metadata(),
                testing::IsSupersetOf({KeyValues::value_type("colour", "green"), KeyValues::value_type("version", "1.2.3")}));
    EXPECT_THAT(device.provider_options(), ElementsAre(KeyValues::value_type("speed", "11")));
    EXPECT_EQ(device.hardware().kind, DeviceKind::cpu);
    EXPECT_EQ(take(device.memory()), (MemorySpec{.name = "LanewayTest", .device_kind = DeviceKind::gpu, .vendor = 0x1a2e}));
    EXPECT_EQ(take(device.memory(true)), std::nullopt);
    EXPECT_EQ(take(devices(environment_)).size(), before.size() + 1);
    EXPECT_EQ(counts().factories, 1);
  }
  EXPECT_EQ(take(devices(environment_)).size(), before.size());
}

TEST_F(OrtPlugin, O23_IsUnregisteredWhenNothingNeedsItAnyMore) {
  const std::string model = sum_and_product();
  auto device = std::make_unique<Device>(load()->devices()[0]);
  EXPECT_EQ(counts().factories, 1) << "a device keeps it";
  SessionSpec spec = spec_of(model);
  spec.providers = {{.name = plugin, .devices = {*device}}};
  auto session = take(Session::open(spec));
  spec.providers.clear();
  device.reset();
  EXPECT_EQ(counts().factories, 1) << "a session keeps it";
  EXPECT_THAT(run_sum_and_product(session), expected);
  session.reset();
  EXPECT_EQ(counts().factories, 0);
  load();
  EXPECT_EQ(counts().factories, 0);
}

TEST_F(OrtPlugin, O23_WhatCannotBeRegisteredIsRefused) {
  const Folder folder;
  const auto load_from = [&](const std::string& name, const std::filesystem::path& path) {
    return outcome(ProviderLibrary::load(environment_, name, path));
  };
  const auto library = load();
  EXPECT_THAT(load_from("plugin", LANEWAY_TEST_PROVIDER),
              StartsWith("failed_precondition: provider library plugin: the name is taken"));
  EXPECT_THAT(load_from("", LANEWAY_TEST_PROVIDER), StartsWith("invalid_argument: provider library: name: empty"));
  EXPECT_THAT(load_from(std::string("a\0", 2), LANEWAY_TEST_PROVIDER),
              StartsWith("invalid_argument: provider library: holds a NUL"));
  EXPECT_THAT(load_from("other", folder.path() / "none.so"), StartsWith("not_found: provider library "));
  EXPECT_THAT(load_from("other", folder.write("garbage.so", "garbage")), StartsWith("unavailable: provider library "));
  EXPECT_THAT(load_from("other", LANEWAY_TEST_EMPTY_LIBRARY), StartsWith("unavailable: provider library "));
  EXPECT_EQ(library->devices().size(), 1u);
}

TEST_F(OrtPlugin, O23_ComputesWhatItClaimsInMemoryOfItsOwn) {
  const auto library = load();
  const std::string model = sum_and_product();
  SessionSpec spec = spec_of(model);
  spec.record_placement = true;
  spec.providers = {{.name = plugin}};  // by its name alone
  const auto session = take(Session::open(spec));
  const int computed = counts().computed, to_device = counts().to_device, to_host = counts().to_host;
  EXPECT_THAT(run_sum_and_product(session), expected);
  EXPECT_EQ(counts().computed - computed, 2);
  EXPECT_GE(counts().to_device - to_device, 2) << "both inputs";
  EXPECT_GE(counts().to_host - to_host, 1);
  for (const auto& ports : {take(session->input_placements()), take(session->output_placements())}) {
    for (const PortPlacement& port : ports) {
      EXPECT_EQ(port.memory.vendor, 0x1a2eu);
      EXPECT_EQ(port.memory.device_kind, DeviceKind::gpu);
      if (!port.device) continue;
      EXPECT_EQ(port.device->provider(), plugin);
    }
  }
  if (session->library()->level() < 24) return;
  for (const Assignment& assignment : take(session->assignments())) EXPECT_EQ(assignment.provider, plugin);
}

TEST_F(OrtPlugin, O22_TheOrderOfProvidersIsTheirRank) {
  const auto library = load();
  const auto all = take(devices(environment_));
  const auto cpu = std::ranges::find(all, std::string("CPUExecutionProvider"), &Device::provider);
  ASSERT_NE(cpu, all.end());
  const std::string model = sum_and_product();
  const auto computed_by_plugin = [&](std::vector<Provider> providers) {
    SessionSpec spec = spec_of(model);
    spec.providers = std::move(providers);
    const auto session = take(Session::open(spec));
    const int before = counts().computed;
    EXPECT_THAT(run_sum_and_product(session), expected);
    return counts().computed - before;
  };
  EXPECT_EQ(computed_by_plugin({{.name = plugin}, {.name = "CPU"}}), 2);
  EXPECT_EQ(computed_by_plugin({{.name = "CUDA", .fallback = {{.name = plugin}}}}), 2);
  EXPECT_EQ(computed_by_plugin({{.name = "CPU", .devices = {*cpu}}}), 0);
}

TEST_F(OrtPlugin, O23_DevicesThatDoNotFitAreRefused) {
  const auto library = load();
  EXPECT_THAT(open_with({{.name = plugin, .devices = take(devices(environment_))}}),
              AllOf(StartsWith("invalid_argument: "), HasSubstr("of different providers")));
  EXPECT_THAT(open_with({{.name = "Martian"}}), HasSubstr("LanewayTestProvider (registered)"));
}

TEST_F(OrtPlugin, O23_PoliciesAndFunctionsChooseItsDeviceToo) {
  const auto library = load();
  const std::string model = sum_and_product();
  SessionSpec spec = spec_of(model);
  spec.device_selection = DeviceSelector([](const DeviceChoice& choice) -> Expected<std::vector<std::size_t>> {
    for (std::size_t i = 0; i < choice.devices.size(); ++i) {
      if (choice.devices[i].provider() == plugin) return std::vector<std::size_t>{i};
    }
    return Error(ErrorCode::not_found, "no plugin");
  });
  const auto session = take(Session::open(spec));
  EXPECT_THAT(run_sum_and_product(session), expected);
  const auto placed = take(session->input_placements());
  ASSERT_TRUE(placed[0].device);
  EXPECT_EQ(*placed[0].device, library->devices()[0]);
}

TEST_F(OrtPlugin, O23_StreamsAreMadeAndKeepTheirDevice) {
  std::shared_ptr<const Stream> stream;
  {
    const auto library = load();
    stream = take(Stream::make(library->devices()[0], {{"priority", "high"}}));
    EXPECT_THAT(outcome(Stream::make(library->devices()[0], {{"", ""}})), StartsWith("invalid_argument: stream options"));
  }
  EXPECT_NE(stream->handle(), nullptr);
  EXPECT_EQ(stream->device().provider(), plugin);
  EXPECT_EQ(counts().streams, 1);
  EXPECT_EQ(counts().factories, 1);
  stream.reset();
  EXPECT_EQ(counts().streams, 0);
  const auto cpu = take(devices(environment_))[0];
  EXPECT_THAT(outcome(Stream::make(cpu)), StartsWith("invalid_argument: stream on CPUExecutionProvider"));
}

TEST_F(OrtPlugin, O23_ItsContextIsWrittenReadAndChecked) {
  const Folder folder;
  const auto library = load();
  const auto own = library->devices();
  const auto model = folder.write("m.onnx", sum_and_product());
  const auto compiled = folder.path() / "compiled.onnx";
  SessionSpec spec{.model = ModelPath{model}};
  spec.providers = {{.name = plugin}};
  spec.config = {{"ep.context_enable", "1"}, {"ep.context_file_path", compiled.string()}, {"ep.context_embed_mode", "1"}};
  EXPECT_THAT(run_sum_and_product(take(Session::open(spec))), expected);
  EXPECT_THAT(folder.read("compiled.onnx"), AllOf(HasSubstr("EPContext"), HasSubstr(plugin)));
  SessionSpec again{.model = ModelPath{compiled}};
  EXPECT_THAT(outcome(Session::open(again)), testing::Not("success")) << "nobody else computes it";
  again.providers = {{.name = plugin}};
  EXPECT_THAT(run_sum_and_product(take(Session::open(again))), expected);

  EXPECT_EQ(take(compatibility(own, "laneway-test-1")), Compatibility::optimal);
  EXPECT_EQ(take(compatibility(own, "laneway-test-0")), Compatibility::unsupported);
  EXPECT_THAT(outcome(compatibility({}, "x")), StartsWith("invalid_argument: compatibility: devices: none"));
  EXPECT_THAT(outcome(compatibility(take(devices(environment_)), "x")), StartsWith("invalid_argument: compatibility: devices"));
  if (environment_->library()->level() < 25) return;
  EXPECT_EQ(take(compatibility_info(environment_, compiled, plugin)), "laneway-test-1");
  EXPECT_EQ(take(compatibility_info(environment_, model, plugin)), std::nullopt);
  const std::string bytes = folder.read("compiled.onnx");
  EXPECT_EQ(take(compatibility_info(environment_, std::as_bytes(std::span(bytes)), plugin)), "laneway-test-1");
  EXPECT_THAT(outcome(compatibility_info(environment_, folder.path() / "none", plugin)), StartsWith("not_found: model "));
  EXPECT_THAT(outcome(compatibility_info(environment_, compiled, "")),
              StartsWith("invalid_argument: compatibility: provider: empty"));
}

TEST_F(OrtPlugin, O24_ProcessorsAreListedAndWhatIsKnownAgainstThem) {
  if (environment_->library()->level() < 24) {
    EXPECT_THAT(outcome(hardware(environment_)), StartsWith("unimplemented"));
    return;
  }
  const auto library = load();
  const auto processors = take(hardware(environment_));
  ASSERT_GE(processors.size(), 1u);
  EXPECT_TRUE(std::ranges::any_of(processors, [](const Hardware& each) { return each.kind == DeviceKind::cpu; }));
  const Incompatibility nothing = take(incompatibility(environment_, plugin, 0));
  EXPECT_FALSE(nothing.driver || nothing.hardware || nothing.dependency || nothing.unknown) << nothing.notes;
  EXPECT_THAT(outcome(incompatibility(environment_, "Martian", 0)), StartsWith("not_found: compatibility: provider Martian"));
  EXPECT_THAT(outcome(incompatibility(environment_, plugin, 99)), StartsWith("out_of_range: compatibility: processor"));
}

}  // namespace
}  // namespace laneway::ort
