#include "laneway/engine/value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

namespace laneway {
namespace {

using ::testing::HasSubstr;

Port port_of(PortKind kind, DType dtype = DType::f32) { return {.name = "p", .kind = kind, .dtype = dtype}; }

template <class T>
TensorValue tensor(std::vector<T> elements, Shape shape) {
  TensorValue value{.dtype = dtype_of<T>::value, .shape = shape};
  value.bytes.resize(elements.size() * sizeof(T));
  if (!elements.empty()) std::memcpy(value.bytes.data(), elements.data(), value.bytes.size());
  return value;
}
std::shared_ptr<const Value> shared(Value value) { return std::make_shared<const Value>(std::move(value)); }

void expect_refused(const Value& value, const Port& port, const std::string& part) {
  const auto result = validate(value, port);
  ASSERT_FALSE(result) << part;
  EXPECT_EQ(result.error().code(), ErrorCode::invalid_argument);
  EXPECT_THAT(std::string(result.error().message()), HasSubstr("port p"));
  EXPECT_THAT(std::string(result.error().message()), HasSubstr(part));
}

TEST(Value, ComparesByContents) {
  const auto map = [](float second) {
    return Value(MapValue{shared(strings({"a", "b"})), shared(tensor<float>({1, second}, Shape{2}))});
  };
  EXPECT_EQ(map(2), map(2));
  EXPECT_FALSE(map(2) == map(3));
  EXPECT_EQ(Value(SequenceValue{{map(2), strings({"x"})}}), Value(SequenceValue{{map(2), strings({"x"})}}));
  EXPECT_FALSE(Value(SequenceValue{{map(2)}}) == Value(SequenceValue{{map(3)}}));
  EXPECT_EQ(Value(OptionalValue{shared(strings({"x"}))}), Value(OptionalValue{shared(strings({"x"}))}));
  EXPECT_FALSE(Value(OptionalValue{}) == Value(OptionalValue{shared(strings({"x"}))}));
  EXPECT_FALSE(Value() == strings({}));
}

TEST(Value, StringsHoldAnyBytes) {
  const std::string with_nul("a\0b", 3);
  const Value value = strings({"", "žluťoučký", with_nul});
  ASSERT_TRUE(value.get<StringTensorValue>());
  EXPECT_EQ(value.get<StringTensorValue>()->elements[2].size(), 3u);
  EXPECT_TRUE(validate(value, port_of(PortKind::tensor, DType::string)));
}

TEST(ValidateValue, NamesKindsThatDoNotFit) {
  const auto nothing = validate(Value(), port_of(PortKind::tensor, DType::string));
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code(), ErrorCode::failed_precondition);
  expect_refused(tensor<float>({1}, Shape{1}), port_of(PortKind::tensor, DType::string), "got tensor");
  expect_refused(strings({"x"}), port_of(PortKind::sequence), "expected sequence");
  expect_refused(SequenceValue{}, port_of(PortKind::map), "got sequence");
  expect_refused(SparseValue{.dense_shape = Shape{1}, .values = tensor<double>({}, Shape{0})},
                 port_of(PortKind::sparse_tensor, DType::f32), "sparse");
  EXPECT_TRUE(validate(SequenceValue{}, port_of(PortKind::sequence)));
  EXPECT_TRUE(validate(OptionalValue{}, port_of(PortKind::optional)));
}

TEST(ValidateValue, CountsMustMatchShapes) {
  TensorValue short_of_bytes = tensor<float>({1, 2}, Shape{3});
  expect_refused(SequenceValue{{short_of_bytes}}, port_of(PortKind::sequence), "expected 12 bytes, got 8");
  StringTensorValue words{.shape = Shape{2, 2}, .elements = {"a", "b", "c"}};
  expect_refused(words, port_of(PortKind::tensor, DType::string), "expected 4, got 3");
  expect_refused(SequenceValue{{Value()}}, port_of(PortKind::sequence), "nothing inside");
  expect_refused(OptionalValue{shared(short_of_bytes)}, port_of(PortKind::optional), "wrong length");
}

TEST(ValidateValue, MapsHaveAValueForEachKey) {
  const Port port = port_of(PortKind::map);
  EXPECT_TRUE(validate(MapValue{shared(strings({"a", "b"})), shared(tensor<float>({1, 2}, Shape{2}))}, port));
  EXPECT_TRUE(validate(MapValue{shared(tensor<std::int64_t>({4, 5}, Shape{2})), shared(strings({"x", "y"}))}, port));
  expect_refused(MapValue{}, port, "got none");
  expect_refused(MapValue{shared(strings({"a", "b"})), shared(tensor<float>({1}, Shape{1}))}, port, "expected 2 values, got 1");
  expect_refused(MapValue{shared(tensor<float>({1}, Shape{1})), shared(tensor<float>({1}, Shape{1}))}, port, "wrong keys");
}

TEST(ValidateValue, SparseIndicesStayInside) {
  const Port port = port_of(PortKind::sparse_tensor);
  const auto sparse = [](std::vector<std::int64_t> indices) {
    return SparseValue{.dense_shape = Shape{3, 4}, .values = tensor<float>({5, 6}, Shape{2}), .indices = std::move(indices)};
  };
  EXPECT_TRUE(validate(sparse({0, 1, 2, 3}), port));
  expect_refused(sparse({0, 1, 2}), port, "expected 4, got 3");
  expect_refused(sparse({0, 1, 3, 3}), port, "expected 0 to 2, got 3");
  expect_refused(sparse({0, 4, 2, 3}), port, "got 4");
  expect_refused(sparse({0, -1, 2, 3}), port, "got -1");
}

TEST(ValidateValue, DepthIsBounded) {
  Value nested = strings({"x"});
  for (int i = 0; i < 40; ++i) nested = SequenceValue{{nested}};
  expect_refused(nested, port_of(PortKind::sequence), "nested");
}

}  // namespace
}  // namespace laneway
