#include "laneway/ort/value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "ort_support/models.h"

namespace laneway::ort {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class OrtValueTest : public testing::Test {
 protected:
  Allocator allocator() const { return environment_->host_allocator(); }
  const MemoryInfo& host() const { return environment_->host_memory(); }

  std::shared_ptr<const Environment> environment_ = take(Environment::get());
};

TEST_F(OrtValueTest, BorrowsMemoryWithoutCopying) {
  std::vector<float> x = test_models::random_floats(15, 1);
  const Value value = over(x, {3, 5});
  const TensorView view = take(value.tensor());
  EXPECT_EQ(view.data, x.data());
  EXPECT_EQ(view.bytes, 60u);
  EXPECT_EQ(view.dtype, DType::f32);
  EXPECT_EQ(view.shape, Shape(3, 5));
  EXPECT_EQ(view.placement, Placement::host);
  EXPECT_EQ(take(value.kind()), PortKind::tensor);
  EXPECT_TRUE(value.holds_anything());
}

TEST_F(OrtValueTest, HoldsEveryDtypeTheLibraryTakes) {
  for (int i = 0; i <= static_cast<int>(DType::u2); ++i) {
    const auto dtype = static_cast<DType>(i);
    if (!is_numeric(dtype)) continue;
    const Shape shape(3, 7);
    std::vector<std::byte> bytes(*byte_count(dtype, shape), std::byte{1});
    const auto value = Value::borrow(host(), bytes.data(), bytes.size(), dtype, shape);
    const bool complex = dtype == DType::complex64 || dtype == DType::complex128;
    if (!value && (complex || static_cast<int>(dtype) >= static_cast<int>(DType::f8e8m0))) {
      EXPECT_THAT(outcome(value), testing::Not(StartsWith("internal"))) << name(dtype);
      continue;  // dtypes that some versions refuse, by their own error
    }
    ASSERT_TRUE(value) << name(dtype) << " " << outcome(value);
    const TensorView view = take(value->tensor());
    EXPECT_EQ(view.dtype, dtype) << name(dtype);
    EXPECT_EQ(view.bytes, bytes.size()) << name(dtype);
    EXPECT_EQ(view.shape, shape);
  }
}

TEST_F(OrtValueTest, HoldsScalarsEmptyTensorsAndRankEight) {
  std::vector<float> x(256, 1);
  for (const Shape& shape : {Shape(), Shape(0), Shape(3, 0, 2), Shape(2, 2, 2, 2, 2, 2, 2, 2)}) {
    const Value value = take(Value::borrow(host(), x.data(), x.size() * 4, DType::f32, shape));
    EXPECT_EQ(take(value.tensor()).shape, shape);
    EXPECT_EQ(take(value.tensor()).bytes, *byte_count(DType::f32, shape));
  }
  EXPECT_EQ(take(take(Value::borrow(host(), nullptr, 0, DType::f32, {0, 4})).tensor()).bytes, 0u);
}

TEST_F(OrtValueTest, RefusesMemoryThatDoesNotFit) {
  float x[6] = {};
  EXPECT_THAT(outcome(Value::borrow(host(), x, 23, DType::f32, {2, 3})),
              AllOf(StartsWith("invalid_argument: value: memory too small"), HasSubstr("expected 24 bytes, got 23")));
  EXPECT_THAT(outcome(Value::borrow(host(), nullptr, 24, DType::f32, {2, 3})), StartsWith("invalid_argument"));
  EXPECT_THAT(outcome(Value::borrow(host(), x, 24, DType::f32, {-1, 3})), StartsWith("invalid_argument"));
  EXPECT_THAT(outcome(Value::borrow(host(), x, 24, DType::f32, {std::int64_t{1} << 40, std::int64_t{1} << 40})),
              StartsWith("invalid_argument"));
  EXPECT_THAT(outcome(Value::borrow(host(), x, 24, DType::string, {3})), StartsWith("invalid_argument"));
  EXPECT_THAT(outcome(Value::allocate(allocator(), DType::f32, {-1})), StartsWith("invalid_argument"));
}

TEST_F(OrtValueTest, AllocatesItsOwnMemory) {
  const Value value = take(Value::allocate(allocator(), DType::i64, {2, 3}));
  const TensorView view = take(value.tensor());
  ASSERT_NE(view.data, nullptr);
  std::memset(view.data, 0, view.bytes);
  EXPECT_EQ(elements_of<std::int64_t>(value), std::vector<std::int64_t>(6, 0));
}

TEST_F(OrtValueTest, StringsComeBackAsTheyWere) {
  const std::vector<std::string> texts = {"", "one", "größer, 更大", std::string(5000, 'x'), "last"};
  const Value value = take(Value::strings(allocator(), texts, {5}));
  EXPECT_EQ(take(value.string_elements()), texts);
  EXPECT_EQ(take(value.dtype()), DType::string);
  EXPECT_EQ(take(value.shape()), Shape(5));
  EXPECT_EQ(take(take(Value::strings(allocator(), {}, {0})).string_elements()), std::vector<std::string>{});
  EXPECT_EQ(take(take(Value::strings(allocator(), {}, {0, 3})).shape()), Shape(0, 3));
  EXPECT_EQ(take(take(Value::strings(allocator(), std::vector<std::string>{"scalar"}, {})).string_elements()),
            std::vector<std::string>{"scalar"});
}

TEST_F(OrtValueTest, StringsThatCannotBeAreRefused) {
  const std::vector<std::string> nul = {"fine", std::string("a\0b", 3)};
  EXPECT_THAT(outcome(Value::strings(allocator(), nul, {2})), HasSubstr("invalid_argument: value: string 1: holds a NUL"));
  EXPECT_THAT(outcome(Value::strings(allocator(), nul, {3})), HasSubstr("expected 3 for shape [3], got 2"));
}

TEST_F(OrtValueTest, ASequenceSharesItsTensors) {
  std::vector<float> a = {1, 2}, b = {3, 4, 5};
  Value sequence = [&] {
    std::vector<Value> parts;
    parts.push_back(over(a, {2}));
    parts.push_back(over(b, {3}));
    return take(Value::sequence(parts));
  }();
  EXPECT_EQ(take(sequence.kind()), PortKind::sequence);
  EXPECT_EQ(take(sequence.child_count()), 2u);
  b[1] = 40;
  EXPECT_THAT(elements_of<float>(take(sequence.child(0))), ElementsAre(1, 2));
  EXPECT_THAT(elements_of<float>(take(sequence.child(1))), ElementsAre(3, 40, 5));
  EXPECT_THAT(outcome(sequence.child(2)), StartsWith("out_of_range: value: child 2"));
}

TEST_F(OrtValueTest, WrongSequencesAreRefused) {
  EXPECT_THAT(outcome(Value::sequence({})), StartsWith("unimplemented: value: sequence"));
  std::vector<float> a = {1, 2};
  std::vector<std::int64_t> b = {1, 2};
  std::vector<Value> mixed;
  mixed.push_back(over(a, {2}));
  mixed.push_back(over(b, {2}));
  EXPECT_THAT(outcome(Value::sequence(mixed)), StartsWith("invalid_argument: value: sequence: dtype"));
  std::vector<Value> nested;
  nested.push_back(over(a, {2}));
  mixed.pop_back();
  nested.push_back(take(Value::sequence(mixed)));
  EXPECT_THAT(outcome(Value::sequence(nested)), StartsWith("invalid_argument: value: kind: expected tensor as in the first"));
}

TEST_F(OrtValueTest, AMapIsItsKeysAndValues) {
  std::vector<float> scores = {0.5f, -2, 7};
  const Value keys = take(Value::strings(allocator(), std::vector<std::string>{"a", "c", "b"}, {3}));
  const Value map = take(Value::map(keys, over(scores, {3})));
  EXPECT_EQ(take(map.kind()), PortKind::map);
  EXPECT_EQ(take(map.child_count()), 2u);
  EXPECT_THAT(take(take(map.child(0)).string_elements()), ElementsAre("a", "b", "c")) << "in order of keys";
  EXPECT_THAT(elements_of<float>(take(map.child(1))), ElementsAre(0.5f, 7, -2));
  std::vector<std::int64_t> numbers = {4, -1, 9};
  const Value by_number = take(Value::map(over(numbers, {3}), over(scores, {3})));
  EXPECT_THAT(elements_of<std::int64_t>(take(by_number.child(0))), ElementsAre(-1, 4, 9));
}

TEST_F(OrtValueTest, WrongMapsAreRefused) {
  std::vector<float> scores = {1, 2, 3}, fewer = {1, 2};
  const Value keys = take(Value::strings(allocator(), std::vector<std::string>{"a", "c", "b"}, {3}));
  EXPECT_THAT(outcome(Value::map(keys, over(fewer, {2}))), testing::Not("success"));
  EXPECT_THAT(outcome(Value::map(over(scores, {3}), over(scores, {3}))), testing::Not("success"));
  std::vector<Value> parts;
  parts.push_back(over(scores, {3}));
  const Value sequence = take(Value::sequence(parts));
  EXPECT_THAT(outcome(Value::map(sequence, over(scores, {3}))), StartsWith("invalid_argument: value: kind"));
}

TEST_F(OrtValueTest, SparseTensorsComeBackAsTheyWere) {
  struct Case {
    Shape dense;
    std::vector<std::int64_t> indices;
  };
  for (const Case& c : {Case{{3, 4}, {0, 1, 1, 3, 2, 0}}, Case{{9}, {2, 5, 8}}, Case{{2, 3, 4}, {0, 0, 3, 1, 0, 0, 1, 2, 3}}}) {
    const std::vector<float> numbers = {1.5f, -2, 3};
    CooTensor tensor{.dense_shape = c.dense, .dtype = DType::f32, .values = std::vector<std::byte>(12), .indices = c.indices};
    std::memcpy(tensor.values.data(), numbers.data(), 12);
    const Value value = take(Value::sparse(allocator(), tensor));
    EXPECT_EQ(take(value.kind()), PortKind::sparse_tensor);
    EXPECT_EQ(take(value.dtype()), DType::f32);
    EXPECT_EQ(take(value.shape()), c.dense);
    const CooTensor back = take(value.coo());
    EXPECT_EQ(back.dense_shape, c.dense);
    EXPECT_EQ(back.dtype, DType::f32);
    EXPECT_EQ(back.values, tensor.values);
    EXPECT_EQ(back.indices, c.indices);
  }
}

TEST_F(OrtValueTest, ASparseTensorOfZerosHoldsNoElement) {
  const Value value = take(Value::sparse(allocator(), {.dense_shape = {3, 4}, .dtype = DType::f32}));
  EXPECT_TRUE(take(value.coo()).indices.empty());
  EXPECT_TRUE(take(value.coo()).values.empty());
}

TEST_F(OrtValueTest, WrongSparseTensorsAreRefused) {
  const CooTensor good{.dense_shape = {3, 4}, .dtype = DType::f32, .values = std::vector<std::byte>(8), .indices = {0, 1, 2, 3}};
  take(Value::sparse(allocator(), good));
  CooTensor wrong = good;
  wrong.indices = {0, 1, 2, 4};
  EXPECT_THAT(outcome(Value::sparse(allocator(), wrong)), HasSubstr("invalid_argument: value: sparse: index out of range"));
  wrong.indices = {0, 1, 2, -1};
  EXPECT_THAT(outcome(Value::sparse(allocator(), wrong)), HasSubstr("expected 0 to 3 for axis 1, got -1"));
  wrong.indices = {0, 1, 2};
  EXPECT_THAT(outcome(Value::sparse(allocator(), wrong)), StartsWith("invalid_argument"));
  wrong = good;
  wrong.values.pop_back();
  EXPECT_THAT(outcome(Value::sparse(allocator(), wrong)), HasSubstr("expected 8 bytes, got 7"));
  wrong.dense_shape = {};
  EXPECT_THAT(outcome(Value::sparse(allocator(), wrong)), StartsWith("invalid_argument"));
}

TEST_F(OrtValueTest, RefusesToBeReadAsWhatItIsNot) {
  std::vector<float> x = {1, 2};
  std::vector<Value> parts;
  parts.push_back(over(x, {2}));
  const Value sequence = take(Value::sequence(parts));
  const Value text = take(Value::strings(allocator(), std::vector<std::string>{"a"}, {1}));
  for (const Value* value : std::initializer_list<const Value*>{&parts[0], &text}) {
    EXPECT_THAT(outcome(value->child_count()), StartsWith("invalid_argument: value: kind: expected sequence, got tensor"));
    EXPECT_THAT(outcome(value->child(0)), StartsWith("invalid_argument"));
    EXPECT_THAT(outcome(value->coo()), StartsWith("invalid_argument"));
  }
  EXPECT_THAT(outcome(text.tensor()),
              StartsWith("invalid_argument: value: kind: expected tensor of numbers, got tensor of strings"));
  EXPECT_THAT(outcome(parts[0].string_elements()), StartsWith("invalid_argument: value: kind: expected tensor of strings"));
  EXPECT_THAT(outcome(sequence.tensor()), StartsWith("invalid_argument: value: kind: expected tensor, got sequence"));
  EXPECT_THAT(outcome(sequence.dtype()), StartsWith("invalid_argument"));
  EXPECT_THAT(outcome(sequence.string_elements()), StartsWith("invalid_argument"));
}

TEST_F(OrtValueTest, OneThatWasMovedAwaySaysSo) {
  std::vector<float> x = {1, 2};
  std::vector<Value> parts;
  parts.push_back(over(x, {2}));
  const Value taken = std::move(parts[0]);
  EXPECT_FALSE(parts[0].holds_anything());
  EXPECT_THAT(outcome(parts[0].tensor()), StartsWith("invalid_argument: value: moved away"));
  EXPECT_THAT(outcome(parts[0].kind()), StartsWith("invalid_argument: value: moved away"));
  EXPECT_THAT(outcome(Value::sequence(parts)), StartsWith("invalid_argument: value: moved away"));
  EXPECT_THAT(outcome(Value::map(parts[0], taken)), StartsWith("invalid_argument: value: moved away"));
}

TEST_F(OrtValueTest, AllocatorsGiveAlignedMemoryThatOutlivesThem) {
  Allocation allocation = take(take(Allocator::host(environment_->library())).allocate(1000));
  ASSERT_NE(allocation.memory.data, nullptr);
  EXPECT_EQ(allocation.memory.bytes, 1000u);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(allocation.memory.data) % 64, 0u);
  std::memset(allocation.memory.data, 7, 1000);
  take(allocator().allocate(0));
}

TEST_F(OrtValueTest, AnAllocationThatCannotBeIsResourceExhausted) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers end the process instead";
#endif
  EXPECT_THAT(outcome(allocator().allocate(std::size_t{1} << 60)), StartsWith("resource_exhausted: ONNX Runtime: "));
  EXPECT_THAT(outcome(Value::allocate(allocator(), DType::f32, {std::int64_t{1} << 58})), StartsWith("resource_exhausted: "));
}

}  // namespace
}  // namespace laneway::ort
