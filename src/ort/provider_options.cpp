#include "laneway/ort/provider_options.h"

#include <cstdint>
#include <utility>

namespace laneway::ort {
namespace {

std::string text_of(const std::string& text) { return text; }
std::string text_of(bool on) { return on ? "1" : "0"; }
std::string text_of(int number) { return std::to_string(number); }
std::string text_of(std::size_t number) { return std::to_string(number); }
std::string text_of(void* address) { return std::to_string(reinterpret_cast<std::uintptr_t>(address)); }

// A provider and the options that have a value.
class Writer {
 public:
  explicit Writer(const char* name) : provider_{.name = name} {}

  template <class T>
  Writer&& operator()(const char* name, const std::optional<T>& value) && {
    if (value) provider_.options.emplace_back(name, text_of(*value));
    return std::move(*this);
  }
  /// One that is a name, or another: "kSameAsRequested".
  Writer&& choice(const char* name, const std::optional<bool>& value, const char* yes, const char* no) && {
    if (value) provider_.options.emplace_back(name, *value ? yes : no);
    return std::move(*this);
  }
  operator Provider() && { return std::move(provider_); }

 private:
  Provider provider_;
};

std::optional<bool> on_with(const std::optional<std::string>& path) { return path ? std::optional(true) : std::nullopt; }

}  // namespace

CudaOptions cuda_for_speed() {
  return {.convolution_search = "EXHAUSTIVE", .convolution_workspace_max = true, .tf32 = true, .prefer_nhwc = true};
}
CudaOptions cuda_for_graphs() { return {.copy_in_default_stream = true, .graphs = true}; }
CudaOptions cuda_for_low_memory() {
  return {.arena_exact = true, .convolution_search = "DEFAULT", .convolution_workspace_max = false};
}

Provider provider(const AzureOptions&) { return Writer("Azure"); }

Provider provider(const CannOptions& o) { return Writer("CANN")("device_id", o.device)("npu_mem_limit", o.memory_bytes_max); }

Provider provider(const CoreMlOptions& o) {
  return Writer("CoreML")("MLComputeUnits", o.compute_units)("ModelFormat", o.model_format)("RequireStaticInputShapes",
                                                                                            o.static_shapes_only);
}

Provider provider(const CudaOptions& o) {
  return Writer("CUDA")("device_id", o.device)("gpu_mem_limit", o.memory_bytes_max)
      .choice("arena_extend_strategy", o.arena_exact, "kSameAsRequested", "kNextPowerOfTwo")(
          "cudnn_conv_algo_search", o.convolution_search)("cudnn_conv_use_max_workspace", o.convolution_workspace_max)(
          "do_copy_in_default_stream", o.copy_in_default_stream)("use_tf32", o.tf32)("prefer_nhwc", o.prefer_nhwc)(
          "enable_cuda_graph", o.graphs)("user_compute_stream", o.stream);
}

Provider provider(const DnnlOptions& o) { return Writer("DNNL")("use_arena", o.arena); }

Provider provider(const MigraphxOptions& o) {
  return Writer("MIGraphX")("device_id", o.device)("migraphx_fp16_enable", o.f16)("migraphx_int8_enable", o.i8);
}

Provider provider(const NvTensorRtRtxOptions& o) {
  return Writer("NvTensorRtRtx")("device_id", o.device)("nv_max_workspace_size", o.workspace_bytes_max)(
      "enable_cuda_graph", o.graphs)("nv_runtime_cache_path", o.cache_path);
}

Provider provider(const OpenVinoOptions& o) {
  return Writer("OpenVINO")("device_type", o.device)("num_of_threads", o.threads)("num_streams", o.streams)("cache_dir",
                                                                                                            o.cache_path);
}

Provider provider(const QnnOptions& o) {
  return Writer("QNN")("backend_type", o.backend)("htp_performance_mode", o.performance_mode)("enable_htp_fp16_precision", o.f16);
}

Provider provider(const RocmOptions& o) {
  return Writer("ROCM")("device_id", o.device)("gpu_mem_limit", o.memory_bytes_max)("tunable_op_enable", o.tune)(
      "tunable_op_tuning_enable", o.tune);
}

Provider provider(const TensorRtOptions& o) {
  return Writer("TensorRT")("device_id", o.device)("trt_max_workspace_size", o.workspace_bytes_max)("trt_fp16_enable", o.f16)(
      "trt_int8_enable", o.i8)("trt_cuda_graph_enable", o.graphs)("trt_engine_cache_enable", on_with(o.engine_cache_path))(
      "trt_engine_cache_path", o.engine_cache_path)("trt_timing_cache_enable", on_with(o.timing_cache_path))(
      "trt_timing_cache_path", o.timing_cache_path);
}

Provider provider(const VitisAiOptions& o) {
  return Writer("VitisAI")("config_file", o.config_file)("cache_dir", o.cache_path)("cache_key", o.cache_key);
}

Provider provider(const WebGpuOptions& o) {
  return Writer("WebGPU")("deviceId", o.device)("preferredLayout", o.layout)("enableGraphCapture", o.graphs);
}

Provider provider(const XnnpackOptions& o) { return Writer("XNNPACK")("intra_op_num_threads", o.threads); }

}  // namespace laneway::ort
