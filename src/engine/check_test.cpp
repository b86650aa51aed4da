#include "laneway/engine/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace laneway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Dimension extent(std::int64_t value) { return {.extent = value}; }
Dimension symbol(const char* name) { return {.symbol = name}; }

Port port(std::string name, std::vector<Dimension> shape, DType dtype = DType::f32) {
  return {.name = std::move(name), .dtype = dtype, .shape = std::move(shape)};
}

void expect_error(const Expected<>& result, ErrorCode code, const std::vector<std::string>& parts) {
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), code) << result.error().message();
  for (const std::string& part : parts) EXPECT_THAT(std::string(result.error().message()), HasSubstr(part));
}

// A plan that is only its ports.
class PortsOnly final : public Plan {
 public:
  PortsOnly(std::vector<PlannedPort> inputs, std::vector<PlannedPort> outputs)
      : inputs_(std::move(inputs)), outputs_(std::move(outputs)) {}
  std::span<const PlannedPort> inputs() const noexcept override { return inputs_; }
  std::span<const PlannedPort> outputs() const noexcept override { return outputs_; }
  PlanBytes bytes() const noexcept override { return {}; }
  Expected<std::unique_ptr<Binding>> bind(const BindSpec&) const override { return Error(ErrorCode::unimplemented, "no"); }

 private:
  std::vector<PlannedPort> inputs_, outputs_;
};

PlannedPort planned(const Shape& capacity, std::size_t bytes, std::size_t alignment_bytes = 1) {
  PlannedPort result;
  result.capacity = capacity;
  result.bytes = bytes;
  result.alignment_bytes = alignment_bytes;
  return result;
}

TEST(CheckShape, AcceptsWhatThePortDeclares) {
  EXPECT_TRUE(check_shape(port("x", {symbol("batch"), extent(3)}), Shape{0, 3}));
  EXPECT_TRUE(check_shape(port("x", {}), Shape{}));
  Port any = port("x", {});
  any.rank_known = false;
  EXPECT_TRUE(check_shape(any, Shape{4, 5, 6}));
}

TEST(CheckShape, NamesPortExpectedAndGot) {
  const Port image = port("image", {symbol("batch"), extent(3), Dimension{}});
  expect_error(check_shape(image, Shape{1, 3}), ErrorCode::invalid_argument, {"image", "rank", "[batch, 3, image.2]", "[1, 3]"});
  expect_error(check_shape(image, Shape{1, 4, 7}), ErrorCode::invalid_argument, {"image", "[1, 4, 7]"});
}

TEST(CheckShape, RefusesNegativeExtentsAndOverflow) {
  const Port any = port("x", {symbol("a"), symbol("b")});
  expect_error(check_shape(any, Shape{-1, 2}), ErrorCode::invalid_argument, {});
  expect_error(check_shape(any, Shape{std::int64_t{1} << 40, std::int64_t{1} << 40}), ErrorCode::invalid_argument, {"port x"});
  expect_error(check_shape(any, Shape{std::int64_t{1} << 31, std::int64_t{1} << 31}), ErrorCode::invalid_argument, {"port x"});
}

TEST(CheckShapes, FindsInputsThatDisagreeAboutASymbol) {
  const std::array ports = {port("ids", {symbol("batch"), symbol("sequence")}),
                            port("mask", {symbol("batch"), symbol("sequence")})};
  const std::array agreeing = {Shape{2, 7}, Shape{2, 7}}, disagreeing = {Shape{2, 7}, Shape{2, 8}};
  EXPECT_TRUE(check_shapes(ports, agreeing, {}));
  expect_error(check_shapes(ports, disagreeing, {}), ErrorCode::invalid_argument, {"sequence", "ids has 7", "mask has 8"});
  EXPECT_TRUE(check_shapes(ports, disagreeing, {true, false})) << "an input left out has no say";
  expect_error(check_shapes(ports, std::span(agreeing).first(1), {}), ErrorCode::invalid_argument, {"expected 2", "got 1"});
}

TEST(CheckShapes, ASymbolWithinOnePortIsOneExtent) {
  const std::array ports = {port("square", {symbol("n"), symbol("n")})};
  const std::array good = {Shape{3, 3}}, bad = {Shape{3, 4}};
  EXPECT_TRUE(check_shapes(ports, good, {}));
  EXPECT_FALSE(check_shapes(ports, bad, {}));
}

TEST(CheckPlanSpec, RefusesCountsIndicesAndRequiredInputsLeftOut) {
  const std::array inputs = {port("x", {symbol("n")}), port("y", {symbol("n")})};
  const std::array outputs = {port("z", {symbol("n")})};
  const std::vector<Shape> shapes = {Shape{4}, Shape{4}};
  EXPECT_TRUE(check_plan_spec(inputs, outputs, {.inputs = shapes}));
  expect_error(check_plan_spec(inputs, outputs, {.inputs = shapes, .given = {true}}), ErrorCode::invalid_argument,
               {"expected 2"});
  expect_error(check_plan_spec(inputs, outputs, {.inputs = shapes, .given = {true, false}}), ErrorCode::invalid_argument, {"y"});
  expect_error(check_plan_spec(inputs, outputs, {.inputs = shapes, .outputs = {1}}), ErrorCode::out_of_range, {"got 1"});
  expect_error(check_plan_spec(inputs, outputs, {.inputs = shapes, .proven = {{.output = 0, .shape = std::size_t{2}}}}),
               ErrorCode::out_of_range, {"proven"});
}

TEST(CheckPlanSpec, RefusesOutputsTooLargeToCount) {
  const std::int64_t half = std::int64_t{1} << 31;
  const std::array inputs = {port("a", {symbol("m")}), port("b", {symbol("n")})};
  const std::array outputs = {port("product", {symbol("m"), symbol("n")})};
  expect_error(check_plan_spec(inputs, outputs, {.inputs = {Shape{half}, Shape{half}}}), ErrorCode::invalid_argument,
               {"product"});
}

TEST(CheckMemory, NamesTheBytesItNeeds) {
  std::array<float, 8> data{};
  const Port x = port("x", {extent(8)});
  const PlannedPort plan = planned(Shape{8}, 32);
  EXPECT_TRUE(check_memory("input", x, plan, {data.data(), 32}));
  expect_error(check_memory("input", x, plan, {data.data(), 31}), ErrorCode::invalid_argument, {"input x", "32", "31"});
  expect_error(check_memory("output", x, plan, {nullptr, 32}), ErrorCode::invalid_argument, {"output x", "null"});
}

TEST(CheckMemory, RefusesMisalignedAddresses) {
  alignas(64) std::array<std::byte, 192> data{};
  const Port x = port("x", {extent(8)});
  expect_error(check_memory("input", x, planned(Shape{8}, 32), {data.data() + 2, 32}), ErrorCode::invalid_argument,
               {"multiple of 4"});
  expect_error(check_memory("input", x, planned(Shape{8}, 32, 64), {data.data() + 32, 32}), ErrorCode::invalid_argument,
               {"multiple of 64"});
  EXPECT_TRUE(check_memory("input", port("bytes", {extent(8)}, DType::u8), planned(Shape{8}, 8), {data.data() + 3, 8}));
}

TEST(CheckMemory, AcceptsNullForATensorWithoutElements) {
  EXPECT_TRUE(check_memory("input", port("x", {extent(0)}), planned(Shape{0}, 0), {}));
}

struct BindCase {
  std::array<float, 8> data{};
  Value value;
  std::array<Port, 2> inputs = {port("x", {extent(8)}), {.name = "words", .dtype = DType::string, .shape = {extent(1)}}};
  std::array<Port, 1> outputs = {port("y", {extent(8)})};
  PortsOnly plan{{planned(Shape{8}, 32), {}}, {planned(Shape{8}, 32)}};
  std::vector<Attachment> in = {Memory{data.data(), 32}, ValueRef{&value}};
  std::vector<Attachment> out = {Memory{data.data(), 32}};

  Expected<> check() const { return check_bind_spec(inputs, outputs, plan, {.inputs = in, .outputs = out}); }
};

TEST(CheckBindSpec, AcceptsMemoryForNumbersAndValuesForTheRest) {
  BindCase c;
  EXPECT_TRUE(c.check());
  c.out[0] = EngineOwned{};
  EXPECT_TRUE(c.check());
  c.out[0] = Absent{};
  EXPECT_TRUE(c.check());
}

TEST(CheckBindSpec, RefusesEveryWrongKindOfAttachment) {
  const auto refused = [](auto change, const std::vector<std::string>& parts) {
    BindCase c;
    change(c);
    expect_error(c.check(), ErrorCode::invalid_argument, parts);
  };
  refused([](BindCase& c) { c.in.pop_back(); }, {"expected 2 inputs", "got 1"});
  refused([](BindCase& c) { c.in[0] = Absent{}; }, {"input x", "joined to nothing"});
  refused([](BindCase& c) { c.in[0] = EngineOwned{}; }, {"input x", "engine-owned"});
  refused([](BindCase& c) { c.in[0] = ValueRef{&c.value}; }, {"input x", "expected memory"});
  refused([](BindCase& c) { c.in[1] = Memory{c.data.data(), 32}; }, {"input words", "expected a Value"});
  refused([](BindCase& c) { c.in[1] = ValueRef{nullptr}; }, {"input words", "null"});
  refused([](BindCase& c) { c.out[0] = Memory{c.data.data(), 16}; }, {"output y", "32", "16"});
  refused([](BindCase& c) { c.plan = PortsOnly({planned(Shape{8}, 32), {}}, {PlannedPort{}}); }, {"output y", "engine-owned"});
  refused([](BindCase& c) { c.plan = PortsOnly({PlannedPort{}, {}}, {planned(Shape{8}, 32)}); }, {"input x", "leaves out"});
}

TEST(CheckResize, StaysWithinTheCapacityAndTheModel) {
  const std::array ports = {port("ids", {extent(2), symbol("s")}), port("mask", {extent(2), symbol("s")})};
  const PortsOnly plan({planned(Shape{2, 8}, 64), planned(Shape{2, 8}, 64)}, {});
  const auto check = [&](const Shape& a, const Shape& b) { return check_resize(ports, plan, std::array{a, b}, {}); };
  EXPECT_TRUE(check(Shape{2, 8}, Shape{2, 8}));
  EXPECT_TRUE(check(Shape{2, 0}, Shape{2, 0}));
  expect_error(check(Shape{2, 9}, Shape{2, 9}), ErrorCode::out_of_range, {"ids", "[2, 8]", "[2, 9]"});
  expect_error(check(Shape{1, 8}, Shape{1, 8}), ErrorCode::invalid_argument, {"ids"});
  expect_error(check(Shape{2, 5}, Shape{2, 6}), ErrorCode::invalid_argument, {"s", "5", "6"});
}

TEST(CheckResize, KeepsTheRankWhereTheModelDoesNotSay) {
  Port any = port("x", {});
  any.rank_known = false;
  const PortsOnly plan({planned(Shape{4, 4}, 64)}, {});
  EXPECT_TRUE(check_resize(std::array{any}, plan, std::array{Shape{3, 4}}, {}));
  EXPECT_FALSE(check_resize(std::array{any}, plan, std::array{Shape{4}}, {}));
}

TEST(FixDimensions, FixesEveryPortAtOnce) {
  std::vector<Port> inputs = {port("x", {symbol("batch"), Dimension{}}), port("m", {symbol("batch")})};
  std::vector<Port> outputs = {port("y", {symbol("batch"), symbol("classes")})};
  ASSERT_TRUE(fix_dimensions(inputs, outputs, std::array{NamedExtent{"batch", 3}, NamedExtent{"x.1", 5}}));
  EXPECT_EQ(describe_shape(inputs[0]), "[3, 5]");
  EXPECT_EQ(describe_shape(inputs[1]), "[3]");
  EXPECT_EQ(describe_shape(outputs[0]), "[3, classes]");
  EXPECT_TRUE(open_dimensions(inputs).empty());
}

TEST(FixDimensions, ListsTheNamesThereAre) {
  std::vector<Port> inputs = {port("x", {symbol("batch"), Dimension{}})};
  std::vector<Port> outputs = {port("y", {symbol("classes")})};
  expect_error(fix_dimensions(inputs, outputs, std::array{NamedExtent{"bacth", 3}}), ErrorCode::not_found,
               {"bacth", "batch, x.1, classes"});
  expect_error(fix_dimensions(inputs, outputs, std::array{NamedExtent{"batch", -3}}), ErrorCode::invalid_argument,
               {"batch", "-3"});
  expect_error(fix_dimensions(inputs, outputs, std::array{NamedExtent{"batch", 3}, NamedExtent{"batch", 4}}),
               ErrorCode::invalid_argument, {"batch", "3", "4"});
}

TEST(OpenDimensions, AreNamedOnceInOrder) {
  const std::array ports = {port("x", {symbol("b"), Dimension{}, extent(3)}), port("m", {Dimension{}, symbol("b")})};
  EXPECT_THAT(open_dimensions(ports), ElementsAre("b", "x.1", "m.0"));
}

TEST(ShapeOfOutput, FollowsSymbolsAndProofs) {
  const std::array inputs = {port("x", {symbol("b"), symbol("s")}), port("state", {Dimension{}, extent(4)})};
  const std::array shapes = {Shape{2, 7}, Shape{3, 4}};
  EXPECT_EQ(shape_of_output(inputs, shapes, port("y", {symbol("s"), extent(5), symbol("b")}), nullptr), Shape(7, 5, 2));
  EXPECT_EQ(shape_of_output(inputs, shapes, port("y", {}), nullptr), Shape());
  const Port open = port("stateN", {Dimension{}, Dimension{}});
  EXPECT_EQ(shape_of_output(inputs, shapes, open, nullptr), std::nullopt);
  const ProvenOutput like_input{.shape = std::size_t{1}}, stated{.shape = Shape{9}};
  EXPECT_EQ(shape_of_output(inputs, shapes, open, &like_input), Shape(3, 4));
  EXPECT_EQ(shape_of_output(inputs, shapes, open, &stated), Shape{9});
}

}  // namespace
}  // namespace laneway
