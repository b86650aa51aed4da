// The toy engine under the suite: as it comes, with everything copied from host to "device" and back, and taking one binding at a
// time.
#include <map>
#include <memory>

#include "conformance/conformance.h"
#include "toy_engine/toys.h"

namespace laneway::conformance {
namespace {

// The toys of the test that runs.
std::vector<std::shared_ptr<Toy>>& toys_in_use() {
  static std::vector<std::shared_ptr<Toy>> toys;
  return toys;
}

std::string complaints() {
  std::string text;
  for (const auto& toy : toys_in_use()) text += toy->complaints();
  toys_in_use().clear();
  return text;
}

using Variation = void (*)(ToyModel&);

Subject subject(ToyModel model, Variation vary) {
  vary(model);
  auto toy = toys_in_use().emplace_back(std::make_shared<Toy>(std::move(model)));
  return {toy_source(), ToyEngineSpec{std::move(toy)}};
}

ToyModel twin(std::string_view name) {
  static const std::map<std::string_view, std::function<ToyModel()>> twins = {
      {"mixed_dtypes", toys::mixed_dtypes},
      {"default_input", toys::default_input},
      {"two_inputs", toys::two_inputs},
      {"two_outputs", toys::two_outputs},
      {"nonzero", toys::nonzero},
      {"declares_100", toys::declares_100},
      {"resize_like", toys::resize_like},
      {"mean_pool", toys::mean_pool},
      {"softmax_over_sequence", toys::softmax_over_sequence},
      {"normalise_over_sequence", toys::normalise_over_sequence},
      {"attention", toys::attention},
      {"masked_attention", toys::masked_attention},
      {"sequence_in_the_middle", toys::sequence_in_the_middle},
      {"two_symbols", toys::two_symbols},
      {"long_running", toys::long_running},
      {"counter", [] { return toys::counter(); }},
      {"counter_open", [] { return toys::counter(true); }},
      {"growing_state", toys::growing_state},
  };
  return twins.at(name)();
}

EngineUnderTest variant(std::string name, Variation vary, const std::vector<Excuse>& more = {}) {
  const std::string no_file = "a toy reads no model: it is one";
  EngineUnderTest engine{.name = std::move(name),
                         .model = [vary](std::string_view model) { return subject(twin(model), vary); },
                         .identity = [vary](const Port& x) { return subject(toys::identity(x), vary); },
                         .unsupported = {{"L01_ReportsPortsAsTheModelDeclaresThem", no_file},
                                         {"L02_FileAndBytesGiveIdenticalOutputs", no_file},
                                         {"L02_MissingFileIsNotFound", no_file},
                                         {"L02_UnreadableFileIsPermissionDenied", no_file},
                                         {"L02_GarbageAndTruncatedModelsAreInvalid", no_file},
                                         {"L16_FilesMayBeUnlinkedOrReplacedOnceOpen", no_file},
                                         {"L20_LanesAnswerAlikeAndHoldTheWeightsOnce", "a toy has no weights"},
                                         {"L42_WeightsComeFromMemory", "a toy has no weights"},
                                         {"L42_WeightsComeFromAMappedFileAndAnOffsetInOne", "a toy has no weights"},
                                         {"L42_WrongOverridesAreRefusedByName", "a toy has no weights"},
                                         {"L42_LanesShareAnOverride", "a toy has no weights"}},
                         .complaints = complaints};
  engine.unsupported.insert(engine.unsupported.end(), more.begin(), more.end());
  return engine;
}

}  // namespace

std::vector<EngineUnderTest> engines_under_test() {
  const auto as_it_comes = [](ToyModel&) {};
  const auto on_a_device = [](ToyModel& model) { model.placement = Placement::device; };
  const auto one_at_a_time = [](ToyModel& model) { model.traits.concurrent_bindings = false; };
  const std::string far = "an output whose shape only the run shows is found on the device, where tests cannot read it";
  const std::vector<Excuse> on_a_device_only = {{"L09_EachRunHasTheShapeOfItsOwnData", far},
                                                {"L09_ShapesComeFromTheValueNotFromTheModel", far},
                                                {"L10_AnUnknownShapeIsThatOfTheRun", far},
                                                {"L41_StateIsCarriedAsIfItWereCopied", far}};
  EngineUnderTest device = variant("toy_device", on_a_device, on_a_device_only);
  device.copies = true;
  return {variant("toy", as_it_comes), std::move(device), variant("toy_serial", one_at_a_time)};
}

}  // namespace laneway::conformance
