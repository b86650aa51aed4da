#include "laneway/ort/provider.h"

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>

#include "ort/attach.h"
#include "ort/call.h"
#include "ort/key_values.h"
#include "ort/text.h"

namespace laneway::ort {
namespace {

struct Attachment {
  const std::shared_ptr<const Library>& library;
  OrtSessionOptions* options;
  const Provider& provider;
  KeyValueTexts texts;

  std::size_t count() const { return texts.names.size(); }
  // Through options of the provider's own kind.
  template <class Native, class Create, class Update, class Append>
  Expected<> typed(const Entry<Create>& create, const Entry<Update>& update, const Entry<Append>& append) const {
    LANEWAY_TRY_ASSIGN(const auto typed, make<Native>(library, create));
    LANEWAY_TRY(call(*library, update, typed.get(), texts.names.data(), texts.values.data(), count()));
    return call(*library, append, options, typed.get());
  }
  template <class Append>
  Expected<> named(const Entry<Append>& append) const {
    return call(*library, append, options, texts.names.data(), texts.values.data(), count());
  }
};

std::string_view short_name(std::string_view name);

Expected<> attach_generic(const Attachment& a) {
  const std::string name(short_name(a.provider.name));
  return call(*a.library, LANEWAY_ORT_FN(SessionOptionsAppendExecutionProvider), a.options, name.c_str(), a.texts.names.data(),
              a.texts.values.data(), a.count());
}

// Every session has it, behind all others.
Expected<> attach_cpu(const Attachment& a) {
  if (a.count() == 0) return {};
  return Error(ErrorCode::invalid_argument, std::string("options: ") + a.texts.names[0] + ": it takes none");
}

Expected<> attach_cann(const Attachment& a) {
  return a.typed<OrtCANNProviderOptions>(LANEWAY_ORT_FN(CreateCANNProviderOptions), LANEWAY_ORT_FN(UpdateCANNProviderOptions),
                                         LANEWAY_ORT_FN(SessionOptionsAppendExecutionProvider_CANN));
}
Expected<> attach_cuda(const Attachment& a) {
  return a.typed<OrtCUDAProviderOptionsV2>(LANEWAY_ORT_FN(CreateCUDAProviderOptions), LANEWAY_ORT_FN(UpdateCUDAProviderOptions),
                                           LANEWAY_ORT_FN(SessionOptionsAppendExecutionProvider_CUDA_V2));
}
Expected<> attach_dnnl(const Attachment& a) {
  return a.typed<OrtDnnlProviderOptions>(LANEWAY_ORT_FN(CreateDnnlProviderOptions), LANEWAY_ORT_FN(UpdateDnnlProviderOptions),
                                         LANEWAY_ORT_FN(SessionOptionsAppendExecutionProvider_Dnnl));
}
Expected<> attach_rocm(const Attachment& a) {
  return a.typed<OrtROCMProviderOptions>(LANEWAY_ORT_FN(CreateROCMProviderOptions), LANEWAY_ORT_FN(UpdateROCMProviderOptions),
                                         LANEWAY_ORT_FN(SessionOptionsAppendExecutionProvider_ROCM));
}
Expected<> attach_tensorrt(const Attachment& a) {
  return a.typed<OrtTensorRTProviderOptionsV2>(LANEWAY_ORT_FN(CreateTensorRTProviderOptions),
                                               LANEWAY_ORT_FN(UpdateTensorRTProviderOptions),
                                               LANEWAY_ORT_FN(SessionOptionsAppendExecutionProvider_TensorRT_V2));
}
Expected<> attach_openvino(const Attachment& a) {
  return a.named(LANEWAY_ORT_FN(SessionOptionsAppendExecutionProvider_OpenVINO_V2));
}
Expected<> attach_vitis_ai(const Attachment& a) { return a.named(LANEWAY_ORT_FN(SessionOptionsAppendExecutionProvider_VitisAI)); }

struct Known {
  std::string_view name, full_name;
  Expected<> (*attach)(const Attachment&);
};
constexpr Known known_providers[] = {
#define LANEWAY_ORT_PROVIDER(NAME, FULL_NAME, ATTACH) {NAME, FULL_NAME, ATTACH},
#include "ort/providers.def"
#undef LANEWAY_ORT_PROVIDER
};

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

const Known* find_known(std::string_view name) {
  for (const Known& known : known_providers) {
    if (same_word(name, known.name) || same_word(name, known.full_name)) return &known;
  }
  return nullptr;
}

std::string_view short_name(std::string_view name) {
  const Known* known = find_known(name);
  return known ? known->name : name;
}

Expected<> append_devices(const Environment& environment, OrtSessionOptions* options, const Provider& provider,
                          const std::vector<Device>& devices) {
  std::vector<const OrtEpDevice*> natives;
  for (const Device& device : devices) {
    if (device.provider() != devices.front().provider()) {
      return Error(ErrorCode::invalid_argument, "devices: of different providers: expected " + devices.front().provider() +
                                                    ", got " + device.provider() + " (an entry of `providers` for each)");
    }
    if (device.environment().get() != &environment) {
      return Error(ErrorCode::invalid_argument, "devices: of another environment than the session's");
    }
    natives.push_back(device.native());
  }
  const KeyValueTexts texts(provider.options);
  return call(*environment.library(), LANEWAY_ORT_FN(SessionOptionsAppendExecutionProvider_V2), options, environment.native(),
              natives.data(), natives.size(), texts.names.data(), texts.values.data(), texts.names.size());
}

Error not_available(const Provider& provider, const std::vector<std::string>& built_in, const std::vector<Device>& devices) {
  std::string text = "not available: expected one of ";
  for (std::size_t i = 0; i < built_in.size(); ++i) text += (i ? ", " : "") + built_in[i];
  std::vector<std::string> registered;
  for (const Device& device : devices) {
    const std::string name = device.provider();
    if (std::ranges::find(built_in, name) == built_in.end() && std::ranges::find(registered, name) == registered.end()) {
      registered.push_back(name);
      text += ", " + name + " (registered)";
    }
  }
  return Error(ErrorCode::unavailable, text + "; got " + full_provider_name(provider.name));
}

Expected<bool> same_memory(const Device& a, const Device& b) {
  LANEWAY_TRY_ASSIGN(const auto of_a, a.memory());
  LANEWAY_TRY_ASSIGN(const auto of_b, b.memory());
  return of_a == of_b;
}

// One that is there and does not work, for want of a library of its own for one, is as unavailable as one that is not there.
Error blame_machine(Error error) {
  if (error.code() != ErrorCode::internal) return error;
  return Error(ErrorCode::unavailable, std::string(error.message()));
}

Expected<> attach_one(const std::shared_ptr<const Environment>& environment, OrtSessionOptions* options, const Provider& provider,
                      std::vector<Device>& kept) {
  if (!provider.devices.empty()) {
    kept.insert(kept.end(), provider.devices.begin(), provider.devices.end());
    return append_devices(*environment, options, provider, provider.devices);
  }
  const std::shared_ptr<const Library>& library = environment->library();
  LANEWAY_TRY_ASSIGN(const std::vector<std::string> built_in, library->providers());
  const std::string full_name = full_provider_name(provider.name);
  if (std::ranges::find(built_in, full_name) != built_in.end()) {
    const Known* const known = find_known(provider.name);
    return (known ? known->attach : attach_generic)({library, options, provider, KeyValueTexts(provider.options)});
  }
  LANEWAY_TRY_ASSIGN(const std::vector<Device> all, devices(environment));
  std::vector<Device> own;
  for (const Device& device : all) {
    if (device.provider() != full_name && device.provider() != provider.name) continue;
    // ONNX Runtime takes several devices at once only where they share their memory.
    LANEWAY_TRY_ASSIGN(const bool shares, own.empty() ? Expected<bool>(true) : same_memory(own.front(), device));
    if (shares) own.push_back(device);
  }
  if (own.empty()) return not_available(provider, built_in, all);
  kept.insert(kept.end(), own.begin(), own.end());
  return append_devices(*environment, options, provider, own);
}

Expected<> attach_or_fall_back(const std::shared_ptr<const Environment>& environment, OrtSessionOptions* options,
                               const Provider& provider, std::vector<Device>& kept) {
  auto attached = attach_one(environment, options, provider, kept);
  if (attached) return {};
  Error error = blame_machine(std::move(attached).error()).with_context("provider " + provider.name);
  if (error.code() != ErrorCode::unavailable) return error;
  for (const Provider& next : provider.fallback) {
    auto fallen = attach_or_fall_back(environment, options, next, kept);
    if (fallen || fallen.error().code() != ErrorCode::unavailable) return fallen;
  }
  return error;
}

}  // namespace

std::string full_provider_name(const std::string& name) {
  const Known* known = find_known(name);
  return known ? std::string(known->full_name) : name;
}

Expected<> validate_providers(const std::vector<Provider>& providers) {
  for (const Provider& provider : providers) {
    if (provider.name.empty() && provider.devices.empty()) {
      return Error(ErrorCode::invalid_argument, "providers: name: empty: expected one, or devices");
    }
    LANEWAY_TRY(no_nul("providers: name", provider.name));
    LANEWAY_TRY(validate_key_values("provider " + provider.name + ": options", provider.options));
    LANEWAY_TRY(validate_providers(provider.fallback));
  }
  return {};
}

Expected<> attach_providers(const std::shared_ptr<const Environment>& environment, OrtSessionOptions* options,
                            const std::vector<Provider>& providers, std::vector<Device>& kept) {
  for (const Provider& provider : providers) { LANEWAY_TRY(attach_or_fall_back(environment, options, provider, kept)); }
  return {};
}

}  // namespace laneway::ort
