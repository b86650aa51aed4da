#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "laneway/ort/value.h"
#include "ort_support/models.h"

namespace laneway::ort {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

template <class T>
std::vector<std::byte> bytes_of(const std::vector<T>& elements) {
  const std::span bytes = std::as_bytes(std::span(elements));
  return {bytes.begin(), bytes.end()};
}

// A matrix with zeros, and what the two formats make of it.
struct Matrix {
  std::int64_t rows, columns;
  std::vector<float> dense;

  Matrix(std::int64_t height, std::int64_t width, unsigned seed) : rows(height), columns(width) {
    std::mt19937 random(seed);
    for (std::int64_t i = 0; i < rows * columns; ++i) {
      const auto drawn = static_cast<float>(random() % 100);
      dense.push_back(drawn < 60 ? 0 : drawn - 80.5f);
    }
  }
  float at(std::int64_t row, std::int64_t column) const { return dense[static_cast<std::size_t>(row * columns + column)]; }

  CooTensor coo() const {
    CooTensor tensor{.dense_shape = {rows, columns}};
    std::vector<float> values;
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t column = 0; column < columns; ++column) {
        if (at(row, column) == 0) continue;
        values.push_back(at(row, column));
        tensor.indices.insert(tensor.indices.end(), {row, column});
      }
    }
    tensor.values = bytes_of(values);
    return tensor;
  }
  CsrTensor csr() const {
    CsrTensor tensor{.dense_shape = {rows, columns}, .row_starts = {0}};
    std::vector<float> values;
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t column = 0; column < columns; ++column) {
        if (at(row, column) == 0) continue;
        values.push_back(at(row, column));
        tensor.columns.push_back(column);
      }
      tensor.row_starts.push_back(static_cast<std::int64_t>(values.size()));
    }
    tensor.values = bytes_of(values);
    return tensor;
  }
  std::vector<float> times(const std::vector<float>& b, std::int64_t width) const {
    std::vector<float> product;
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t i = 0; i < width; ++i) {
        float sum = 0;
        for (std::int64_t k = 0; k < columns; ++k) sum += at(row, k) * b[static_cast<std::size_t>(k * width + i)];
        product.push_back(sum);
      }
    }
    return product;
  }
};

void expect_equal(const CooTensor& got, const CooTensor& expected) {
  EXPECT_EQ(got.dense_shape, expected.dense_shape);
  EXPECT_EQ(got.dtype, expected.dtype);
  EXPECT_EQ(got.values, expected.values);
  EXPECT_EQ(got.indices, expected.indices);
}
void expect_equal(const CsrTensor& got, const CsrTensor& expected) {
  EXPECT_EQ(got.dense_shape, expected.dense_shape);
  EXPECT_EQ(got.dtype, expected.dtype);
  EXPECT_EQ(got.values, expected.values);
  EXPECT_EQ(got.columns, expected.columns);
  EXPECT_EQ(got.row_starts, expected.row_starts);
}
void expect_equal(const BlockSparseTensor& got, const BlockSparseTensor& expected) {
  EXPECT_EQ(got.dense_shape, expected.dense_shape);
  EXPECT_EQ(got.dtype, expected.dtype);
  EXPECT_EQ(got.values_shape, expected.values_shape);
  EXPECT_EQ(got.values, expected.values);
  EXPECT_EQ(got.indices, expected.indices);
}

class OrtSparse : public testing::Test {
 protected:
  const Allocator& allocator() const { return environment_->host_allocator(); }
  const std::shared_ptr<const Library>& library() const { return environment_->library(); }

  // Copied, and over the tensor's own memory.
  template <class Tensor>
  std::vector<Value> both(const Tensor& tensor) const {
    std::vector<Value> values;
    values.push_back(take(Value::sparse(allocator(), tensor)));
    values.push_back(take(Value::sparse(library(), std::make_shared<const Tensor>(tensor))));
    return values;
  }
  template <class Tensor>
  std::string refusal(const Tensor& tensor) const {
    const std::string copied = outcome(Value::sparse(allocator(), tensor));
    EXPECT_EQ(outcome(Value::sparse(library(), std::make_shared<const Tensor>(tensor))), copied);
    return copied;
  }

  std::shared_ptr<const Environment> environment_ = take(Environment::get());
};

// [blocks of 2 rows and 3 columns], two of them in a matrix [4, 9].
BlockSparseTensor blocks() {
  return {.dense_shape = {4, 9},
          .dtype = DType::i64,
          .values_shape = {2, 3, 2},
          .values = bytes_of(std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}),
          .indices = {0, 1, 2, 0}};
}

TEST_F(OrtSparse, O14_CoordinatesComeBackAsTheyWere) {
  struct Case {
    Shape dense;
    std::vector<std::int64_t> indices;
  };
  for (const Case& c : {Case{{3, 4}, {0, 1, 1, 3, 2, 0}}, Case{{9}, {2, 5, 8}}, Case{{2, 3, 4}, {0, 0, 3, 1, 0, 0, 1, 2, 3}}}) {
    const CooTensor tensor{.dense_shape = c.dense, .values = bytes_of<float>({1.5f, -2, 3}), .indices = c.indices};
    for (const Value& value : both(tensor)) {
      EXPECT_EQ(take(value.kind()), PortKind::sparse_tensor);
      EXPECT_EQ(take(value.dtype()), DType::f32);
      EXPECT_EQ(take(value.shape()), c.dense);
      EXPECT_EQ(take(value.sparse_format()), SparseFormat::coo);
      EXPECT_EQ(to_string(take(value.type())), "sparse_tensor(f32)");
      expect_equal(take(value.coo()), tensor);
    }
  }
}

TEST_F(OrtSparse, O14_RowsAndBlocksComeBackAsTheyWere) {
  const CsrTensor rows = Matrix(5, 7, 3).csr();
  for (const Value& value : both(rows)) {
    EXPECT_EQ(take(value.sparse_format()), SparseFormat::csr);
    EXPECT_EQ(take(value.shape()), Shape(5, 7));
    expect_equal(take(value.csr()), rows);
  }
  for (const Value& value : both(blocks())) {
    EXPECT_EQ(take(value.sparse_format()), SparseFormat::block_sparse);
    EXPECT_EQ(take(value.dtype()), DType::i64);
    expect_equal(take(value.block_sparse()), blocks());
  }
}

TEST_F(OrtSparse, O14_MatricesOfZerosHoldNoElement) {
  for (const Value& value : both(CooTensor{.dense_shape = {3, 4}})) {
    EXPECT_TRUE(take(value.coo()).indices.empty());
    EXPECT_TRUE(take(value.coo()).values.empty());
  }
  for (const Value& value : both(CsrTensor{.dense_shape = {3, 4}, .row_starts = {0, 0, 0, 0}})) {
    EXPECT_TRUE(take(value.csr()).columns.empty());
    EXPECT_THAT(take(value.csr()).row_starts, ElementsAre(0, 0, 0, 0));
  }
  for (const Value& value : both(BlockSparseTensor{.dense_shape = {4, 6}, .values_shape = {2, 3, 0}})) {
    EXPECT_TRUE(take(value.block_sparse()).indices.empty());
    EXPECT_EQ(take(value.shape()), Shape(4, 6));
  }
}

TEST_F(OrtSparse, O14_BothFormatsRunThroughAModel) {
  const auto session = open_model(test_models::sparse_input());
  std::vector<float> b = test_models::random_floats(8, 5);
  const Value dense = over(b, {4, 2});
  for (unsigned seed = 0; seed < 5; ++seed) {
    Matrix a(3, 4, seed);
    if (seed == 4) a.dense.assign(12, 0);
    std::vector<Value> values = both(a.coo());
    if (seed != 4) {  // ONNX Runtime's operator refuses rows without any element
      for (Value& value : both(a.csr())) values.push_back(std::move(value));
    }
    for (const Value& value : values) {
      const auto product = run_once(session, {&value, &dense});
      EXPECT_THAT(elements_of<float>(product[0]), testing::Pointwise(testing::FloatNear(1e-3f), a.times(b, 2)));
    }
  }
}

TEST_F(OrtSparse, O14_AValueKeepsTheMemoryItUses) {
  auto tensor = std::make_shared<const CsrTensor>(Matrix(3, 4, 1).csr());
  const std::weak_ptr<const CsrTensor> watch = tensor;
  std::vector<float> b(8, 1);
  {
    Binding binding = take(Binding::make(open_model(test_models::sparse_input())));
    take(binding.bind_input(0, take(Value::sparse(library(), std::move(tensor)))));
    EXPECT_FALSE(watch.expired()) << "nor may it go while it is bound";
    take(binding.bind_input(1, over(b, {4, 2})));
    take(binding.bind_output(0));
    RunOptions options = take(RunOptions::make(library()));
    take(binding.run(options));
    EXPECT_THAT(elements_of<float>(*take(binding.output(0))),
                testing::Pointwise(testing::FloatNear(1e-3f), Matrix(3, 4, 1).times(b, 2)));
  }
  EXPECT_TRUE(watch.expired());
}

TEST_F(OrtSparse, O14_WrongCoordinatesAreRefused) {
  const CooTensor good{.dense_shape = {3, 4}, .values = std::vector<std::byte>(8), .indices = {0, 1, 2, 3}};
  take(Value::sparse(allocator(), good));
  CooTensor wrong = good;
  wrong.indices = {0, 1, 2, 4};
  EXPECT_THAT(refusal(wrong), HasSubstr("invalid_argument: value: sparse: index out of range"));
  wrong.indices = {0, 1, 2, -1};
  EXPECT_THAT(refusal(wrong), HasSubstr("expected 0 to 3 for axis 1, got -1"));
  wrong.indices = {0, 1, 2};
  EXPECT_THAT(refusal(wrong), StartsWith("invalid_argument"));
  wrong = good;
  wrong.values.pop_back();
  EXPECT_THAT(refusal(wrong), HasSubstr("expected 8, got 7"));
  wrong.dense_shape = {};
  EXPECT_THAT(refusal(wrong), StartsWith("invalid_argument"));
  wrong = good;
  wrong.dense_shape = {-3, 4};
  EXPECT_THAT(refusal(wrong), StartsWith("invalid_argument"));
  wrong = good;
  wrong.dtype = DType::string;
  EXPECT_THAT(refusal(wrong), StartsWith("unimplemented: value: sparse: of strings"));
  EXPECT_THAT(outcome(Value::sparse(library(), std::shared_ptr<const CooTensor>())),
              StartsWith("invalid_argument: value: sparse: null"));
}

TEST_F(OrtSparse, O14_WrongRowsAreRefused) {
  const CsrTensor good{
      .dense_shape = {3, 4}, .values = bytes_of<float>({1, 2, 3}), .columns = {1, 3, 0}, .row_starts = {0, 1, 1, 3}};
  take(Value::sparse(allocator(), good));
  CsrTensor wrong = good;
  wrong.columns[1] = 4;
  EXPECT_THAT(refusal(wrong), HasSubstr("index out of range: expected 0 to 3 for columns, got 4"));
  wrong = good;
  wrong.columns.pop_back();
  EXPECT_THAT(refusal(wrong), StartsWith("invalid_argument: value: sparse: values"));
  wrong = good;
  wrong.row_starts.pop_back();
  EXPECT_THAT(refusal(wrong), HasSubstr("row starts: expected 4, got 3"));
  for (const auto& starts : {std::vector<std::int64_t>{1, 1, 1, 3}, {0, 2, 1, 3}, {0, 1, 1, 2}, {0, -1, 1, 3}}) {
    wrong.row_starts = starts;
    EXPECT_THAT(refusal(wrong), HasSubstr("expected them to rise from 0 to the number of elements, 3"));
  }
  wrong = good;
  wrong.dense_shape = {3, 4, 1};
  EXPECT_THAT(refusal(wrong), HasSubstr("dense shape: expected [rows, columns], got [3, 4, 1]"));
}

TEST_F(OrtSparse, O14_WrongBlocksAreRefused) {
  BlockSparseTensor wrong = blocks();
  wrong.indices[2] = 3;
  EXPECT_THAT(refusal(wrong), HasSubstr("expected 0 to 2 for blocks along axis 1, got 3"));
  wrong = blocks();
  wrong.indices.pop_back();
  EXPECT_THAT(refusal(wrong), HasSubstr("indices: expected 4, got 3"));
  wrong = blocks();
  wrong.dense_shape = {4, 10};
  EXPECT_THAT(refusal(wrong), HasSubstr("expected multiples of a block"));
  wrong = blocks();
  wrong.values.pop_back();
  EXPECT_THAT(refusal(wrong), HasSubstr("values: bytes: expected 96, got 95"));
  wrong = blocks();
  wrong.values_shape = {6, 2};
  EXPECT_THAT(refusal(wrong), HasSubstr("values: expected [rows, columns, blocks]"));
}

TEST_F(OrtSparse, O14_AnotherFormatIsNamed) {
  const Value coo = take(Value::sparse(allocator(), Matrix(2, 3, 1).coo()));
  const Value csr = take(Value::sparse(allocator(), Matrix(2, 3, 1).csr()));
  EXPECT_THAT(outcome(coo.csr()), AllOf(StartsWith("invalid_argument"), HasSubstr("expected csr, got coo")));
  EXPECT_THAT(outcome(csr.coo()), HasSubstr("expected coo, got csr"));
  EXPECT_THAT(outcome(csr.block_sparse()), HasSubstr("expected block_sparse, got csr"));
  EXPECT_THAT(outcome(csr.tensor()), StartsWith("invalid_argument: value: kind: expected tensor, got sparse_tensor"));
  std::vector<float> x = {1};
  EXPECT_THAT(outcome(over(x, {1}).sparse_format()), StartsWith("invalid_argument: value: kind: expected sparse_tensor"));
}

}  // namespace
}  // namespace laneway::ort
