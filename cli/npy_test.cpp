#include "cli/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <complex>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

namespace laneway::cli {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;

// The files of the corpus were written by NumPy 2.4, those that lie then changed by hand.
const std::string corpus = LANEWAY_TEST_SOURCE_DIR "/tests/fuzz/corpus/npy_reader/";

NpyArray load(const std::string& name) {
  auto array = load_npy(corpus + name + ".npy");
  EXPECT_TRUE(array) << array.error().message();
  return array ? *std::move(array) : NpyArray{};
}

std::string refusal(const std::string& name, ErrorCode code = ErrorCode::invalid_argument) {
  const auto array = load_npy(corpus + name);
  if (array) return "accepted";
  EXPECT_EQ(array.error().code(), code) << array.error().message();
  EXPECT_THAT(std::string(array.error().message()), HasSubstr(name)) << "the message names the file";
  return std::string(array.error().message());
}

template <class T>
std::vector<T> elements(const NpyArray& array) {
  std::vector<T> result(array.bytes.size() / sizeof(T));
  std::ranges::copy(array.bytes, std::as_writable_bytes(std::span(result)).begin());
  return result;
}

/// NumPy's arange(6) - 2 as [2, 3], written in both byte orders.
template <class T>
void expect_both_orders(const std::string& name, DType dtype, const std::vector<T>& expected) {
  for (const char* order : {"little_", "big_"}) {
    if (sizeof(T) == 1 && *order == 'b') continue;
    const NpyArray array = load(order + name);
    EXPECT_EQ(array.dtype, dtype) << order << name;
    EXPECT_EQ(array.shape, (Shape{2, 3})) << order << name;
    EXPECT_EQ(elements<T>(array), expected) << order << name;
  }
}

TEST(Npy, ReadsEveryDTypeInBothByteOrders) {
  expect_both_orders<float>("float32", DType::f32, {-2, -1, 0, 1, 2, 3});
  expect_both_orders<double>("float64", DType::f64, {-2, -1, 0, 1, 2, 3});
  expect_both_orders<std::uint16_t>("float16", DType::f16, {0xc000, 0xbc00, 0, 0x3c00, 0x4000, 0x4200});
  expect_both_orders<std::int64_t>("int64", DType::i64, {-2, -1, 0, 1, 2, 3});
  expect_both_orders<std::int32_t>("int32", DType::i32, {-2, -1, 0, 1, 2, 3});
  expect_both_orders<std::int16_t>("int16", DType::i16, {-2, -1, 0, 1, 2, 3});
  expect_both_orders<std::int8_t>("int8", DType::i8, {-2, -1, 0, 1, 2, 3});
  expect_both_orders<std::uint64_t>("uint64", DType::u64, {UINT64_MAX - 1, UINT64_MAX, 0, 1, 2, 3});
  expect_both_orders<std::uint32_t>("uint32", DType::u32, {UINT32_MAX - 1, UINT32_MAX, 0, 1, 2, 3});
  expect_both_orders<std::uint16_t>("uint16", DType::u16, {65534, 65535, 0, 1, 2, 3});
  expect_both_orders<std::uint8_t>("uint8", DType::u8, {254, 255, 0, 1, 2, 3});
  expect_both_orders<std::uint8_t>("bool", DType::boolean, {1, 1, 0, 1, 1, 1});
  expect_both_orders<std::complex<float>>("complex64", DType::complex64, {-2, -1, 0, 1, 2, 3});
  expect_both_orders<std::complex<double>>("complex128", DType::complex128, {-2, -1, 0, 1, 2, 3});
}

TEST(Npy, TransposesFortranOrder) {
  std::vector<std::int32_t> counting(24);
  for (std::size_t i = 0; i < counting.size(); ++i) counting[i] = static_cast<std::int32_t>(i);
  for (const char* name : {"fortran", "fortran_big", "version2", "version3"}) {
    const NpyArray array = load(name);
    EXPECT_EQ(array.shape, (Shape{2, 3, 4})) << name;
    EXPECT_EQ(elements<std::int32_t>(array), counting) << name;
  }
  EXPECT_THAT(elements<double>(load("fortran_1d")), ElementsAre(0, 1, 2));
}

TEST(Npy, L11_ReadsScalarsEmptyArraysAndRankEight) {
  const NpyArray scalar = load("scalar");
  EXPECT_EQ(scalar.shape, Shape{});
  EXPECT_THAT(elements<float>(scalar), ElementsAre(2.5f));
  const NpyArray empty = load("empty");
  EXPECT_EQ(empty.shape, (Shape{0, 3}));
  EXPECT_TRUE(empty.bytes.empty());
  EXPECT_EQ(load("rank8").shape, (Shape{1, 2, 1, 2, 1, 2, 1, 1}));
  EXPECT_EQ(load("python2_long").shape, (Shape{2, 3}));
}

TEST(Npy, RefusesWhatIsNoNumber) {
  EXPECT_THAT(refusal("unicode.npy"), HasSubstr("dtype: expected numbers or booleans, got '<U2' (convert it"));
  EXPECT_THAT(refusal("bytes.npy"), HasSubstr("got '|S2'"));
  EXPECT_THAT(refusal("objects.npy"), HasSubstr("got '|O'"));
  EXPECT_THAT(refusal("dates.npy"), HasSubstr("got '<M8[D]'"));
  EXPECT_THAT(refusal("structure.npy"), HasSubstr("got a structure"));
}

TEST(Npy, RefusesFilesThatLie) {
  EXPECT_THAT(refusal("truncated_data.npy"), HasSubstr("data: expected 24 bytes (f32 [2, 3]), got 23"));
  EXPECT_THAT(refusal("extra_data.npy"), HasSubstr("data: expected 24 bytes (f32 [2, 3]), got 25"));
  EXPECT_THAT(refusal("lying_shape.npy"), HasSubstr("data: expected 240 bytes (f32 [2, 30]), got 24"));
  EXPECT_THAT(refusal("huge_shape.npy"), HasSubstr("[99999999999, 99999999]"));
  EXPECT_THAT(refusal("negative.npy"), HasSubstr("expected an extent of 0 or more, got '-2, 3)"));
  EXPECT_THAT(refusal("header_length.npy"), HasSubstr("header: expected its 65535 bytes"));
  EXPECT_THAT(refusal("header4g.npy"), HasSubstr("header: expected its 4294967295 bytes"));
  EXPECT_THAT(refusal("truncated_header.npy"), HasSubstr("header: expected its 118 bytes, got 30"));
  EXPECT_THAT(refusal("version9.npy"), HasSubstr("version: expected 1, 2 or 3, got 9"));
  EXPECT_THAT(refusal("double_key.npy"), HasSubstr("once each"));
  EXPECT_THAT(refusal("magic_only"), HasSubstr("truncated"));
  EXPECT_THAT(refusal("nothing"), HasSubstr("not a .npy file"));
  EXPECT_THAT(refusal("rank13.npy", ErrorCode::unimplemented), HasSubstr("13"));
}

TEST(Npy, L02_MissingFilesAreNotFound) {
  EXPECT_THAT(refusal("no_such.npy", ErrorCode::not_found), HasSubstr("no_such.npy"));
  EXPECT_THAT(refusal("", ErrorCode::invalid_argument), HasSubstr("npy_reader"));
}

TEST(Npy, RefusesEveryTruncationAndSurvivesEveryMutation) {
  std::ifstream file(corpus + "fortran_big.npy", std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(file), {}};
  ASSERT_EQ(whole.size(), 128u + 96u);
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    const std::string head = whole.substr(0, cut);
    const auto array = read_npy(std::as_bytes(std::span(head)));
    ASSERT_FALSE(array) << cut;
    EXPECT_EQ(array.error().code(), ErrorCode::invalid_argument);
  }
  std::mt19937_64 random(9);
  std::size_t refused = 0;
  for (int i = 0; i < 100000; ++i) {
    std::string bytes = whole;
    for (std::uint64_t n = 1 + random() % 3; n > 0; --n) bytes[random() % 80] = static_cast<char>(random() % 128);
    refused += !read_npy(std::as_bytes(std::span(bytes)));
  }
  EXPECT_GT(refused, 50000u);
}

class NpySave : public testing::Test {
 protected:
  NpySave() {
    std::string pattern = (std::filesystem::temp_directory_path() / "laneway-npy-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~NpySave() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
};

TEST_F(NpySave, WritesWhatNumpyWrites) {
  for (const char* name : {"little_float32", "little_int8", "little_bool", "little_complex128", "scalar", "empty", "rank8"}) {
    const NpyArray array = load(name);
    const auto path = folder_ / "out.npy";
    const auto saved = save_npy(path, array.dtype, array.shape, array.bytes);
    ASSERT_TRUE(saved) << saved.error().message();
    const auto content = [](const std::filesystem::path& from) {
      std::ifstream file(from, std::ios::binary);
      return std::string{std::istreambuf_iterator<char>(file), {}};
    };
    EXPECT_EQ(content(path), content(corpus + name + ".npy")) << name;
  }
}

TEST_F(NpySave, WritesEveryShapeSoThatItReadsBack) {
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  for (const Shape& shape : {Shape{6}, Shape{2, 3}, Shape{1, 6, 1}, Shape{6, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}}) {
    const auto path = folder_ / "out.npy";
    ASSERT_TRUE(save_npy(path, DType::f32, shape, std::as_bytes(std::span(values))));
    EXPECT_EQ(std::filesystem::file_size(path) % 64, 24u) << "data begins at a multiple of 64";
    const auto array = load_npy(path);
    ASSERT_TRUE(array) << array.error().message();
    EXPECT_EQ(array->shape, shape);
    EXPECT_THAT(elements<float>(*array), ElementsAreArray(values));
  }
}

TEST_F(NpySave, NamesWhatItCannotWrite) {
  const auto no_dtype = save_npy(folder_ / "x.npy", DType::bf16, Shape{0}, {});
  ASSERT_FALSE(no_dtype);
  EXPECT_EQ(no_dtype.error().code(), ErrorCode::unimplemented);
  EXPECT_THAT(std::string(no_dtype.error().message()), HasSubstr("NumPy has no bf16"));
  const auto no_folder = save_npy(folder_ / "missing" / "x.npy", DType::f32, Shape{0}, {});
  ASSERT_FALSE(no_folder);
  EXPECT_EQ(no_folder.error().code(), ErrorCode::not_found);
  const std::vector<float> values(100000);
  const auto full = save_npy("/dev/full", DType::f32, Shape{100000}, std::as_bytes(std::span(values)));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code(), ErrorCode::resource_exhausted);
}

}  // namespace
}  // namespace laneway::cli
