#include "laneway/graph/from_onnx.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/models.h"

namespace laneway::graph {
namespace {

using test_models::OnnxModel;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

Expected<Graph> read(const std::string& bytes, const ImportSpec& spec = {}) {
  LANEWAY_TRY_ASSIGN(const auto model, onnx::parse(test_models::as_bytes(bytes)));
  return from_onnx(model, spec);
}
std::string outcome(const Expected<Graph>& result) {
  return result ? "success" : std::string(name(result.error().code())) + ": " + std::string(result.error().message());
}
/// Shape of the first output, as text.
std::string shape_of(const std::string& bytes) {
  const auto graph = read(bytes);
  if (!graph) return outcome(graph);
  const auto& shape = (*graph)[graph->outputs.at(0)].type.shape;
  return shape ? to_string(*shape) : "unknown";
}

TEST(FromOnnx, C01_ReadsAChainOfMatricesWithoutCopyingWeights) {
  const std::string bytes = test_models::mlp();
  const auto graph = read(bytes);
  ASSERT_TRUE(graph) << outcome(graph);
  ASSERT_EQ(graph->inputs.size(), 1u);
  EXPECT_EQ(to_string((*graph)[graph->outputs.at(0)].type), "f32[1, 4]");
  std::size_t weights = 0;
  for (const Value& value : graph->values) {
    if (!value.constant || value.constant->bytes.size() < 1024) continue;
    const auto* at = reinterpret_cast<const char*>(value.constant->bytes.data());
    EXPECT_TRUE(at >= bytes.data() && at < bytes.data() + bytes.size()) << value.name;
    weights += value.constant->bytes.size();
  }
  EXPECT_EQ(weights, (32 * 64 + 64 * 64 + 64 * 4) * sizeof(float));
}

TEST(FromOnnx, C06_ShapesFollowThroughAConvolutionNet) {
  const auto graph = read(test_models::mnist());
  ASSERT_TRUE(graph) << outcome(graph);
  EXPECT_EQ(to_string((*graph)[graph->outputs.at(0)].type), "f32[1, 10]") << to_string(*graph);
  for (const Value& value : graph->values) {
    ASSERT_TRUE(value.type.shape) << value.name;
    for (const Size& extent : *value.type.shape) EXPECT_TRUE(extent.number()) << value.name << ": " << to_string(value.type);
  }
}

// Shape -> Gather -> arithmetic -> Concat -> Reshape, as exporters write it.
TEST(FromOnnx, C06_ArithmeticOnShapesIsUnderstood) {
  OnnxModel model;
  model.input("x", DType::f32, {"batch", "sequence", 64}).output("y", DType::f32, {});
  model.initializer("zero", Shape{1}, std::vector<std::int64_t>{0}).initializer("one", Shape{1}, std::vector<std::int64_t>{1});
  model.initializer("heads", Shape{1}, std::vector<std::int64_t>{4}).initializer("rest", Shape{1}, std::vector<std::int64_t>{-1});
  model.initializer("twice", Shape{1}, std::vector<std::int64_t>{2});
  model.node("Shape", {"x"}, {"shape"}).node("Gather", {"shape", "zero"}, {"b"}).node("Gather", {"shape", "one"}, {"s"});
  model.node("Mul", {"s", "twice"}, {"s2"}).node("Concat", {"b", "s2", "heads", "rest"}, {"wanted"}, {{"axis", 0}});
  model.node("Reshape", {"x", "wanted"}, {"y"});
  EXPECT_EQ(shape_of(model.bytes()), "[batch, 2*sequence, 4, 8]");
}

TEST(FromOnnx, C06_SlicesOfExtentsThatVary) {
  const auto sliced = [](std::int64_t start, std::int64_t end, std::int64_t step) {
    OnnxModel model;
    model.input("x", DType::f32, {"n", 3}).output("y", DType::f32, {});
    model.initializer("s", Shape{1}, std::vector<std::int64_t>{start}).initializer("e", Shape{1}, std::vector<std::int64_t>{end});
    model.initializer("a", Shape{1}, std::vector<std::int64_t>{0}).initializer("k", Shape{1}, std::vector<std::int64_t>{step});
    model.node("Slice", {"x", "s", "e", "a", "k"}, {"y"});
    const auto graph = read(model.bytes());
    EXPECT_TRUE(graph) << outcome(graph);
    return (*(*graph)[graph->outputs.at(0)].type.shape)[0];
  };
  // Against a count of what is left, at every extent from 0 to 12.
  const auto plain = [](std::int64_t start, std::int64_t end, std::int64_t step, std::int64_t n) {
    const auto place = [&](std::int64_t at, std::int64_t least, std::int64_t most) {
      return std::clamp(at < 0 ? at + n : at, least, most);
    };
    std::int64_t count = 0;
    if (step > 0) {
      for (auto i = place(start, 0, n); i < place(end, 0, n); i += step) ++count;
    } else {
      for (auto i = place(start, 0, n - 1); i > place(end, -1, n - 1); i += step) ++count;
    }
    return count;
  };
  for (const std::int64_t start : {0, 1, 3, -1, -4, 20, -20}) {
    for (const std::int64_t end : {0, 2, 5, -1, -3, 100, -100}) {
      for (const std::int64_t step : {1, 2, 3, -1, -2}) {
        const Size size = sliced(start, end, step);
        for (std::int64_t n = 1; n <= 12; ++n) {
          const auto got = size.evaluate({{{"n", n}}});
          ASSERT_TRUE(got) << got.error().message();
          EXPECT_EQ(*got, plain(start, end, step, n))
              << start << ":" << end << ":" << step << " of " << n << ": " << to_string(size);
        }
      }
    }
  }
}

TEST(FromOnnx, C06_DimensionsAreFixedByName) {
  OnnxModel model;
  model.input("x", DType::f32, {"batch", "sequence", 8}).output("y", DType::f32, {"batch", "sequence", 8});
  model.node("Relu", {"x"}, {"y"});
  const std::string bytes = model.bytes();
  const auto open = read(bytes);
  ASSERT_TRUE(open) << outcome(open);
  EXPECT_EQ(open->symbols, (std::vector<std::string>{"batch", "sequence"}));
  const auto fixed = read(bytes, {.dimensions = {{"batch", 2}}});
  ASSERT_TRUE(fixed) << outcome(fixed);
  EXPECT_EQ(fixed->symbols, std::vector<std::string>{"sequence"});
  EXPECT_EQ(to_string((*fixed)[fixed->outputs.at(0)].type), "f32[2, sequence, 8]");
}

TEST(FromOnnx, C05_WrongGraphsAreRefusedNamingTheNode) {
  const auto of = [](auto build) {
    OnnxModel model;
    model.input("x", DType::f32, {2, 3}).output("y", DType::f32, {});
    model.initializer("w", Shape{4, 5}, std::vector<float>(20));
    build(model);
    return outcome(read(model.bytes()));
  };
  EXPECT_THAT(of([](OnnxModel& m) {
                m.node("MatMul", {"x", "w"}, {"y"});
              }),
              AllOf(StartsWith("invalid_argument: "), HasSubstr("(MatMul): inner extents differ: [2, 3] and [4, 5]")));
  EXPECT_THAT(of([](OnnxModel& m) { m.node("Add", {"x", "w"}, {"y"}); }), HasSubstr("do not broadcast: [2, 3] and [4, 5]"));
  EXPECT_THAT(of([](OnnxModel& m) { m.node("Relu", {"z"}, {"y"}); }), HasSubstr("(Relu): input z: expected an input"));
  EXPECT_THAT(of([](OnnxModel& m) { m.node("Relu", {"a"}, {"y"}).node("Relu", {"y"}, {"a"}); }), HasSubstr("a cycle?"));
  EXPECT_THAT(of([](OnnxModel& m) { m.node("Relu", {"x"}, {"y"}).node("Neg", {"x"}, {"y"}); }),
              HasSubstr("value y: made a second time"));
  EXPECT_THAT(of([](OnnxModel& m) { m.node("Relu", {"x"}, {"z"}); }), HasSubstr("output y: expected a node that makes it"));
  EXPECT_THAT(of([](OnnxModel& m) { m.node("Relu", {"x", "x"}, {"y"}); }), HasSubstr("inputs: expected 1 or more"));
  EXPECT_THAT(of([](OnnxModel& m) {
                m.node("Softmax", {"x"}, {"y"}, {{"axis", 5}});
              }),
              HasSubstr("axis: expected -2 to 1, got 5"));
  EXPECT_THAT(of([](OnnxModel& m) {
                m.node("Softmax", {"x"}, {"y"}, {{"axis", 1.5f}});
              }),
              HasSubstr("attribute axis: expected an integer"));
  EXPECT_THAT(of([](OnnxModel& m) { m.node("Transpose", {"x"}, {"y"}, {{"perm", {0, 0}}}); }), HasSubstr("perm"));
}

TEST(FromOnnx, C29_WhatIsNotKnownIsUnimplementedByName) {
  const auto of = [](auto build) {
    OnnxModel model;
    model.input("x", DType::f32, {2, 3}).output("y", DType::f32, {});
    build(model);
    return outcome(read(model.bytes()));
  };
  EXPECT_THAT(of([](OnnxModel& m) { m.node("Frobnicate", {"x"}, {"y"}); }),
              AllOf(StartsWith("unimplemented: "), HasSubstr("(Frobnicate): operator Frobnicate: not known")));
  EXPECT_THAT(of([](OnnxModel& m) {
                m.node("Relu", {"x"}, {"y"}, {{"speed", 2}});
              }),
              AllOf(StartsWith("unimplemented: "), HasSubstr("(Relu): attribute speed: not known")));
  EXPECT_THAT(of([](OnnxModel& m) {
                m.opsets = {{"", 6}};
                m.node("Relu", {"x"}, {"y"});
              }),
              StartsWith("unimplemented: model: operator set ai.onnx: expected 7 to 26, got 6"));
}

TEST(FromOnnx, C05_TheVerifierTellsEveryRuleThatIsBroken) {
  auto graph = read(test_models::mlp());
  ASSERT_TRUE(graph) << outcome(graph);
  ASSERT_TRUE(verify(*graph));
  const auto broken_by = [&](auto change) {
    Graph changed = *graph;
    change(changed);
    const auto result = verify(changed);
    return result ? "a graph" : std::string(name(result.error().code())) + ": " + std::string(result.error().message());
  };
  EXPECT_THAT(broken_by([](Graph& g) { std::swap(g.nodes.front(), g.nodes.back()); }), HasSubstr("read before it is made"));
  EXPECT_THAT(broken_by([](Graph& g) { g.nodes.push_back(g.nodes.front()); }), HasSubstr("made a second time"));
  EXPECT_THAT(broken_by([](Graph& g) { g.nodes.front().inputs.clear(); }), HasSubstr("as many ports as their operator"));
  EXPECT_THAT(broken_by([](Graph& g) { g.outputs = {ValueId(1000)}; }),
              AllOf(StartsWith("internal: "), HasSubstr("values exist")));
  EXPECT_THAT(broken_by([](Graph& g) { g.values[1].name = g.values[0].name; }), HasSubstr("two of that name"));
  EXPECT_THAT(broken_by([](Graph& g) {
                for (Value& value : g.values) {
                  if (value.constant) value.constant->bytes = value.constant->bytes.first(1);
                }
              }),
              HasSubstr("constants have the bytes of their type"));
  EXPECT_THAT(broken_by([](Graph& g) { g.outputs.push_back(g.add({.name = "loose", .type = {}})); }), HasSubstr("never made"));
}

}  // namespace
}  // namespace laneway::graph
