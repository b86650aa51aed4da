// Bytes of the process: a program of its own, so that no other test has touched memory before.
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "ort_support/seam.h"

namespace laneway {
namespace {

using Floats = std::vector<float>;

Floats run(Bound& bound, const Floats& x) {
  bound.write(0, x);
  must(bound.run());
  return bound.read<float>(0);
}

std::size_t peak_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoul(line.substr(6)) * 1024;
  }
  return 0;
}

TEST(OrtMemory, L06_OutputsNobodyWantsAreNotAllocated) {
  const std::size_t before = peak_bytes();
  Bound bound(open_ort(test_models::huge_second_output()), {.inputs = {Shape{4}}, .outputs = {0}});
  EXPECT_EQ(run(bound, {1, 2, 3, 4}), (Floats{2, 3, 4, 5}));
  EXPECT_LT(peak_bytes() - before, std::size_t{128} << 20) << "the other output has 256 MiB";
}

}  // namespace
}  // namespace laneway
