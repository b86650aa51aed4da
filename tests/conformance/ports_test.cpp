// L04 to L11: ports, shapes, dtypes, what is left out and what only a run shows.
#include <numeric>

#include "conformance/conformance.h"

namespace laneway::conformance {
namespace {

Dimension extent(std::int64_t value) { return {.extent = value}; }
Port x_port(std::vector<Dimension> shape, DType dtype = DType::f32) {
  return {.name = "x", .dtype = dtype, .shape = std::move(shape)};
}

TEST_P(Conformance, L04_RejectsWrongDtypeWhenBuilt) {
  RuntimeSpec made = spec("mixed_dtypes", {{"batch", 3}});
  made.ports = {{.name = "B", .dtype = DType::f32}};
  expect_error(open(made), ErrorCode::invalid_argument, {"B", "i64", "f32"});
  made.ports[0].dtype = DType::i64;
  Runtime runtime = must(open(made));
  expect_error(runtime.lanes()[0]->input<float>("B"), ErrorCode::invalid_argument, {"B", "i64", "f32"});
  expect_error(runtime.lanes()[0]->output<float>("B_out"), ErrorCode::invalid_argument, {"B_out", "i64", "f32"});
}

TEST_P(Conformance, L04_RejectsWrongShapeWhenBuilt) {
  const auto open_with = [&](const Shape& shape) {
    RuntimeSpec made = spec("mixed_dtypes");
    made.ports = {{.name = "A", .shape = shape}};
    return open(made);
  };
  expect_error(open_with(Shape{3, 5}), ErrorCode::invalid_argument, {"A", "[batch, 4]", "[3, 5]"});
  expect_error(open_with(Shape{3}), ErrorCode::invalid_argument, {"A", "rank", "[batch, 4]", "[3]"});
  Runtime runtime = must(open_with(Shape{3, 4}));
  EXPECT_EQ(to_string(must(runtime.lanes()[0]->input_shape("B"))), "[3, 2]") << "a shape fixes its symbols for all ports";
}

TEST_P(Conformance, L04_RejectsOutputsOfAnotherShape) {
  RuntimeSpec made = spec("two_inputs", {{"batch", 3}});
  std::vector<float> memory(100);
  made.ports = {{.name = "y", .shape = Shape{3, 5}, .memory = Memory{memory.data(), 400}}};
  expect_error(open(made), ErrorCode::invalid_argument, {"y", "[3, 4]", "[3, 5]"});
}

TEST_P(Conformance, L05_WrongPortsAreTypedErrorsAndChangeNothing) {
  Runtime runtime = must(open(spec("two_inputs", {{"batch", 2}})));
  Lane& lane = *runtime.lanes()[0];
  const std::vector<float> a = floats(8), b = floats(8);
  write(lane, "a", a);
  write(lane, "b", b);
  expect_error(lane.input<float>("c"), ErrorCode::not_found, {"c", "a, b"});
  expect_error(lane.input<float>(2), ErrorCode::out_of_range, {"2"});
  expect_error(lane.input<float>(-1), ErrorCode::out_of_range, {"-1"});
  expect_error(lane.output<float>("z"), ErrorCode::not_found, {"z", "y"});
  expect_error(lane.output<float>(1), ErrorCode::out_of_range, {"1"});
  expect_error(lane.rebind("c", Memory{}), ErrorCode::not_found, {"c"});
  expect_error(lane.rebind("a", Memory{must(lane.input_memory("a")).data, 31}), ErrorCode::invalid_argument, {"a", "32", "31"});
  expect_error(lane.rebind_output("y", Memory{nullptr, 32}), ErrorCode::invalid_argument, {"y", "null"});
  expect_error(lane.input_value("a"), ErrorCode::failed_precondition, {"a"});
  must(lane.run());
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(read<float>(lane, "y")[i], a[i] - b[i]);
  EXPECT_TRUE(std::ranges::equal(must(lane.input<float>("a")), a));
  EXPECT_TRUE(std::ranges::equal(must(lane.input<float>("b")), b));
}

TEST_P(Conformance, L05_NegativeAndOverflowingShapesAreInvalid) {
  const auto open_with = [&](const Shape& shape) {
    RuntimeSpec made = identity(x_port({Dimension{}, Dimension{}, Dimension{}}));
    made.ports = {{.name = "x", .shape = shape}};
    return open(made);
  };
  const std::int64_t huge = std::int64_t{1} << 31;
  expect_error(open_with(Shape{1, -2, 3}), ErrorCode::invalid_argument, {"x", "-2"});
  expect_error(open_with(Shape{huge, huge, huge}), ErrorCode::invalid_argument, {"x"});
  expect_error(open_with(Shape{huge, huge, 1}), {ErrorCode::invalid_argument, ErrorCode::resource_exhausted});
  EXPECT_TRUE(open_with(Shape{1, 2, 3}));
}

TEST_P(Conformance, L06_ByNameAndByPositionAreTheSame) {
  Runtime runtime = must(open(spec("two_inputs", {{"batch", 3}})));
  Lane& lane = *runtime.lanes()[0];
  const std::vector<float> a = floats(12), b = floats(12);
  write(lane, "a", a);
  write(lane, "b", b);
  must(lane.run());
  const std::vector<float> named = read<float>(lane, "y");
  write(lane, 0, std::vector<float>(12));
  write(lane, 1, std::vector<float>(12));
  must(lane.run());
  EXPECT_EQ(read<float>(lane, 0), std::vector<float>(12));
  write(lane, 1, b);
  write(lane, 0, a);
  must(lane.run());
  EXPECT_EQ(read<float>(lane, 0), named);
}

TEST_P(Conformance, L06_AnOmittedInputHasTheModelsDefault) {
  const std::vector<float> x = floats(4);
  Runtime without = must(open(spec("default_input")));
  write(*without.lanes()[0], "x", x);
  must(without.lanes()[0]->run());
  const auto y = read<float>(*without.lanes()[0], "y");
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(y[i], x[i] + static_cast<float>(i + 1));
  expect_error(without.lanes()[0]->input<float>("bias"), ErrorCode::failed_precondition, {"bias"});

  RuntimeSpec named = spec("default_input");
  named.ports = {{.name = "bias"}};
  Runtime with = must(open(named));
  const std::vector<float> bias = floats(4);
  write(*with.lanes()[0], "x", x);
  write(*with.lanes()[0], "bias", bias);
  must(with.lanes()[0]->run());
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(read<float>(*with.lanes()[0], "y")[i], x[i] + bias[i]);
}

TEST_P(Conformance, L06_OnlyWantedOutputsAreComputed) {
  RuntimeSpec made = spec("two_outputs");
  made.outputs = {"y"};
  Runtime runtime = must(open(made));
  Lane& lane = *runtime.lanes()[0];
  const std::vector<float> x = floats(4);
  write(lane, "x", x);
  write<std::int64_t>(lane, "index", {1'000});  // no index at all, were `picked` computed
  must(lane.run());
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(read<float>(lane, "y")[i], x[i] + 1);
  expect_error(lane.output("picked"), ErrorCode::failed_precondition, {"picked"});
  for (const AuditedPort& port : lane.audit().ports) EXPECT_NE(port.port, "picked");
}

TEST_P(Conformance, L06_UnknownOutputsAreNotFound) {
  RuntimeSpec made = spec("two_outputs");
  made.outputs = {"y", "pocked"};
  expect_error(open(made), ErrorCode::not_found, {"pocked", "y, picked"});
  made.outputs = {"picked"};
  Runtime runtime = must(open(made));
  const std::vector<float> x = floats(4);
  write(*runtime.lanes()[0], "x", x);
  write<std::int64_t>(*runtime.lanes()[0], "index", {2});
  must(runtime.lanes()[0]->run());
  EXPECT_EQ(read<float>(*runtime.lanes()[0], "picked"), std::vector<float>{x[2]});
}

TEST_P(Conformance, L07_AValueNobodyGaveIsRefusedBeforeTheRun) {
  RuntimeSpec made = identity({.name = "x", .dtype = DType::string, .shape = {{.symbol = "n"}}});
  Runtime runtime = must(open(made));
  Lane& lane = *runtime.lanes()[0];
  expect_error(lane.run(), ErrorCode::failed_precondition, {"x"});
  *must(lane.input_value("x")) = strings({"one", "", "žluť"});
  must(lane.run());
  EXPECT_EQ(*must(lane.output_value("y")), strings({"one", "", "žluť"}));
}

TEST_P(Conformance, L08_MixedDtypesInOneLane) {
  Runtime runtime = must(open(spec("mixed_dtypes", {{"batch", 3}})));
  Lane& lane = *runtime.lanes()[0];
  for (int i = 0; i < 5; ++i) {
    const std::vector<float> a = floats(12);
    std::vector<std::int64_t> b(6);
    for (std::int64_t& value : b) value = between(INT64_MIN, INT64_MAX);
    write(lane, "A", a);
    write(lane, "B", b);
    must(lane.run());
    EXPECT_EQ(read<float>(lane, "A_out"), a);
    EXPECT_EQ(read<std::int64_t>(lane, "B_out"), b);
  }
}

TEST_P(Conformance, L09_EachRunHasTheShapeOfItsOwnData) {
  Runtime runtime = must(open(spec("nonzero", {{"x.0", 3}, {"x.1", 5}})));
  Lane& lane = *runtime.lanes()[0];
  for (int i = 0; i < 50; ++i) {
    std::vector<float> x(15);
    std::vector<std::int64_t> rows, columns;
    for (std::int64_t k = 0; k < 15; ++k) {
      if (between(0, 14) < i % 16) continue;
      x[static_cast<std::size_t>(k)] = 1.5f;
      rows.push_back(k / 5);
      columns.push_back(k % 5);
    }
    write(lane, "x", x);
    must(lane.run());
    EXPECT_EQ(shape_of(lane, "y"), shape({2, std::ssize(rows)}));
    rows.insert(rows.end(), columns.begin(), columns.end());
    EXPECT_EQ(read<std::int64_t>(lane, "y"), rows);
  }
}

TEST_P(Conformance, L09_ShapesComeFromTheValueNotFromTheModel) {
  Runtime runtime = must(open(spec("declares_100", {{"n", 6}})));
  Lane& lane = *runtime.lanes()[0];
  const std::vector<float> x = floats(6);
  write(lane, "x", x);
  for (const std::size_t kept : {4u, 6u, 0u, 1u}) {
    std::ranges::fill(must(lane.input<bool>("keep")), false);
    std::ranges::fill(must(lane.input<bool>("keep")).first(kept), true);
    must(lane.run());
    EXPECT_EQ(shape_of(lane, "y"), shape({static_cast<std::int64_t>(kept)}));
    EXPECT_EQ(read<float>(lane, "y"), std::vector<float>(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(kept)));
  }
}

TEST_P(Conformance, L10_AnUnknownShapeIsThatOfTheRun) {
  Runtime runtime = must(open(spec("resize_like", {{"x.0", 1}, {"x.1", 2}, {"x.2", 3}})));
  Lane& lane = *runtime.lanes()[0];
  write(lane, "x", floats(18));
  must(lane.run());
  EXPECT_EQ(shape_of(lane, "y"), shape({1, 4, 6, 3}));
  const auto x = must(lane.input<float>("x"));
  const std::vector<float> y = read<float>(lane, "y");
  ASSERT_EQ(y.size(), 72u);
  for (std::size_t i = 0; i < 72; ++i) EXPECT_EQ(y[i], x[(i / 36 * 3 + i / 3 % 6 / 2) * 3 + i % 3]) << i;
}

TEST_P(Conformance, L10_ShapesAreKnownBeforeTheFirstRunWhereSymbolsGiveThem) {
  RuntimeSpec known = spec("mean_pool", {{"batch", 2}, {"sequence", 5}});
  known.warm_up_runs = 0;
  Runtime pool = must(open(known));
  EXPECT_EQ(shape_of(*pool.lanes()[0], "y"), shape({2, 8}));
  RuntimeSpec unknown = spec("resize_like", {{"x.0", 1}, {"x.1", 2}, {"x.2", 3}});
  unknown.warm_up_runs = 0;
  Runtime resized = must(open(unknown));
  expect_error(resized.lanes()[0]->output("y"), ErrorCode::failed_precondition, {"y"});
}

// The bytes of a tensor of this shape there and back.
template <class T>
void round_trip(RuntimeSpec made, const std::vector<T>& values, const std::vector<std::int64_t>& expected) {
  Runtime runtime = must(open(made));
  write(*runtime.lanes()[0], "x", values);
  must(runtime.lanes()[0]->run());
  EXPECT_EQ(read<T>(*runtime.lanes()[0], "y"), values);
  EXPECT_EQ(shape_of(*runtime.lanes()[0], "y"), expected);
}

TEST_P(Conformance, L11_ZeroSizeTensors) {
  round_trip<float>(identity(x_port({extent(3), extent(0), extent(2)})), {}, {3, 0, 2});
  round_trip<std::int64_t>(identity(x_port({{.symbol = "n"}}, DType::i64), {{"n", 0}}), {}, {0});
}

TEST_P(Conformance, L11_Scalars) { round_trip<float>(identity(x_port({})), {-0.25f}, {}); }

TEST_P(Conformance, L11_RankEight) {
  std::vector<Dimension> shape;
  for (const std::int64_t value : {2, 1, 3, 1, 2, 1, 2, 3}) shape.push_back(extent(value));
  round_trip<float>(identity(x_port(shape)), floats(72), {2, 1, 3, 1, 2, 1, 2, 3});
}

TEST_P(Conformance, L11_EveryElementWidth) {
  std::vector<std::uint8_t> bytes(21);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{200});
  round_trip<std::uint8_t>(identity(x_port({extent(7), extent(3)}, DType::u8)), bytes, {7, 3});
  round_trip<Float16>(identity(x_port({extent(3)}, DType::f16)), {Float16{0x3c00}, Float16{0x7e01}, Float16{0x8001}}, {3});
  round_trip<std::int32_t>(identity(x_port({extent(3)}, DType::i32)), {INT32_MIN, -1, INT32_MAX}, {3});
  round_trip<double>(identity(x_port({extent(2)}, DType::f64)), {5e-324, -1e300}, {2});
  round_trip<std::uint64_t>(identity(x_port({extent(1)}, DType::u64)), {UINT64_MAX}, {1});
}

}  // namespace
}  // namespace laneway::conformance
