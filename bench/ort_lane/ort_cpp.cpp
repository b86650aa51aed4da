// ONNX Runtime's own C++ wrapper as its guide has it: an IoBinding whose values are made once. It throws; nothing of that leaves.
#define ORT_API_MANUAL_INIT
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include <onnxruntime_cxx_api.h>
#pragma GCC diagnostic pop

#include "bench/ort_lane/native_session.h"

namespace laneway::bench {
namespace {

struct WrappedLane {
  std::vector<Ort::Value> values;  // what the binding refers to
  Ort::RunOptions options;
  Ort::IoBinding binding;
};

class OrtCpp final : public Contestant {
 public:
  explicit OrtCpp(std::unique_ptr<NativeSession> session) : made_(std::move(session)), session_(made_->get()) {}
  ~OrtCpp() override { static_cast<void>(session_.release()); }  // NativeSession's

  Expected<> add_lane(const Workload& workload, LaneBuffers& buffers) {
    WrappedLane lane{{}, {}, Ort::IoBinding(session_)};
    for (std::size_t i = 0; i < workload.inputs.size(); ++i) {
      LANEWAY_TRY_ASSIGN(auto value, made_->value_over(buffers.inputs[i], workload.inputs[i]));
      lane.values.emplace_back(value.release());
      lane.binding.BindInput(workload.inputs[i].name.c_str(), lane.values.back());
    }
    for (std::size_t i = 0; i < workload.outputs.size(); ++i) {
      const WorkloadPort& port = workload.outputs[i];
      if (!port.shape) {
        lane.binding.BindOutput(port.name.c_str(), Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault));
        continue;
      }
      LANEWAY_TRY_ASSIGN(auto value, made_->value_over(buffers.outputs[i], port));
      lane.values.emplace_back(value.release());
      lane.binding.BindOutput(port.name.c_str(), lane.values.back());
    }
    lanes_.push_back(std::move(lane));
    return {};
  }

  Expected<> run(std::size_t index) noexcept override {
    try {
      session_.Run(lanes_[index].options, lanes_[index].binding);
      return {};
    } catch (const std::exception& failure) { return Error(ErrorCode::internal, failure.what()); }
  }

  Expected<std::vector<Answer>> answers(std::size_t lane) const override {
    fetched_ = lanes_[lane].binding.GetOutputValues();
    std::vector<Answer> answers;
    for (Ort::Value& value : fetched_) {
      LANEWAY_TRY_ASSIGN(const Answer answer, NativeSession::answer_of(value));
      answers.push_back(answer);
    }
    return answers;
  }

 private:
  std::unique_ptr<NativeSession> made_;
  Ort::Session session_;
  std::vector<WrappedLane> lanes_;
  mutable std::vector<Ort::Value> fetched_;  // what the last answers() refer to
};

}  // namespace

Expected<std::unique_ptr<Contestant>> open_ort_cpp(const Workload& workload, std::vector<LaneBuffers>& buffers) {
  LANEWAY_TRY_ASSIGN(auto session, NativeSession::open(workload));
  Ort::InitApi(NativeSession::api);
  try {
    auto contestant = std::make_unique<OrtCpp>(std::move(session));
    for (LaneBuffers& lane : buffers) LANEWAY_TRY(contestant->add_lane(workload, lane));
    return contestant;
  } catch (const Ort::Exception& failure) { return Error(ErrorCode::internal, failure.what()); }
}

}  // namespace laneway::bench
