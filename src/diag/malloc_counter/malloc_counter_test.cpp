#include "laneway/diag/malloc_counter.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <latch>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

namespace laneway {
namespace {

// The compiler may remove an allocation whose result nobody can see.
void* seen(void* memory) {
  asm volatile("" : "+r"(memory) : : "memory");
  return memory;
}

MallocTotals totals() {
  const auto now = malloc_totals();
  EXPECT_TRUE(now) << "this binary is linked with the counter";
  return now.value_or(MallocTotals{});
}

template <class Body>
MallocTotals counted(const Body& body) {
  const MallocTotals before = totals();
  body();
  return totals() - before;
}

void expect(const MallocTotals& got, std::uint64_t count, std::uint64_t bytes) {
  EXPECT_EQ(got.count, count);
  EXPECT_EQ(got.bytes, bytes);
}

TEST(MallocCounter, L13_CountsEachFunctionOfTheFamilyOnce) {
  void* kept = nullptr;
  const auto keep = [&](void* memory) { kept = seen(memory); };
  const auto drop = [&] { std::free(std::exchange(kept, nullptr)); };
  expect(counted([&] { keep(std::malloc(11)); }), 1, 11), drop();
  expect(counted([&] { keep(std::calloc(3, 7)); }), 1, 21), drop();
  expect(counted([&] { keep(std::realloc(nullptr, 13)); }), 1, 13);
  expect(counted([&] { keep(std::realloc(kept, 100'000)); }), 1, 100'000);
  expect(counted([&] { keep(reallocarray(kept, 5, 19)); }), 1, 95), drop();
  expect(counted([&] { keep(std::aligned_alloc(128, 256)); }), 1, 256), drop();
  expect(counted([&] { keep(memalign(64, 23)); }), 1, 23), drop();
  expect(counted([&] { keep(valloc(29)); }), 1, 29), drop();
  expect(counted([&] { keep(pvalloc(31)); }), 1, 31), drop();
  int status = -1;
  void* aligned = nullptr;
  expect(counted([&] { status = posix_memalign(&aligned, 4096, 37); }), 1, 37);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(aligned) % 4096, 0u);
  expect(counted([&] { std::free(aligned); }), 0, 0);
}

TEST(MallocCounter, L13_CountsOperatorNewOnce) {
  struct alignas(256) Wide {
    char bytes[256];
  };
  int* one = nullptr;
  expect(counted([&] { one = static_cast<int*>(seen(new int(1))); }), 1, sizeof(int));
  expect(counted([&] { delete one; }), 0, 0);
  Wide* wide = nullptr;
  expect(counted([&] { wide = static_cast<Wide*>(seen(new Wide)); }), 1, sizeof(Wide));
  delete wide;
  std::vector<char> grown;
  expect(counted([&] { grown.resize(1234); }), 1, 1234);
}

TEST(MallocCounter, L13_CountsTheLibrariesToo) {
  char* copy = nullptr;
  expect(counted([&] { copy = static_cast<char*>(seen(strdup("fourteen bytes"))); }), 1, 15);
  std::free(copy);
}

TEST(MallocCounter, L13_FailuresAreNotCounted) {
  void* aligned = nullptr;
  expect(counted([&] {
           volatile std::size_t huge = SIZE_MAX / 2;
           EXPECT_EQ(seen(std::malloc(huge)), nullptr);
           EXPECT_EQ(seen(std::calloc(huge, 3)), nullptr);
           EXPECT_EQ(seen(reallocarray(nullptr, huge, 3)), nullptr);
           EXPECT_EQ(posix_memalign(&aligned, 3, 8), EINVAL);
           EXPECT_EQ(posix_memalign(&aligned, 64, huge), ENOMEM);
         }),
         0, 0);
}

TEST(MallocCounter, L13_CallocIsZeroAndReallocKeeps) {
  for (int round = 0; round < 100; ++round) {
    auto* const zeros = static_cast<unsigned char*>(std::calloc(321, 1));
    for (int i = 0; i < 321; ++i) ASSERT_EQ(zeros[i], 0);
    std::memset(zeros, 0xee, 321);
    auto* const grown = static_cast<unsigned char*>(std::realloc(zeros, 5000));
    ASSERT_EQ(grown[320], 0xee);
    std::memset(grown, 0xdd, 5000);
    std::free(grown);
  }
}

TEST(MallocCounter, L13_ExactAcrossThreads) {
  constexpr int thread_count = 4;
  constexpr int rounds = 10'000;
  std::latch ready(thread_count + 1), go(1), done(thread_count), leave(1);
  std::vector<std::thread> threads;
  for (int t = 0; t < thread_count; ++t) {
    threads.emplace_back([&, t] {
      std::free(seen(std::malloc(1)));  // the first allocation of a thread makes its cache
      ready.count_down();
      go.wait();
      for (int i = 0; i < rounds; ++i) std::free(seen(std::malloc(static_cast<std::size_t>(t + 1))));
      done.count_down();
      leave.wait();
    });
  }
  ready.arrive_and_wait();
  expect(counted([&] {
           go.count_down();
           done.wait();
         }),
         thread_count * rounds, rounds * (1 + 2 + 3 + 4));
  leave.count_down();
  for (std::thread& thread : threads) thread.join();
}

TEST(MallocCounter, L13_ReadingAllocatesNothing) {
  expect(counted([] {
           for (int i = 0; i < 100; ++i) EXPECT_TRUE(malloc_totals());
         }),
         0, 0);
}

}  // namespace
}  // namespace laneway
