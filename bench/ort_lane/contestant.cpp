#include "bench/ort_lane/contestant.h"

namespace laneway::bench {

Expected<std::vector<LaneBuffers>> allocate_buffers(const Workload& workload) {
  const auto allocate = [](const std::vector<WorkloadPort>& ports) -> Expected<std::vector<Buffer>> {
    std::vector<Buffer> buffers;
    for (const WorkloadPort& port : ports) {
      buffers.emplace_back();
      if (!port.shape) continue;
      LANEWAY_TRY_ASSIGN(const std::size_t bytes, byte_count(port.dtype, *port.shape));
      LANEWAY_TRY_ASSIGN(buffers.back(), Buffer::allocate(bytes));
    }
    return buffers;
  };
  std::vector<LaneBuffers> lanes;
  for (int lane = 0; lane < workload.lanes; ++lane) {
    LaneBuffers buffers;
    LANEWAY_TRY_ASSIGN(buffers.inputs, allocate(workload.inputs));
    LANEWAY_TRY_ASSIGN(buffers.outputs, allocate(workload.outputs));
    lanes.push_back(std::move(buffers));
  }
  return lanes;
}

Expected<std::unique_ptr<Contestant>> open_contestant(std::string_view engine, const Workload& workload,
                                                      std::vector<LaneBuffers>& buffers) {
  if (engine == "ort-raw") return open_ort_raw(workload, buffers);
  if (engine == "ort-run") return open_ort_run(workload, buffers, false);
  if (engine == "ort-naive") return open_ort_run(workload, buffers, true);
  if (engine == "ort-cpp") return open_ort_cpp(workload, buffers);
  return open_lanes(engine, workload, buffers);
}

}  // namespace laneway::bench
