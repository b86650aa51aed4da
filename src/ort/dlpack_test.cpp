#include "laneway/ort/dlpack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <vector>

#include "ort/dlpack_abi.h"
#include "ort_support/models.h"

namespace laneway::ort {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

// A tensor as another library makes one: it counts how often its deleter is called.
template <class Managed>
struct Foreign {
  std::vector<float> elements = {1, -2, 3, 4, -5, 6};
  std::vector<std::int64_t> shape = {2, 3}, strides = {3, 1};
  int deleted = 0;
  Managed managed{};

  Foreign() {
    managed.dl_tensor = {.data = elements.data(),
                         .device = {1, 0},
                         .ndim = 2,
                         .dtype = {2, 32, 1},
                         .shape = shape.data(),
                         .strides = strides.data(),
                         .byte_offset = 0};
    managed.manager_ctx = this;
    managed.deleter = [](Managed* self) { ++static_cast<Foreign*>(self->manager_ctx)->deleted; };
    if constexpr (std::is_same_v<Managed, DLManagedTensorVersioned>) managed.version = {1, 0};
  }
  std::unique_ptr<Managed, DlpackDeleter> handed_over() { return std::unique_ptr<Managed, DlpackDeleter>(&managed); }
};
using Plain = Foreign<DLManagedTensor>;
using Versioned = Foreign<DLManagedTensorVersioned>;

class OrtDlpack : public testing::Test {
 protected:
  const MemoryInfo& host() const { return environment_->host_memory(); }

  template <class Managed>
  std::string refusal(const std::function<void(Foreign<Managed>&)>& spoil) const {
    Foreign<Managed> foreign;
    spoil(foreign);
    const std::string why = outcome(from_dlpack(host(), foreign.handed_over()));
    EXPECT_EQ(foreign.deleted, 1) << "what is refused goes at once: " << why;
    return why;
  }

  std::shared_ptr<const Environment> environment_ = take(Environment::get());
};

TEST_F(OrtDlpack, O16_TensorsComeInWithTheirOwner) {
  Plain plain;
  Versioned versioned;
  {
    const Value a = take(from_dlpack(host(), plain.handed_over()));
    const Value b = take(from_dlpack(host(), versioned.handed_over()));
    EXPECT_EQ(take(a.tensor()).data, plain.elements.data());
    EXPECT_EQ(take(a.shape()), Shape(2, 3));
    EXPECT_EQ(elements_of<float>(b), versioned.elements);
    EXPECT_EQ(plain.deleted + versioned.deleted, 0);
  }
  EXPECT_EQ(plain.deleted, 1);
  EXPECT_EQ(versioned.deleted, 1);
}

TEST_F(OrtDlpack, O16_OneThatIsBoundGoesWithTheBinding) {
  Plain x;
  x.managed.dl_tensor.ndim = 1;
  x.shape = {5};
  x.managed.dl_tensor.shape = x.shape.data();
  x.managed.dl_tensor.strides = nullptr;
  x.managed.dl_tensor.byte_offset = 4;
  {
    Binding binding = take(Binding::make(open_model(test_models::relu())));
    RunOptions options = take(RunOptions::make(environment_->library()));
    take(binding.bind_input(0, take(from_dlpack(host(), x.handed_over()))));
    EXPECT_EQ(x.deleted, 0);
    take(binding.bind_output(0));
    take(binding.run(options));
    EXPECT_THAT(elements_of<float>(*take(binding.output(0))), ElementsAre(0, 3, 4, 0, 6));
  }
  EXPECT_EQ(x.deleted, 1);
}

TEST_F(OrtDlpack, O16_TensorsGoOutWithTheValue) {
  const auto memory = std::make_shared<std::vector<float>>(std::vector<float>{1, -2, 3, 4, -5, 6});
  const auto own = [&] { return take(Value::own(host(), memory->data(), 24, DType::f32, {3, 1, 2}, memory)); };
  {
    const Dlpack plain = take(to_dlpack(own()));
    DLManagedTensorVersioned* const versioned = take(to_dlpack_versioned(own())).release();
    EXPECT_EQ(memory.use_count(), 3);
    for (const DLTensor* tensor : {&plain->dl_tensor, &versioned->dl_tensor}) {
      EXPECT_EQ(tensor->data, memory->data());
      EXPECT_EQ(tensor->byte_offset, 0u);
      EXPECT_EQ(tensor->device.device_type, 1);
      EXPECT_EQ(tensor->device.device_id, 0);
      EXPECT_EQ(tensor->dtype.code, 2);
      EXPECT_EQ(tensor->dtype.bits, 32);
      EXPECT_EQ(tensor->dtype.lanes, 1);
      EXPECT_THAT(std::vector(tensor->shape, tensor->shape + tensor->ndim), ElementsAre(3, 1, 2));
      EXPECT_THAT(std::vector(tensor->strides, tensor->strides + tensor->ndim), ElementsAre(2, 2, 1));
    }
    EXPECT_EQ(versioned->version.major, 1u);
    EXPECT_EQ(versioned->flags, 0u);
    versioned->deleter(versioned);
    EXPECT_EQ(memory.use_count(), 2);
  }
  EXPECT_EQ(memory.use_count(), 1);
}

TEST_F(OrtDlpack, O16_EveryNumericDtypeGoesOutAndComesBack) {
  for (int i = 0; i <= static_cast<int>(DType::u2); ++i) {
    const auto dtype = static_cast<DType>(i);
    if (!is_numeric(dtype)) continue;
    const std::vector<std::byte> bytes((21 * bits_of(dtype) + 7) / 8, std::byte{1});
    auto value = Value::copy(environment_->host_allocator(), bytes, dtype, {3, 7});
    if (!value) continue;  // dtypes that the library refuses
    DlpackVersioned out = take(to_dlpack_versioned(*std::move(value)));
    EXPECT_EQ(out->dl_tensor.dtype.bits, bits_of(dtype));
    const Value back = take(from_dlpack(host(), std::move(out)));
    EXPECT_EQ(take(back.dtype()), dtype);
    const std::span got = take(take(back.tensor()).host_bytes());
    EXPECT_EQ(std::vector<std::byte>(got.begin(), got.end()), bytes) << name(dtype);
  }
}

TEST_F(OrtDlpack, O16_OnlyContiguousStridesAreTaken) {
  EXPECT_THAT(refusal<DLManagedTensor>([](Plain& x) {
                x.strides = {1, 2};
              }),
              StartsWith("invalid_argument: dlpack: strides: expected contiguous elements, 3 for axis 0, got 1"));
  EXPECT_THAT(refusal<DLManagedTensor>([](Plain& x) { x.strides = {4, 1}; }), HasSubstr("strides"));
  Plain one;  // an axis of one element may have any
  one.shape = {1, 6};
  one.strides = {77, 1};
  EXPECT_EQ(take(take(from_dlpack(host(), one.handed_over())).shape()), Shape(1, 6));
  Plain none;
  none.shape = {0, 3};
  none.strides = {9, 9};
  none.managed.dl_tensor.data = nullptr;
  EXPECT_EQ(take(take(from_dlpack(host(), none.handed_over())).shape()), Shape(0, 3));
  EXPECT_EQ(none.deleted, 1);
}

TEST_F(OrtDlpack, O16_WrongTensorsAreRefused) {
  EXPECT_THAT(outcome(from_dlpack(host(), Dlpack())), StartsWith("invalid_argument: dlpack: null"));
  EXPECT_THAT(refusal<DLManagedTensor>([](Plain& x) { x.managed.dl_tensor.dtype.lanes = 4; }),
              StartsWith("unimplemented: dlpack: dtype"));
  EXPECT_THAT(refusal<DLManagedTensor>([](Plain& x) { x.managed.dl_tensor.dtype.code = 3; }),
              StartsWith("unimplemented: dlpack: dtype"));
  EXPECT_THAT(refusal<DLManagedTensor>([](Plain& x) {
                x.managed.dl_tensor.device = {2, 0};
              }),
              StartsWith("invalid_argument: dlpack: device"));
  EXPECT_THAT(refusal<DLManagedTensor>([](Plain& x) { x.managed.dl_tensor.ndim = -1; }),
              StartsWith("invalid_argument: dlpack: shape"));
  EXPECT_THAT(refusal<DLManagedTensor>([](Plain& x) { x.managed.dl_tensor.shape = nullptr; }),
              StartsWith("invalid_argument: dlpack: shape"));
  EXPECT_THAT(refusal<DLManagedTensor>([](Plain& x) { x.shape = {-2, 3}; }), StartsWith("invalid_argument"));
  EXPECT_THAT(refusal<DLManagedTensor>([](Plain& x) { x.managed.dl_tensor.data = nullptr; }), StartsWith("invalid_argument"));
  EXPECT_THAT(refusal<DLManagedTensorVersioned>([](Versioned& x) { x.managed.version.major = 2; }),
              StartsWith("unimplemented: dlpack: version: expected 1, got 2"));
  EXPECT_THAT(refusal<DLManagedTensorVersioned>([](Versioned& x) { x.managed.flags = 1; }),
              StartsWith("invalid_argument: dlpack: read-only"));
  EXPECT_THAT(refusal<DLManagedTensorVersioned>([](Versioned& x) {
                x.managed.flags = 4;
                x.managed.dl_tensor.dtype = {0, 4, 1};
              }),
              StartsWith("unimplemented: dlpack: elements of less than a byte"));
}

TEST_F(OrtDlpack, O16_WhatIsNoTensorOfNumbersStays) {
  Value text = take(Value::strings(environment_->host_allocator(), std::vector<std::string>{"a"}, {1}));
  EXPECT_THAT(outcome(to_dlpack(std::move(text))), StartsWith("invalid_argument: value: kind"));
  std::vector<float> x = {1, 2};
  const MemorySpec spec{.name = "Elsewhere", .device_kind = DeviceKind::gpu, .vendor = 0xbeef};
  const MemoryInfo elsewhere = take(MemoryInfo::make(environment_->library(), spec));
  EXPECT_THAT(outcome(to_dlpack(take(Value::borrow(elsewhere, x.data(), 8, DType::f32, {2})))),
              StartsWith("unimplemented: dlpack: memory Elsewhere"));
}

TEST_F(OrtDlpack, O16_AValueThatWasMovedAwayIsRefused) {
  std::vector<float> x = {1, 2};
  Value value = over(x, {2});
  const Value taken = std::move(value);
  EXPECT_THAT(outcome(to_dlpack(std::move(value))), StartsWith("invalid_argument: value: moved away"));
}

TEST_F(OrtDlpack, O16_MemoryOfCudaKeepsItsDevice) {
  std::vector<float> x = {1, 2};  // never read
  const MemorySpec spec{.name = "Cuda", .device_kind = DeviceKind::gpu, .vendor = 0x10de, .device = 1};
  const MemoryInfo cuda = take(MemoryInfo::make(environment_->library(), spec));
  DlpackVersioned out = take(to_dlpack_versioned(take(Value::borrow(cuda, x.data(), 8, DType::f32, {2}))));
  EXPECT_EQ(out->dl_tensor.device.device_type, 2);
  EXPECT_EQ(out->dl_tensor.device.device_id, 1);
  EXPECT_EQ(take(take(from_dlpack(cuda, std::move(out))).tensor()).placement, Placement::device);
  DlpackVersioned again = take(to_dlpack_versioned(take(Value::borrow(cuda, x.data(), 8, DType::f32, {2}))));
  EXPECT_THAT(outcome(from_dlpack(host(), std::move(again))),
              StartsWith("invalid_argument: dlpack: device: expected memory Cpu"));
}

}  // namespace
}  // namespace laneway::ort
