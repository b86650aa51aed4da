// A provider that computes nothing: it shows each graph that ONNX Runtime asks it about to whoever set `read_graph`.
#include <onnxruntime_c_api.h>

#include <cstdint>

namespace {

const OrtApi* api = nullptr;
void (*read_graph)(const OrtGraph*) = nullptr;

OrtEp make_ep() {
  OrtEp ep{};
  ep.ort_version_supported = ORT_API_VERSION;
  ep.GetName = [](const OrtEp*) noexcept { return "GraphReader"; };
  ep.GetCapability = [](OrtEp*, const OrtGraph* graph, OrtEpGraphSupportInfo*) noexcept -> OrtStatus* {
    if (read_graph) read_graph(graph);
    return nullptr;
  };
  return ep;
}

OrtStatus* supported_devices(OrtEpFactory* factory, const OrtHardwareDevice* const* devices, std::size_t count,
                             OrtEpDevice** ours, std::size_t, std::size_t* number) noexcept {
  *number = 0;
  for (std::size_t i = 0; i < count && *number == 0; ++i) {
    if (api->HardwareDevice_Type(devices[i]) != OrtHardwareDeviceType_CPU) continue;
    OrtStatus* const status = api->GetEpApi()->CreateEpDevice(factory, devices[i], nullptr, nullptr, ours);
    if (status) return status;
    *number = 1;
  }
  return nullptr;
}

OrtEpFactory make_factory() {
  OrtEpFactory factory{};
  factory.ort_version_supported = ORT_API_VERSION;
  factory.GetName = [](const OrtEpFactory*) noexcept { return "GraphReader"; };
  factory.GetVendor = [](const OrtEpFactory*) noexcept { return "Laneway"; };
  factory.GetVendorId = [](const OrtEpFactory*) noexcept -> std::uint32_t { return 0x1A4E; };
  factory.GetVersion = [](const OrtEpFactory*) noexcept { return "1.0.0"; };
  factory.GetSupportedDevices = supported_devices;
  factory.CreateEp = [](OrtEpFactory*, const OrtHardwareDevice* const*, const OrtKeyValuePairs* const*, std::size_t,
                        const OrtSessionOptions*, const OrtLogger*, OrtEp** ep) noexcept -> OrtStatus* {
    *ep = new OrtEp(make_ep());
    return nullptr;
  };
  factory.ReleaseEp = [](OrtEpFactory*, OrtEp* ep) noexcept { delete ep; };
  factory.CreateAllocator = [](OrtEpFactory*, const OrtMemoryInfo*, const OrtKeyValuePairs*,
                               OrtAllocator** made) noexcept -> OrtStatus* {
    *made = nullptr;
    return nullptr;
  };
  factory.ReleaseAllocator = [](OrtEpFactory*, OrtAllocator*) noexcept {};
  factory.CreateDataTransfer = [](OrtEpFactory*, OrtDataTransferImpl** made) noexcept -> OrtStatus* {
    *made = nullptr;
    return nullptr;
  };
  factory.IsStreamAware = [](const OrtEpFactory*) noexcept { return false; };
  return factory;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) OrtStatus* CreateEpFactories(const char*, const OrtApiBase* base,
                                                                               const OrtLogger*, OrtEpFactory** factories,
                                                                               std::size_t, std::size_t* count) {
  for (std::uint32_t level = ORT_API_VERSION; !api && level >= 23; --level) api = base->GetApi(level);
  factories[0] = new OrtEpFactory(make_factory());
  *count = 1;
  return nullptr;
}

extern "C" __attribute__((visibility("default"))) OrtStatus* ReleaseEpFactory(OrtEpFactory* factory) {
  delete factory;
  return nullptr;
}

extern "C" __attribute__((visibility("default"))) void set_graph_reader(void (*reader)(const OrtGraph*)) { read_graph = reader; }
