#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/program.h"
#include "models/models.h"

namespace laneway::cli_tests {
namespace {

using testing::HasSubstr;

nlohmann::json inspect(const std::string& model, const std::vector<std::string>& environment = {}) {
  const ScratchFolder folder;
  folder.write("m.onnx", model);
  const Ended ended = laneway({"inspect", "m.onnx", "--json", "-"}, {.folder = folder.path(), .environment = environment});
  EXPECT_EQ(ended.status, 0) << ended.err;
  return ended.json();
}

TEST(CliInspect, TellsPortsOperatorsAndWeights) {
  const auto json = inspect(test_models::mlp());
  EXPECT_EQ(json["schema"], "laneway.inspect.v1");
  EXPECT_EQ(json["model"], "m.onnx");
  EXPECT_EQ(json["bytes"], test_models::mlp().size());
  EXPECT_EQ(
      json["inputs"],
      nlohmann::json::array({{{"name", "x"}, {"kind", "tensor"}, {"dtype", "f32"}, {"shape", {1, 32}}, {"optional", false}}}));
  EXPECT_EQ(json["outputs"][0]["shape"], nlohmann::json({1, 4}));
  EXPECT_EQ(json["operators"], nlohmann::json({{"MatMul", 3}, {"Add", 3}, {"Relu", 2}}));
  EXPECT_EQ(json["weight_bytes"], 4 * (32 * 64 + 64 + 64 * 64 + 64 + 64 * 4 + 4));
  EXPECT_EQ(json["opsets"][0]["domain"], "");
  EXPECT_GT(json["opsets"][0]["version"], 10);
  EXPECT_EQ(json["producer_name"], "laneway");
  EXPECT_EQ(json["producer_version"], "test");
}

TEST(CliInspect, OpenDimensionsHaveTheirNames) {
  EXPECT_EQ(inspect(test_models::encoder())["inputs"][0]["shape"], nlohmann::json({"batch", "sequence"}));
  EXPECT_EQ(inspect(test_models::resize_like())["inputs"][0]["shape"], nlohmann::json({"x.0", "x.1", "x.2", 3}));
  EXPECT_TRUE(inspect(test_models::unknown_rank())["inputs"][0]["shape"].is_null());
}

TEST(CliInspect, TellsOptionalInputsAndOtherKinds) {
  const auto json = inspect(test_models::default_input());
  EXPECT_EQ(json["inputs"][0]["optional"], false);
  EXPECT_EQ(json["inputs"][1]["optional"], true);
  EXPECT_EQ(inspect(test_models::sequence_identity())["inputs"][0]["kind"], "sequence");
}

TEST(CliInspect, EveryEngineSaysWhetherItOpensTheModelAndWhyNot) {
  const auto good = inspect(test_models::mlp());
  EXPECT_EQ(good["engines"][0]["name"], "ort");
  EXPECT_EQ(good["engines"][0]["opens"], true);
  EXPECT_EQ(good["engines"][1]["name"], "null");
  EXPECT_EQ(good["engines"][1]["opens"], false);
  EXPECT_EQ(good["engines"][1]["error"]["code"], "unimplemented");
  const auto foreign = inspect(test_models::unknown_operator());
  EXPECT_EQ(foreign["operators"], nlohmann::json({{"NoSuchOperator", 1}}));
  EXPECT_EQ(foreign["engines"][0]["opens"], false);
  EXPECT_THAT(foreign["engines"][0]["error"]["message"].get<std::string>(), HasSubstr("NoSuchOperator"));
}

TEST(CliInspect, WorksWithoutOnnxRuntime) {
  const auto json = inspect(test_models::mlp(), {"LANEWAY_ORT_LIBRARY=/nowhere/libonnxruntime.so"});
  EXPECT_EQ(json["operators"]["MatMul"], 3);
  EXPECT_EQ(json["engines"][0]["opens"], false);
  EXPECT_EQ(json["engines"][0]["error"]["code"], "unavailable");
}

TEST(CliInspect, TextShowsTheSame) {
  const ScratchFolder folder;
  folder.write("m.onnx", test_models::encoder());
  const Ended ended = laneway({"inspect", "m.onnx"}, {.folder = folder.path()});
  EXPECT_EQ(ended.status, 0);
  EXPECT_EQ(ended.err, "");
  EXPECT_THAT(ended.out, HasSubstr("model m.onnx\n"));
  EXPECT_THAT(ended.out, HasSubstr("  ids   i64  [batch, sequence]\n"));
  EXPECT_THAT(ended.out, HasSubstr("  Softmax"));
  EXPECT_THAT(ended.out, HasSubstr("  ort   opens it\n"));
}

TEST(CliDoctor, TellsWhatThereIs) {
  const Ended ended = laneway({"doctor", "--json", "-"});
  EXPECT_EQ(ended.status, 0) << ended.err;
  const auto json = ended.json();
  EXPECT_EQ(json["schema"], "laneway.doctor.v1");
  EXPECT_GE(json["cores"].size(), 1u);
  EXPECT_TRUE(json["isa"].is_array());
  EXPECT_TRUE(json.contains("memlock_bytes"));
  EXPECT_TRUE(json.contains("transparent_huge_pages"));
  EXPECT_EQ(json["engines"][0]["name"], "ort");
  const auto& onnxruntime = json["libraries"]["onnxruntime"];
  EXPECT_THAT(onnxruntime["path"].get<std::string>(), HasSubstr("libonnxruntime"));
  EXPECT_GE(onnxruntime["level"], 23);
  EXPECT_THAT(onnxruntime["providers"], testing::Contains("CPUExecutionProvider"));
  EXPECT_THAT(laneway({"doctor"}).out, HasSubstr("ONNX Runtime    " + onnxruntime["version"].get<std::string>()));
}

TEST(CliDoctor, TellsWhatIsMissingAndWhatBringsIt) {
  const How how{.environment = {"LANEWAY_ORT_LIBRARY=/nowhere/libonnxruntime.so"}};
  const Ended ended = laneway({"doctor", "--json", "-"}, how);
  EXPECT_EQ(ended.status, 14);
  const auto missing = ended.json()["missing"][0];
  EXPECT_EQ(missing["what"], "ONNX Runtime");
  EXPECT_THAT(missing["why"].get<std::string>(), HasSubstr("/nowhere/libonnxruntime.so"));
  EXPECT_THAT(missing["command"].get<std::string>(), HasSubstr("scripts/setup"));
  EXPECT_THAT(laneway({"doctor"}, how).out, HasSubstr("brought by: scripts/setup"));
}

}  // namespace
}  // namespace laneway::cli_tests
