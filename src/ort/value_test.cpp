#include "laneway/ort/value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <optional>
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

TEST_F(OrtValueTest, O11_BorrowsMemoryWithoutCopying) {
  std::vector<float> x = test_models::random_floats(15, 1);
  const Value value = over(x, {3, 5});
  const TensorView view = take(value.tensor());
  EXPECT_EQ(view.data, x.data());
  EXPECT_EQ(view.bytes, 60u);
  EXPECT_EQ(view.dtype, DType::f32);
  EXPECT_EQ(view.shape, Shape(3, 5));
  EXPECT_EQ(view.placement, Placement::host);
  EXPECT_EQ(take(value.kind()), PortKind::tensor);
  EXPECT_TRUE(take(value.holds_anything()));
}

std::vector<DType> numeric_dtypes() {
  std::vector<DType> dtypes;
  for (int i = 0; i <= static_cast<int>(DType::u2); ++i) {
    if (is_numeric(static_cast<DType>(i))) dtypes.push_back(static_cast<DType>(i));
  }
  return dtypes;
}

// Dtypes that no library there is takes, and those that came with level 24 and later.
bool may_be_refused(DType dtype, const Library& library) {
  if (dtype == DType::complex64 || dtype == DType::complex128) return true;
  const bool late = dtype == DType::f8e8m0 || dtype == DType::f4e2m1 || dtype == DType::i2 || dtype == DType::u2;
  return late && library.level() < 27;
}

// Of any bits, but for booleans, which have two.
std::vector<std::byte> random_elements(DType dtype, std::size_t count) {
  std::mt19937 random(static_cast<unsigned>(dtype) + 1);
  std::vector<std::byte> bytes((count * bits_of(dtype) + 7) / 8);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() & (dtype == DType::boolean ? 1 : 0xff));
  return bytes;
}

TEST_F(OrtValueTest, O11_EveryNumericDtypeComesBackHoweverItIsMade) {
  const Shape shape(3, 7);
  for (const DType dtype : numeric_dtypes()) {
    std::vector<std::byte> bytes = random_elements(dtype, 21);
    const auto owner = std::make_shared<std::vector<std::byte>>(bytes);
    std::vector<Expected<Value>> made;
    made.push_back(Value::borrow(host(), bytes.data(), bytes.size(), dtype, shape));
    made.push_back(Value::own(host(), owner->data(), owner->size(), dtype, shape, owner));
    made.push_back(Value::copy(allocator(), bytes, dtype, shape));
    for (const Expected<Value>& value : made) {
      if (!value && may_be_refused(dtype, *environment_->library())) {
        EXPECT_THAT(outcome(value), StartsWith("unimplemented: ONNX Runtime: NOT_IMPLEMENTED")) << name(dtype);
        continue;
      }
      ASSERT_TRUE(value) << name(dtype) << " " << outcome(value);
      const TensorView view = take(value->tensor());
      EXPECT_EQ(view.dtype, dtype) << name(dtype);
      EXPECT_EQ(view.shape, shape);
      const std::span got = take(view.host_bytes());
      EXPECT_EQ(std::vector<std::byte>(got.begin(), got.end()), bytes) << name(dtype);
      EXPECT_EQ(take(value->dtype()), dtype);
    }
    EXPECT_EQ(owner.use_count(), made[1] ? 2 : 1) << name(dtype) << ": one that was refused keeps nothing";
  }
}

TEST_F(OrtValueTest, O11_EveryNumericDtypeGoesThroughAModel) {
  std::vector<std::string_view> passed;
  for (const DType dtype : numeric_dtypes()) {
    test_models::OnnxModel model;
    model.ir_version = 10;
    model.opsets = {{"", 21}};
    model.input("x", dtype, {3, 7}).node("Identity", {"x"}, {"y"}).output("y", dtype, {3, 7});
    const std::string file = model.bytes();
    const auto session = Session::open(spec_of(file));
    std::vector<std::byte> bytes = random_elements(dtype, 21);
    const auto value = Value::copy(allocator(), bytes, dtype, {3, 7});
    if (!session || !value) continue;
    const std::vector<Value> outputs = run_once(*session, {&*value});
    const std::span got = take(take(outputs[0].tensor()).host_bytes());
    EXPECT_EQ(std::vector<std::byte>(got.begin(), got.end()), bytes) << name(dtype);
    passed.push_back(name(dtype));
  }
  EXPECT_THAT(passed, testing::IsSupersetOf({"f32", "f64", "f16", "bf16", "i64", "i32", "i16", "i8", "u64", "u32", "u16", "u8",
                                             "boolean", "f8e4m3fn", "f8e4m3fnuz", "f8e5m2", "f8e5m2fnuz"}));
}

TEST_F(OrtValueTest, O11_PackedElementsNeedBytesForAllOfThem) {
  for (const auto& [dtype, bytes] :
       {std::pair(DType::u4, 11u), {DType::i4, 11u}, {DType::f4e2m1, 11u}, {DType::u2, 6u}, {DType::i2, 6u}}) {
    const std::vector<std::byte> right(bytes), less(bytes - 1), more(bytes + 1);
    const std::string wanted = "expected " + std::to_string(bytes);
    EXPECT_THAT(outcome(Value::copy(allocator(), less, dtype, {3, 7})), AllOf(StartsWith("invalid_argument"), HasSubstr(wanted)));
    EXPECT_THAT(outcome(Value::copy(allocator(), more, dtype, {3, 7})), AllOf(StartsWith("invalid_argument"), HasSubstr(wanted)));
    EXPECT_THAT(outcome(Value::copy(allocator(), right, dtype, {3, 7})),
                testing::AnyOf("success", StartsWith("unimplemented: ONNX Runtime")));
    void* const memory = const_cast<std::byte*>(less.data());
    EXPECT_THAT(outcome(Value::borrow(host(), memory, less.size(), dtype, {3, 7})), HasSubstr(wanted + " bytes"));
    EXPECT_THAT(outcome(Value::own(host(), memory, less.size(), dtype, {3, 7}, nullptr)), HasSubstr(wanted + " bytes"));
  }
}

TEST_F(OrtValueTest, O11_TypedAccessIsChecked) {
  std::vector<float> x = {1.5f, -2};
  const Value value = over(x, {2});
  const TensorView view = take(value.tensor());
  const std::span<float> elements = take(view.elements<float>());
  EXPECT_EQ(elements.data(), x.data());
  EXPECT_THAT(take(view.elements<const float>()), ElementsAre(1.5f, -2));
  elements[1] = 8;
  EXPECT_EQ(x[1], 8);
  EXPECT_THAT(outcome(view.elements<std::int32_t>()), StartsWith("invalid_argument: tensor: dtype: expected i32, got f32"));
  EXPECT_THAT(outcome(view.elements<std::uint8_t>()), StartsWith("invalid_argument: tensor: dtype: expected u8, got f32"));
  TensorView elsewhere = view;
  elsewhere.placement = Placement::device;
  elsewhere.device = 3;
  EXPECT_THAT(outcome(elsewhere.elements<float>()), StartsWith("failed_precondition: tensor: memory of device 3"));
  EXPECT_THAT(outcome(elsewhere.host_bytes()), StartsWith("failed_precondition"));
}

TEST_F(OrtValueTest, O11_CopiesFloatsOfSixteenBits) {
  const std::vector<Float16> x = {Float16::from(1.5f), Float16::from(-2)};
  const std::vector<BFloat16> b = {BFloat16::from(3), BFloat16::from(0.25f)};
  EXPECT_EQ(elements_of<Float16>(take(Value::copy<Float16>(allocator(), x, {1, 2}))), x);
  EXPECT_EQ(elements_of<BFloat16>(take(Value::copy<BFloat16>(allocator(), b, {2}))), b);
}

TEST_F(OrtValueTest, O11_WhatIsOwnedLivesAsLongAsItsLastUser) {
  const auto memory = std::make_shared<std::vector<float>>(std::vector<float>{1, -2, 3});
  const std::weak_ptr<const void> watch = memory;
  const auto own = [&](const Shape& shape) {
    return take(Value::own(host(), memory->data(), memory->size() * 4, DType::f32, shape, memory));
  };
  { const Value value = own({3}), empty = own({0, 3}); }
  EXPECT_EQ(memory.use_count(), 1);
  std::vector<Value> parts;
  parts.push_back(own({3}));
  std::optional<Value> sequence = take(Value::sequence(parts));
  parts.clear();
  EXPECT_EQ(memory.use_count(), 2) << "in a sequence";
  sequence.reset();
  EXPECT_EQ(memory.use_count(), 1);
  {
    Binding binding = take(Binding::make(open_model(test_models::relu())));
    RunOptions options = take(RunOptions::make(environment_->library()));
    take(binding.bind_input(0, own({3})));
    take(binding.bind_output(0));
    EXPECT_EQ(memory.use_count(), 2) << "in a binding";
    take(binding.run(options));
    EXPECT_THAT(elements_of<float>(*take(binding.output(0))), ElementsAre(1, 0, 3));
  }
  EXPECT_EQ(memory.use_count(), 1);
}

TEST_F(OrtValueTest, O11_HoldsScalarsEmptyTensorsAndRankEight) {
  std::vector<float> x(256, 1);
  for (const Shape& shape : {Shape(), Shape(0), Shape(3, 0, 2), Shape(2, 2, 2, 2, 2, 2, 2, 2)}) {
    const Value value = take(Value::borrow(host(), x.data(), x.size() * 4, DType::f32, shape));
    EXPECT_EQ(take(value.tensor()).shape, shape);
    EXPECT_EQ(take(value.tensor()).bytes, *byte_count(DType::f32, shape));
  }
  EXPECT_EQ(take(take(Value::borrow(host(), nullptr, 0, DType::f32, {0, 4})).tensor()).bytes, 0u);
}

TEST_F(OrtValueTest, O11_RefusesMemoryThatDoesNotFit) {
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

TEST_F(OrtValueTest, O11_AllocatesItsOwnMemory) {
  const Value value = take(Value::allocate(allocator(), DType::i64, {2, 3}));
  const TensorView view = take(value.tensor());
  ASSERT_NE(view.data, nullptr);
  std::memset(view.data, 0, view.bytes);
  EXPECT_EQ(elements_of<std::int64_t>(value), std::vector<std::int64_t>(6, 0));
}

TEST_F(OrtValueTest, O12_StringsComeBackAsTheyWere) {
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

TEST_F(OrtValueTest, O12_StringsMayHoldNulCharacters) {
  const std::vector<std::string> texts = {"fine", std::string("a\0b", 3), std::string("\0", 1), ""};
  const Value value = take(Value::strings(allocator(), texts, {2, 2}));
  EXPECT_EQ(take(value.string_elements()), texts);
  const Value flat = take(Value::strings(allocator(), texts, {4}));
  EXPECT_EQ(take(run_once(open_model(test_models::string_identity()), {&flat})[0].string_elements()), texts);
}

TEST_F(OrtValueTest, O12_StringsAreReadAndWrittenOneByOne) {
  Value value = take(Value::allocate(allocator(), DType::string, {2, 2}));
  EXPECT_EQ(take(value.string_elements()), std::vector<std::string>(4, ""));
  const std::vector<std::string> texts = {std::string(3000, 'q'), "größer", "", std::string("\0z", 2)};
  for (std::size_t i = 4; i-- > 0;) take(value.set_string(i, texts[i]));
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(take(value.string_at(i)), texts[i]);
  take(value.set_string(0, "short"));
  take(value.set_string(2, "long again"));
  EXPECT_THAT(take(value.string_elements()), ElementsAre("short", texts[1], "long again", texts[3]));
  EXPECT_THAT(outcome(value.set_string(4, "x")), StartsWith("out_of_range: value: string 4: expected an index below 4"));
  EXPECT_THAT(outcome(value.string_at(4)), StartsWith("out_of_range: value: string 4"));
  std::vector<float> x = {1};
  Value number = over(x, {1});
  EXPECT_THAT(outcome(number.set_string(0, "x")), StartsWith("invalid_argument: value: kind: expected tensor of strings"));
  EXPECT_THAT(outcome(number.string_at(0)), StartsWith("invalid_argument: value: kind: expected tensor of strings"));
}

TEST_F(OrtValueTest, O12_ManyStringsComeBack) {
  std::mt19937 random(7);
  std::vector<std::string> texts;
  for (int i = 0; i < 10007; ++i) texts.push_back(std::string(random() % 40, static_cast<char>('a' + random() % 26)));
  EXPECT_EQ(take(take(Value::strings(allocator(), texts, {10007})).string_elements()), texts);
}

TEST_F(OrtValueTest, O12_AWrongNumberOfStringsIsRefused) {
  const std::vector<std::string> two = {"a", "b"};
  EXPECT_THAT(outcome(Value::strings(allocator(), two, {3})), HasSubstr("expected 3 for shape [3], got 2"));
  EXPECT_THAT(outcome(Value::strings(allocator(), two, {-2})), StartsWith("invalid_argument"));
}

TEST_F(OrtValueTest, O13_ASequenceSharesItsTensors) {
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

TEST_F(OrtValueTest, O13_WrongSequencesAreRefused) {
  EXPECT_THAT(outcome(Value::sequence({})), StartsWith("unimplemented: value: sequence"));
  std::vector<float> a = {1, 2};
  std::vector<std::int64_t> b = {1, 2};
  std::vector<Value> mixed;
  mixed.push_back(over(a, {2}));
  mixed.push_back(over(b, {2}));
  EXPECT_THAT(outcome(Value::sequence(mixed)),
              StartsWith("invalid_argument: value: sequence: mixed: expected tensor(f32) as the first element, got tensor(i64)"));
  std::vector<Value> nested;
  nested.push_back(over(a, {2}));
  mixed.pop_back();
  nested.push_back(take(Value::sequence(mixed)));
  EXPECT_THAT(outcome(Value::sequence(nested)), StartsWith("invalid_argument: value: sequence: mixed"));
}

TEST_F(OrtValueTest, O13_AMapIsItsKeysAndValues) {
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

TEST_F(OrtValueTest, O13_MapsOfEveryKindThereIs) {
  std::vector<std::int64_t> keys = {4, -1}, counts = {7, 8};
  std::vector<float> floats = {0.5f, -2};
  std::vector<double> doubles = {0.25, 3};
  const Value by_number = over(keys, {2});
  const Value by_text = take(Value::strings(allocator(), std::vector<std::string>{"n", std::string("m\0", 2)}, {2}));
  const Value texts = take(Value::strings(allocator(), std::vector<std::string>{"one", "two"}, {2}));
  for (const Value* key : {&by_number, &by_text}) {
    EXPECT_THAT(elements_of<std::int64_t>(take(take(Value::map(*key, over(counts, {2}))).child(1))), ElementsAre(8, 7));
    EXPECT_THAT(elements_of<float>(take(take(Value::map(*key, over(floats, {2}))).child(1))), ElementsAre(-2, 0.5f));
    EXPECT_THAT(elements_of<double>(take(take(Value::map(*key, over(doubles, {2}))).child(1))), ElementsAre(3, 0.25));
    EXPECT_THAT(take(take(take(Value::map(*key, texts)).child(1)).string_elements()), ElementsAre("two", "one"));
  }
  EXPECT_THAT(take(take(take(Value::map(by_text, texts)).child(0)).string_elements()), ElementsAre(std::string("m\0", 2), "n"));
}

TEST_F(OrtValueTest, O13_WrongMapsAreRefused) {
  std::vector<float> scores = {1, 2, 3}, fewer = {1, 2};
  std::vector<std::int32_t> narrow = {1, 2, 3};
  const Value keys = take(Value::strings(allocator(), std::vector<std::string>{"a", "c", "b"}, {3}));
  EXPECT_THAT(outcome(Value::map(keys, over(fewer, {2}))),
              StartsWith("invalid_argument: value: map: expected as many values as keys, 3, got 2"));
  EXPECT_THAT(outcome(Value::map(over(scores, {3}), over(scores, {3}))),
              StartsWith("unimplemented: value: map: keys: expected one of i64, string, got f32"));
  EXPECT_THAT(outcome(Value::map(keys, over(narrow, {3}))), StartsWith("unimplemented: value: map: values: expected one of i64"));
  EXPECT_THAT(outcome(Value::map(keys, over(scores, {1, 3}))),
              StartsWith("invalid_argument: value: map: values: expected one dimension, got [1, 3]"));
  const Value twice = take(Value::strings(allocator(), std::vector<std::string>{"a", "c", "a"}, {3}));
  EXPECT_THAT(outcome(Value::map(twice, over(scores, {3}))),
              StartsWith("invalid_argument: value: map: keys: expected 3 different ones, got 2"));
  std::vector<Value> parts;
  parts.push_back(over(scores, {3}));
  const Value sequence = take(Value::sequence(parts));
  EXPECT_THAT(outcome(Value::map(sequence, over(scores, {3}))), StartsWith("invalid_argument: value: kind"));
  EXPECT_EQ(take(take(Value::map(keys, over(scores, {3}))).child_count()), 2u) << "the parts still serve";
}

TEST_F(OrtValueTest, O13_SequencesOfEveryDtypeAndOfMaps) {
  for (const DType dtype : numeric_dtypes()) {
    const std::vector<std::byte> bytes = random_elements(dtype, 5);
    auto tensor = Value::copy(allocator(), bytes, dtype, {5});
    if (!tensor) continue;
    std::vector<Value> parts;
    parts.push_back(*std::move(tensor));
    const auto sequence = Value::sequence(parts);
    ASSERT_TRUE(sequence) << name(dtype) << " " << outcome(sequence);
    const Value child = take(sequence->child(0));
    const std::span got = take(take(child.tensor()).host_bytes());
    EXPECT_EQ(std::vector<std::byte>(got.begin(), got.end()), bytes) << name(dtype);
  }
  std::vector<std::int64_t> keys = {4, -1};
  std::vector<float> scores = {0.5f, -2}, others = {8, 9};
  std::vector<Value> maps;
  maps.push_back(take(Value::map(over(keys, {2}), over(scores, {2}))));
  maps.push_back(take(Value::map(over(keys, {2}), over(others, {2}))));
  const Value sequence = take(Value::sequence(maps));
  EXPECT_EQ(take(sequence.child_count()), 2u);
  const Value second = take(sequence.child(1));
  EXPECT_EQ(take(second.kind()), PortKind::map);
  EXPECT_THAT(elements_of<std::int64_t>(take(second.child(0))), ElementsAre(-1, 4));
  EXPECT_THAT(elements_of<float>(take(second.child(1))), ElementsAre(9, 8));
  EXPECT_THAT(outcome(second.child(2)), StartsWith("out_of_range"));
}

TEST_F(OrtValueTest, O13_ASequenceHoldsStrings) {
  const std::vector<std::string> first = {"", std::string("a\0b", 3)}, second = {"größer", std::string(3000, 'x'), "z"};
  std::vector<Value> parts;
  parts.push_back(take(Value::strings(allocator(), first, {2})));
  parts.push_back(take(Value::strings(allocator(), second, {3, 1})));
  const Value sequence = take(Value::sequence(parts));
  parts.clear();
  EXPECT_EQ(to_string(take(sequence.type())), "sequence(tensor(string))");
  EXPECT_EQ(take(take(sequence.child(0)).string_elements()), first);
  EXPECT_EQ(take(take(sequence.child(1)).string_elements()), second);
}

TEST_F(OrtValueTest, O13_NestingsThatCannotBeAreRefused) {
  std::vector<std::int64_t> keys = {4, -1}, counts = {1, 2};
  std::vector<float> scores = {0.5f, -2};
  std::vector<Value> maps, sequences, mixed;
  maps.push_back(take(Value::map(over(keys, {2}), over(counts, {2}))));
  EXPECT_THAT(outcome(Value::sequence(maps)), StartsWith("unimplemented: value: sequence: of map(i64, tensor(i64))"));
  maps.clear();
  maps.push_back(over(scores, {2}));
  sequences.push_back(take(Value::sequence(maps)));
  EXPECT_THAT(outcome(Value::sequence(sequences)), StartsWith("unimplemented: value: sequence: of sequence(tensor(f32))"));
  mixed.push_back(take(Value::map(over(keys, {2}), over(scores, {2}))));
  const Value text = take(Value::strings(allocator(), std::vector<std::string>{"a", "b"}, {2}));
  mixed.push_back(take(Value::map(text, over(scores, {2}))));
  EXPECT_THAT(outcome(Value::sequence(mixed)),
              StartsWith("invalid_argument: value: sequence: mixed: expected map(i64, tensor(f32))"));
}

TEST_F(OrtValueTest, O13_ValuesAndPortsTellTheirWholeType) {
  std::vector<std::int64_t> keys = {4, -1};
  std::vector<float> scores = {0.5f, -2};
  std::vector<Value> maps;
  maps.push_back(take(Value::map(over(keys, {2}), over(scores, {2}))));
  const Type type = take(take(Value::sequence(maps)).type());
  EXPECT_EQ(to_string(type), "sequence(map(i64, tensor(f32)))");
  EXPECT_EQ(type.held.at(0).key, DType::i64);
  const Type tensor = take(over(scores, {1, 2}).type());
  EXPECT_THAT(tensor.shape, ElementsAre(Dimension{.extent = 1}, Dimension{.extent = 2}));

  EXPECT_EQ(to_string(take(input_type(*open_model(test_models::map_input()), 0))), "map(string, tensor(f32))");
  EXPECT_EQ(to_string(take(output_type(*open_model(test_models::map_output()), 0))), "sequence(map(string, tensor(f32)))");
  EXPECT_EQ(to_string(take(input_type(*open_model(test_models::optional_has()), 0))), "optional(tensor(f32))");
  EXPECT_EQ(to_string(take(input_type(*open_model(test_models::sparse_input()), 0))), "sparse_tensor(f32)");
  const auto defaults = open_model(test_models::default_input());
  EXPECT_THAT(take(input_type(*defaults, 1)).shape, ElementsAre(Dimension{.extent = 4})) << "a weight that runs may override";
  EXPECT_THAT(outcome(input_type(*defaults, 2)), StartsWith("out_of_range: input 2"));
  EXPECT_THAT(outcome(output_type(*defaults, 1)), StartsWith("out_of_range: output 1"));
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
  EXPECT_FALSE(take(parts[0].holds_anything()));
  EXPECT_THAT(outcome(parts[0].tensor()), StartsWith("invalid_argument: value: moved away"));
  EXPECT_THAT(outcome(parts[0].kind()), StartsWith("invalid_argument: value: moved away"));
  EXPECT_THAT(outcome(Value::sequence(parts)), StartsWith("invalid_argument: value: moved away"));
  EXPECT_THAT(outcome(Value::map(parts[0], taken)), StartsWith("invalid_argument: value: moved away"));
}

TEST_F(OrtValueTest, O11_MemoryAndAllocatorsThatWereMovedAwayStillServe) {
  MemoryInfo where = take(MemoryInfo::host(environment_->library()));
  Allocator from = allocator();
  const MemoryInfo same_memory = std::move(where);
  const Allocator same_allocator = std::move(from);
  EXPECT_EQ(where, same_memory);
  std::vector<float> x = {1, 2};
  EXPECT_EQ(elements_of<float>(take(Value::borrow(where, x.data(), 8, DType::f32, {2}))), x);
  EXPECT_EQ(elements_of<float>(take(Value::copy<float>(from, x, {2}))), x);
}

TEST_F(OrtValueTest, O11_NothingIsMadeWithoutALibrary) {
  const std::string none = "invalid_argument: library: null: expected one that is open";
  EXPECT_EQ(outcome(MemoryInfo::host(nullptr)), none);
  EXPECT_EQ(outcome(MemoryInfo::make(nullptr, {.name = "Cpu"})), none);
  EXPECT_EQ(outcome(Allocator::host(nullptr)), none);
  EXPECT_EQ(outcome(RunOptions::make(nullptr)), none);
  EXPECT_EQ(outcome(Value::sparse(nullptr, std::make_shared<const CooTensor>(CooTensor{.dense_shape = {2}}))), none);
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
