#pragma once
#include <memory>
#include <string>
#include <vector>

#include "engines/ort/places.h"
#include "engines/ort/sessions.h"
#include "laneway/engine/engine.h"
#include "laneway/engine/open_spec.h"
#include "laneway/engines/ort.h"

namespace laneway::engines_ort {

class OrtEngine final : public Engine {
 public:
  static Expected<OpenEngine> open(const OrtEngineSpec& options, const OpenSpec& spec);

  std::string_view name() const noexcept override { return "ort"; }
  EngineTraits traits() const noexcept override { return {.resizable = true}; }
  std::span<const Port> inputs() const noexcept override { return inputs_; }
  std::span<const Port> outputs() const noexcept override { return outputs_; }
  std::size_t weight_bytes() const noexcept override { return weight_bytes_; }
  std::vector<EngineNote> notes() const override;
  Expected<std::shared_ptr<const Plan>> specialise(const PlanSpec& spec) const override;
  Expected<Allocation> allocate(std::size_t bytes, Placement placement, int device) const override;

  const OrtEngineSpec& options() const noexcept { return options_; }
  Sessions& sessions() const noexcept { return *sessions_; }
  /// As the first session has them: another lane's may lie on another device.
  const Places& places() const noexcept { return places_; }

 private:
  explicit OrtEngine(const OrtEngineSpec& options) : options_(options) {}
  Expected<> load(const OpenSpec& spec);
  Expected<Allocation> allocate_there(std::size_t bytes, Placement placement, int device) const;
  Expected<> take_ports(std::span<const Port> inputs, std::span<const Port> outputs, std::span<const NamedExtent> dimensions);

  OrtEngineSpec options_;
  std::unique_ptr<Sessions> sessions_;
  std::vector<Port> inputs_, outputs_;
  Places places_;
  std::size_t weight_bytes_ = 0;
};

}  // namespace laneway::engines_ort
