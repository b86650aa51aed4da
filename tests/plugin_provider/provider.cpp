// The provider: which nodes it takes (Add and Mul of f32, of equal shapes), how it computes them, and its factory.
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "plugin_provider/copy_kernels.h"
#include "plugin_provider/importer.h"

namespace laneway::test_provider {
namespace {

LanewayTestCounts& counts = laneway_test_counts;

OrtStatus* failed(const char* message) noexcept { return api->CreateStatus(ORT_EP_FAIL, message); }

struct Tensor {
  std::vector<float> elements;
  std::vector<std::int64_t> shape;
};

OrtStatus* read_input(const OrtKernelContext* context, std::size_t index, int device, Tensor& tensor) {
  const OrtValue* value = nullptr;
  const void* data = nullptr;
  OrtTensorTypeAndShapeInfo* info = nullptr;
  std::size_t rank = 0, count = 0;
  LANEWAY_TEST_TRY(api->KernelContext_GetInput(context, index, &value));
  if (!is_ours(ep_api->Value_GetMemoryDevice(value), device)) return failed("an input is not on the device");
  LANEWAY_TEST_TRY(api->GetTensorData(value, &data));
  LANEWAY_TEST_TRY(api->GetTensorTypeAndShape(value, &info));
  OrtStatus* status = api->GetDimensionsCount(info, &rank);
  tensor.shape.resize(rank);
  if (!status) status = api->GetDimensions(info, tensor.shape.data(), rank);
  if (!status) status = api->GetTensorShapeElementCount(info, &count);
  api->ReleaseTensorTypeAndShapeInfo(info);
  if (status) return status;
  tensor.elements.resize(count);
  copy_scrambled(tensor.elements.data(), data, count * sizeof(float));
  return nullptr;
}

OrtStatus* compute(OrtKernelContext* context, bool multiply, int device) {
  Tensor a, b;
  LANEWAY_TEST_TRY(read_input(context, 0, device, a));
  LANEWAY_TEST_TRY(read_input(context, 1, device, b));
  if (a.shape != b.shape) return failed("shapes differ");
  for (std::size_t i = 0; i < a.elements.size(); ++i) {
    a.elements[i] = multiply ? a.elements[i] * b.elements[i] : a.elements[i] + b.elements[i];
  }
  OrtValue* output = nullptr;
  void* data = nullptr;
  LANEWAY_TEST_TRY(api->KernelContext_GetOutput(context, 0, a.shape.data(), a.shape.size(), &output));
  if (!is_ours(ep_api->Value_GetMemoryDevice(output), device)) return failed("the output is not on the device");
  LANEWAY_TEST_TRY(api->GetTensorMutableData(output, &data));
  copy_scrambled(data, a.elements.data(), a.elements.size() * sizeof(float));
  ++counts.computed;
  ++counts.computed_by[device];
  void* stream = nullptr;
  LANEWAY_TEST_TRY(api->KernelContext_GetGPUComputeStream(context, &stream));
  counts.computed_on = stream;
  return nullptr;
}

struct Compiled : OrtNodeComputeInfo {
  Compiled(bool product, int number) : OrtNodeComputeInfo{}, multiply(product), device(number) {
    ort_version_supported = ORT_API_VERSION;
    CreateState = [](OrtNodeComputeInfo* self, OrtNodeComputeContext*, void** state) -> OrtStatus* {
      *state = self;
      return nullptr;
    };
    Compute = [](OrtNodeComputeInfo*, void* state, OrtKernelContext* context) -> OrtStatus* {
      const auto* compiled = static_cast<const Compiled*>(state);
      return compute(context, compiled->multiply, compiled->device);
    };
    ReleaseState = [](OrtNodeComputeInfo*, void*) {};
  }
  bool multiply;
  int device;
};

std::vector<const OrtNode*> nodes_of(const OrtGraph* graph) {
  std::size_t count = 0;
  if (api->Graph_GetNumNodes(graph, &count)) return {};
  std::vector<const OrtNode*> nodes(count);
  if (api->Graph_GetNodes(graph, nodes.data(), count)) return {};
  return nodes;
}

std::string type_of(const OrtNode* node) {
  const char* type = nullptr;
  return api->Node_GetOperatorType(node, &type) ? "" : type;
}

std::string text_attribute(const OrtNode* node, const char* name) {
  const OrtOpAttr* attribute = nullptr;
  char text[256];
  std::size_t bytes = 0;
  if (api->Node_GetAttributeByName(node, name, &attribute) || !attribute) return "";
  if (api->ReadOpAttr(attribute, ORT_OP_ATTR_STRING, text, sizeof text, &bytes)) return "";
  return {text, bytes};
}

// Of f32, all of one rank: what it makes of other shapes than equal ones, only a run shows.
bool takes_inputs(const OrtNode* node) {
  std::size_t count = 0;
  if (api->Node_GetNumInputs(node, &count) || count != 2) return false;
  const OrtValueInfo* inputs[2] = {};
  if (api->Node_GetInputs(node, inputs, 2)) return false;
  std::size_t ranks[2] = {};
  for (std::size_t i = 0; i < 2; ++i) {
    const OrtTypeInfo* type = nullptr;
    const OrtTensorTypeAndShapeInfo* tensor = nullptr;
    ONNXTensorElementDataType element{};
    if (api->GetValueInfoTypeInfo(inputs[i], &type) || api->CastTypeInfoToTensorInfo(type, &tensor) || !tensor) return false;
    if (api->GetTensorElementType(tensor, &element) || element != ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT) return false;
    if (api->GetDimensionsCount(tensor, &ranks[i])) return false;
  }
  return ranks[0] == ranks[1];
}

bool takes(const OrtNode* node) {
  const std::string type = type_of(node);
  if (type == "EPContext") return text_attribute(node, "source") == provider_name;
  return (type == "Add" || type == "Mul") && takes_inputs(node);
}

// What a compiled model holds of a node instead of it: a node whose text says what it was.
OrtStatus* make_context_node(const OrtNode* fused, const std::string& type, OrtNode** made) {
  const char *name = nullptr, *input_names[2] = {}, *output_name = nullptr;
  const OrtValueInfo *inputs[2] = {}, *output = nullptr;
  LANEWAY_TEST_TRY(api->Node_GetName(fused, &name));
  LANEWAY_TEST_TRY(api->Node_GetInputs(fused, inputs, 2));
  LANEWAY_TEST_TRY(api->Node_GetOutputs(fused, &output, 1));
  for (std::size_t i = 0; i < 2; ++i) LANEWAY_TEST_TRY(api->GetValueInfoName(inputs[i], &input_names[i]));
  LANEWAY_TEST_TRY(api->GetValueInfoName(output, &output_name));
  const std::int64_t one = 1;
  OrtOpAttr* attributes[4] = {};
  LANEWAY_TEST_TRY(api->CreateOpAttr("main_context", &one, 1, ORT_OP_ATTR_INT, &attributes[0]));
  LANEWAY_TEST_TRY(api->CreateOpAttr("embed_mode", &one, 1, ORT_OP_ATTR_INT, &attributes[1]));
  LANEWAY_TEST_TRY(
      api->CreateOpAttr("ep_cache_context", type.data(), static_cast<int>(type.size()), ORT_OP_ATTR_STRING, &attributes[2]));
  LANEWAY_TEST_TRY(api->CreateOpAttr("source", provider_name, static_cast<int>(std::strlen(provider_name)), ORT_OP_ATTR_STRING,
                                     &attributes[3]));
  return api->GetModelEditorApi()->CreateNode("EPContext", "com.microsoft", name, input_names, 2, &output_name, 1, attributes, 4,
                                              made);
}

// Headers before level 25 do not have it.
template <class Ep>
void set_sync(Ep& ep) {
  if constexpr (requires { ep.Sync; }) {
    ep.Sync = [](OrtEp*) noexcept {
      ++counts.synchronised;
      return static_cast<OrtStatus*>(nullptr);
    };
  }
}

struct Provider : CopyingProvider {
  Provider(bool writes_context, int number) : context(writes_context), device(number) {
    ++counts.providers;
    ort_version_supported = ORT_API_VERSION;
    GetName = [](const OrtEp*) noexcept { return provider_name; };
    GetCapability = [](OrtEp*, const OrtGraph* graph, OrtEpGraphSupportInfo* support) noexcept {
      for (const OrtNode* node : nodes_of(graph)) {
        if (!takes(node)) continue;
        OrtNodeFusionOptions options{};
        options.ort_version_supported = ORT_API_VERSION;
        LANEWAY_TEST_TRY(ep_api->EpGraphSupportInfo_AddNodesToFuse(support, &node, 1, &options));
      }
      return static_cast<OrtStatus*>(nullptr);
    };
    Compile = [](OrtEp* self, const OrtGraph** graphs, const OrtNode** fused, std::size_t count, OrtNodeComputeInfo** compiled,
                 OrtNode** contexts) noexcept {
      for (std::size_t i = 0; i < count; ++i) {
        const OrtNode* const node = nodes_of(graphs[i]).at(0);
        const std::string type = type_of(node) == "EPContext" ? text_attribute(node, "ep_cache_context") : type_of(node);
        compiled[i] = new Compiled(type == "Mul", static_cast<const Provider*>(self)->device);
        if (static_cast<const Provider*>(self)->context && type_of(node) != "EPContext") {
          LANEWAY_TEST_TRY(make_context_node(fused[i], type, &contexts[i]));
        }
      }
      return static_cast<OrtStatus*>(nullptr);
    };
    ReleaseNodeComputeInfos = [](OrtEp*, OrtNodeComputeInfo** compiled, std::size_t count) noexcept {
      for (std::size_t i = 0; i < count; ++i) delete static_cast<Compiled*>(compiled[i]);
    };
    GetCompiledModelCompatibilityInfo = [](OrtEp*, const OrtGraph*) noexcept { return compatibility; };
    OnRunEnd = [](OrtEp*, const OrtRunOptions*, bool synchronise) noexcept {
      counts.runs_synchronised += synchronise;
      return static_cast<OrtStatus*>(nullptr);
    };
    set_sync(*this);
  }
  ~Provider() { --counts.providers; }
  bool context;
  int device;
};

OrtStatus* make_device(OrtEpFactory* factory, const OrtHardwareDevice* hardware, const OrtMemoryInfo* memory, int number,
                       OrtEpDevice** made) {
  OrtKeyValuePairs *metadata = nullptr, *options = nullptr;
  api->CreateKeyValuePairs(&metadata);
  api->CreateKeyValuePairs(&options);
  api->AddKeyValuePair(metadata, "colour", "green");
  if (number != 0) api->AddKeyValuePair(metadata, "number", "1");
  api->AddKeyValuePair(options, "speed", "11");
  OrtStatus* status = ep_api->CreateEpDevice(factory, hardware, metadata, options, made);
  api->ReleaseKeyValuePairs(metadata);
  api->ReleaseKeyValuePairs(options);
  if (!status) status = ep_api->EpDevice_AddAllocatorInfo(*made, memory);
  return status;
}

bool wants_context(const OrtSessionOptions* options) {
  int there = 0;
  char text[2] = {};
  std::size_t bytes = sizeof text;
  if (api->HasSessionConfigEntry(options, "ep.context_enable", &there) || !there) return false;
  return !api->GetSessionConfigEntry(options, "ep.context_enable", text, &bytes) && text[0] == '1';
}

struct Factory : OrtEpFactory {
  explicit Factory(std::vector<OrtMemoryInfo*> infos) : OrtEpFactory{}, memories(std::move(infos)) {
    ++counts.factories;
    ort_version_supported = ORT_API_VERSION;
    GetName = [](const OrtEpFactory*) noexcept { return provider_name; };
    GetVendor = [](const OrtEpFactory*) noexcept { return "Laneway"; };
    GetVendorId = [](const OrtEpFactory*) noexcept { return vendor_id; };
    GetVersion = [](const OrtEpFactory*) noexcept { return "1.2.3"; };
    GetSupportedDevices = [](OrtEpFactory* self, const OrtHardwareDevice* const* hardware, std::size_t count,
                             OrtEpDevice** devices, std::size_t devices_max, std::size_t* devices_count) noexcept {
      *devices_count = 0;
      for (std::size_t i = 0; i < count; ++i) {
        if (api->HardwareDevice_Type(hardware[i]) != OrtHardwareDeviceType_CPU) continue;
        int number = 0;
        for (const OrtMemoryInfo* memory : static_cast<Factory*>(self)->memories) {
          if (*devices_count == devices_max) break;
          LANEWAY_TEST_TRY(make_device(self, hardware[i], memory, number++, &devices[(*devices_count)++]));
        }
      }
      return static_cast<OrtStatus*>(nullptr);
    };
    CreateEp = [](OrtEpFactory*, const OrtHardwareDevice* const*, const OrtKeyValuePairs* const* metadata, std::size_t,
                  const OrtSessionOptions* options, const OrtLogger*, OrtEp** made) noexcept {
      *made = new Provider(wants_context(options), api->GetKeyValue(metadata[0], "number") ? 1 : 0);
      return static_cast<OrtStatus*>(nullptr);
    };
    ReleaseEp = [](OrtEpFactory*, OrtEp* provider) noexcept { delete static_cast<Provider*>(provider); };
    set_memory_functions();
    set_importer(*this);
  }
  ~Factory() {
    for (OrtMemoryInfo* memory : memories) api->ReleaseMemoryInfo(memory);
    --counts.factories;
  }

  void set_memory_functions() {
    ValidateCompiledModelCompatibilityInfo = [](OrtEpFactory*, const OrtHardwareDevice* const*, std::size_t, const char* info,
                                                OrtCompiledModelCompatibility* fit) noexcept {
      *fit = std::strcmp(info, compatibility) == 0 ? OrtCompiledModelCompatibility_EP_SUPPORTED_OPTIMAL
                                                   : OrtCompiledModelCompatibility_EP_UNSUPPORTED;
      return static_cast<OrtStatus*>(nullptr);
    };
    CreateAllocator = [](OrtEpFactory*, const OrtMemoryInfo* info, const OrtKeyValuePairs*, OrtAllocator** made) noexcept {
      *made = make_allocator(info);
      return static_cast<OrtStatus*>(nullptr);
    };
    ReleaseAllocator = [](OrtEpFactory*, OrtAllocator* allocator) noexcept { release_allocator(allocator); };
    CreateDataTransfer = [](OrtEpFactory*, OrtDataTransferImpl** made) noexcept {
      *made = make_transfer();
      return static_cast<OrtStatus*>(nullptr);
    };
    IsStreamAware = [](const OrtEpFactory*) noexcept { return true; };
    CreateSyncStreamForDevice = [](OrtEpFactory*, const OrtMemoryDevice*, const OrtKeyValuePairs*,
                                   OrtSyncStreamImpl** made) noexcept {
      *made = make_stream();
      return static_cast<OrtStatus*>(nullptr);
    };
  }
  std::vector<OrtMemoryInfo*> memories;  // of one device each
};

}  // namespace
}  // namespace laneway::test_provider

using namespace laneway::test_provider;

extern "C" OrtStatus* CreateEpFactories(const char*, const OrtApiBase* base, const OrtLogger*, OrtEpFactory** factories,
                                        std::size_t factories_max, std::size_t* count) {
  for (std::uint32_t level = ORT_API_VERSION; !api && level >= 23; --level) {
    if (std::string(base->GetVersionString()).substr(2) >= std::to_string(level)) api = base->GetApi(level);
  }
  ep_api = api->GetEpApi();
  if (factories_max == 0) return failed("no room for a factory");
  std::vector<OrtMemoryInfo*> memories(static_cast<std::size_t>(counts.devices.load()));
  for (std::size_t i = 0; i < memories.size(); ++i) {
    LANEWAY_TEST_TRY(api->CreateMemoryInfo_V2("LanewayTest", OrtMemoryInfoDeviceType_GPU, vendor_id, static_cast<int>(i),
                                              OrtDeviceMemoryType_DEFAULT, 0, OrtDeviceAllocator, &memories[i]));
  }
  factories[0] = new Factory(std::move(memories));
  *count = 1;
  return nullptr;
}

extern "C" OrtStatus* ReleaseEpFactory(OrtEpFactory* factory) {
  delete static_cast<Factory*>(factory);
  return nullptr;
}
