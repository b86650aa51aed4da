#include "laneway/core/threads.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>
#include <thread>

namespace laneway {
namespace {

// In a thread of its own, whose name and cores may change.
template <class Body>
void in_thread(const Body& body) {
  std::thread(body).join();
}

std::string name_by_the_kernel() {
  std::string name;
  std::getline(std::ifstream("/proc/thread-self/comm"), name);
  return name;
}

TEST(Threads, L24_AllowedCoresAreTheKernels) {
  const std::vector<int> cores = allowed_cores();
  EXPECT_TRUE(std::ranges::is_sorted(cores));
  cpu_set_t set;
  ASSERT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
  EXPECT_EQ(cores.size(), static_cast<std::size_t>(CPU_COUNT(&set)));
  for (const int core : cores) EXPECT_TRUE(CPU_ISSET(static_cast<std::size_t>(core), &set));
}

TEST(Threads, L24_NamesAreVisibleAndCut) {
  in_thread([] {
    EXPECT_TRUE(name_this_thread("worker 3"));
    EXPECT_EQ(name_by_the_kernel(), "worker 3");
    EXPECT_TRUE(name_this_thread("a name of more than fifteen characters"));
    EXPECT_EQ(name_by_the_kernel(), "a name of more ");
  });
}

TEST(Threads, L24_BindingMovesTheCallerOnly) {
  const std::vector<int> before = allowed_cores();
  in_thread([&] {
    EXPECT_TRUE(bind_this_thread({before.back()}));
    EXPECT_EQ(allowed_cores(), std::vector<int>{before.back()});
    EXPECT_EQ(sched_getcpu(), before.back());
    EXPECT_TRUE(bind_this_thread(before));
    EXPECT_EQ(allowed_cores(), before);
  });
  EXPECT_EQ(allowed_cores(), before);
}

TEST(Threads, L24_CoresThatAreNotThereAreInvalid) {
  in_thread([] {
    const std::vector<int> before = allowed_cores();
    for (const int core : {-1, CPU_SETSIZE - 1, CPU_SETSIZE, 1'000'000}) {
      const auto bound = bind_this_thread({core});
      ASSERT_FALSE(bound) << core;
      EXPECT_EQ(bound.error().code(), ErrorCode::invalid_argument);
      EXPECT_NE(bound.error().message().find("got " + std::to_string(core)), std::string::npos) << bound.error().message();
      const auto spec = validate({.cores = {before.front(), core}});
      ASSERT_FALSE(spec) << core;
      EXPECT_EQ(spec.error().code(), ErrorCode::invalid_argument);
    }
    EXPECT_EQ(allowed_cores(), before);
  });
}

TEST(Threads, L24_SpecIsChecked) {
  EXPECT_TRUE(validate({}));
  EXPECT_TRUE(validate({.count = 64, .cores = allowed_cores(), .spin = false, .name = "x"}));
  for (const int count : {0, -1, -1000}) {
    const auto spec = validate({.count = count});
    ASSERT_FALSE(spec);
    EXPECT_EQ(spec.error().code(), ErrorCode::invalid_argument);
    EXPECT_NE(spec.error().message().find("got " + std::to_string(count)), std::string::npos);
  }
  const int most = std::max(64, 8 * static_cast<int>(std::thread::hardware_concurrency()));
  for (const int count : {most + 1, 2'000'000, std::numeric_limits<int>::max()}) {
    const auto spec = validate({.count = count});
    ASSERT_FALSE(spec) << count << " threads that spin would freeze the machine";
    EXPECT_EQ(spec.error().code(), ErrorCode::invalid_argument);
    EXPECT_NE(spec.error().message().find("threads.count: too many: expected "), std::string::npos) << spec.error().message();
    EXPECT_NE(spec.error().message().find("got " + std::to_string(count)), std::string::npos);
  }
  EXPECT_TRUE(validate({.count = threads_max()}));
  const auto spec = validate({.name = std::string("a\0b", 3)});
  ASSERT_FALSE(spec);
  EXPECT_EQ(spec.error().code(), ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace laneway
