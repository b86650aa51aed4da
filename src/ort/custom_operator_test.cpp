#include "laneway/ort/custom_operator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <cstring>
#include <functional>

#include "ort_support/operators.h"

namespace laneway::ort {
namespace {

using test_models::Names;
using test_models::OnnxModel;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
struct InferringRelu : Relu {
  Expected<> compute(const Input<float>& x, Output<float>& y) const { return Relu::compute(x, y); }
  static Expected<> infer(const ShapeInference& node) {
    LANEWAY_TRY_ASSIGN(const Port x, node.input(0));
    return node.set_output(0, x.shape);
  }
};

TEST(OrtCustomOperator, O25_AnOperatorOfAFewLinesComputes) {
  const auto session = open_with(one_node("Relu"), {Operator::of<Relu>({.name = "Relu"})});
  EXPECT_THAT(run_floats(session, {-2, 3, -1, 5}), ElementsAre(0, 3, 0, 5));
  EXPECT_THAT(run_floats(session, {7, -7, 0.5f}), ElementsAre(7, 0, 0.5f));
  EXPECT_FALSE(session->outputs()[0].rank_known && !session->outputs()[0].shape.empty()) << "nobody said what comes out";
}

TEST(OrtCustomOperator, O25_InfersShapes) {
  OnnxModel model = model_with_domain();
  model.input("x", DType::f32, {4});
  model.node("Relu", {"x"}, {"y"}, {}, domain_name);
  model.output("y", test_models::tensor_of_any_rank(DType::f32));
  const auto session = open_with(model.bytes(), {Operator::of<InferringRelu>({.name = "Relu"})});
  ASSERT_EQ(session->outputs()[0].shape.size(), 1u);
  EXPECT_EQ(session->outputs()[0].shape[0].extent, 4);
  EXPECT_THAT(run_floats(session, {-2, 3, -1, 5}), ElementsAre(0, 3, 0, 5));
}

struct Repeat {  // y [times, n]: the rows are x
  static Expected<Repeat> create(const KernelInfo& info) {
    LANEWAY_TRY_ASSIGN(const std::int64_t times, info.attribute<std::int64_t>("times"));
    return Repeat{times};
  }
  static Expected<> infer(const ShapeInference& node) {
    LANEWAY_TRY_ASSIGN(const std::int64_t times, node.attribute<std::int64_t>("times"));
    LANEWAY_TRY_ASSIGN(const Port x, node.input(0));
    return node.set_output(0, {{.extent = times}, x.shape[0]});
  }
  Expected<> compute(const Input<float>& x, Output<float>& y) const {
    LANEWAY_TRY_ASSIGN(const std::span<float> out, y.allocate({times, x.elements().size()}));
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = x.elements()[i % x.elements().size()];
    return {};
  }
  std::int64_t times;
};

TEST(OrtCustomOperator, O25_InfersFromAttributesAndKeepsSymbols) {
  const auto session = open_with(one_node("Repeat", {{"times", 3}}), {Operator::of<Repeat>({.name = "Repeat"})});
  const Port& y = session->outputs()[0];
  EXPECT_EQ(y.shape, (std::vector<Dimension>{{.extent = 3}, {.extent = std::nullopt, .symbol = "n"}}));
  EXPECT_THAT(run_floats(session, {1, 2}), ElementsAre(1, 2, 1, 2, 1, 2));
}

const std::vector<test_models::Attribute>& all_kinds() {
  static const std::vector<test_models::Attribute> attributes = {
      {"integer", 42},
      {"number", 0.5},
      {"text", "three"},
      {"integers", {7, -8}},
      {"numbers", {1.5, -2.5}},
      {"strings", {"a", "bc", ""}},
      {"tensor", test_models::tensor(Shape{1, 2}, std::vector<double>{3.25, 4.5})}};
  return attributes;
}

struct Forget {  // what comes out only a run shows
  static Expected<> infer(const ShapeInference& node) {
    LANEWAY_TRY_ASSIGN(const std::size_t count, node.input_count());
    if (count != 1 || node.input(1) || node.attribute<float>("none")) return Error(ErrorCode::internal, "expected one input");
    LANEWAY_TRY_ASSIGN(const auto text, node.attribute<std::string>("text"));
    LANEWAY_TRY_ASSIGN(const auto texts, node.attribute<std::vector<std::string>>("strings"));
    LANEWAY_TRY_ASSIGN(const auto tensor, node.attribute<Tensor>("tensor"));
    if (text != "three" || texts != std::vector<std::string>{"a", "bc", ""} || tensor.shape != Shape{1, 2}) {
      return Error(ErrorCode::internal, "expected other attributes");
    }
    return node.set_output(0, {Dimension{}});
  }
  Expected<> compute(const Input<float>& x, Output<float>& y) const {
    LANEWAY_TRY_ASSIGN(const std::span<float> out, y.allocate({1}));
    out[0] = x.elements()[0];
    return {};
  }
};

TEST(OrtCustomOperator, O25_ADimensionMayBeLeftOpen) {
  const auto session = open_with(one_node("Forget", all_kinds()), {Operator::of<Forget>({.name = "Forget"})});
  ASSERT_EQ(session->outputs()[0].shape.size(), 1u);
  EXPECT_EQ(session->outputs()[0].shape[0].extent, std::nullopt);
  EXPECT_THAT(run_floats(session, {9, 8}), ElementsAre(9));
}

// All that the attributes say, as the elements of y.
struct Attributes {
  explicit Attributes(std::vector<float> all) : values(std::move(all)) {}
  static Expected<Attributes> create(const KernelInfo& info) {
    LANEWAY_TRY_ASSIGN(const auto integer, info.attribute<std::int64_t>("integer"));
    LANEWAY_TRY_ASSIGN(const auto number, info.attribute<float>("number"));
    LANEWAY_TRY_ASSIGN(const auto text, info.attribute<std::string>("text"));
    LANEWAY_TRY_ASSIGN(const auto integers, info.attribute<std::vector<std::int64_t>>("integers"));
    LANEWAY_TRY_ASSIGN(const auto numbers, info.attribute<std::vector<float>>("numbers"));
    LANEWAY_TRY_ASSIGN(const auto tensor, info.attribute<Tensor>("tensor"));
    LANEWAY_TRY_ASSIGN(const auto elements, tensor.elements<double>());
    LANEWAY_TRY_ASSIGN(const auto otherwise, info.attribute_or<float>("absent", 77));
    LANEWAY_TRY_ASSIGN(const auto given, info.attribute_or<float>("number", 77));
    std::vector<float> all = {static_cast<float>(integer), number, static_cast<float>(text.size()), otherwise, given};
    for (const std::int64_t value : integers) all.push_back(static_cast<float>(value));
    all.insert(all.end(), numbers.begin(), numbers.end());
    for (const double value : elements) all.push_back(static_cast<float>(value));
    all.push_back(static_cast<float>(tensor.shape.rank()));
    return Attributes(std::move(all));
  }
  Expected<> compute(const Input<float>&, Output<float>& y) const {
    LANEWAY_TRY_ASSIGN(const std::span<float> out, y.allocate({values.size()}));
    std::ranges::copy(values, out.begin());
    return {};
  }
  std::vector<float> values;
};

TEST(OrtCustomOperator, O25_ReadsAttributesOfEveryKind) {
  const auto session = open_with(one_node("Attributes", all_kinds()), {Operator::of<Attributes>({.name = "Attributes"})});
  EXPECT_THAT(run_floats(session, {0}), ElementsAre(42, 0.5f, 5, 77, 0.5f, 7, -8, 1.5f, -2.5f, 3.25f, 4.5f, 2));
}

struct Strings {
  explicit Strings(const KernelInfo& info) : read(info.attribute<std::vector<std::string>>("strings")) {}
  Expected<> compute(const Input<float>&, Output<std::string>& y) const {
    if (!read) return read.error();
    return y.assign({read->size()}, *read);
  }
  Expected<std::vector<std::string>> read;
};

TEST(OrtCustomOperator, O25_ReadsListsOfStrings) {
  OnnxModel model = model_with_domain();
  model.input("x", DType::f32, {1});
  model.node("Strings", {"x"}, {"y"}, all_kinds(), domain_name);
  model.output("y", DType::string, {"n"});
  const auto session = open_with(model.bytes(), {Operator::of<Strings>({.name = "Strings"})});
  constexpr int level_of_lists_of_strings = 27;
  if (session->library()->level() < level_of_lists_of_strings) {
    EXPECT_THAT(failure_of(session, {0}), HasSubstr("KernelInfoGetAttributeArray_string"));
    return;
  }
  std::vector<float> x = {0};
  const Value value = over(x, {1});
  EXPECT_THAT(take(run_once(session, {&value})[0].string_elements()), ElementsAre("a", "bc", ""));
}

template <class T>
struct Wants {
  static Expected<Wants> create(const KernelInfo& info) {
    LANEWAY_TRY(info.attribute<T>("wanted"));
    return Wants{};
  }
  Expected<> compute(const Input<float>& x, Output<float>& y) const { return Relu().compute(x, y); }
};

template <class T>
std::string wanted(const std::vector<test_models::Attribute>& attributes) {
  return outcome(try_open(one_node("Wants", attributes), {Operator::of<Wants<T>>({.name = "Wants"})}));
}

TEST(OrtCustomOperator, O25_AnAttributeOfAnotherKindOrNoneIsAnErrorOfOpening) {
  EXPECT_EQ(wanted<float>({{"wanted", 0.5}}), "success");
  EXPECT_EQ(wanted<std::vector<float>>({{"wanted", std::vector<float>{}}}), "success") << "an empty list has no kind";
  EXPECT_THAT(wanted<float>({{"wanted", 1}}), HasSubstr("attribute wanted: kind: expected a float, got an integer"));
  EXPECT_THAT(wanted<std::int64_t>({{"wanted", {1, 2}}}), HasSubstr("expected an integer, got integers"));
  EXPECT_THAT(wanted<std::vector<float>>({{"wanted", 2.0}}), HasSubstr("expected floats, got a float"));
  EXPECT_THAT(wanted<Tensor>({{"wanted", "text"}}), HasSubstr("expected a tensor, got a string"));
  EXPECT_THAT(wanted<float>({}), AllOf(HasSubstr("operator Wants: create"), HasSubstr("attribute wanted: the node has none")));
}

// y = x + (bias, where there is one), z = -x (where it is wanted)
struct Optionals {
  Expected<> compute(const Input<float>& x, const std::optional<Input<float>>& bias, std::optional<Output<float>>& z,
                     Output<float>& y) const {
    LANEWAY_TRY_ASSIGN(const std::span<float> out, y.allocate(x.shape()));
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = x.elements()[i] + (bias ? bias->elements()[i] : 0.0f);
    if (!z) return {};
    LANEWAY_TRY_ASSIGN(const std::span<float> negated, z->allocate(x.shape()));
    std::ranges::transform(x.elements(), negated.begin(), std::negate());
    return {};
  }
};

TEST(OrtCustomOperator, O25_OptionalInputsAndOutputsMayBeLeftOut) {
  for (const bool bias : {false, true}) {
    for (const bool z : {false, true}) {
      OnnxModel model = model_with_domain();
      model.input("x", DType::f32, {2});
      if (bias) model.input("bias", DType::f32, {2});
      model.node("Optionals", bias ? Names{"x", "bias"} : Names{"x"}, {z ? "z" : "", "y"}, {}, domain_name);
      model.output("y", DType::f32, {2});
      if (z) model.output("z", DType::f32, {2});
      const auto session = open_with(model.bytes(), {Operator::of<Optionals>({.name = "Optionals"})});
      std::vector<float> x = {1, 2}, b = {10, 20};
      const Value first = over(x, {2}), second = over(b, {2});
      const auto got = bias ? run_once(session, {&first, &second}) : run_once(session, {&first});
      EXPECT_THAT(elements_of<float>(got[0]), bias ? ElementsAre(11, 22) : ElementsAre(1, 2));
      if (z) { EXPECT_THAT(elements_of<float>(got[1]), ElementsAre(-1, -2)); }
    }
  }
}

// As x where `like` is left out, else as that.
struct Shaped {
  static Expected<> infer(const ShapeInference& node) {
    LANEWAY_TRY_ASSIGN(const Port x, node.input(0));
    return node.set_output(0, x.shape);
  }
  Expected<> compute(const Input<float>& x, const std::optional<Input<float>>& like, const std::optional<Input<float>>& more,
                     Output<float>& y) const {
    LANEWAY_TRY_ASSIGN(const std::span<float> out, y.allocate(x.shape()));
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = (like ? 100 : 10) * x.elements()[i] + (more ? more->elements()[i] : 0);
    return {};
  }
};

TEST(OrtCustomOperator, O25_InfersWhereInputsAreLeftOut) {
  OnnxModel model = model_with_domain();
  model.input("x", DType::f32, {2}).input("more", DType::f32, {2});
  model.node("Shaped", {"x", "", "more"}, {"y"}, {}, domain_name);
  model.output("y", test_models::tensor_of_any_rank(DType::f32));
  const auto session = open_with(model.bytes(), {Operator::of<Shaped>({.name = "Shaped"})});
  constexpr int level_known_good = 27;
  if (session->library()->level() >= level_known_good) {
    EXPECT_EQ(session->outputs()[0].shape, (std::vector<Dimension>{{.extent = 2}}));
  }
  std::vector<float> x = {1, 2}, more = {3, 4};
  const Value first = over(x, {2}), second = over(more, {2});
  EXPECT_THAT(elements_of<float>(run_once(session, {&first, &second})[0]), ElementsAre(13, 24));
}

struct Sum {
  Expected<> compute(const std::vector<Input<float>>& terms, Output<float>& y) const {
    LANEWAY_TRY_ASSIGN(const std::span<float> out, y.allocate(terms[0].shape()));
    std::ranges::fill(out, 0.0f);
    for (const Input<float>& term : terms) {
      for (std::size_t i = 0; i < out.size(); ++i) out[i] += term.elements()[i];
    }
    return {};
  }
};

struct Split {  // one element each
  Expected<> compute(const Input<float>& x, std::vector<Output<float>>& parts) const {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      LANEWAY_TRY_ASSIGN(const std::span<float> out, parts[i].allocate({1}));
      out[0] = x.elements()[i];
    }
    return {};
  }
};

TEST(OrtCustomOperator, O25_VariadicInputsAndOutputs) {
  for (const std::size_t count : {1u, 3u, 5u}) {
    OnnxModel model = model_with_domain();
    Names terms, parts;
    for (std::size_t i = 0; i < count; ++i) {
      terms.push_back("x" + std::to_string(i));
      parts.push_back("y" + std::to_string(i));
      model.input(terms.back(), DType::f32, {count});
      model.output(parts.back(), DType::f32, {1});
    }
    model.node("Sum", terms, {"sum"}, {}, domain_name);
    model.node("Split", {"sum"}, parts, {}, domain_name);
    const auto session = open_with(model.bytes(), {Operator::of<Sum>({.name = "Sum"}), Operator::of<Split>({.name = "Split"})});
    std::vector<std::vector<float>> x;
    std::vector<Value> values;
    for (std::size_t i = 0; i < count; ++i) x.push_back(test_models::random_floats(count, 100 * count + i));
    for (std::size_t i = 0; i < count; ++i) values.push_back(over(x[i], {count}));
    std::vector<const Value*> inputs;
    for (const Value& value : values) inputs.push_back(&value);
    const auto got = run_once(session, inputs);
    for (std::size_t i = 0; i < count; ++i) {
      float expected = 0;
      for (const auto& term : x) expected += term[i];
      EXPECT_EQ(elements_of<float>(got[i])[0], expected);
    }
  }
}

template <class T>
struct Square {
  Expected<> compute(const Input<T>& x, Output<T>& y) const {
    LANEWAY_TRY_ASSIGN(const std::span<T> out, y.allocate(x.shape()));
    std::ranges::transform(x.elements(), out.begin(), [](T v) { return static_cast<T>(v * v); });
    return {};
  }
};

template <class T>
std::vector<T> squared(const std::vector<Operator>& operators, std::vector<T> x) {
  OnnxModel model = model_with_domain();
  model.input("x", dtype_of<T>::value, {"n"});
  model.node("Square", {"x"}, {"y"}, {}, domain_name);
  model.output("y", dtype_of<T>::value, {"n"});
  const auto session = open_with(model.bytes(), operators);
  const Value value = over(x, {x.size()});
  return elements_of<T>(run_once(session, {&value})[0]);
}

TEST(OrtCustomOperator, O25_OneTemplateServesSeveralTypes) {
  const std::vector<Operator> operators = {Operator::of<Square<float>>({.name = "Square"}),
                                           Operator::of<Square<double>>({.name = "Square"}),
                                           Operator::of<Square<std::int64_t>>({.name = "Square"})};
  EXPECT_THAT(squared<float>(operators, {1.5f, -2}), ElementsAre(2.25f, 4));
  EXPECT_THAT(squared<double>(operators, {1e-200, 3}), ElementsAre(0.0, 9.0));
  EXPECT_THAT(squared<std::int64_t>(operators, {3000000000, -1}), ElementsAre(9000000000000000000, 1));
}

struct Copy {  // of any type
  Expected<> compute(const Input<void>& x, Output<void>& y) const {
    LANEWAY_TRY_ASSIGN(const TensorView out, y.allocate(x.view().shape));
    if (out.dtype != x.view().dtype) return Error(ErrorCode::internal, "another dtype");
    std::memcpy(out.data, x.view().data, out.bytes);
    return {};
  }
};

template <class T>
std::vector<T> copied(std::vector<T> x) {
  OnnxModel model = model_with_domain();
  model.input("x", dtype_of<T>::value, {"n"});
  model.node("Copy", {"x"}, {"y"}, {}, domain_name);
  model.output("y", dtype_of<T>::value, {"n"});
  const auto session = open_with(model.bytes(), {Operator::of<Copy>({.name = "Copy"})});
  const Value value = over(x, {x.size()});
  return elements_of<T>(run_once(session, {&value})[0]);
}

TEST(OrtCustomOperator, O25_OneKernelServesAnyType) {
  EXPECT_THAT(copied<std::int16_t>({-5, 300, 7}), ElementsAre(-5, 300, 7));
  EXPECT_THAT(copied<double>({1e300}), ElementsAre(1e300));
}

struct Upper {
  Expected<> compute(const Input<std::string>& x, Output<std::string>& y) const {
    std::vector<std::string> upper(x.elements().begin(), x.elements().end());
    for (std::string& text : upper) std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::toupper(c); });
    return y.assign(x.shape(), upper);
  }
};

TEST(OrtCustomOperator, O25_Strings) {
  OnnxModel model = model_with_domain();
  model.input("x", DType::string, {"n"});
  model.node("Upper", {"x"}, {"y"}, {}, domain_name);
  model.output("y", DType::string, {"n"});
  const auto session = open_with(model.bytes(), {Operator::of<Upper>({.name = "Upper"})});
  const Value x =
      take(Value::strings(session->environment()->host_allocator(), std::vector<std::string>{"ab", "", "Zürich"}, {3}));
  EXPECT_THAT(take(run_once(session, {&x})[0].string_elements()), ElementsAre("AB", "", "ZüRICH"));
}

// y = x * weight, where the weight is read when the kernel is made if it is the model's.
struct Scaled {
  static Expected<Scaled> create(const KernelInfo& info) {
    LANEWAY_TRY_ASSIGN(auto weight, info.constant_input(1));
    return Scaled{std::move(weight)};
  }
  Expected<> compute(const Input<float>& x, const HostInput<float>& weight, Output<float>& y) const {
    LANEWAY_TRY_ASSIGN(const std::span<float> out, y.allocate(x.shape()));
    std::span<const float> factors = weight.elements();
    if (constant) { LANEWAY_TRY_ASSIGN(factors, constant->elements<float>()); }
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = x.elements()[i] * factors[i] + (constant ? 100.0f : 0.0f);
    return {};
  }
  std::optional<Tensor> constant;
};

TEST(OrtCustomOperator, O25_ConstantInputsAreThereWhenTheKernelIsMade) {
  for (const bool constant : {true, false}) {
    OnnxModel model = model_with_domain();
    model.input("x", DType::f32, {2});
    if (constant) {
      model.initializer("w", Shape{2}, std::vector<float>{2, 3});
    } else {
      model.input("w", DType::f32, {2});
    }
    model.node("Scaled", {"x", "w"}, {"y"}, {}, domain_name);
    model.output("y", DType::f32, {2});
    const auto session = open_with(model.bytes(), {Operator::of<Scaled>({.name = "Scaled"})});
    std::vector<float> x = {5, 7}, w = {2, 3};
    const Value first = over(x, {2}), second = over(w, {2});
    const auto got = constant ? run_once(session, {&first}) : run_once(session, {&first, &second});
    EXPECT_THAT(elements_of<float>(got[0]), constant ? ElementsAre(110, 121) : ElementsAre(10, 21));
  }
}

TEST(OrtCustomOperator, O25_TheMemoryOfEachInputFollowsFromItsType) {
  const Operator made = Operator::of<Scaled>({.name = "Scaled"});
  ASSERT_EQ(made.inputs.size(), 2u);
  EXPECT_EQ(made.inputs[0].side, Side::provider);
  EXPECT_EQ(made.inputs[1].side, Side::host);
}

TEST(OrtCustomOperator, O25_WrongDomainsAreRefused) {
  const auto make = [](std::string name, std::vector<Operator> operators) {
    return outcome(OperatorDomain::make({.name = std::move(name), .operators = std::move(operators)}));
  };
  EXPECT_THAT(make(std::string("a\0b", 3), {}), StartsWith("invalid_argument: domain: holds a NUL"));
  EXPECT_THAT(make("d", {Operator::of<Relu>({.name = ""})}), StartsWith("invalid_argument: domain d: operator: name: empty"));
  EXPECT_THAT(make("d", {Operator::of<Relu>({.name = std::string("a\0b", 3)})}), HasSubstr("holds a NUL"));
  Operator odd = Operator::of<Sum>({.name = "Sum"});
  odd.inputs.push_back({.dtype = DType::f32});
  EXPECT_THAT(make("d", {odd}), HasSubstr("inputs: variadic: expected the last one to be"));
  SessionSpec spec = spec_of(test_models::relu());
  spec.operators = {nullptr};
  EXPECT_THAT(outcome(Session::open(spec)), StartsWith("invalid_argument: operators: null"));
}

}  // namespace
}  // namespace laneway::ort
