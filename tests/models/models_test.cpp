// Our reader, our writer and ONNX Runtime must be of one mind about the models that all other tests build on.
#include "models/models.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "laneway/graph/onnx/summary.h"
#include "laneway/ort/session.h"

namespace laneway::test_models {
namespace {

struct NamedModel {
  const char* name;
  std::function<std::string()> make;
};
void PrintTo(const NamedModel& model, std::ostream* out) { *out << model.name; }

const std::vector<NamedModel> all_models = {
    {"identity", [] { return identity(); }},
    {"mlp", mlp},
    {"mnist", mnist},
    {"encoder", encoder},
    {"scalar", [] { return identity(DType::f64, {}); }},
    {"rank_eight",
     [] {
       return identity(DType::u16, {1, 2, "n", 3, 1, {}, 1, 2});
     }},
    {"zero_size",
     [] {
       return identity(DType::boolean, {0, 3});
     }},
    {"string_identity", string_identity},
    {"mixed_dtypes", mixed_dtypes},
    {"sequence_identity", sequence_identity},
    {"sequence_split", sequence_split},
    {"sequence_concat", sequence_concat},
    {"map_input", map_input},
    {"map_output", map_output},
    {"optional_identity", optional_identity},
    {"optional_has", optional_has},
    {"sparse_input", sparse_input},
    {"default_input", default_input},
    {"two_inputs", two_inputs},
    {"two_outputs", two_outputs},
    {"huge_second_output", huge_second_output},
    {"nonzero", nonzero},
    {"declares_100", declares_100},
    {"resize_like", resize_like},
    {"unknown_rank", unknown_rank},
    {"reshape_to_input", reshape_to_input},
    {"mean_pool", mean_pool},
    {"softmax_over_sequence", softmax_over_sequence},
    {"normalise_over_sequence", normalise_over_sequence},
    {"attention", attention},
    {"masked_attention", masked_attention},
    {"sequence_in_the_middle", sequence_in_the_middle},
    {"two_symbols", two_symbols},
    {"relu", relu},
    {"long_running", long_running},
    {"counter", [] { return counter(); }},
    {"counter_of_open_shape", [] { return counter(true); }},
    {"growing_state", growing_state},
    {"wide_mlp", [] { return wide_mlp(96, 2); }},
    {"division", division},
};

class EveryModel : public testing::TestWithParam<NamedModel> {};

// What ONNX Runtime cannot tell is not compared: before API 24, a scalar from a tensor of any rank.
std::vector<Port> comparable(std::vector<Port> ports, int level) {
  for (Port& port : ports) {
    if (level < 24 && port.shape.empty()) port.rank_known = false;
  }
  return ports;
}

TEST_P(EveryModel, IsReadAsOnnxRuntimeReadsIt) {
  const std::string bytes = GetParam().make();
  const auto model = onnx::parse(as_bytes(bytes));
  ASSERT_TRUE(model) << model.error().message();
  const auto inputs = onnx::input_ports(*model), outputs = onnx::output_ports(*model);
  ASSERT_TRUE(inputs && outputs);
  const auto session = ort::Session::open({.model = ort::ModelBytes{as_bytes(bytes)}});
  ASSERT_TRUE(session) << session.error().message();

  const auto level = (*session)->library()->level();
  const auto native_inputs = (*session)->inputs();
  EXPECT_EQ(comparable(*inputs, level), std::vector<Port>(native_inputs.begin(), native_inputs.end()));
  // Shapes of outputs ONNX Runtime infers, where the model leaves them open.
  ASSERT_EQ(outputs->size(), (*session)->outputs().size());
  for (std::size_t i = 0; i < outputs->size(); ++i) {
    const Port& native = (*session)->outputs()[i];
    EXPECT_EQ((*outputs)[i].name, native.name);
    EXPECT_EQ((*outputs)[i].kind, native.kind);
    EXPECT_EQ((*outputs)[i].dtype, native.dtype);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, EveryModel, testing::ValuesIn(all_models),
                         [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace laneway::test_models
