// Thousands of runs through ONNX Runtime, with its own memory managed in each way it has.
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "laneway/engines/ort.h"
#include "laneway/laneway.h"
#include "models/models.h"
#include "models/onnx_writer.h"
#include "support/must.h"

namespace laneway {
namespace {

int runs_of_a_soak() { return std::getenv("LANEWAY_SOAK") ? 100'000 : 5'000; }

double resident_mib() {
  std::ifstream statm("/proc/self/statm");
  std::size_t all = 0, resident = 0;
  statm >> all >> resident;
  return static_cast<double>(resident) * 4096 / (1 << 20);
}

double in_use_mib() {
  const auto heap = mallinfo2();
  return static_cast<double>(heap.uordblks + heap.hblkhd) / (1 << 20);
}

// x [n] -> y []: the largest of -x, so that a tensor as long as x is allocated at each run.
std::string largest() {
  test_models::OnnxModel m;
  m.input("x", DType::f32, {"n"}).node("Neg", {"x"}, {"a"}).node("ReduceMax", {"a"}, {"y"}, {{"keepdims", 0}});
  m.output("y", DType::f32, {});
  return m.bytes();
}

struct Setting {
  bool arena, memory_pattern;
  std::int64_t mib;

  std::int64_t length() const { return mib << 18; }
  OrtEngineSpec engine() const { return {.arena = arena, .memory_pattern = memory_pattern}; }
};

class OrtSoak : public testing::TestWithParam<Setting> {
 protected:
  const std::string model = largest();
};

// The most that `look` saw in each tenth of the runs must not grow in the second half.
template <class Run, class Look>
void expect_plateau(Run run, Look look) {
  const int runs = runs_of_a_soak();
  std::vector<double> peaks_mib(10);
  for (int i = 0; i < runs; ++i) {
    run(i);
    double& peak = peaks_mib[static_cast<std::size_t>(i) * 10 / static_cast<std::size_t>(runs)];
    if (i % 5 == 0) peak = std::max(peak, look());
  }
  const double early = *std::max_element(peaks_mib.begin(), peaks_mib.begin() + 5);
  const double late = *std::max_element(peaks_mib.begin() + 5, peaks_mib.end());
  EXPECT_LE(late, early + 2) << testing::PrintToString(peaks_mib);
}

TEST_P(OrtSoak, L18_ResidentMemoryReachesAPlateau) {
  const Runtime runtime = must(open({.model = ModelBytes{test_models::as_bytes(model)},
                                     .engine = GetParam().engine(),
                                     .dimensions = {{"n", GetParam().length()}}}));
  Lane& lane = *runtime.lanes()[0];
  const auto run = [&](int i) {
    must(lane.input<float>("x"))[0] = static_cast<float>(-i);
    must(lane.run());
    ASSERT_EQ(must(lane.output<float>("y")).data[0], static_cast<float>(i));
  };
  expect_plateau(run, resident_mib);
}

// More shapes than are kept. What is asked of here is what is in use: glibc before 2.38 cannot put an aligned block where one of
// the same size was, so that with the arena off its heap has ever more holes, whoever calls ONNX Runtime.
TEST_P(OrtSoak, L18_ShapesThatVaryLeaveNothingBehind) {
  const std::int64_t length = GetParam().length();
  Runtime runtime = must(open({.model = ModelBytes{test_models::as_bytes(model)},
                               .engine = GetParam().engine(),
                               .buckets = BucketSpec{.ranges = {{"n", {{1, length + 1}}}}}}));
  const auto run = [&](int i) {
    Lease lease = must(runtime.lease({{"n", i % 50 == 0 ? length - i / 50 % 3 : 1'000 + i % 100}}));
    must(lease->input<float>("x"))[0] = static_cast<float>(-i);
    must(lease->run());
    ASSERT_EQ(must(lease->output<float>("y")).data[0], static_cast<float>(i));
  };
  expect_plateau(run, in_use_mib);
}

std::vector<Setting> settings() {
  std::vector<Setting> all;
  for (const int mib : {4, 16}) {
    for (const bool arena : {false, true}) {
      for (const bool memory_pattern : {false, true}) all.push_back({arena, memory_pattern, mib});
    }
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Settings, OrtSoak, testing::ValuesIn(settings()), [](const auto& setting) {
  const Setting& s = setting.param;
  return std::string("ort_") + std::to_string(s.mib) + "MiB" + (s.arena ? "_arena" : "") + (s.memory_pattern ? "_pattern" : "");
});

}  // namespace
}  // namespace laneway
