// What engine ort is told on the command line: providers, session config entries, traces; and models it writes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/program.h"
#include "models/models.h"
#include "models/onnx_writer.h"

namespace laneway::cli_tests {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr const char* plugin = LANEWAY_TEST_PROVIDER;

class CliOrt : public testing::Test {
 protected:
  CliOrt() {
    test_models::OnnxModel model;  // y = (a + b) * b, z = -y
    model.input("a", DType::f32, {5}).input("b", DType::f32, {5}).output("y", DType::f32, {5}).output("z", DType::f32, {5});
    model.node("Add", {"a", "b"}, {"t"}).node("Mul", {"t", "b"}, {"y"}).node("Neg", {"y"}, {"z"});
    folder_.write("m.onnx", model.bytes());
    folder_.write("mlp.onnx", test_models::mlp());
    folder_.write("text.txt", "no library");
  }

  Ended in_folder(std::vector<std::string> arguments) const { return laneway(arguments, {.folder = folder_.path()}); }
  void expect_refusal(std::vector<std::string> arguments, int status, const std::string& message) const {
    const Ended ended = in_folder(std::move(arguments));
    EXPECT_EQ(ended.status, status) << ended.err;
    EXPECT_THAT(ended.err, HasSubstr(message));
  }
  std::vector<float> output(const std::string& model, const std::string& name, std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments = {"run", model, "--seed", "7", "--save-outputs", "out"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ended ended = in_folder(arguments);
    EXPECT_EQ(ended.status, 0) << ended.err;
    return npy_elements<float>(folder_.read("out/" + name + ".npy"), "'<f4'");
  }

  ScratchFolder folder_;
};

// ---- providers -----------------------------------------------------------------------------------------------------------

TEST_F(CliOrt, O22_ARunOnAProviderComputesTheSame) {
  const std::vector<float> expected = output("m.onnx", "y");
  ASSERT_EQ(expected.size(), 5u);
  EXPECT_EQ(output("m.onnx", "y", {"--provider", plugin}), expected);
  EXPECT_EQ(output("m.onnx", "y", {"--engine", "ort", "--provider", plugin, "--provider", "CPU"}), expected);
}

TEST_F(CliOrt, O22_ProvidersAreCheckedByNameOptionsAndFile) {
  expect_refusal({"run", "m.onnx", "--provider", "CUDA"}, 14, "--provider CUDA: not available: expected one of ");
  expect_refusal({"run", "m.onnx", "--provider", "CPUU"}, 14, "(did you mean CPU?)");
  expect_refusal({"run", "m.onnx", "--provider", ""}, 2, "--provider: expected NAME or NAME:KEY=VALUE,..., got nothing");
  expect_refusal({"run", "m.onnx", "--provider", "CPU:"}, 2, "--provider CPU: expected NAME=VALUE, got nothing");
  expect_refusal({"run", "m.onnx", "--provider", "CPU:a=1,b"}, 2, "--provider CPU: expected NAME=VALUE, got b");
  expect_refusal({"run", "m.onnx", "--provider", "CPU:a=1,a=2"}, 2, "--provider CPU: a: given more than once");
  expect_refusal({"run", "m.onnx", "--provider", "CPU:a=1"}, 3, "provider CPU: options: a: it takes none");
  expect_refusal({"run", "m.onnx", "--provider", "./none.so"}, 5, "./none.so: No such file");
  expect_refusal({"run", "m.onnx", "--provider", "./text.txt"}, 14, "provider library ./text.txt: ONNX Runtime: FAIL");
  expect_refusal({"run", "m.onnx", "--engine", "null", "--provider", "CPU"}, 2,
                 "--provider: is for engine ort: expected ort, got null");
}

TEST_F(CliOrt, O23_AProviderLibraryIsFoundFromTheFolderOneIsIn) {
  std::filesystem::copy_file(plugin, folder_.path() / "plugin.so");
  EXPECT_EQ(in_folder({"run", "m.onnx", "--provider", "./plugin.so"}).status, 0);
}

TEST_F(CliOrt, O05_SessionConfigEntriesReachOnnxRuntime) {
  // With its strict mode on, a session whose nodes fall to the processor does not open.
  expect_refusal({"run", "m.onnx", "--provider", plugin, "--ort-option", "session.disable_cpu_ep_fallback=1"}, 3, "fallback");
  EXPECT_EQ(in_folder({"run", "m.onnx", "--ort-option", "session.disable_prepacking=1"}).status, 0);
  expect_refusal({"run", "m.onnx", "--ort-option", "session.disable_prepacking"}, 2, "--ort-option: expected NAME=VALUE");
  expect_refusal({"run", "m.onnx", "--ort-option", "a=1", "--ort-option", "a=2"}, 2, "--ort-option: a: given more than once");
}

// ---- traces --------------------------------------------------------------------------------------------------------------

TEST_F(CliOrt, O20_ARunsTraceIsWhereItWasAskedFor) {
  ASSERT_EQ(in_folder({"run", "m.onnx", "--runs", "3", "--profile", "trace.json"}).status, 0);
  std::size_t kernels = 0;
  for (const auto& event : nlohmann::json::parse(folder_.read("trace.json"))) kernels += event["name"] == "Neg_2_kernel_time";
  EXPECT_EQ(kernels, 3u);
  expect_refusal({"run", "m.onnx", "--profile", "nowhere/t.json"}, 5, "--profile nowhere/t.json: cannot be written");
  expect_refusal({"run", "m.onnx", "--profile", "."}, 3, "--profile .: cannot be written: is a folder");
  expect_refusal({"run", "m.onnx", "--profile", "t.json", "--engine", "null"}, 2, "--profile: is for engine ort");
}

TEST_F(CliOrt, O20_BenchTracesRunsOfItsOwn) {
  const Ended ended = in_folder(
      {"bench", "m.onnx", "--provider", plugin, "--profile", "t.json", "--duration", "20ms", "--warmup", "1ms", "--json", "-"});
  ASSERT_EQ(ended.status, 0) << ended.err;
  ASSERT_EQ(ended.json()["results"].size(), 1u) << "no other contestant takes providers";
  EXPECT_EQ(ended.json()["results"][0]["engine"], "ort");
  EXPECT_GT(nlohmann::json::parse(folder_.read("t.json")).size(), 300u);
  expect_refusal({"bench", "m.onnx", "--provider", "CPU", "--engines", "ort,ort-raw"}, 2,
                 "--provider: is for engine ort: expected ort, got ort-raw");
  expect_refusal({"bench", "m.onnx", "mlp.onnx", "--profile", "t.json"}, 2, "--profile: expected one MODEL, got 2");
}

// ---- placement -----------------------------------------------------------------------------------------------------------

TEST_F(CliOrt, O21_PlacementTellsWhoComputesEachNode) {
  const Ended ended = in_folder({"inspect", "m.onnx", "--placement", "--provider", plugin, "--json", "-"});
  if (ended.status == 12) GTEST_SKIP() << "this library does not tell: " << ended.err;
  ASSERT_EQ(ended.status, 0) << ended.err;
  std::map<std::string, std::string> providers;
  const auto json = ended.json();
  for (const auto& node : json["placement"]) providers[node["node"]] = node["provider"];
  EXPECT_EQ(providers,
            (std::map<std::string, std::string>{
                {"Add_0", "LanewayTestProvider"}, {"Mul_1", "LanewayTestProvider"}, {"Neg_2", "CPUExecutionProvider"}}));
  EXPECT_FALSE(in_folder({"inspect", "m.onnx", "--json", "-"}).json().contains("placement"));
  EXPECT_THAT(in_folder({"inspect", "m.onnx", "--placement"}).out, HasSubstr("Mul_1  Mul  CPUExecutionProvider"));
}

TEST_F(CliOrt, O24_DoctorListsProvidersAndDevices) {
  const auto found = laneway({"doctor", "--json", "-"}).json()["libraries"]["onnxruntime"];
  EXPECT_THAT(found["providers"].dump(), HasSubstr("CPUExecutionProvider"));
  ASSERT_FALSE(found["devices"].empty());
  bool processor = false;
  for (const auto& device : found["devices"])
    processor |= device["provider"] == "CPUExecutionProvider" && device["kind"] == "cpu";
  EXPECT_TRUE(processor);
  EXPECT_THAT(laneway({"doctor"}).out, AllOf(HasSubstr("providers  "), HasSubstr("CPUExecutionProvider: cpu of ")));
}

// ---- models that are written ---------------------------------------------------------------------------------------------

TEST_F(CliOrt, O31_AConvertedModelComputesTheSame) {
  const std::vector<float> expected = output("mlp.onnx", "y");
  const Ended ended = in_folder({"convert", "mlp.onnx", "fast.onnx", "--json", "-"});
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_EQ(ended.json()["schema"], "laneway.convert.v1");
  EXPECT_LT(ended.json()["out"]["nodes"], ended.json()["model"]["nodes"]);
  const std::vector<float> got = output("fast.onnx", "y");
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-6f);
}

TEST_F(CliOrt, O31_ACompiledModelRunsOnItsProvider) {
  const std::vector<float> expected = output("m.onnx", "z");
  const Ended ended = in_folder({"convert", "m.onnx", "compiled.onnx", "--engine", "ort", "--provider", plugin});
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("m.onnx ("), HasSubstr("-> compiled.onnx (")));
  EXPECT_THAT(in_folder({"inspect", "compiled.onnx"}).out, HasSubstr("com.microsoft.EPContext  2"));
  EXPECT_EQ(output("compiled.onnx", "z", {"--provider", plugin}), expected);
  EXPECT_NE(in_folder({"run", "compiled.onnx"}).status, 0) << "nobody else knows what it compiled";
}

TEST_F(CliOrt, O31_WhatCannotBeConvertedIsRefused) {
  expect_refusal({"convert", "m.onnx"}, 2, "OUT is required");
  expect_refusal({"convert", "m.onnx", "./m.onnx"}, 2, "./m.onnx: is MODEL too");
  expect_refusal({"convert", "none.onnx", "out.onnx"}, 5, "none.onnx: cannot be opened");
  expect_refusal({"convert", "m.onnx", "nowhere/out.onnx"}, 5, "OUT nowhere/out.onnx: cannot be written");
  expect_refusal({"convert", "m.onnx", "."}, 3, "OUT .: cannot be written: is a folder");
  expect_refusal({"convert", "text.txt", "out.onnx"}, 3, "text.txt: convert: ONNX Runtime");
  expect_refusal({"convert", "m.onnx", "out.onnx", "--engine", "null"}, 2,
                 "--engine null: writes no models: expected ort, got null");
  expect_refusal({"convert", "m.onnx", "out.onnx", "--engine", "otr"}, 2, "(did you mean ort?)");
  expect_refusal({"convert", "m.onnx", "out.onnx", "--provider", "CUDA"}, 14, "--provider CUDA: not available");
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "out.onnx"));
  EXPECT_EQ(in_folder({"run", "m.onnx"}).status, 0) << "the model is as it was";
}

}  // namespace
}  // namespace laneway::cli_tests
