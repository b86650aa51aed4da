// ONNX Runtime under the suite: one session for all lanes, and a session for each.
#include <functional>
#include <map>
#include <memory>

#include "conformance/conformance.h"
#include "laneway/engines/ort.h"
#include "models/models.h"

namespace laneway::conformance {
namespace {

ModelSource source(std::string bytes) {
  const auto owner = std::make_shared<const std::string>(std::move(bytes));
  return ModelBytes{test_models::as_bytes(*owner), owner};
}

std::string model_named(std::string_view name) {
  using namespace test_models;
  static const std::map<std::string_view, std::function<std::string()>> models = {
      {"mlp", mlp},
      {"mnist", mnist},
      {"mixed_dtypes", mixed_dtypes},
      {"default_input", default_input},
      {"two_inputs", two_inputs},
      {"two_outputs", two_outputs},
      {"nonzero", nonzero},
      {"declares_100", declares_100},
      {"resize_like", resize_like},
      {"mean_pool", mean_pool},
      {"softmax_over_sequence", softmax_over_sequence},
      {"normalise_over_sequence", normalise_over_sequence},
      {"attention", attention},
      {"masked_attention", masked_attention},
      {"sequence_in_the_middle", sequence_in_the_middle},
      {"two_symbols", two_symbols},
      {"long_running", long_running},
      {"counter", [] { return counter(); }},
      {"counter_open", [] { return counter(true); }},
      {"growing_state", growing_state},
      {"wide_mlp", [] { return wide_mlp(32, 1); }},
      {"wide_mlp_of_32_mib", [] { return wide_mlp(1024, 8); }},
  };
  return models.at(name)();
}

std::string identity_of(const Port& x) {
  test_models::Dims dims;
  for (const Dimension& dimension : x.shape) {
    dims.push_back(dimension.extent ? test_models::Dim(*dimension.extent) : test_models::Dim(dimension.symbol));
  }
  return test_models::identity(x.dtype, dims);
}

EngineUnderTest variant(std::string name, OrtSessions sessions) {
  const OrtEngineSpec engine{.sessions = sessions};
  return {.name = std::move(name),
          .model =
              [engine](std::string_view model) {
                return Subject{source(model_named(model)), engine};
              },
          .identity =
              [engine](const Port& x) {
                return Subject{source(identity_of(x)), engine};
              }};
}

}  // namespace

std::vector<EngineUnderTest> engines_under_test() {
  return {variant("ort", OrtSessions::shared), variant("ort_per_lane", OrtSessions::per_lane)};
}

}  // namespace laneway::conformance
