// Ours: one runtime, its lanes bound to the shared buffers.
#include "bench/ort_lane/contestant.h"
#include "laneway/laneway.h"

namespace laneway::bench {
namespace {

class Lanes final : public Contestant {
 public:
  Lanes(Runtime runtime, std::size_t outputs) : runtime_(std::move(runtime)), outputs_(outputs) {
    for (const auto& lane : runtime_.lanes()) lanes_.push_back(lane.get());
  }

  Expected<> run(std::size_t lane) noexcept override { return lanes_[lane]->run(); }

  Expected<std::vector<Answer>> answers(std::size_t lane) const override {
    std::vector<Answer> answers;
    for (std::size_t i = 0; i < outputs_; ++i) {
      LANEWAY_TRY_ASSIGN(const OutputView view, lanes_[lane]->output(i));
      LANEWAY_TRY_ASSIGN(const Shape shape, Shape::of(view.shape));
      answers.push_back({view.data, shape});
    }
    return answers;
  }

 private:
  Runtime runtime_;
  std::vector<Lane*> lanes_;
  std::size_t outputs_;
};

LaneSpec lane_over(const Workload& workload, LaneBuffers& buffers) {
  LaneSpec spec;
  for (std::size_t i = 0; i < workload.inputs.size(); ++i) {
    spec.ports.push_back({.name = workload.inputs[i].name, .memory = buffers.inputs[i].view()});
  }
  for (std::size_t i = 0; i < workload.outputs.size(); ++i) {
    if (workload.outputs[i].shape) spec.ports.push_back({.name = workload.outputs[i].name, .memory = buffers.outputs[i].view()});
  }
  return spec;
}

}  // namespace

Expected<std::unique_ptr<Contestant>> open_lanes(std::string_view engine, const Workload& workload,
                                                 std::vector<LaneBuffers>& buffers) {
  RuntimeSpec spec{.model = ModelFile{workload.model},
                   .engine = engine == OrtEngineSpec::name() ? EngineChoice(workload.ort) : EngineChoice(std::string(engine)),
                   .dimensions = workload.dimensions,
                   .lanes = workload.lanes,
                   .threads = {.count = workload.threads}};
  for (const WorkloadPort& input : workload.inputs)
    spec.ports.push_back({.name = input.name, .dtype = input.dtype, .shape = input.shape});
  for (LaneBuffers& lane : buffers) spec.per_lane.push_back(lane_over(workload, lane));
  LANEWAY_TRY_ASSIGN(Runtime runtime, open(spec));
  return std::make_unique<Lanes>(std::move(runtime), workload.outputs.size());
}

}  // namespace laneway::bench
