#include "laneway/core/error.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "laneway/core/expected.h"

namespace {

thread_local bool refuse = false;
thread_local int allocations = 0;

void* allocate(std::size_t bytes) noexcept {
  ++allocations;
  return refuse ? nullptr : std::malloc(bytes);
}

}  // namespace

// The whole program allocates through these, so that memory can run out at will. Were they inlined,
// gcc 12 would see a free without its malloc.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  if (void* const memory = allocate(bytes)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return allocate(bytes); }
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace laneway {
namespace {

template <class Body>
auto without_memory(const Body& body) {
  refuse = true;
  auto result = body();
  refuse = false;
  return result;
}

const std::string long_text = "port input: wrong dtype: expected f32, got i64 (cast it)";

TEST(Error, CarriesCodeMessageAndPlace) {
  const int line = __LINE__ + 1;
  const Error error(ErrorCode::not_found, long_text);
  EXPECT_EQ(error.code(), ErrorCode::not_found);
  EXPECT_EQ(error.message(), long_text);
  EXPECT_EQ(error.line(), line);
  EXPECT_NE(std::string(error.file()).find("error_test.cpp"), std::string::npos);
}

TEST(Error, CopiesAreIndependent) {
  Error original(ErrorCode::invalid_argument, long_text);
  const Error copy = original;
  const Error longer = std::move(original).with_context("lane 2");
  EXPECT_EQ(copy.message(), long_text);
  EXPECT_EQ(longer.message(), "lane 2: " + long_text);
  EXPECT_EQ(longer.code(), ErrorCode::invalid_argument);
  EXPECT_EQ(longer.line(), copy.line());

  Error assigned = Error::busy();
  assigned = longer;
  EXPECT_EQ(assigned.message(), longer.message());
  const Error& itself = assigned;
  assigned = itself;
  EXPECT_EQ(assigned.message(), longer.message());
}

TEST(Error, ImmortalOnesAllocateNothing) {
  struct Made {
    Error (*make)() noexcept;
    ErrorCode code;
  };
  for (const Made& row :
       {Made{Error::cancelled, ErrorCode::cancelled}, Made{Error::deadline_exceeded, ErrorCode::deadline_exceeded},
        Made{Error::out_of_memory, ErrorCode::resource_exhausted}, Made{Error::busy, ErrorCode::failed_precondition}}) {
    const int before = allocations;
    const Error error = row.make();
    const Error copy = error;
    Error moved = row.make();
    moved = copy;
    EXPECT_EQ(allocations, before);
    EXPECT_EQ(moved.code(), row.code);
    EXPECT_FALSE(moved.message().empty());
    EXPECT_EQ(moved.message().data(), error.message().data()) << "one for all";
  }
}

TEST(Error, ContextOnAnImmortalOneLeavesItAlone) {
  const Error with = Error::cancelled().with_context("lane 2");
  EXPECT_EQ(with.message(), "lane 2: run cancelled");
  EXPECT_EQ(Error::cancelled().message(), "run cancelled");
}

TEST(Error, WithoutMemoryItIsOutOfMemory) {
  std::string text = long_text;
  const Error made = without_memory([&] { return Error(ErrorCode::internal, std::move(text)); });
  EXPECT_EQ(made.code(), ErrorCode::resource_exhausted);
  EXPECT_EQ(made.message(), "out of memory");

  const Error original(ErrorCode::internal, long_text);
  const Error copy = without_memory([&] { return Error(original); });
  EXPECT_EQ(copy.code(), ErrorCode::resource_exhausted);
  EXPECT_EQ(original.message(), long_text);
}

TEST(Error, WithoutMemoryContextIsLeftOut) {
  Error error(ErrorCode::not_found, long_text);
  const Error with = without_memory([&] { return std::move(error).with_context("a context longer than the small buffer"); });
  EXPECT_EQ(with.code(), ErrorCode::not_found);
  EXPECT_EQ(with.message(), long_text);
}

TEST(Error, CodesAreThoseOfGrpc) {
  const std::vector<std::pair<int, std::string>> codes = {
      {1, "cancelled"},         {3, "invalid_argument"},   {4, "deadline_exceeded"},   {5, "not_found"},
      {7, "permission_denied"}, {8, "resource_exhausted"}, {9, "failed_precondition"}, {11, "out_of_range"},
      {12, "unimplemented"},    {13, "internal"},          {14, "unavailable"},        {15, "data_loss"}};
  for (const auto& [number, text] : codes) EXPECT_EQ(name(static_cast<ErrorCode>(number)), text);
}

Expected<int> half(int value) {
  if (value % 2 != 0) return Error(ErrorCode::invalid_argument, "odd");
  return value / 2;
}
Expected<int> quarter(int value) {
  LANEWAY_TRY_ASSIGN(const int first, half(value));
  LANEWAY_TRY_ASSIGN(const int second, half(first));
  return second;
}
Expected<> check(int value) {
  LANEWAY_TRY(quarter(value));
  return {};
}

TEST(Expected, TryReturnsTheFirstError) {
  EXPECT_EQ(*quarter(12), 3);
  EXPECT_FALSE(quarter(6));
  EXPECT_TRUE(check(8));
  const auto failed = check(2);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), ErrorCode::invalid_argument);
  EXPECT_EQ(failed.error().message(), "odd");
}

TEST(Expected, HoldsWhatOnlyMoves) {
  Expected<std::unique_ptr<int>> made = std::make_unique<int>(7);
  ASSERT_TRUE(made);
  EXPECT_EQ(**made, 7);
  const std::unique_ptr<int> taken = *std::move(made);
  EXPECT_EQ(*taken, 7);
}

TEST(Expected, TakesWhatConverts) {
  const Expected<std::string> text = "abc";
  EXPECT_EQ(text->size(), 3u);
  const Expected<std::vector<int>> list = std::vector<int>{1, 2};
  EXPECT_EQ(list->size(), 2u);
  const Expected<bool> no = false;
  EXPECT_TRUE(no) << "it holds a value";
  EXPECT_FALSE(*no);
}

TEST(Expected, VoidIsOnePointerAndSuccessAllocatesNothing) {
  static_assert(sizeof(Expected<>) == sizeof(void*));
  const int before = allocations;
  const Expected<> fine;
  const Expected<> copy = fine;
  EXPECT_TRUE(fine);
  EXPECT_TRUE(copy);
  EXPECT_EQ(allocations, before);
}

TEST(Error, ErrnoOfFiles) {
  const std::pair<int, ErrorCode> expected[] = {{ENOENT, ErrorCode::not_found},
                                                {ENOTDIR, ErrorCode::not_found},
                                                {EACCES, ErrorCode::permission_denied},
                                                {EROFS, ErrorCode::permission_denied},
                                                {ENOSPC, ErrorCode::resource_exhausted},
                                                {EDQUOT, ErrorCode::resource_exhausted},
                                                {EMFILE, ErrorCode::resource_exhausted},
                                                {ENOMEM, ErrorCode::resource_exhausted},
                                                {EISDIR, ErrorCode::invalid_argument},
                                                {ENAMETOOLONG, ErrorCode::invalid_argument},
                                                {EIO, ErrorCode::internal},
                                                {0, ErrorCode::internal}};
  for (const auto& [why, code] : expected) EXPECT_EQ(errno_code(why), code) << why;
}

}  // namespace
}  // namespace laneway
