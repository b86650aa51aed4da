#include "laneway/ort/compile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>

#include "ort_support/folder.h"
#include "ort_support/models.h"

namespace laneway::ort {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class OrtCompile : public testing::Test {
 protected:
  CompileSpec spec() const {
    CompileSpec spec{.session = {.model = ModelBytes{test_models::as_bytes(model_)}}};
    spec.session.optimisation = Optimisation::basic;
    return spec;
  }
  std::vector<float> run(const ModelSource& model) const {
    const auto session = take(Session::open({.model = model}));
    std::vector<float> x = test_models::random_floats(32, 31);
    const Value value = over(x, {1, 32});
    return elements_of<float>(run_once(session, {&value})[0]);
  }

  std::string model_ = test_models::mlp();
  std::vector<float> plain_ = run(ModelBytes{test_models::as_bytes(model_)});  // what the model itself computes
  Folder folder_;
};

TEST_F(OrtCompile, O31_ToMemory) {
  const ModelBytes compiled = take(compile(spec()));
  EXPECT_GT(compiled.bytes.size(), 8192u) << "it holds the weights";
  EXPECT_EQ(run(compiled), plain_);
  EXPECT_FALSE(std::ranges::equal(compiled.bytes, test_models::as_bytes(model_))) << "it is another model";
}

TEST_F(OrtCompile, O31_ToAFileFromAFile) {
  CompileSpec spec = this->spec();
  spec.session.model = ModelPath{folder_.write("model.onnx", model_)};
  take(compile_to(spec, folder_.path() / "compiled.onnx"));
  EXPECT_EQ(run(ModelPath{folder_.path() / "compiled.onnx"}), plain_);
  EXPECT_EQ(run(ModelPath{folder_.path() / "model.onnx"}), plain_) << "as it was";
}

TEST_F(OrtCompile, O31_ToAFunctionOfTheCallers) {
  std::vector<std::byte> written;
  take(compile_to(spec(), [&](std::span<const std::byte> part) -> Expected<> {
    written.insert(written.end(), part.begin(), part.end());
    return {};
  }));
  EXPECT_EQ(run(ModelBytes{written}), plain_);
  EXPECT_TRUE(std::ranges::equal(written, take(compile(spec())).bytes));
}

TEST_F(OrtCompile, O31_FromAGraphMadeInMemory) {
  const Dimension n{.extent = 64};
  ModelGraph graph = {.inputs = {{.name = "a", .shape = {n}}}, .outputs = {{.name = "c", .shape = {n}}}};
  graph.initializers = {{"w", Tensor::of({64}, std::vector<float>(64, 2.5f))}};
  graph.nodes = {{.type = "Mul", .inputs = {"a", "w"}, .outputs = {"c"}}};
  ModelGraph with_tensor = graph;  // which the model editor cannot take
  with_tensor.initializers.clear();
  with_tensor.nodes.insert(
      with_tensor.nodes.begin(),
      Node{.type = "Constant", .inputs = {}, .outputs = {"w"}, .attributes = {{"value", graph.initializers[0].tensor}}});
  for (const ModelGraph& each : {graph, with_tensor}) {
    const ModelBytes compiled = take(compile({.session = {.model = each}}));
    const auto session = take(Session::open({.model = compiled}));
    std::vector<float> x(64, 2);
    const Value value = over(x, {64});
    EXPECT_THAT(elements_of<float>(run_once(session, {&value})[0]), testing::Each(5));
  }
}

TEST_F(OrtCompile, O31_WithWeightsInAFile) {
  CompileSpec spec = this->spec();
  spec.session.model = ModelPath{folder_.write("model.onnx", model_)};
  spec.weights_file = "weights.bin";
  spec.weights_bytes_min = 1000;
  take(compile_to(spec, folder_.path() / "compiled.onnx"));
  ASSERT_TRUE(fs::exists(folder_.path() / "weights.bin"));
  EXPECT_GE(fs::file_size(folder_.path() / "weights.bin"), (32 * 64 + 64 * 64 + 64 * 4) * sizeof(float)) << "the three matrices";
  EXPECT_LT(fs::file_size(folder_.path() / "compiled.onnx"), 4000u);
  EXPECT_EQ(run(ModelPath{folder_.path() / "compiled.onnx"}), plain_);
  fs::remove(folder_.path() / "weights.bin");
  EXPECT_THAT(outcome(Session::open({.model = ModelPath{folder_.path() / "compiled.onnx"}})), HasSubstr("weights.bin"));
}

TEST_F(OrtCompile, O31_WithWeightsWhereTheCallerPutsThem) {
  CompileSpec spec = this->spec();
  std::map<std::string, std::size_t> asked;
  std::ofstream file(folder_.path() / "mine.bin", std::ios::binary);
  file << std::string(100, 'x');  // something of the caller's before
  std::int64_t offset = 100;
  spec.place_weight = [&](const std::string& name, const Tensor& weight,
                          const std::optional<ExternalPlace>& from) -> Expected<std::optional<ExternalPlace>> {
    EXPECT_EQ(from, std::nullopt);
    asked[name] = weight.bytes.size();
    if (weight.bytes.size() < 1000) return std::optional<ExternalPlace>();
    const ExternalPlace place{.file = "mine.bin", .offset = offset, .bytes = weight.bytes.size()};
    file.write(reinterpret_cast<const char*>(weight.bytes.data()), static_cast<std::streamsize>(weight.bytes.size()));
    offset += static_cast<std::int64_t>(weight.bytes.size());
    return std::optional(place);
  };
  take(compile_to(spec, folder_.path() / "compiled.onnx"));
  file.close();
  EXPECT_EQ(asked["fc1.weight"], 32 * 64 * sizeof(float));
  EXPECT_EQ(asked["fc1.bias"], 64 * sizeof(float));
  EXPECT_EQ(run(ModelPath{folder_.path() / "compiled.onnx"}), plain_);

  // Compiled again: now they are told to come from that file.
  std::map<std::string, ExternalPlace> places;
  spec.session.model = ModelPath{folder_.path() / "compiled.onnx"};
  spec.place_weight = [&](const std::string& name, const Tensor&,
                          const std::optional<ExternalPlace>& from) -> Expected<std::optional<ExternalPlace>> {
    if (from) places[name] = *from;
    return std::optional<ExternalPlace>();
  };
  const ModelBytes whole = take(compile(spec));
  EXPECT_EQ(run(whole), plain_);
  if (!places.empty()) {  // ONNX Runtime may have read them into memory by then
    EXPECT_EQ(places["fc1.weight"].bytes, 32 * 64 * sizeof(float));
  }
}

TEST_F(OrtCompile, O31_OptionsOfCompiledPartsAreTaken) {
  CompileSpec spec = this->spec();
  spec.embed_context = true;
  EXPECT_EQ(run(take(compile(spec))), plain_);
  spec.embed_context = false;
  spec.context_folder = folder_.path();
  spec.context_name = "parts";
  EXPECT_EQ(run(take(compile(spec))), plain_);
}

TEST_F(OrtCompile, O31_NothingCompiledIsAnErrorOnRequest) {
  CompileSpec spec = this->spec();
  spec.must_compile = true;  // the CPU's provider compiles nothing
  EXPECT_NE(outcome(compile(spec)), "success");
}

TEST_F(OrtCompile, O31_AFileIsKeptOnRequest) {
  CompileSpec spec = this->spec();
  spec.overwrite = false;
  const fs::path there = folder_.write("there.onnx", "kept");
  EXPECT_THAT(outcome(compile_to(spec, there)), HasSubstr("there.onnx"));
  EXPECT_EQ(fs::file_size(there), 4u);
  spec.overwrite = true;
  EXPECT_EQ(outcome(compile_to(spec, there)), "success");
  EXPECT_EQ(run(ModelPath{there}), plain_);
}

TEST_F(OrtCompile, O31_ErrorsOfTheCallersFunctionsAreTheResult) {
  const auto writing = [&](ModelWriter write) { return outcome(compile_to(spec(), write)); };
  EXPECT_THAT(writing([](auto) -> Expected<> { return Error(ErrorCode::internal, "no room today"); }),
              HasSubstr("no room today"));
  EXPECT_THAT(writing([](auto) -> Expected<> { throw std::runtime_error("no disk today"); }), HasSubstr("no disk today"));
  EXPECT_THAT(writing(nullptr), StartsWith("invalid_argument: write: empty"));
  CompileSpec spec = this->spec();
  spec.place_weight = [](auto&&...) -> Expected<std::optional<ExternalPlace>> { throw std::runtime_error("no place today"); };
  EXPECT_THAT(outcome(compile(spec)), HasSubstr("no place today"));
  spec.place_weight = [](auto&&...) -> Expected<std::optional<ExternalPlace>> {
    return std::optional(ExternalPlace{.file = std::string("a\0b", 3)});
  };
  EXPECT_THAT(outcome(compile(spec)), HasSubstr("holds a NUL"));
}

TEST_F(OrtCompile, O31_WrongSpecsAreErrors) {
  const auto with = [&](auto edit) {
    CompileSpec spec = this->spec();
    edit(spec);
    return outcome(compile(spec));
  };
  const std::string nul("a\0b", 3);
  EXPECT_THAT(with([&](CompileSpec& s) { s.session.model = ModelPath{"/nowhere"}; }), StartsWith("not_found: model /nowhere"));
  EXPECT_THAT(with([&](CompileSpec& s) { s.session.model = ModelBytes{test_models::as_bytes("no model")}; }),
              testing::Not("success"));
  EXPECT_THAT(with([&](CompileSpec& s) { s.session.model = EditedModel(ModelBytes{test_models::as_bytes(model_)}, {}); }),
              StartsWith("unimplemented: model: edited"));
  EXPECT_THAT(with([&](CompileSpec& s) { s.context_folder = nul; }), HasSubstr("context_folder: holds a NUL"));
  EXPECT_THAT(with([&](CompileSpec& s) { s.context_name = "alone"; }),
              HasSubstr("context_name: expected one with context_folder"));
  EXPECT_THAT(with([&](CompileSpec& s) { s.weights_file = nul; }), HasSubstr("weights_file: holds a NUL"));
  EXPECT_THAT(with([&](CompileSpec& s) {
                s.weights_file = "w";
                s.place_weight = [](auto&&...) { return std::optional<ExternalPlace>(); };
              }),
              HasSubstr("place_weight: expected none beside weights_file"));
  EXPECT_THAT(outcome(compile_to(spec(), fs::path())), StartsWith("invalid_argument: file: path: empty"));
}

}  // namespace
}  // namespace laneway::ort
