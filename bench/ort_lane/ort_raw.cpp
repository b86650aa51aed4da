// The C API at its best: RunWithBinding, everything bound once, run options reused.
#include "bench/ort_lane/native_session.h"

namespace laneway::bench {
namespace {

template <class Native>
using Owned = NativeSession::Owned<Native>;

struct BoundLane {
  std::vector<Owned<OrtValue>> values;  // what the binding refers to
  Owned<OrtRunOptions> options;
  Owned<OrtIoBinding> binding;
};

class OrtRaw final : public Contestant {
 public:
  OrtRaw(std::unique_ptr<NativeSession> session, const Workload& workload) : session_(std::move(session)), workload_(workload) {}

  Expected<> add_lane(LaneBuffers& buffers) {
    LANEWAY_TRY_ASSIGN(auto options, session_->run_options());
    LANEWAY_TRY_ASSIGN(auto binding, session_->binding());
    BoundLane lane{{}, std::move(options), std::move(binding)};
    const OrtApi* const api = NativeSession::api;
    for (std::size_t i = 0; i < workload_.inputs.size(); ++i) {
      LANEWAY_TRY_ASSIGN(auto value, session_->value_over(buffers.inputs[i], workload_.inputs[i]));
      LANEWAY_TRY(NativeSession::check(api->BindInput(lane.binding.get(), workload_.inputs[i].name.c_str(), value.get())));
      lane.values.push_back(std::move(value));
    }
    for (std::size_t i = 0; i < workload_.outputs.size(); ++i) {
      const WorkloadPort& port = workload_.outputs[i];
      if (!port.shape) {
        LANEWAY_TRY(NativeSession::check(api->BindOutputToDevice(lane.binding.get(), port.name.c_str(), session_->host())));
        continue;
      }
      LANEWAY_TRY_ASSIGN(auto value, session_->value_over(buffers.outputs[i], port));
      LANEWAY_TRY(NativeSession::check(api->BindOutput(lane.binding.get(), port.name.c_str(), value.get())));
      lane.values.push_back(std::move(value));
    }
    lanes_.push_back(std::move(lane));
    return {};
  }

  Expected<> run(std::size_t lane) noexcept override {
    const BoundLane& bound = lanes_[lane];
    return NativeSession::check(NativeSession::api->RunWithBinding(session_->get(), bound.options.get(), bound.binding.get()));
  }

  Expected<std::vector<Answer>> answers(std::size_t lane) const override {
    const OrtApi* const api = NativeSession::api;
    OrtAllocator* allocator = nullptr;
    LANEWAY_TRY(NativeSession::check(api->GetAllocatorWithDefaultOptions(&allocator)));
    OrtValue** values = nullptr;
    std::size_t count = 0;
    LANEWAY_TRY(NativeSession::check(api->GetBoundOutputValues(lanes_[lane].binding.get(), allocator, &values, &count)));
    fetched_.clear();
    for (std::size_t i = 0; i < count; ++i)
      fetched_.emplace_back(values[i], [](OrtValue* value) { NativeSession::api->ReleaseValue(value); });
    if (count > 0) allocator->Free(allocator, values);
    std::vector<Answer> answers;
    for (const auto& value : fetched_) {
      LANEWAY_TRY_ASSIGN(const Answer answer, NativeSession::answer_of(value.get()));
      answers.push_back(answer);
    }
    return answers;
  }

 private:
  std::unique_ptr<NativeSession> session_;
  const Workload& workload_;
  std::vector<BoundLane> lanes_;
  mutable std::vector<Owned<OrtValue>> fetched_;  // what the last answers() refer to
};

}  // namespace

Expected<std::unique_ptr<Contestant>> open_ort_raw(const Workload& workload, std::vector<LaneBuffers>& buffers) {
  LANEWAY_TRY_ASSIGN(auto session, NativeSession::open(workload));
  auto contestant = std::make_unique<OrtRaw>(std::move(session), workload);
  for (LaneBuffers& lane : buffers) LANEWAY_TRY(contestant->add_lane(lane));
  return contestant;
}

}  // namespace laneway::bench
