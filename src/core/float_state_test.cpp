#include "laneway/core/float_state.h"

#include <gtest/gtest.h>

#include <limits>

#if defined(__x86_64__)
namespace laneway {
namespace {

constexpr unsigned flush_to_zero = 0x8000, denormals_are_zero = 0x0040, round_down = 0x2000, all_masked = 0x1f80,
                   inexact_flag = 0x20;

class FloatState : public ::testing::Test {
 protected:
  void TearDown() override { _mm_setcsr(before); }
  unsigned before = _mm_getcsr();
};

float third() {
  volatile float one = 1, three = 3;
  return one / three;
}

float half_of_least_normal() {
  volatile float least = std::numeric_limits<float>::min(), half = 0.5f;
  return least * half;
}

TEST_F(FloatState, L24_InsideItIsTheStandardOne) {
  const float nearest = third();
  _mm_setcsr(all_masked | flush_to_zero | denormals_are_zero | round_down);
  EXPECT_LT(third(), nearest);
  EXPECT_EQ(half_of_least_normal(), 0.0f);
  {
    const FloatStateGuard guard;
    EXPECT_EQ(third(), nearest);
    EXPECT_GT(half_of_least_normal(), 0.0f);
  }
  EXPECT_LT(third(), nearest);
  EXPECT_EQ(half_of_least_normal(), 0.0f);
}

TEST_F(FloatState, L24_AfterwardsItIsTheCallersToTheLastBit) {
  for (const unsigned state : {all_masked, all_masked | flush_to_zero, all_masked | round_down | inexact_flag,
                               all_masked | denormals_are_zero | 0x3fu, 0x1f00u | round_down}) {
    _mm_setcsr(state);
    {
      const FloatStateGuard guard;
      (void)half_of_least_normal();  // sets flags
    }
    EXPECT_EQ(_mm_getcsr(), state);
  }
}

TEST_F(FloatState, L24_TrapsOfTheCallerDoNotReachInside) {
  _mm_setcsr(0x1d80);  // division by zero traps: SIGFPE
  {
    const FloatStateGuard guard;
    volatile float zero = 0;
    volatile float result = 1 / zero;
    EXPECT_EQ(result, std::numeric_limits<float>::infinity());
  }
  EXPECT_EQ(_mm_getcsr(), 0x1d80u);
}

}  // namespace
}  // namespace laneway
#endif
