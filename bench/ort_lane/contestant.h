#pragma once
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/measure/rounds.h"
#include "laneway/core/expected.h"
#include "laneway/core/port.h"
#include "laneway/engines/ort.h"
#include "laneway/memory/buffer.h"

namespace laneway::bench {

/// A port of the model at the shape that is benched. Dense ones only.
struct WorkloadPort {
  std::string name;
  DType dtype = DType::f32;
  std::optional<Shape> shape = std::nullopt;  ///< nullopt: an output whose shape only a run shows.
};

/// What all contestants compute.
struct Workload {
  std::filesystem::path model;
  std::vector<NamedExtent> dimensions = {};  ///< Fixed for good, by name.
  std::vector<WorkloadPort> inputs = {}, outputs = {};
  int threads = 1;  ///< Of one run.
  int lanes = 1;
  OrtEngineSpec ort = {};  ///< For lanes of engine "ort"; the others are not told of it.
};

/// The memory of one lane's ports, shared by all contestants, so that no one's lies better than another's.
struct LaneBuffers {
  std::vector<Buffer> inputs;
  std::vector<Buffer> outputs;  ///< Empty where the shape is not known.
};
Expected<std::vector<LaneBuffers>> allocate_buffers(const Workload& workload);

/// A dense output as a run left it.
struct Answer {
  const void* data = nullptr;
  Shape shape;
};

/// One way to run a model. It reads the inputs where they are in the buffers.
/// Threads: each lane by one thread at a time. Lifetime: workload and buffers must outlive it.
class Contestant : public Timed {
 public:
  /// All outputs of the lane's last run, valid until its next.
  virtual Expected<std::vector<Answer>> answers(std::size_t lane) const = 0;
};

/// The contestants of ONNX Runtime's own C API, and lanes of ours over an engine by its name.
/// "ort-raw": RunWithBinding, outputs bound to the buffers, run options reused. "ort-cpp": the same by ONNX Runtime's own C++
/// wrapper. "ort-run": Run, which allocates the outputs. "ort-naive": the same on inputs that are made and copied at each run.
Expected<std::unique_ptr<Contestant>> open_contestant(std::string_view engine, const Workload& workload,
                                                      std::vector<LaneBuffers>& buffers);

Expected<std::unique_ptr<Contestant>> open_lanes(std::string_view engine, const Workload& workload,
                                                 std::vector<LaneBuffers>& buffers);
Expected<std::unique_ptr<Contestant>> open_ort_raw(const Workload& workload, std::vector<LaneBuffers>& buffers);
Expected<std::unique_ptr<Contestant>> open_ort_cpp(const Workload& workload, std::vector<LaneBuffers>& buffers);
Expected<std::unique_ptr<Contestant>> open_ort_run(const Workload& workload, std::vector<LaneBuffers>& buffers, bool copies_in);

}  // namespace laneway::bench
