#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "laneway/engine/engine.h"
#include "laneway/engines/ort.h"
#include "models/models.h"
#include "support/must.h"

/// Engine `ort` at the seam, without a runtime: memory for each port, a binding over it, a bracket around each run.
namespace laneway {

/// "invalid_argument: ...", or "success".
template <class T>
std::string outcome(const Expected<T>& result) {
  if (result) return "success";
  return std::string(name(result.error().code())) + ": " + std::string(result.error().message());
}

inline ModelSource model_of(std::string bytes) {
  const auto owner = std::make_shared<const std::string>(std::move(bytes));
  return ModelBytes{test_models::as_bytes(*owner), owner};
}

inline OpenEngine open_ort(std::string model, const OrtEngineSpec& options = {}, OpenSpec spec = {.model = ModelBytes{}}) {
  spec.model = model_of(std::move(model));
  return must(options.open(spec));
}

inline std::string note(const Engine& engine, std::string_view key) {
  for (const EngineNote& note : engine.notes()) {
    if (note.key == key) return note.value;
  }
  return "no note " + std::string(key);
}

/// A binding over memory of its own: dense ports get as much as the plan says, others a Value.
class Bound {
 public:
  Bound(OpenEngine engine, PlanSpec spec, std::vector<int> cores = {}, std::size_t lane = 0) : engine_(std::move(engine)) {
    plan_ = must(engine_->specialise(spec));
    for (std::size_t i = 0; i < engine_->inputs().size(); ++i) {
      const bool given = spec.given.empty() ? !engine_->inputs()[i].optional : spec.given[i];
      inputs_.push_back(given ? attachment(engine_->inputs()[i], plan_->inputs()[i]) : Absent{});
    }
    for (std::size_t i = 0; i < engine_->outputs().size(); ++i) {
      const bool wanted = spec.outputs.empty() || std::ranges::find(spec.outputs, i) != spec.outputs.end();
      outputs_.push_back(wanted ? attachment(engine_->outputs()[i], plan_->outputs()[i]) : Absent{});
    }
    binding_ = must(plan_->bind({.inputs = inputs_, .outputs = outputs_, .lane = lane, .cores = std::move(cores)}));
  }

  const Plan& plan() const { return *plan_; }
  Binding& binding() { return *binding_; }
  StopSignal& stop() { return stop_; }
  const std::vector<Attachment>& inputs() const { return inputs_; }
  const std::vector<Attachment>& outputs() const { return outputs_; }

  Expected<> run() {
    stop_.begin(*binding_);
    Expected<> result = binding_->run(stop_);
    stop_.end();
    return result;
  }
  Expected<> resize(std::vector<Shape> shapes) { return binding_->resize(shapes); }

  template <class T>
  void write(std::size_t index, const std::vector<T>& elements) {
    const Memory& memory = std::get<Memory>(inputs_[index]);
    if (memory.bytes < elements.size() * sizeof(T)) throw std::runtime_error("the test writes too much");
    std::ranges::copy(elements, static_cast<T*>(memory.data));
  }
  Value& input_value(std::size_t index) { return *std::get<ValueRef>(inputs_[index]).value; }
  const Value& output_value(std::size_t index) { return *std::get<ValueRef>(outputs_[index]).value; }

  template <class T>
  std::vector<T> read(std::size_t index) const {
    const OutputView view = must(binding_->output(index));
    const auto* first = static_cast<const T*>(view.data);
    return std::vector<T>(first, first + view.bytes / sizeof(T));
  }
  std::vector<std::int64_t> shape(std::size_t index) const {
    const OutputView view = must(binding_->output(index));
    return {view.shape.begin(), view.shape.end()};
  }

 private:
  Attachment attachment(const Port& port, const PlannedPort& planned) {
    if (!port.dense()) return ValueRef{values_.emplace_back(std::make_unique<Value>()).get()};
    if (!planned.capacity) return EngineOwned{};
    std::vector<std::max_align_t>& block = blocks_.emplace_back(planned.bytes / sizeof(std::max_align_t) + 1);
    return Memory{block.data(), planned.bytes};
  }

  OpenEngine engine_;
  std::shared_ptr<const Plan> plan_;
  std::vector<std::vector<std::max_align_t>> blocks_;
  std::vector<std::unique_ptr<Value>> values_;
  std::vector<Attachment> inputs_, outputs_;
  StopSignal stop_;
  std::unique_ptr<Binding> binding_;
};

}  // namespace laneway
