#include <algorithm>
#include <numeric>

#include "runtime/strided_copy.h"
#include "runtime/toy_fixture.h"

namespace laneway {
namespace {

class PaddingTest : public OnToy {
 protected:
  static ToyModel rigid(ToyModel model) {
    model.traits.resizable = false;
    return model;
  }
  static RuntimeSpec padded(std::shared_ptr<Toy> toy, const std::string& dimension, std::optional<PaddingSpec> padding) {
    return bucketed(std::move(toy), {.ladders = {{.dimension = dimension, .from = 4, .to = 16}}, .padding = std::move(padding)});
  }
};
INSTANTIATE_ON_TOY(PaddingTest);

TEST_P(PaddingTest, L34_WithoutAPromiseThePlanIsExact) {
  auto toy = make(rigid(toys::affine()));
  auto runtime = open(padded(toy, "batch", std::nullopt));
  ASSERT_OK(runtime);
  for (const std::int64_t key : {3, 5}) {
    auto lease = runtime->lease(batch(key));
    ASSERT_OK(lease);
    EXPECT_EQ(lease->capacity()[0].extent, key);
    ASSERT_OK((*lease)->run());
  }
  EXPECT_EQ(toy->phase(ToyPhase::specialise).calls(), 2);
  EXPECT_EQ(toy->counters.elements.value(), 4 * (3 + 5));
}

TEST_P(PaddingTest, L34_IndependentRowsArePaddedAndSliced) {
  auto toy = make(rigid(toys::affine()));
  auto runtime = open(padded(toy, "batch", PaddingSpec{.rows_independent = true}));
  ASSERT_OK(runtime);
  for (const std::int64_t key : {3, 1, 4, 2, 7, 8, 5}) {
    auto lease = runtime->lease(batch(key));
    ASSERT_OK(lease);
    EXPECT_EQ(lease->capacity()[0].extent, key <= 4 ? 4 : 8);
    auto x = (*lease)->input<float>("x");
    ASSERT_OK(x);
    ASSERT_EQ(x->size(), static_cast<std::size_t>(key) * 4) << "the caller sees the exact shape";
    std::iota(x->begin(), x->end(), static_cast<float>(key));
    ASSERT_OK((*lease)->run());
    const auto y = (*lease)->output<float>("y");
    ASSERT_OK(y);
    ASSERT_EQ(y->data.size(), x->size());
    for (std::size_t i = 0; i < x->size(); ++i) ASSERT_EQ(y->data[i], 2 * (*x)[i] + 1);
  }
  EXPECT_EQ(runtime->counters().builds, 2u);
  const auto copies = runtime->audit().require_zero_copy();
  EXPECT_EQ(code_of(copies), ErrorCode::failed_precondition);
  EXPECT_NE(message_of(copies).find("padded"), std::string::npos);
}

TEST_P(PaddingTest, L34_RowsThatAreNotIndependentAreCaughtWhenTheBucketIsBuilt) {
  auto toy = make(rigid(toys::softmax_over_sequence()));
  RuntimeSpec lying = padded(toy, "sequence", PaddingSpec{.rows_independent = true});
  lying.buckets->ladders[0].dimension = "sequence";
  auto probe = open(bucketed(toy));
  ASSERT_OK(probe);
  std::vector<NamedExtent> key;
  for (const Port& port : probe->inputs()) {
    for (const Dimension& dimension : port.shape) {
      const bool known = std::ranges::any_of(key, [&](const NamedExtent& one) { return one.symbol == dimension.symbol; });
      if (!dimension.extent && !known) key.push_back({dimension.symbol, 3});
    }
  }
  auto runtime = open(lying);
  ASSERT_OK(runtime);
  const auto lease = runtime->lease(key);
  EXPECT_EQ(code_of(lease), ErrorCode::failed_precondition);
  EXPECT_NE(message_of(lease).find("not independent"), std::string::npos) << message_of(lease);
  EXPECT_TRUE(runtime->buckets().empty());
}

TEST_P(PaddingTest, L34_NothingRunsBeforeTheBucketsBytesAreReserved) {
  auto toy = make(rigid(toys::affine()));
  RuntimeSpec tight = padded(toy, "batch", PaddingSpec{.rows_independent = true});
  tight.buckets->bytes_max = 100;  // less than one lane
  auto runtime = open(tight);
  ASSERT_OK(runtime);
  EXPECT_EQ(code_of(runtime->lease(batch(16))), ErrorCode::resource_exhausted);
  EXPECT_EQ(toy->phase(ToyPhase::run).calls(), 0) << "a plan is bookkeeping";
  EXPECT_EQ(toy->phase(ToyPhase::bind).calls(), 0);
}

TEST_P(PaddingTest, L34_TheCheckRunIsDoneOnceForAllLanes) {
  auto toy = make(rigid(toys::affine()));
  RuntimeSpec three = padded(toy, "batch", PaddingSpec{.rows_independent = true});
  three.lanes = 3;
  auto runtime = open(three);
  ASSERT_OK(runtime);
  ASSERT_OK(runtime->lease(batch(16)));
  EXPECT_EQ(toy->phase(ToyPhase::run).calls(), 2) << "padded, and at the exact shape";
}

TEST_P(PaddingTest, L34_AMaskInputTellsWhichRowsCount) {
  auto toy = make(rigid(toys::masked_attention()));
  auto reference_toy = make(toys::masked_attention());
  auto probe = open(bucketed(reference_toy));
  ASSERT_OK(probe);
  std::string mask, sequence = "sequence";
  for (const Port& port : probe->inputs()) {
    if (port.name.find("mask") != std::string::npos) mask = port.name;
  }
  ASSERT_FALSE(mask.empty());
  auto runtime = open(padded(toy, sequence, PaddingSpec{.mask_input = mask}));
  ASSERT_OK(runtime);
  for (const std::int64_t length : {3, 4, 6, 11}) {
    std::vector<NamedExtent> key;
    for (const Port& port : probe->inputs()) {
      for (const Dimension& dimension : port.shape) {
        const bool known = std::ranges::any_of(key, [&](const NamedExtent& one) { return one.symbol == dimension.symbol; });
        if (!dimension.extent && !known) key.push_back({dimension.symbol, dimension.symbol == sequence ? length : 2});
      }
    }
    auto exact = probe->lease(key);
    auto lease = runtime->lease(key);
    ASSERT_OK(exact);
    ASSERT_OK(lease);
    for (Lane* lane : {&**exact, &**lease}) {
      for (const Port& port : lane->inputs()) {
        const Memory memory = *lane->input_memory(port.name);
        const std::size_t count = memory.bytes / (bits_of(port.dtype) / 8);
        for (std::size_t i = 0; i < count; ++i) {
          const double value = port.name == mask ? 1 : static_cast<double>((i * 7 + 3) % 11) / 11 - 0.5;
          fill({static_cast<std::byte*>(memory.data) + i * bits_of(port.dtype) / 8, bits_of(port.dtype) / 8}, port.dtype, value);
        }
      }
      ASSERT_OK(lane->run());
    }
    const auto wanted = (*exact)->output<float>(0), got = (*lease)->output<float>(0);
    ASSERT_OK(wanted);
    ASSERT_OK(got);
    ASSERT_EQ(wanted->data.size(), got->data.size());
    for (std::size_t i = 0; i < got->data.size(); ++i) ASSERT_NEAR(got->data[i], wanted->data[i], 1e-5f) << "length " << length;
  }
}

TEST_P(PaddingTest, L34_WrongPaddingSpecsAreRefused) {
  auto toy = make(rigid(toys::affine()));
  EXPECT_EQ(code_of(open(padded(toy, "batch", PaddingSpec{}))), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(open(padded(toy, "batch", PaddingSpec{.mask_input = "mask"}))), ErrorCode::not_found);
  EXPECT_EQ(code_of(open(padded(toy, "batch", PaddingSpec{.rows_independent = true, .ports = {{.port = "z"}}}))),
            ErrorCode::not_found);
}

TEST_P(PaddingTest, L34_ViolationsNameInputLengthAndBound) {
  auto toy = make(rigid(toys::affine()));
  auto runtime = open(padded(toy, "batch", PaddingSpec{.rows_independent = true}));
  ASSERT_OK(runtime);
  auto lease = runtime->lease(batch(3));
  ASSERT_OK(lease);
  const auto beyond = (*lease)->resize({{"batch", 5}});
  EXPECT_EQ(code_of(beyond), ErrorCode::out_of_range);
  EXPECT_NE(message_of(beyond).find("x"), std::string::npos);
  EXPECT_NE(message_of(beyond).find("[4, 4]"), std::string::npos) << message_of(beyond);
  EXPECT_NE(message_of(beyond).find("[5, 4]"), std::string::npos) << message_of(beyond);
  EXPECT_EQ(*(*lease)->input_shape("x"), Shape(3, 4)) << "the previous shapes hold";
  EXPECT_OK((*lease)->run());
}

TEST_P(PaddingTest, L34_FillAndAxisArePerPort) {
  // y = sum over the first axis of x: what the padding holds shows in the result.
  ToyModel model;
  model.inputs = {toys::tensor("x", {"rows", 3}, DType::i32), toys::tensor("k", {"rows"}, DType::i64)};
  model.outputs = {toys::tensor("y", {"rows", 3}, DType::i32)};
  model.traits.resizable = false;
  model.compute = [](ToyRun& run) -> Expected<> {
    const ToyTensor x = run.input(0);
    std::int32_t* y = run.output<std::int32_t>(0, x.shape);
    for (std::size_t i = 0; i < x.as<std::int32_t>().size(); ++i) {
      y[i] = 0;
      for (std::size_t row = 0; row < static_cast<std::size_t>(x.shape[0]); ++row) {
        y[i] += x.as<std::int32_t>()[row * 3 + i % 3] + static_cast<std::int32_t>(run.input(1).as<std::int64_t>()[row]);
      }
    }
    return {};
  };
  auto toy = make(std::move(model));
  auto runtime = open(padded(toy, "rows", PaddingSpec{.mask_input = "k", .ports = {{.port = "x", .axis = 0, .fill = -100}}}));
  ASSERT_OK(runtime);
  auto lease = runtime->lease({{"rows", 3}});
  ASSERT_OK(lease);
  std::ranges::fill(*(*lease)->input<std::int32_t>("x"), 10);
  std::ranges::fill(*(*lease)->input<std::int64_t>("k"), 1);
  ASSERT_OK((*lease)->run());
  const auto sums = (*lease)->output<std::int32_t>("y");
  ASSERT_OK(sums);
  for (const std::int32_t y : sums->data) EXPECT_EQ(y, 3 * 11 - 100) << "one row of padding: x is -100, the mask 0";
}

TEST(StridedCopy, L34_AnyDtypeAndAxis) {
  for (const std::size_t axis : {0, 1, 2}) {
    for (const DType dtype : {DType::u8, DType::i16, DType::f32, DType::f64, DType::complex128}) {
      const std::size_t element = bits_of(dtype) / 8;
      const Shape exact(3, 2, 5);
      Shape capacity = exact;
      capacity.set(axis, exact[axis] + 4);
      std::vector<std::byte> source(*byte_count(dtype, exact)), padded(*byte_count(dtype, capacity), std::byte{0xee}),
          back(source.size());
      for (std::size_t i = 0; i < source.size(); ++i) source[i] = static_cast<std::byte>(i * 31 + 7);
      copy_corner(source.data(), exact, padded.data(), capacity, exact, dtype);
      copy_corner(padded.data(), capacity, back.data(), exact, exact, dtype);
      EXPECT_EQ(back, source);
      // An independent look: every element of the padded tensor by its index.
      for (std::int64_t i = 0; i < capacity[0]; ++i) {
        for (std::int64_t j = 0; j < capacity[1]; ++j) {
          for (std::int64_t k = 0; k < capacity[2]; ++k) {
            const auto at = static_cast<std::size_t>((i * capacity[1] + j) * capacity[2] + k) * element;
            const bool inside = i < exact[0] && j < exact[1] && k < exact[2];
            const auto from = static_cast<std::size_t>((i * exact[1] + j) * exact[2] + k) * element;
            for (std::size_t byte = 0; byte < element; ++byte)
              ASSERT_EQ(padded[at + byte], inside ? source[from + byte] : std::byte{0xee});
          }
        }
      }
    }
  }
}

TEST(StridedCopy, L34_EmptyAndScalar) {
  float from = 5, to = 0;
  copy_corner(&from, {}, &to, {}, {}, DType::f32);
  EXPECT_EQ(to, 5.0f);
  copy_corner(nullptr, Shape(0, 3), &to, Shape(4, 3), Shape(0, 3), DType::f32);
  EXPECT_EQ(to, 5.0f);
}

}  // namespace
}  // namespace laneway
