#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <set>

#include "cli/program.h"
#include "models/models.h"

namespace laneway::cli_tests {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class CliRun : public testing::Test {
 protected:
  Ended run(std::vector<std::string> arguments, const std::vector<std::string>& environment = {}) const {
    arguments.insert(arguments.begin(), "run");
    return laneway(arguments, {.folder = folder.path(), .environment = environment});
  }
  // The outputs of a run that succeeds, by name.
  nlohmann::json outputs(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--json", "-"});
    const Ended ended = run(arguments);
    EXPECT_EQ(ended.status, 0) << ended.err;
    nlohmann::json named;
    const nlohmann::json json = ended.json();
    for (const auto& output : json["outputs"]) named[output["name"].get<std::string>()] = output;
    return named;
  }

  ScratchFolder folder;
};

TEST_F(CliRun, GivesTheModelWhatTheFileHolds) {
  folder.write("identity.onnx", test_models::identity());
  std::vector<float> x(16);
  std::iota(x.begin(), x.end(), -3.5f);
  folder.write("x.npy", npy_file<float>("<f4", "(1, 16)", x));
  const Ended ended = run({"identity.onnx", "--input", "x=x.npy", "--save-outputs", "saved/here"});
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_EQ(npy_elements<float>(folder.read("saved/here/y.npy"), "'descr': '<f4', 'fortran_order': False, 'shape': (1, 16)"), x);
  EXPECT_THAT(ended.out,
              HasSubstr("y       f32    [1, 16]  -3.5 -2.5 -1.5 -0.5 0.5 1.5 2.5 3.5 ...  (min -3.5, max 11.5, mean 4)"));
}

TEST_F(CliRun, SwapsAndTransposesFilesThatAreStoredOtherwise) {
  folder.write("m.onnx", test_models::identity(DType::i16, {2, 3}));
  folder.write("x.npy", npy_file(">i2", "(2, 3)", std::string("\0\1\0\4\0\2\0\5\0\3\0\6", 12), true));
  EXPECT_THAT(outputs({"m.onnx", "--input", "x=x.npy"})["y"]["first"], ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST_F(CliRun, RandomInputsAreInTheStatedRanges) {
  folder.write("f.onnx", test_models::identity(DType::f32, {4000}));
  folder.write("i.onnx", test_models::identity(DType::i64, {4000}));
  folder.write("b.onnx", test_models::identity(DType::boolean, {4000}));
  const auto floats = outputs({"f.onnx"})["y"];
  EXPECT_GE(floats["min"], -1);
  EXPECT_LT(floats["min"], -0.98);
  EXPECT_LE(floats["max"], 1);
  EXPECT_GT(floats["max"], 0.98);
  EXPECT_NEAR(floats["mean"], 0, 0.05);
  const auto integers = outputs({"i.onnx"})["y"];
  EXPECT_EQ(integers["min"], 0);
  EXPECT_EQ(integers["max"], 1);
  EXPECT_NEAR(integers["mean"], 0.5, 0.05);
  EXPECT_NEAR(outputs({"b.onnx"})["y"]["mean"], 0.5, 0.05);
  const auto ranged = outputs({"i.onnx", "--input", "x=random:-3..996"})["y"];
  EXPECT_GE(ranged["min"], -3);
  EXPECT_LE(ranged["max"], 996);
  EXPECT_NEAR(ranged["mean"], 496.5, 25);
  const auto warm = outputs({"f.onnx", "--input", "x=random:20..22.5"})["y"];
  EXPECT_GE(warm["min"], 20);
  EXPECT_LE(warm["max"], 22.5);
  EXPECT_NEAR(warm["mean"], 21.25, 0.1);
}

TEST_F(CliRun, SeedDecidesRandomInputs) {
  folder.write("two.onnx", test_models::two_inputs());
  const auto first = [&](const char* seed) { return outputs({"two.onnx", "--seed", seed})["y"]["first"]; };
  EXPECT_EQ(first("7"), first("7"));
  EXPECT_NE(first("7"), first("8"));
  EXPECT_NE(first("7"), nlohmann::json({0.0, 0.0, 0.0, 0.0})) << "the two inputs differ from each other";
}

TEST_F(CliRun, ValuesFillInputsOfEveryType) {
  for (const auto& [dtype, value, expected] :
       std::vector<std::tuple<DType, std::string, nlohmann::json>>{{DType::f32, "2.5", 2.5},
                                                                   {DType::f64, "-1e-3", -0.001},
                                                                   {DType::f16, "0.333", 0.3330078125},
                                                                   {DType::i64, "-9007199254740993", -9007199254740993},
                                                                   {DType::i8, "-128", -128},
                                                                   {DType::u8, "255", 255},
                                                                   {DType::u64, "7", 7},
                                                                   {DType::boolean, "true", true}}) {
    folder.write("m.onnx", test_models::identity(dtype, {2}));
    EXPECT_EQ(outputs({"m.onnx", "--input", "x=" + value})["y"]["first"], nlohmann::json({expected, expected})) << name(dtype);
  }
}

TEST_F(CliRun, NanIsDataAndToldApart) {
  folder.write("m.onnx", test_models::identity(DType::f32, {3}));
  const float x[] = {1, NAN, 3};
  folder.write("x.npy", npy_file<float>("<f4", "(3,)", x));
  const auto y = outputs({"m.onnx", "--input", "x=x.npy"})["y"];
  EXPECT_EQ(y["nan_count"], 1);
  EXPECT_EQ(y["min"], 1);
  EXPECT_EQ(y["max"], 3);
  EXPECT_EQ(y["mean"], 2);
  EXPECT_TRUE(y["first"][1].is_null());
}

TEST_F(CliRun, DimensionsThatNobodySetsAreOneAndSaidSo) {
  folder.write("m.onnx", test_models::two_symbols());
  const Ended both = run({"m.onnx"});
  EXPECT_EQ(both.status, 0);
  EXPECT_EQ(both.err, "laneway run: note: not set, so 1: rows, columns (--dim rows=N)\n");
  EXPECT_THAT(both.out, HasSubstr("[1, 1]"));
  const Ended one = run({"m.onnx", "--dim", "columns=5"});
  EXPECT_EQ(one.err, "laneway run: note: not set, so 1: rows (--dim rows=N)\n");
  EXPECT_THAT(one.out, HasSubstr("[1, 5]"));
  const Ended none = run({"m.onnx", "--dim", "columns=5", "--shape", "a=3x8"});
  EXPECT_EQ(none.err, "");
  EXPECT_THAT(none.out, HasSubstr("[3, 5]"));
}

TEST_F(CliRun, DimensionsWithoutANameArePortAndAxis) {
  folder.write("m.onnx", test_models::resize_like());
  EXPECT_EQ(outputs({"m.onnx", "--dim", "x.1=2", "--dim", "x.2=3"})["y"]["shape"], nlohmann::json({1, 4, 6, 3}));
}

TEST_F(CliRun, FilesSetDimensions) {
  folder.write("m.onnx", test_models::two_inputs());
  const float rows[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  folder.write("a.npy", npy_file<float>("<f4", "(2, 4)", rows));
  const auto y = outputs({"m.onnx", "--input", "a=a.npy", "--input", "b=1"})["y"];
  EXPECT_EQ(y["shape"], nlohmann::json({2, 4}));
  EXPECT_THAT(y["first"], ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
}

TEST_F(CliRun, AnInputOfAnyRankTakesAShape) {
  folder.write("m.onnx", test_models::unknown_rank());
  EXPECT_EQ(outputs({"m.onnx", "--shape", "x=2x1x3"})["y"]["shape"], nlohmann::json({2, 1, 3}));
  EXPECT_EQ(outputs({"m.onnx", "--shape", "x=", "--input", "x=4"})["y"]["first"], nlohmann::json({-4.0}));
  const Ended without = run({"m.onnx"});
  EXPECT_EQ(without.status, 3);
  EXPECT_THAT(without.err, HasSubstr("input x: the model does not say how many dimensions it has: expected --shape x=..."));
}

TEST_F(CliRun, OptionalInputsMayBeLeftOut) {
  folder.write("m.onnx", test_models::default_input());
  EXPECT_THAT(outputs({"m.onnx", "--input", "x=0"})["y"]["first"], ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(outputs({"m.onnx", "--input", "x=0", "--input", "bias=9"})["y"]["first"], ElementsAre(9, 9, 9, 9));
}

TEST_F(CliRun, OnlyWantedOutputsAreComputed) {
  folder.write("m.onnx", test_models::two_outputs());
  const auto wanted = outputs({"m.onnx", "--input", "index=99", "--output", "y"});
  EXPECT_TRUE(wanted.contains("y"));
  EXPECT_FALSE(wanted.contains("picked"));
  EXPECT_EQ(run({"m.onnx", "--input", "index=99"}).status, 3) << "computing the other one fails";
}

TEST_F(CliRun, TextGoesInAndOut) {
  folder.write("m.onnx", test_models::string_identity());
  const auto y = outputs({"m.onnx", "--dim", "n=2", "--input", "x=Grüße = \"a\""})["y"];
  EXPECT_EQ(y["dtype"], "string");
  EXPECT_EQ(y["first"], nlohmann::json({"Grüße = \"a\"", "Grüße = \"a\""}));
  const Ended without = run({"m.onnx"});
  EXPECT_EQ(without.status, 3);
  EXPECT_THAT(without.err, HasSubstr("input x: is text: expected --input x=TEXT"));
  EXPECT_EQ(run({"m.onnx", "--input", "x=random"}).status, 2);
  EXPECT_EQ(run({"m.onnx", "--input", "x=a", "--save-outputs", "."}).status, 12);
  folder.write("x.npy", npy_file("<U1", "(1,)", std::string(4, 'a')));
  EXPECT_EQ(run({"m.onnx", "--input", "x=x.npy"}).status, 12) << "no text that happens to be a file's name";
}

TEST_F(CliRun, OtherKindsOfOutputsAreShown) {
  folder.write("m.onnx", test_models::sequence_split());
  const Ended ended = run({"m.onnx", "--dim", "n=3", "--input", "x=2"});
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("sequence of 3: (f32 [1, 2] 2 2  (min 2, max 2, mean 2))"));
  folder.write("sequence.onnx", test_models::sequence_identity());
  const Ended refused = run({"sequence.onnx"});
  EXPECT_EQ(refused.status, 12);
  EXPECT_THAT(refused.err, HasSubstr("input x: is a sequence: a command line can give tensors only"));
}

TEST_F(CliRun, TimeoutEndsARunThatTakesLonger) {
  folder.write("m.onnx", test_models::long_running());
  const Ended ended = run({"m.onnx", "--input", "iterations=1000000000", "--timeout", "50ms"});
  EXPECT_EQ(ended.status, 4);
  EXPECT_THAT(ended.err, HasSubstr("deadline"));
  EXPECT_EQ(run({"m.onnx", "--input", "iterations=2", "--timeout", "60s"}).status, 0);
}

TEST_F(CliRun, JsonHoldsWhatWasRun) {
  folder.write("m.onnx", test_models::two_symbols());
  const Ended ended = run(
      {"m.onnx", "--engine", "ort", "--dim", "rows=3", "--runs", "5", "--seed", "42", "--threads", "2", "--json", "out.json"});
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("5 runs")) << "the text is shown too";
  const auto json = nlohmann::json::parse(folder.read("out.json"));
  EXPECT_EQ(json["schema"], "laneway.run.v1");
  EXPECT_EQ(json["model"], "m.onnx");
  EXPECT_EQ(json["engine"], "ort");
  EXPECT_EQ(json["reason"], "asked for");
  EXPECT_EQ(json["dimensions"], nlohmann::json({{"rows", 3}, {"columns", 1}}));
  EXPECT_EQ(json["seed"], 42);
  EXPECT_EQ(json["threads"], 2);
  EXPECT_EQ(json["runs"], 5);
  EXPECT_GT(json["min_us"], 0);
  EXPECT_LE(json["min_us"], json["p50_us"]);
  EXPECT_LE(json["p50_us"], json["max_us"]);
  EXPECT_EQ(json["inputs"][0], nlohmann::json({{"name", "a"}, {"dtype", "f32"}, {"shape", {3, 8}}}));
  EXPECT_EQ(json["outputs"][0]["name"], "y");
  EXPECT_EQ(json["outputs"][0]["kind"], "tensor");
}

TEST_F(CliRun, EveryRunComputesAgain) {
  folder.write("m.onnx", test_models::division());
  EXPECT_EQ(outputs({"m.onnx", "--dim", "n=2", "--input", "a=9", "--input", "b=3", "--runs", "20"})["y"]["first"],
            nlohmann::json({3, 3}));
}

TEST_F(CliRun, FilesThatCannotBeWrittenAreErrors) {
  folder.write("m.onnx", test_models::identity());
  folder.write("plain", "a file");
  EXPECT_EQ(run({"m.onnx", "--json", "nowhere/out.json"}).status, 5);
  EXPECT_THAT(run({"m.onnx", "--json", "nowhere/out.json"}).err, HasSubstr("--json nowhere/out.json: cannot be written"));
  EXPECT_NE(run({"m.onnx", "--save-outputs", "plain/below"}).status, 0);
  EXPECT_THAT(run({"m.onnx", "--save-outputs", "plain/below"}).err, HasSubstr("plain/below"));
}

TEST_F(CliRun, WithoutOnnxRuntimeItSaysWhatBringsIt) {
  folder.write("m.onnx", test_models::identity());
  const Ended ended = run({"m.onnx"}, {"LANEWAY_ORT_LIBRARY=/nowhere/libonnxruntime.so"});
  EXPECT_EQ(ended.status, 14);
  EXPECT_THAT(ended.err, HasSubstr("/nowhere/libonnxruntime.so"));
  EXPECT_THAT(ended.err, HasSubstr("scripts/setup"));
}

TEST_F(CliRun, FailuresOfARunNameTheModel) {
  folder.write("m.onnx", test_models::two_outputs());
  EXPECT_THAT(run({"m.onnx", "--input", "index=99"}).err, HasSubstr("error: m.onnx: run: "));
  EXPECT_THAT(run({"m.onnx", "--input", "index=99"}).err, testing::Not(HasSubstr("[ort]"))) << "told once";
  folder.write("long.onnx", test_models::long_running());
  EXPECT_THAT(run({"long.onnx", "--input", "iterations=1000000000", "--timeout", "50ms"}).err,
              HasSubstr("error: long.onnx: run: deadline over: expected at most 50ms (--timeout)"));
}

}  // namespace
}  // namespace laneway::cli_tests
