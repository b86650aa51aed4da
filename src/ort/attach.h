#pragma once
#include <onnxruntime_c_api.h>

#include <memory>
#include <vector>

#include "laneway/ort/provider.h"

namespace laneway::ort {

/// What is wrong with them that can be seen without a library. Errors: invalid_argument.
Expected<> validate_providers(const std::vector<Provider>& providers);

/// Adds them to the options, in their order. `kept` gets the devices, which a session needs.
/// Errors: unavailable, naming the provider and those there are; invalid_argument (options it refuses, devices that do not fit).
Expected<> attach_providers(const std::shared_ptr<const Environment>& environment, OrtSessionOptions* options,
                            const std::vector<Provider>& providers, std::vector<Device>& kept);

/// Lets ONNX Runtime choose. `kept` as above. What a function of the caller's returned as an error comes from `failure`, once
/// the session is not opened.
class Chooser {
 public:
  Chooser(std::shared_ptr<const Environment> environment, DeviceSelector select)
      : environment_(std::move(environment)), select_(std::move(select)) {}

  static OrtStatus* choose(const OrtEpDevice** devices, std::size_t count, const OrtKeyValuePairs* model,
                           const OrtKeyValuePairs* runtime, const OrtEpDevice** selected, std::size_t selected_max,
                           std::size_t* selected_count, void* chooser) noexcept;
  const std::optional<Error>& failure() const noexcept { return failure_; }

 private:
  Expected<std::vector<std::size_t>> ask(std::span<const Device> devices, const OrtKeyValuePairs* model, std::size_t max);

  std::shared_ptr<const Environment> environment_;
  DeviceSelector select_;
  std::optional<Error> failure_;
};

}  // namespace laneway::ort
