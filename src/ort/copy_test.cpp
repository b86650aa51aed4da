#include "laneway/ort/copy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "ort_support/models.h"

namespace laneway::ort {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

class OrtCopy : public testing::Test {
 protected:
  const Allocator& allocator() const { return environment_->host_allocator(); }

  std::shared_ptr<const Environment> environment_ = take(Environment::get());
};

TEST_F(OrtCopy, O15_CopiesBetweenTensorsOfTheHost) {
  for (const auto& [dtype, bytes] : {std::pair(DType::f32, 84u), {DType::i64, 168u}, {DType::u4, 11u}, {DType::boolean, 21u}}) {
    std::mt19937 random(bytes);
    std::vector<std::byte> content(bytes);
    for (std::byte& byte : content) byte = static_cast<std::byte>(random() & 1);
    const Value from = take(Value::copy(allocator(), content, dtype, {3, 7}));
    Value to = take(Value::copy(allocator(), std::vector<std::byte>(bytes), dtype, {3, 7}));
    take(copy_tensor(*environment_, from, to));
    const std::span got = take(take(to.tensor()).host_bytes());
    EXPECT_EQ(std::vector<std::byte>(got.begin(), got.end()), content) << name(dtype);
  }
  const Value nothing = take(Value::allocate(allocator(), DType::f32, {0, 3}));
  Value too = take(Value::allocate(allocator(), DType::f32, {0, 3}));
  take(copy_tensor(*environment_, nothing, too));
}

TEST_F(OrtCopy, O15_CopiesStrings) {
  const std::vector<std::string> texts = {"", "größer", std::string("a\0b", 3), std::string(1000, 'x')};
  const Value from = take(Value::strings(allocator(), texts, {2, 2}));
  Value to = take(Value::strings(allocator(), std::vector<std::string>(4, "before"), {2, 2}));
  take(copy_tensor(*environment_, from, to));
  EXPECT_EQ(take(to.string_elements()), texts);
}

TEST_F(OrtCopy, O15_CopiesSeveralAtOnceOverlappingOrNot) {
  std::vector<float> a = {1, 2, 3}, memory = {4, 5, 6, 7};
  const Value from = over(a, {3}), front = take(Value::borrow(environment_->host_memory(), memory.data(), 12, DType::f32, {3}));
  Value to = take(Value::allocate(allocator(), DType::f32, {3}));
  Value shifted = take(Value::borrow(environment_->host_memory(), memory.data() + 1, 12, DType::f32, {3}));
  const Value* const sources[] = {&from, &front};
  Value* const targets[] = {&to, &shifted};
  take(copy_tensors(*environment_, sources, targets));
  EXPECT_EQ(elements_of<float>(to), a);
  EXPECT_THAT(memory, ElementsAre(4, 4, 5, 6));
}

TEST_F(OrtCopy, O15_AnotherDtypeOrShapeIsRefusedBeforeAnythingIsCopied) {
  std::vector<float> x = {1, 2, 3, 4}, y(4);
  std::vector<std::int32_t> whole = {7, 7, 7, 7};
  const Value from = over(x, {4}), square = over(x, {2, 2});
  Value to = over(y, {4}), integers = over(whole, {4});
  EXPECT_THAT(outcome(copy_tensor(*environment_, from, integers)),
              StartsWith("invalid_argument: copy: tensor 0: dtype: expected f32 as in the source, got i32"));
  EXPECT_THAT(whole, ElementsAre(7, 7, 7, 7));
  EXPECT_THAT(outcome(copy_tensor(*environment_, square, to)),
              StartsWith("invalid_argument: copy: tensor 0: shape: expected [2, 2] as in the source, got [4]"));
  const Value* const sources[] = {&from, &square};
  Value* const targets[] = {&to, &to};
  EXPECT_THAT(outcome(copy_tensors(*environment_, sources, targets)), StartsWith("invalid_argument: copy: tensor 1: shape"));
  EXPECT_THAT(y, ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(outcome(copy_tensors(*environment_, sources, {targets, 1})),
              StartsWith("invalid_argument: copy: expected as many"));
  const Value* const null[] = {nullptr};
  EXPECT_THAT(outcome(copy_tensors(*environment_, null, {targets, 1})), StartsWith("invalid_argument: copy: tensor 0: null"));
  std::vector<Value> parts;
  parts.push_back(over(x, {4}));
  EXPECT_THAT(outcome(copy_tensor(*environment_, take(Value::sequence(parts)), to)),
              StartsWith("invalid_argument: copy: tensor 0: kind: expected tensor, got sequence"));
  Value moved = std::move(parts[0]);
  EXPECT_THAT(outcome(copy_tensor(*environment_, parts[0], to)), StartsWith("invalid_argument: value: moved away"));
}

// Host memory that is said to be a device's: nothing of this library reads it, and no provider here copies it.
TEST_F(OrtCopy, O15_MemoryOfADeviceIsNeverReadAsTheHosts) {
  std::vector<float> x = {1, 2, 3}, y(3);
  const MemorySpec spec{.name = "Elsewhere", .device_kind = DeviceKind::gpu, .vendor = 0xbeef, .device = 2};
  const MemoryInfo elsewhere = take(MemoryInfo::make(environment_->library(), spec));
  Value there = take(Value::borrow(elsewhere, x.data(), 12, DType::f32, {3}));
  const TensorView view = take(there.tensor());
  EXPECT_EQ(view.placement, Placement::device);
  EXPECT_EQ(view.device, 2);
  EXPECT_THAT(outcome(view.elements<float>()), StartsWith("failed_precondition: tensor: memory of device 2"));
  EXPECT_THAT(outcome(view.host_bytes()), StartsWith("failed_precondition"));
  Value here = over(y, {3});
  EXPECT_THAT(outcome(copy_tensor(*environment_, there, here)), testing::HasSubstr("ONNX Runtime: "));
  EXPECT_THAT(outcome(copy_tensor(*environment_, here, there)), testing::HasSubstr("ONNX Runtime: "));
  EXPECT_THAT(x, ElementsAre(1, 2, 3));
  EXPECT_THAT(y, ElementsAre(0, 0, 0));
}

TEST_F(OrtCopy, O15_MemoryForTransfersIsTheHostsToo) {
  std::vector<float> x = {1, 2, 3};
  const MemorySpec spec{.name = "Pinned", .device_kind = DeviceKind::gpu, .vendor = 0xbeef, .host_accessible = true};
  const MemoryInfo pinned = take(MemoryInfo::make(environment_->library(), spec));
  const Value value = take(Value::borrow(pinned, x.data(), 12, DType::f32, {3}));
  EXPECT_EQ(take(value.tensor()).placement, Placement::pinned_host);
  EXPECT_THAT(take(take(value.tensor()).elements<float>()), ElementsAre(1, 2, 3));
}

}  // namespace
}  // namespace laneway::ort
