// Memory that runs out is an error like any other: words for another one may need some too.
#include <cstdlib>
#include <new>

#include "runtime/toy_fixture.h"

namespace {

thread_local bool exhausted = false;

void* allocate(std::size_t bytes) {
  void* memory = exhausted ? nullptr : std::malloc(bytes);
  if (!memory) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t bytes) { return allocate(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace laneway {
namespace {

class OutOfMemoryTest : public OnToy {
 protected:
  /// The code of what comes back where nothing can be allocated.
  template <class Call>
  static ErrorCode without_memory(Call&& call) {
    exhausted = true;
    const auto result = call();
    exhausted = false;
    return code_of(result);
  }
};
INSTANTIATE_ON_TOY(OutOfMemoryTest);

TEST_P(OutOfMemoryTest, L05_WhatALaneRefusesIsAnErrorEvenThen) {
  RuntimeSpec fixed = spec(make(toys::affine()));
  fixed.dimensions = batch(3);
  auto runtime = open(fixed);
  ASSERT_OK(runtime);
  Lane& lane = *runtime->lanes()[0];
  const std::string long_name(100, 'n');
  EXPECT_EQ(without_memory([&] { return lane.input_memory(long_name); }), ErrorCode::resource_exhausted);
  EXPECT_EQ(without_memory([&] { return lane.input_memory(7); }), ErrorCode::resource_exhausted);
  EXPECT_EQ(without_memory([&] { return lane.input<double>("x"); }), ErrorCode::resource_exhausted);
  EXPECT_EQ(without_memory([&] { return lane.input_shape(long_name); }), ErrorCode::resource_exhausted);
  EXPECT_EQ(without_memory([&] { return lane.input_value("x"); }), ErrorCode::resource_exhausted);
  EXPECT_EQ(without_memory([&] { return lane.output(long_name); }), ErrorCode::resource_exhausted);
  EXPECT_EQ(without_memory([&] { return lane.output<double>("y"); }), ErrorCode::resource_exhausted);
  EXPECT_EQ(without_memory([&] { return lane.output_value("y"); }), ErrorCode::resource_exhausted);
  EXPECT_EQ(without_memory([&] { return lane.resize({{long_name, 3}}); }), ErrorCode::resource_exhausted);
  EXPECT_EQ(without_memory([&] { return lane.rebind(long_name, {}); }), ErrorCode::resource_exhausted);
  EXPECT_EQ(without_memory([&] { return lane.rebind_output(9, {}); }), ErrorCode::resource_exhausted);
  EXPECT_EQ(without_memory([&] { return lane.run(); }), ErrorCode{}) << "a run needs none";
}

TEST_P(OutOfMemoryTest, L35_WhatARuntimeRefusesIsAnErrorEvenThen) {
  auto runtime = open(bucketed(make(toys::affine())));
  ASSERT_OK(runtime);
  EXPECT_EQ(without_memory([&] { return runtime->lease({{"batch", -1}}); }), ErrorCode::resource_exhausted);
  EXPECT_EQ(without_memory([&] { return runtime->lease({{"batch", 3}}); }), ErrorCode::resource_exhausted);
  EXPECT_EQ(without_memory([&] { return runtime->capacity_for({{"depth", 3}}); }), ErrorCode::resource_exhausted);
  EXPECT_EQ(without_memory([&] { return runtime->lane(0); }), ErrorCode::resource_exhausted);
  EXPECT_OK(runtime->lease({{"batch", 3}}));
  EXPECT_EQ(without_memory([&] { return runtime->lease({{"batch", 3}}); }), ErrorCode{}) << "a hit needs none";
}

}  // namespace
}  // namespace laneway
