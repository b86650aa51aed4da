// The C API as most programs use it: Run, which allocates the outputs; those of the run before are released first.
#include "bench/ort_lane/native_session.h"

namespace laneway::bench {
namespace {

template <class Native>
using Owned = NativeSession::Owned<Native>;

struct PlainLane {
  std::vector<Owned<OrtValue>> values;
  std::vector<const OrtValue*> inputs;
  std::vector<OrtValue*> outputs;  // of the last run
};

class OrtRun final : public Contestant {
 public:
  OrtRun(std::unique_ptr<NativeSession> session, const Workload& workload) : session_(std::move(session)) {
    for (const WorkloadPort& input : workload.inputs) input_names_.push_back(input.name.c_str());
    for (const WorkloadPort& output : workload.outputs) output_names_.push_back(output.name.c_str());
  }
  ~OrtRun() override {
    for (PlainLane& lane : lanes_) release_outputs(lane);
  }

  Expected<> add_lane(const Workload& workload, LaneBuffers& buffers) {
    PlainLane lane;
    for (std::size_t i = 0; i < workload.inputs.size(); ++i) {
      LANEWAY_TRY_ASSIGN(auto value, session_->value_over(buffers.inputs[i], workload.inputs[i]));
      lane.inputs.push_back(value.get());
      lane.values.push_back(std::move(value));
    }
    lane.outputs.resize(output_names_.size());
    lanes_.push_back(std::move(lane));
    return {};
  }

  Expected<> run(std::size_t index) noexcept override {
    PlainLane& lane = lanes_[index];
    release_outputs(lane);
    return NativeSession::check(NativeSession::api->Run(session_->get(), nullptr, input_names_.data(), lane.inputs.data(),
                                                        lane.inputs.size(), output_names_.data(), output_names_.size(),
                                                        lane.outputs.data()));
  }

  Expected<std::vector<Answer>> answers(std::size_t lane) const override {
    std::vector<Answer> answers;
    for (OrtValue* const output : lanes_[lane].outputs) {
      LANEWAY_TRY_ASSIGN(const Answer answer, NativeSession::answer_of(output));
      answers.push_back(answer);
    }
    return answers;
  }

 private:
  static void release_outputs(PlainLane& lane) noexcept {
    for (OrtValue*& output : lane.outputs) {
      if (output != nullptr) NativeSession::api->ReleaseValue(output);
      output = nullptr;
    }
  }

  std::unique_ptr<NativeSession> session_;
  std::vector<const char*> input_names_, output_names_;
  std::vector<PlainLane> lanes_;
};

}  // namespace

Expected<std::unique_ptr<Contestant>> open_ort_run(const Workload& workload, std::vector<LaneBuffers>& buffers) {
  LANEWAY_TRY_ASSIGN(auto session, NativeSession::open(workload));
  auto contestant = std::make_unique<OrtRun>(std::move(session), workload);
  for (LaneBuffers& lane : buffers) LANEWAY_TRY(contestant->add_lane(workload, lane));
  return contestant;
}

}  // namespace laneway::bench
