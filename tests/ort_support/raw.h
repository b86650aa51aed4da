#pragma once
#include <gtest/gtest.h>
#include <onnxruntime_c_api.h>

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "laneway/ort/environment.h"

/// ONNX Runtime's C API as its documentation says to use it: the oracle. Of ours there is but the table of functions and the
/// environment, of which a process has one.
namespace laneway::raw {

class Session {
 public:
  explicit Session(std::string_view model, const std::vector<NamedExtent>& dimensions = {}) {
    auto environment = ort::Environment::get();
    if (!environment) throw std::runtime_error(std::string(environment.error().message()));
    environment_ = *environment;
    api_ = environment_->library()->api();
    OrtSessionOptions* options = nullptr;
    check(api_->CreateSessionOptions(&options));
    check(api_->SetIntraOpNumThreads(options, 1));
    check(api_->SetInterOpNumThreads(options, 1));
    for (const NamedExtent& dimension : dimensions) {
      check(api_->AddFreeDimensionOverrideByName(options, dimension.symbol.c_str(), dimension.extent));
    }
    OrtStatus* status = api_->CreateSessionFromArray(environment_->native(), model.data(), model.size(), options, &session_);
    api_->ReleaseSessionOptions(options);
    check(status);
    check(api_->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory_));
    check(api_->CreateRunOptions(&run_options_));
  }
  ~Session() {
    if (binding_) api_->ReleaseIoBinding(binding_);
    for (OrtValue* value : values_) api_->ReleaseValue(value);
    api_->ReleaseRunOptions(run_options_);
    api_->ReleaseMemoryInfo(memory_);
    api_->ReleaseSession(session_);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// A tensor over the memory, owned by this object.
  OrtValue* value(void* data, std::size_t bytes, const std::vector<std::int64_t>& shape, ONNXTensorElementDataType type) {
    OrtValue* made = nullptr;
    check(api_->CreateTensorWithDataAsOrtValue(memory_, data, bytes, shape.data(), shape.size(), type, &made));
    values_.push_back(made);
    return made;
  }
  OrtValue* value(std::vector<float>& elements, const std::vector<std::int64_t>& shape) {
    return value(elements.data(), elements.size() * sizeof(float), shape, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT);
  }

  /// Plain Run; the elements of one output, which ONNX Runtime allocates.
  std::vector<float> run(const std::map<std::string, OrtValue*>& inputs, const char* output) {
    std::vector<const char*> names;
    std::vector<const OrtValue*> values;
    for (const auto& [name, input] : inputs) {
      names.push_back(name.c_str());
      values.push_back(input);
    }
    OrtValue* result = nullptr;
    check(api_->Run(session_, nullptr, names.data(), values.data(), names.size(), &output, 1, &result));
    values_.push_back(result);
    OrtTensorTypeAndShapeInfo* info = nullptr;
    std::size_t count = 0;
    void* data = nullptr;
    check(api_->GetTensorTypeAndShape(result, &info));
    check(api_->GetTensorShapeElementCount(info, &count));
    api_->ReleaseTensorTypeAndShapeInfo(info);
    check(api_->GetTensorMutableData(result, &data));
    const auto* first = static_cast<const float*>(data);
    return {first, first + count};
  }

  /// Another address for an input of floats: a value made, bound, and given up.
  void rebind(const char* name, float* data, const std::vector<std::int64_t>& shape) {
    std::size_t bytes = sizeof(float);
    for (const std::int64_t extent : shape) bytes *= static_cast<std::size_t>(extent);
    OrtValue* made = nullptr;
    check(api_->CreateTensorWithDataAsOrtValue(memory_, data, bytes, shape.data(), shape.size(),
                                               ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &made));
    check(api_->BindInput(binding(), name, made));
    api_->ReleaseValue(made);
  }
  void bind_input(const char* name, OrtValue* value) { check(api_->BindInput(binding(), name, value)); }
  void bind_output(const char* name, OrtValue* value) { check(api_->BindOutput(binding(), name, value)); }
  /// RunWithBinding with run options made once.
  void run_bound() { check(api_->RunWithBinding(session_, run_options_, binding_)); }

 private:
  OrtIoBinding* binding() {
    if (!binding_) check(api_->CreateIoBinding(session_, &binding_));
    return binding_;
  }
  void check(OrtStatus* status) const {
    if (!status) return;
    const std::string message = api_->GetErrorMessage(status);
    api_->ReleaseStatus(status);
    throw std::runtime_error(message);
  }

  std::shared_ptr<const ort::Environment> environment_;
  const OrtApi* api_ = nullptr;
  OrtSession* session_ = nullptr;
  OrtMemoryInfo* memory_ = nullptr;
  OrtRunOptions* run_options_ = nullptr;
  OrtIoBinding* binding_ = nullptr;
  std::vector<OrtValue*> values_;
};

}  // namespace laneway::raw
