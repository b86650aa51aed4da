#include "laneway/ort/compatibility.h"

#include <utility>
#include <vector>

#include "ort/call.h"
#include "ort/device_list.h"
#include "ort/text.h"

namespace laneway::ort {
namespace {

Expected<> check_name(const std::string& provider) {
  if (provider.empty()) return Error(ErrorCode::invalid_argument, "compatibility: provider: empty: expected its full name");
  return no_nul("compatibility: provider", provider);
}

std::optional<std::string> take_optional(const Environment& environment, char* text) {
  if (!text) return std::nullopt;
  return take_text(environment.host_allocator(), text);
}

Error blame_model(Error error) {
  if (error.code() != ErrorCode::internal) return error;
  return Error(ErrorCode::invalid_argument, std::string(error.message()));
}

static_assert(OrtCompiledModelCompatibility_EP_UNSUPPORTED == static_cast<int>(Compatibility::unsupported));

}  // namespace

Expected<std::optional<std::string>> compatibility_info(const std::shared_ptr<const Environment>& environment,
                                                        const std::filesystem::path& model, const std::string& provider) {
  LANEWAY_TRY(check_name(provider));
  LANEWAY_TRY(check_file("model", model));
  char* text = nullptr;
  auto read = call(*environment->library(), LANEWAY_ORT_FN(GetCompatibilityInfoFromModel), model.c_str(), provider.c_str(),
                   environment->host_allocator().native(), &text);
  if (!read) return blame_model(std::move(read).error()).with_context("model " + model.string());
  return take_optional(*environment, text);
}

Expected<std::optional<std::string>> compatibility_info(const std::shared_ptr<const Environment>& environment,
                                                        std::span<const std::byte> model, const std::string& provider) {
  LANEWAY_TRY(check_name(provider));
  if (model.empty()) return Error(ErrorCode::invalid_argument, "model: bytes: none: expected a model in ONNX's format");
  char* text = nullptr;
  const void* const data = model.data();
  auto read = call(*environment->library(), LANEWAY_ORT_FN(GetCompatibilityInfoFromModelBytes), data, model.size(),
                   provider.c_str(), environment->host_allocator().native(), &text);
  if (!read) return blame_model(std::move(read).error()).with_context("model");
  return take_optional(*environment, text);
}

Expected<Compatibility> compatibility(std::span<const Device> devices, const std::string& info) {
  LANEWAY_TRY(no_nul("compatibility: info", info));
  if (devices.empty()) return Error(ErrorCode::invalid_argument, "compatibility: devices: none: expected one or more");
  std::vector<const OrtEpDevice*> natives;
  for (const Device& device : devices) {
    if (device.provider() != devices.front().provider()) {
      return Error(ErrorCode::invalid_argument, "compatibility: devices: of different providers: expected " +
                                                    devices.front().provider() + ", got " + device.provider());
    }
    natives.push_back(device.native());
  }
  OrtCompiledModelCompatibility fit{};
  LANEWAY_TRY(call(*devices.front().environment()->library(), LANEWAY_ORT_FN(GetModelCompatibilityForEpDevices), natives.data(),
                   natives.size(), info.c_str(), &fit));
  return static_cast<Compatibility>(fit);
}

Expected<Incompatibility> incompatibility(const std::shared_ptr<const Environment>& environment, const std::string& provider,
                                          std::size_t processor) {
  LANEWAY_TRY(check_name(provider));
  const std::shared_ptr<const Library>& library = environment->library();
  LANEWAY_TRY_ASSIGN(const auto processors, native_hardware(*environment));
  if (processor >= processors.size()) {
    return Error(ErrorCode::out_of_range, "compatibility: processor: expected below " + std::to_string(processors.size()) +
                                              ", got " + std::to_string(processor));
  }
  const OrtEnv* const env = environment->native();
  auto details = make<OrtDeviceEpIncompatibilityDetails>(library, LANEWAY_ORT_FN(GetHardwareDeviceEpIncompatibilityDetails), env,
                                                         provider.c_str(), processors[processor]);
  if (!details) {
    Error error = std::move(details).error();
    if (error.code() == ErrorCode::unimplemented) return error;
    return Error(ErrorCode::not_found, "compatibility: provider " + provider + ": " + std::string(error.message()));
  }
  std::uint32_t reasons = 0;
  const char* notes = nullptr;
  Incompatibility found;
  const OrtDeviceEpIncompatibilityDetails* const native = details->get();
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(DeviceEpIncompatibilityDetails_GetReasonsBitmask), native, &reasons));
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(DeviceEpIncompatibilityDetails_GetNotes), native, &notes));
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(DeviceEpIncompatibilityDetails_GetErrorCode), native, &found.error_code));
  constexpr std::uint32_t driver = 1, hardware_itself = 2, dependency = 4, unknown = 1u << 31;  // older headers lack the names
  found.driver = reasons & driver;
  found.hardware = reasons & hardware_itself;
  found.dependency = reasons & dependency;
  found.unknown = reasons & unknown;
  if (notes) found.notes = notes;
  return found;
}

}  // namespace laneway::ort
