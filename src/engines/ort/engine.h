#pragma once
#include <memory>
#include <string>
#include <vector>

#include "laneway/engine/engine.h"
#include "laneway/engine/open_spec.h"
#include "laneway/engines/ort.h"
#include "laneway/ort/session.h"

namespace laneway::engines_ort {

class OrtEngine final : public Engine {
 public:
  static Expected<OpenEngine> open(const OrtEngineSpec& options, const OpenSpec& spec);

  std::string_view name() const noexcept override { return "ort"; }
  EngineTraits traits() const noexcept override { return {.resizable = true}; }
  std::span<const Port> inputs() const noexcept override { return inputs_; }
  std::span<const Port> outputs() const noexcept override { return outputs_; }
  std::size_t weight_bytes() const noexcept override { return 0; }
  std::vector<EngineNote> notes() const override;
  Expected<std::shared_ptr<const Plan>> specialise(const PlanSpec& spec) const override;
  Expected<Allocation> allocate(std::size_t bytes, Placement placement, int device) const override;

  const OrtEngineSpec& options() const noexcept { return options_; }
  Expected<std::shared_ptr<const ort::Session>> session_for(const BindSpec& spec) const;

 private:
  OrtEngine(OrtEngineSpec options, std::shared_ptr<const ort::Session> session);

  OrtEngineSpec options_;
  std::shared_ptr<const ort::Session> session_;
  std::vector<Port> inputs_, outputs_;
};

}  // namespace laneway::engines_ort
