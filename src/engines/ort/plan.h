#pragma once
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engines/ort/engine.h"

namespace laneway::engines_ort {

/// Bookkeeping only: ONNX Runtime takes any shape, so that there is nothing to make ready.
class OrtPlan final : public Plan {
 public:
  OrtPlan(const OrtEngine& engine, const PlanSpec& spec);

  std::span<const PlannedPort> inputs() const noexcept override { return inputs_; }
  std::span<const PlannedPort> outputs() const noexcept override { return outputs_; }
  PlanBytes bytes() const noexcept override { return bytes_; }
  Expected<std::unique_ptr<Binding>> bind(const BindSpec& spec) const override;

  const OrtEngine& engine() const noexcept { return engine_; }
  const PlanSpec& spec() const noexcept { return spec_; }
  /// Which inputs are joined to something: PlanSpec::given, its default filled in.
  const std::vector<bool>& given() const noexcept { return given_; }
  const ProvenOutput* proven(std::size_t output) const noexcept;
  /// nullopt: only a run shows it.
  std::optional<Shape> shape_of(std::size_t output, std::span<const Shape> inputs) const;

 private:
  std::size_t sets_max() const;

  const OrtEngine& engine_;  // whoever holds the plan holds the engine
  PlanSpec spec_;
  std::vector<bool> given_;
  std::vector<PlannedPort> inputs_, outputs_;
  PlanBytes bytes_;
};

}  // namespace laneway::engines_ort
