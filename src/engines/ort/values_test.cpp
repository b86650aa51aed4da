// Ports that are not dense numbers: handed over at each run.
#include "engines/ort/values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "models/onnx_writer.h"
#include "ort_support/seam.h"

namespace laneway {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

template <class T>
TensorValue tensor(const std::vector<T>& elements, const Shape& shape) {
  TensorValue value{.dtype = dtype_of<T>::value, .shape = shape, .bytes = std::vector<std::byte>(elements.size() * sizeof(T))};
  if (!elements.empty()) std::memcpy(value.bytes.data(), elements.data(), value.bytes.size());
  return value;
}
std::shared_ptr<const Value> shared(Value value) { return std::make_shared<const Value>(std::move(value)); }

// One input, one output, both Values.
Value through(const std::string& model, Value value) {
  Bound bound(open_ort(model), {.inputs = {Shape{}}});
  bound.input_value(0) = std::move(value);
  must(bound.run());
  return bound.output_value(0);
}

TEST(OrtValues, L06_StringsComeBackAsTheyWere) {
  Bound bound(open_ort(test_models::string_identity()), {.inputs = {Shape{}}});
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"", "žluťoučký kůň", std::string(3'000, 'x')}, {}, {"one"}}) {
    bound.input_value(0) = strings(words);
    must(bound.run());
    EXPECT_EQ(bound.output_value(0), strings(words));
  }
}

TEST(OrtValues, L06_SequencesComeBackAsTheyWere) {
  const Value sequence =
      SequenceValue{{tensor<float>({1, 2, 3}, Shape{3}), tensor<float>({4}, Shape{1, 1}), tensor<float>({}, Shape{0, 2})}};
  EXPECT_EQ(through(test_models::sequence_identity(), sequence), sequence);
}

TEST(OrtValues, L06_DensePortsAndSequencesMix) {
  Bound split(open_ort(test_models::sequence_split()), {.inputs = {Shape{3, 2}}});
  split.write<float>(0, {1, 2, 3, 4, 5, 6});
  must(split.run());
  const Value parts =
      SequenceValue{{tensor<float>({1, 2}, Shape{1, 2}), tensor<float>({3, 4}, Shape{1, 2}), tensor<float>({5, 6}, Shape{1, 2})}};
  EXPECT_EQ(split.output_value(0), parts);
  Bound concat(open_ort(test_models::sequence_concat()), {.inputs = {Shape{}}});
  concat.input_value(0) = parts;
  must(concat.run());
  EXPECT_EQ(concat.read<float>(0), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(concat.shape(0), (std::vector<std::int64_t>{3, 2}));
}

TEST(OrtValues, L06_MapsInAndOut) {
  Bound in(open_ort(test_models::map_input()), {.inputs = {Shape{}}});
  in.input_value(0) = MapValue{shared(strings({"c", "b", "other"})), shared(tensor<float>({3, 2, 9}, Shape{3}))};
  must(in.run());
  EXPECT_EQ(in.read<float>(0), (std::vector<float>{0, 2, 3}));
  Bound out(open_ort(test_models::map_output()), {.inputs = {Shape{2, 3}}});
  out.write<float>(0, {1, 2, 3, 4, 5, 6});
  must(out.run());
  const auto map = [](std::vector<float> values) {
    return Value(MapValue{shared(strings({"a", "b", "c"})), shared(tensor<float>(values, Shape{3}))});
  };
  EXPECT_EQ(out.output_value(0), Value(SequenceValue{{map({1, 2, 3}), map({4, 5, 6})}}));
}

TEST(OrtValues, L06_OptionalsThatHoldSomething) {
  const Value held = OptionalValue{shared(tensor<float>({7, 8}, Shape{2}))};
  EXPECT_EQ(through(test_models::optional_identity(), held), held);
  Bound has(open_ort(test_models::optional_has()), {.inputs = {Shape{}}});
  has.input_value(0) = held;
  must(has.run());
  EXPECT_TRUE(has.read<bool>(0)[0]);
  has.input_value(0) = OptionalValue{};
  EXPECT_THAT(outcome(has.run()), AllOf(StartsWith("unimplemented: input x"), HasSubstr("holds nothing")));
  has.input_value(0) = held;
  EXPECT_EQ(outcome(has.run()), "success");
}

TEST(OrtValues, L06_SparseTensors) {
  Bound bound(open_ort(test_models::sparse_input()), {.inputs = {Shape{}, Shape{4, 2}}});
  bound.input_value(0) =
      SparseValue{.dense_shape = Shape{3, 4}, .values = tensor<float>({10, 100}, Shape{2}), .indices = {0, 1, 2, 3}};
  bound.write<float>(1, {1, 2, 3, 4, 5, 6, 7, 8});
  must(bound.run());
  EXPECT_EQ(bound.read<float>(0), (std::vector<float>{30, 40, 0, 0, 700, 800}));
}

TEST(OrtValues, L07_WrongOrMissingValuesAreRefusedBeforeTheRun) {
  Bound bound(open_ort(test_models::string_identity()), {.inputs = {Shape{}}});
  EXPECT_THAT(outcome(bound.run()), AllOf(StartsWith("failed_precondition: port x"), HasSubstr("no value given")));
  bound.input_value(0) = tensor<float>({1}, Shape{1});
  EXPECT_THAT(outcome(bound.run()), AllOf(StartsWith("invalid_argument: port x"), HasSubstr("got tensor")));
  bound.input_value(0) = StringTensorValue{.shape = Shape{3}, .elements = {"a", "b"}};
  EXPECT_THAT(outcome(bound.run()), HasSubstr("expected 3, got 2"));
  bound.input_value(0) = StringTensorValue{.shape = Shape{1, 2}, .elements = {"a", "b"}};
  EXPECT_THAT(outcome(bound.run()), AllOf(StartsWith("invalid_argument: input x"), HasSubstr("[1, 2]")));
  for (const std::string& text : {std::string("a\0b", 3), std::string("right")}) {
    bound.input_value(0) = strings({text});
    must(bound.run());
    EXPECT_EQ(bound.output_value(0), strings({text}));
  }
}

}  // namespace
}  // namespace laneway
