#include "laneway/graph/onnx/tensor_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "models/models.h"
#include "models/onnx_writer.h"

namespace laneway::onnx {
namespace {

using test_models::as_bytes;
using test_models::OnnxModel;
using test_models::raw_tensor;
using test_models::typed_tensor;
using testing::ElementsAre;
using testing::HasSubstr;

/// A model whose initializer 0 is this tensor; keeps the bytes that the view borrows.
struct OneTensor {
  explicit OneTensor(const test_models::Tensor& tensor) {
    OnnxModel m;
    m.initializer("w", tensor);
    bytes = m.bytes();
    model = *parse(as_bytes(bytes));
  }
  const TensorView& view() const { return model.graph.initializers.at(0); }

  std::string bytes;
  ModelView model;
};

template <class T>
std::vector<T> elements(const TensorBytes& tensor) {
  std::vector<T> result(tensor.bytes.size() / sizeof(T));
  std::ranges::copy(tensor.bytes, std::as_writable_bytes(std::span(result)).begin());
  return result;
}

template <class T>
std::vector<T> read(const test_models::Tensor& tensor) {
  const OneTensor one(tensor);
  const auto bytes = TensorReader().bytes(one.view());
  EXPECT_TRUE(bytes) << bytes.error().message();
  return bytes ? elements<T>(*bytes) : std::vector<T>();
}

TEST(TensorReader, C01_GivesRawDataWhereItLies) {
  const OneTensor one(test_models::tensor(Shape{3}, std::vector<float>{1.5f, -2.0f, 3.25f}));
  const auto bytes = TensorReader().bytes(one.view());
  ASSERT_TRUE(bytes);
  EXPECT_EQ(bytes->owner, nullptr);
  EXPECT_GE(bytes->bytes.data(), as_bytes(one.bytes).data());
  EXPECT_LT(bytes->bytes.data(), as_bytes(one.bytes).data() + one.bytes.size());
  EXPECT_THAT(elements<float>(*bytes), ElementsAre(1.5f, -2.0f, 3.25f));
}

TEST(TensorReader, DecodesTypedFieldsOfEveryDType) {
  EXPECT_THAT(read<float>(typed_tensor(DType::f32, {2}, std::vector<float>{0.5f, -8.0f})), ElementsAre(0.5f, -8.0f));
  EXPECT_THAT(read<float>(typed_tensor(DType::complex64, {2}, std::vector<float>{1, 2, 3, 4})), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(read<double>(typed_tensor(DType::f64, {2}, std::vector<double>{0.1, -1e300})), ElementsAre(0.1, -1e300));
  EXPECT_THAT(read<double>(typed_tensor(DType::complex128, {1}, std::vector<double>{0.1, 0.2})), ElementsAre(0.1, 0.2));
  EXPECT_THAT(read<std::int64_t>(typed_tensor(DType::i64, {2}, std::vector<std::int64_t>{-1, INT64_MIN})),
              ElementsAre(-1, INT64_MIN));
  EXPECT_THAT(read<std::uint64_t>(typed_tensor(DType::u64, {1}, std::vector<std::uint64_t>{UINT64_MAX})),
              ElementsAre(UINT64_MAX));
  EXPECT_THAT(read<std::uint32_t>(typed_tensor(DType::u32, {2}, std::vector<std::uint64_t>{4000000000u, 7})),
              ElementsAre(4000000000u, 7));
  const auto i32 = [](DType dtype, const Shape& shape, const std::vector<std::int32_t>& values) {
    return typed_tensor(dtype, shape, values);
  };
  EXPECT_THAT(read<std::int32_t>(i32(DType::i32, {2}, {-5, INT32_MAX})), ElementsAre(-5, INT32_MAX));
  EXPECT_THAT(read<std::int16_t>(i32(DType::i16, {2}, {-32768, 7})), ElementsAre(-32768, 7));
  EXPECT_THAT(read<std::uint16_t>(i32(DType::u16, {1}, {65535})), ElementsAre(65535));
  EXPECT_THAT(read<std::int8_t>(i32(DType::i8, {2}, {-128, 127})), ElementsAre(-128, 127));
  EXPECT_THAT(read<std::uint8_t>(i32(DType::u8, {1}, {255})), ElementsAre(255));
  EXPECT_THAT(read<std::uint8_t>(i32(DType::boolean, {3}, {1, 0, 256})), ElementsAre(1, 0, 1));
  EXPECT_THAT(read<std::uint16_t>(i32(DType::f16, {1}, {0x3c00})), ElementsAre(0x3c00));
  EXPECT_THAT(read<std::uint16_t>(i32(DType::bf16, {1}, {0xff80})), ElementsAre(0xff80));
  EXPECT_THAT(read<std::uint8_t>(i32(DType::f8e5m2, {1}, {0x7b})), ElementsAre(0x7b));
  EXPECT_THAT(read<std::uint8_t>(i32(DType::u4, {3}, {0x21, 0x03})), ElementsAre(0x21, 0x03));
  EXPECT_THAT(read<std::uint8_t>(i32(DType::i2, {5}, {0xe4, 0x01})), ElementsAre(0xe4, 0x01));
}

TEST(TensorReader, DecodesScalarsAndEmptyTensors) {
  EXPECT_THAT(read<float>(typed_tensor(DType::f32, {}, std::vector<float>{7})), ElementsAre(7));
  EXPECT_TRUE(read<float>(typed_tensor(DType::f32, {0, 4}, std::vector<float>{})).empty());
  EXPECT_TRUE(read<float>(raw_tensor(DType::f32, {4, 0}, "")).empty());
}

TEST(TensorReader, ReadsStrings) {
  const OneTensor one(test_models::string_tensor({2, 2}, {"a", "", std::string("b\0c", 3), "\xc3\xa9"}));
  const auto texts = strings(one.view());
  ASSERT_TRUE(texts);
  EXPECT_THAT(*texts, ElementsAre("a", "", std::string("b\0c", 3), "\xc3\xa9"));
  const auto refused = TensorReader().bytes(one.view());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::invalid_argument);

  const OneTensor numbers(raw_tensor(DType::u8, {1}, "x"));
  ASSERT_FALSE(strings(numbers.view()));
}

/// A folder with weights.bin (bytes 0, 1, 2 ... 255), removed at the end.
class ExternalData : public testing::Test {
 protected:
  ExternalData() {
    std::string pattern = (std::filesystem::temp_directory_path() / "laneway-external-XXXXXX").string();
    root_ = mkdtemp(pattern.data());
    folder_ = root_ / "model";
    std::filesystem::create_directories(folder_ / "inner");
    write(folder_ / "weights.bin");
    write(folder_ / "inner" / "weights.bin");
    write(root_ / "outside.bin");
  }
  ~ExternalData() override { std::filesystem::remove_all(root_); }

  static void write(const std::filesystem::path& path) {
    std::ofstream file(path, std::ios::binary);
    for (int i = 0; i < 256; ++i) file.put(static_cast<char>(i));
  }

  Expected<TensorBytes> read(const std::vector<std::pair<std::string, std::string>>& entries) {
    one_.emplace(test_models::external_tensor(DType::u8, {4}, entries));
    return reader_->bytes(one_->view());
  }
  std::string refusal(const std::string& location, ErrorCode code) {
    const auto result = read({{"location", location}});
    if (result) return "accepted";
    EXPECT_EQ(result.error().code(), code) << result.error().message();
    EXPECT_THAT(std::string(result.error().message()), HasSubstr("tensor 'w': "));
    return std::string(result.error().message());
  }

  std::filesystem::path root_, folder_;
  std::optional<TensorReader> reader_;
  std::optional<OneTensor> one_;
};

TEST_F(ExternalData, C01_IsMappedAtItsOffset) {
  reader_.emplace(folder_);
  const auto head = read({{"location", "weights.bin"}});
  ASSERT_TRUE(head) << head.error().message();
  EXPECT_THAT(elements<std::uint8_t>(*head), ElementsAre(0, 1, 2, 3));
  const auto tail = read({{"location", "weights.bin"}, {"offset", "252"}, {"length", "4"}});
  ASSERT_TRUE(tail) << tail.error().message();
  EXPECT_THAT(elements<std::uint8_t>(*tail), ElementsAre(252, 253, 254, 255));
  EXPECT_EQ(tail->bytes.data(), head->bytes.data() + 252) << "one mapping for all tensors of a file";
  const auto inner = read({{"location", "inner/weights.bin"}, {"offset", "9"}});
  ASSERT_TRUE(inner) << inner.error().message();
  EXPECT_THAT(elements<std::uint8_t>(*inner), ElementsAre(9, 10, 11, 12));
  reader_.reset();
  std::filesystem::remove(folder_ / "weights.bin");
  EXPECT_THAT(elements<std::uint8_t>(*tail), ElementsAre(252, 253, 254, 255)) << "the owner keeps the mapping";
}

TEST_F(ExternalData, C04_PathsThatLeaveTheFolderAreRefused) {
  reader_.emplace(folder_);
  const std::string inside = "expected a path inside the model's folder";
  EXPECT_THAT(refusal("../outside.bin", ErrorCode::invalid_argument), HasSubstr(inside));
  EXPECT_THAT(refusal("inner/../../outside.bin", ErrorCode::invalid_argument), HasSubstr(inside));
  EXPECT_THAT(refusal("inner/../weights.bin", ErrorCode::invalid_argument), HasSubstr(inside));
  EXPECT_THAT(refusal((root_ / "outside.bin").string(), ErrorCode::invalid_argument), HasSubstr(inside));
  EXPECT_THAT(refusal(std::string("weights.bin\0x", 13), ErrorCode::invalid_argument), HasSubstr(inside));
  std::filesystem::create_symlink(root_ / "outside.bin", folder_ / "link.bin");
  EXPECT_THAT(refusal("link.bin", ErrorCode::invalid_argument), HasSubstr("a link leads out of the model's folder"));
  std::filesystem::create_directory_symlink(root_, folder_ / "up");
  EXPECT_THAT(refusal("up/outside.bin", ErrorCode::invalid_argument), HasSubstr("a link leads out"));
  std::filesystem::create_symlink("weights.bin", folder_ / "alias.bin");
  EXPECT_TRUE(read({{"location", "alias.bin"}})) << "a link that stays inside is fine";
}

TEST_F(ExternalData, C04_MissingFilesAndRangesAreRefused) {
  reader_.emplace(folder_);
  EXPECT_THAT(refusal("nothing.bin", ErrorCode::not_found), HasSubstr("nothing.bin"));
  EXPECT_THAT(refusal("inner", ErrorCode::invalid_argument), HasSubstr("inner"));
  const auto beyond = read({{"location", "weights.bin"}, {"offset", "253"}});
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code(), ErrorCode::invalid_argument);
  EXPECT_THAT(std::string(beyond.error().message()), HasSubstr("expected 4 bytes at 253, got a file of 256"));
  EXPECT_FALSE(read({{"location", "weights.bin"}, {"offset", "18446744073709551615"}}));
}

TEST_F(ExternalData, C04_NeedsAFolder) {
  reader_.emplace();
  const auto refused = read({{"location", "weights.bin"}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::failed_precondition);
}

TEST(ExternalDataEntries, C04_AreCheckedWhenTheModelIsRead) {
  const auto refusal = [](const std::vector<std::pair<std::string, std::string>>& entries) {
    OnnxModel m;
    m.initializer("w", test_models::external_tensor(DType::f32, {2}, entries));
    const std::string bytes = m.bytes();
    const auto model = parse(as_bytes(bytes));
    return model ? "accepted" : std::string(model.error().message());
  };
  EXPECT_EQ(refusal({{"location", "w"}, {"length", "8"}, {"checksum", "ignored"}}), "accepted");
  EXPECT_THAT(refusal({}), HasSubstr("location: missing"));
  EXPECT_THAT(refusal({{"location", "w"}, {"length", "9"}}), HasSubstr("expected 8 bytes, got a length of 9"));
  for (const char* number : {"-1", "", "1x", " 1", "18446744073709551616", "99999999999999999999999"}) {
    EXPECT_THAT(refusal({{"location", "w"}, {"offset", number}}), HasSubstr("not a number that fits")) << number;
  }
}

}  // namespace
}  // namespace laneway::onnx
