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

constexpr std::size_t weight_bytes = 8u * 1024 * 1024 * 4;

void expect_held_once(std::size_t before) {
  EXPECT_LE(static_cast<double>(resident_bytes() - before), 1.25 * static_cast<double>(weight_bytes));
}

TEST(OrtMemory, L16_BytesWithAnOwnerAreHeldOnce) {
  const Floats x = test_models::random_floats(1024, 4);
  const std::size_t before = resident_bytes();
  const OpenEngine engine = open_ort(test_models::wide_mlp(1024, 8), {.sessions = OrtSessions::shared});
  Bound lane(engine, {.inputs = {Shape{1, 1024}}});
  run(lane, x);
  expect_held_once(before);
}

TEST(OrtMemory, L42_OverridesAreHeldOnce) {
  const Floats x = test_models::random_floats(1024, 4);
  const std::size_t before = resident_bytes();
  OpenSpec spec{.model = ModelBytes{}};
  for (std::uint64_t i = 0; i < 8; ++i) {
    const auto values = std::make_shared<Floats>(test_models::random_floats(1024 * 1024, i));
    spec.weights.push_back({.name = "w" + std::to_string(i),
                            .shape = Shape{1024, 1024},
                            .memory = {values->data(), values->size() * sizeof(float)},
                            .owner = values});
  }
  const OpenEngine engine = open_ort(test_models::wide_mlp(1024, 8), {.sessions = OrtSessions::shared}, std::move(spec));
  Bound lane(engine, {.inputs = {Shape{1, 1024}}});
  run(lane, x);
  spec = {.model = ModelBytes{}};
  expect_held_once(before);
}

// The heap's own account of what is kept for shapes, against what the plan says of it.
TEST(OrtMemory, L28_BytesOfABindingCoverAllShapesItKeeps) {
  const OpenEngine engine = open_ort(test_models::encoder());
  const auto plan = must(engine->specialise({.inputs = {Shape{8, 64}, Shape{8, 64}}}));
  std::vector<std::vector<std::byte>> memory;
  std::vector<Attachment> inputs, outputs;
  for (const PlannedPort& port : plan->inputs()) inputs.push_back(Memory{memory.emplace_back(port.bytes).data(), port.bytes});
  for (const PlannedPort& port : plan->outputs()) outputs.push_back(Memory{memory.emplace_back(port.bytes).data(), port.bytes});
  const std::size_t before = mallinfo2().uordblks;
  const auto binding = must(plan->bind({.inputs = inputs, .outputs = outputs}));
  for (std::size_t i = 0; i < 100; ++i) must(binding->resize(std::vector<Shape>(2, Shape{1 + i % 8, 1 + i / 2})));
  const std::size_t kept = mallinfo2().uordblks - before;
  EXPECT_GT(kept, std::size_t{16} << 10) << "64 shapes";
  EXPECT_LE(kept, plan->bytes().per_binding);
  const auto narrow = must(engine->specialise({.inputs = {Shape{1, 2}, Shape{1, 2}}}));
  EXPECT_LT(narrow->bytes().per_binding, plan->bytes().per_binding / 8) << "six shapes at most";
}

}  // namespace
}  // namespace laneway
