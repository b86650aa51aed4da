// Bytes of the process: a program of its own, so that no other test has touched memory before.
#include <gtest/gtest.h>
#include <malloc.h>

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

std::size_t resident_bytes() {
  malloc_trim(0);
  std::ifstream statm("/proc/self/statm");
  std::size_t all = 0, resident = 0;
  statm >> all >> resident;
  return resident * 4096;
}

TEST(OrtMemory, L20_WeightsAreHeldOnceByAllLanes) {
  const std::string model = test_models::wide_mlp(1024, 8);  // 32 MiB
  const Floats x = test_models::random_floats(1024, 4);
  Floats expected;
  for (const OrtSessions sessions : {OrtSessions::shared, OrtSessions::per_lane}) {
    const std::size_t before = resident_bytes();
    const OpenEngine engine = must(OrtEngineSpec{.sessions = sessions}.open({.model = ModelBytes{test_models::as_bytes(model)}}));
    std::vector<std::unique_ptr<Bound>> lanes;
    const auto add_lane = [&] {
      lanes.push_back(std::make_unique<Bound>(engine, PlanSpec{.inputs = {Shape{1, 1024}}}));
      const Floats y = run(*lanes.back(), x);
      if (expected.empty()) expected = y;
      EXPECT_EQ(y, expected);
    };
    add_lane();
    const std::size_t one = resident_bytes() - before;
    for (int i = 0; i < 3; ++i) add_lane();
    EXPECT_LE(static_cast<double>(resident_bytes() - before), 1.1 * static_cast<double>(one));
    EXPECT_EQ(note(*engine, "weight_bytes_not_shared"), "0");
    EXPECT_EQ(engine->weight_bytes(), 8u * 1024 * 1024 * 4);
  }
}

}  // namespace
}  // namespace laneway
