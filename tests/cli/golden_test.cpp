#include <gtest/gtest.h>

#include <string>

#include "cli/program.h"
#include "laneway/laneway.h"
#include "models/models.h"

namespace laneway::cli_tests {
namespace {

// ---- the ten most common mistakes in code ---------------------------------------------------------------------------------

std::string told(const Error& error) { return std::string(name(error.code())) + "\n" + std::string(error.message()) + "\n"; }

template <class T>
std::string told(const Expected<T>& result) {
  return result ? "no error\n" : told(result.error());
}

// Opened from memory, so that no path is in the message.
Expected<Runtime> open_model(const std::string& model, RuntimeSpec rest) {
  rest.model = ModelBytes{test_models::as_bytes(model)};
  rest.engine = "ort";
  return open(rest);
}
RuntimeSpec defaults() { return {.model = ModelFile{}}; }

TEST(Golden, L40_MissingFile) { expect_golden("missing_file", told(open({.model = ModelFile{"no_such_model.onnx"}}))); }

TEST(Golden, L40_NotAModel) {
  const std::string text = "this is a text, not a model";
  expect_golden("not_a_model", told(open({.model = ModelBytes{test_models::as_bytes(text)}})));
}

TEST(Golden, L40_UnknownEngine) {
  expect_golden("unknown_engine", told(open({.model = ModelFile{"m.onnx"}, .engine = "onnxruntime"})));
}

TEST(Golden, L40_UnknownPort) {
  RuntimeSpec spec = defaults();
  spec.outputs = {"probabilities"};
  expect_golden("unknown_port", told(open_model(test_models::mnist(), spec)));
}

TEST(Golden, L40_WrongShape) {
  RuntimeSpec spec = defaults();
  spec.ports = {{.name = "image", .shape = Shape(1, 28, 28, 1)}};
  expect_golden("wrong_shape", told(open_model(test_models::mnist(), spec)));
}

TEST(Golden, L40_WrongType) {
  const auto runtime = open_model(test_models::mnist(), defaults());
  ASSERT_TRUE(runtime);
  expect_golden("wrong_type", told(runtime->lanes().front()->input<double>("image")));
}

TEST(Golden, L40_DimensionLeftOpen) {
  expect_golden("dimension_left_open", told(open_model(test_models::encoder(), defaults())));
}

TEST(Golden, L40_LeaseWithoutBuckets) {
  auto runtime = open_model(test_models::mlp(), defaults());
  ASSERT_TRUE(runtime);
  expect_golden("lease_without_buckets", told(runtime->lease({{"batch", 3}})));
}

TEST(Golden, L40_BeyondTheCapacities) {
  RuntimeSpec spec = defaults();
  spec.dimensions = {{"batch", 1}};
  spec.buckets = BucketSpec{.ladders = {{.dimension = "sequence", .from = 8, .to = 64}}};
  auto runtime = open_model(test_models::encoder(), spec);
  ASSERT_TRUE(runtime);
  expect_golden("beyond_the_capacities", told(runtime->lease({{"sequence", 65}})));
}

TEST(Golden, L40_SeveralMistakesAtOnce) {
  RuntimeSpec spec = defaults();
  spec.dimensions = {{"batch", 1}, {"length", 4}};
  spec.outputs = {"logits"};
  spec.lanes = 0;
  spec.threads = {.count = 0};
  expect_golden("several_mistakes", told(open_model(test_models::encoder(), spec)));
}

// ---- and at the command line ----------------------------------------------------------------------------------------------

class GoldenCli : public testing::Test {
 protected:
  void expect(const std::string& golden, const std::vector<std::string>& arguments,
              const std::vector<std::string>& environment = {}) const {
    const ScratchFolder folder;
    folder.write("mnist.onnx", test_models::mnist());
    folder.write("encoder.onnx", test_models::encoder());
    folder.write("readme.txt", "this is a text, not a model");
    folder.write("x.npy", npy_file("<f8", "(1, 1, 28, 28)", std::string(784 * 8, '\0')));
    const Ended ended = laneway(arguments, {.folder = folder.path(), .environment = environment});
    expect_golden("cli_" + golden, ended.err + "exit status " + std::to_string(ended.status) + "\n");
  }
};

TEST_F(GoldenCli, L40_MissingFile) { expect("missing_file", {"run", "mnits.onnx"}); }
TEST_F(GoldenCli, L40_NotAModel) { expect("not_a_model", {"inspect", "readme.txt"}); }
TEST_F(GoldenCli, L40_NoModel) { expect("no_model", {"run"}); }
TEST_F(GoldenCli, L40_MisspelledCommand) { expect("misspelled_command", {"bnech", "mnist.onnx"}); }
TEST_F(GoldenCli, L40_MisspelledFlag) { expect("misspelled_flag", {"run", "mnist.onnx", "--inputs", "image=0"}); }
TEST_F(GoldenCli, L40_UnknownPort) { expect("unknown_port", {"run", "mnist.onnx", "--input", "imgae=0"}); }
TEST_F(GoldenCli, L40_UnknownDimension) { expect("unknown_dimension", {"run", "encoder.onnx", "--dim", "seq=17"}); }
TEST_F(GoldenCli, L40_WrongType) { expect("wrong_type", {"run", "mnist.onnx", "--input", "image=x.npy"}); }
TEST_F(GoldenCli, L40_UnknownEngine) { expect("unknown_engine", {"run", "mnist.onnx", "--engine", "onnx"}); }
TEST_F(GoldenCli, L40_UnknownProvider) { expect("unknown_provider", {"run", "mnist.onnx", "--provider", "CPUU:a=1"}); }
TEST_F(GoldenCli, L40_ProviderOption) { expect("provider_option", {"run", "mnist.onnx", "--provider", "CPU:threads"}); }
TEST_F(GoldenCli, L40_ProviderOfAnotherEngine) {
  expect("provider_of_another_engine", {"run", "mnist.onnx", "--engine", "null", "--provider", "CPU"});
}
TEST_F(GoldenCli, L40_ConvertInPlace) { expect("convert_in_place", {"convert", "mnist.onnx", "mnist.onnx"}); }
TEST_F(GoldenCli, L40_NoOnnxRuntime) {
  expect("no_onnxruntime", {"run", "mnist.onnx"}, {"LANEWAY_ORT_LIBRARY=/nowhere/libonnxruntime.so"});
}

}  // namespace
}  // namespace laneway::cli_tests
