#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "laneway/ort/provider.h"

/// Options of well-known providers as fields; nullopt leaves one to the provider. Each becomes a Provider to put into a spec:
///
///     .providers = {provider(cuda_for_speed()), provider(XnnpackOptions{.threads = 2})}
///
/// What has no field here is added to what comes back: `cuda.options.emplace_back("tunable_op_enable", "1")`.
/// Errors: none; Session::open() has those of options that a provider refuses.
namespace laneway LANEWAY_PUBLIC {
namespace ort {

struct AzureOptions {};

struct CannOptions {
  std::optional<int> device = std::nullopt;
  std::optional<std::size_t> memory_bytes_max = std::nullopt;
};

struct CoreMlOptions {
  std::optional<std::string> compute_units = std::nullopt;  ///< "ALL", "CPUOnly", "CPUAndNeuralEngine", "CPUAndGPU".
  std::optional<std::string> model_format = std::nullopt;   ///< "MLProgram", "NeuralNetwork".
  std::optional<bool> static_shapes_only = std::nullopt;
};

struct CudaOptions {
  std::optional<int> device = std::nullopt;
  std::optional<std::size_t> memory_bytes_max = std::nullopt;    ///< Of its arena.
  std::optional<bool> arena_exact = std::nullopt;                ///< Takes what is asked for; else twice as much each time.
  std::optional<std::string> convolution_search = std::nullopt;  ///< "EXHAUSTIVE", "HEURISTIC", "DEFAULT".
  std::optional<bool> convolution_workspace_max = std::nullopt;  ///< As much of it as a convolution can use.
  std::optional<bool> copy_in_default_stream = std::nullopt;
  std::optional<bool> tf32 = std::nullopt;
  std::optional<bool> prefer_nhwc = std::nullopt;
  std::optional<bool> graphs = std::nullopt;   ///< Captures the first run and replays it.
  std::optional<void*> stream = std::nullopt;  ///< A cudaStream_t of the caller's.
};
CudaOptions cuda_for_speed();       ///< Searches the fastest convolution, TF32, NHWC, all the workspace there is.
CudaOptions cuda_for_graphs();      ///< Captures a graph: for fixed shapes at fixed addresses.
CudaOptions cuda_for_low_memory();  ///< An arena that takes no more than is asked for, no search, no workspace.

struct DnnlOptions {
  std::optional<bool> arena = std::nullopt;
};

struct MigraphxOptions {
  std::optional<int> device = std::nullopt;
  std::optional<bool> f16 = std::nullopt, i8 = std::nullopt;
};

struct NvTensorRtRtxOptions {
  std::optional<int> device = std::nullopt;
  std::optional<std::size_t> workspace_bytes_max = std::nullopt;
  std::optional<bool> graphs = std::nullopt;
  std::optional<std::string> cache_path = std::nullopt;
};

struct OpenVinoOptions {
  std::optional<std::string> device = std::nullopt;  ///< "CPU", "GPU.0", "NPU", "AUTO:GPU,CPU".
  std::optional<int> threads = std::nullopt, streams = std::nullopt;
  std::optional<std::string> cache_path = std::nullopt;
};

struct QnnOptions {
  std::optional<std::string> backend = std::nullopt;  ///< "cpu", "gpu", "htp".
  std::optional<std::string> performance_mode = std::nullopt;
  std::optional<bool> f16 = std::nullopt;
};

struct RocmOptions {
  std::optional<int> device = std::nullopt;
  std::optional<std::size_t> memory_bytes_max = std::nullopt;
  std::optional<bool> tune = std::nullopt;
};

struct TensorRtOptions {
  std::optional<int> device = std::nullopt;
  std::optional<std::size_t> workspace_bytes_max = std::nullopt;
  std::optional<bool> f16 = std::nullopt, i8 = std::nullopt, graphs = std::nullopt;
  std::optional<std::string> engine_cache_path = std::nullopt;  ///< Switches that cache on.
  std::optional<std::string> timing_cache_path = std::nullopt;  ///< Switches that cache on.
};

struct VitisAiOptions {
  std::optional<std::string> config_file = std::nullopt, cache_path = std::nullopt, cache_key = std::nullopt;
};

struct WebGpuOptions {
  std::optional<int> device = std::nullopt;
  std::optional<std::string> layout = std::nullopt;  ///< "NCHW", "NHWC".
  std::optional<bool> graphs = std::nullopt;
};

struct XnnpackOptions {
  std::optional<int> threads = std::nullopt;
};

Provider provider(const AzureOptions& options);
Provider provider(const CannOptions& options);
Provider provider(const CoreMlOptions& options);
Provider provider(const CudaOptions& options);
Provider provider(const DnnlOptions& options);
Provider provider(const MigraphxOptions& options);
Provider provider(const NvTensorRtRtxOptions& options);
Provider provider(const OpenVinoOptions& options);
Provider provider(const QnnOptions& options);
Provider provider(const RocmOptions& options);
Provider provider(const TensorRtOptions& options);
Provider provider(const VitisAiOptions& options);
Provider provider(const WebGpuOptions& options);
Provider provider(const XnnpackOptions& options);

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
