// The C API as most programs use it: Run, which allocates the outputs; those of the run before are released first. The naive way
// makes tensors for the inputs too, at each run, and copies into them.
#include <cstring>

#include "bench/ort_lane/native_session.h"

namespace laneway::bench {
namespace {

template <class Native>
using Owned = NativeSession::Owned<Native>;

struct PlainLane {
  LaneBuffers* buffers = nullptr;
  std::vector<Owned<OrtValue>> values;
  std::vector<const OrtValue*> inputs;
  std::vector<OrtValue*> outputs;  // of the last run
};

class OrtRun final : public Contestant {
 public:
  OrtRun(std::unique_ptr<NativeSession> session, const Workload& workload, bool copies_in)
      : session_(std::move(session)), workload_(workload), copies_in_(copies_in) {
    for (const WorkloadPort& input : workload.inputs) input_names_.push_back(input.name.c_str());
    for (const WorkloadPort& output : workload.outputs) output_names_.push_back(output.name.c_str());
  }
  ~OrtRun() override {
    for (PlainLane& lane : lanes_) release_outputs(lane);
  }

  Expected<> add_lane(LaneBuffers& buffers) {
    PlainLane lane;
    lane.buffers = &buffers;
    lane.inputs.resize(workload_.inputs.size());
    lane.outputs.resize(output_names_.size());
    for (std::size_t i = 0; i < workload_.inputs.size() && !copies_in_; ++i) {
      LANEWAY_TRY_ASSIGN(auto value, session_->value_over(buffers.inputs[i], workload_.inputs[i]));
      lane.inputs[i] = value.get();
      lane.values.push_back(std::move(value));
    }
    lanes_.push_back(std::move(lane));
    return {};
  }

  Expected<> run(std::size_t index) noexcept override {
    PlainLane& lane = lanes_[index];
    release_outputs(lane);
    if (copies_in_) LANEWAY_TRY(copy_in(lane));
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
  Expected<> copy_in(PlainLane& lane) const {
    lane.values.clear();
    for (std::size_t i = 0; i < workload_.inputs.size(); ++i) {
      const Buffer& buffer = lane.buffers->inputs[i];
      LANEWAY_TRY_ASSIGN(auto value, session_->new_value(workload_.inputs[i]));
      void* data = nullptr;
      LANEWAY_TRY(NativeSession::check(NativeSession::api->GetTensorMutableData(value.get(), &data)));
      std::memcpy(data, buffer.data(), buffer.bytes());
      lane.inputs[i] = value.get();
      lane.values.push_back(std::move(value));
    }
    return {};
  }

  static void release_outputs(PlainLane& lane) noexcept {
    for (OrtValue*& output : lane.outputs) {
      if (output != nullptr) NativeSession::api->ReleaseValue(output);
      output = nullptr;
    }
  }

  std::unique_ptr<NativeSession> session_;
  const Workload& workload_;
  bool copies_in_;
  std::vector<const char*> input_names_, output_names_;
  std::vector<PlainLane> lanes_;
};

}  // namespace

Expected<std::unique_ptr<Contestant>> open_ort_run(const Workload& workload, std::vector<LaneBuffers>& buffers, bool copies_in) {
  LANEWAY_TRY_ASSIGN(auto session, NativeSession::open(workload));
  auto contestant = std::make_unique<OrtRun>(std::move(session), workload, copies_in);
  for (LaneBuffers& lane : buffers) LANEWAY_TRY(contestant->add_lane(lane));
  return contestant;
}

}  // namespace laneway::bench
