#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ort_support/folder.h"
#include "ort_support/models.h"

namespace laneway::ort {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

int level() { return take(Library::open())->level(); }

// x [n] -> y = relu(-x), in two nodes that nothing fuses.
std::string two_nodes() {
  test_models::OnnxModel model;
  model.input("x", DType::f32, {"n"}).node("Neg", {"x"}, {"t"}).node("Relu", {"t"}, {"y"}).output("y", DType::f32, {"n"});
  model.opsets = {{"", 15}, {"com.microsoft", 1}};
  return model.bytes();
}

void run(const std::shared_ptr<const Session>& session, std::size_t elements) {
  std::vector<float> x(elements, -1.0f);
  const Value value = over(x, {static_cast<std::int64_t>(elements)});
  run_once(session, {&value});
}

// ---- profiling -----------------------------------------------------------------------------------------------------------

TEST(OrtProfiling, O20_TheTraceIsJsonAtItsPath) {
  const Folder folder;
  const std::string model = two_nodes();
  SessionSpec spec = spec_of(model);
  spec.profile_prefix = folder.path() / "trace";
  const auto session = take(Session::open(spec));
  run(session, 3);
  run(session, 5);
  const std::filesystem::path trace = take(session->end_profiling());
  EXPECT_EQ(trace.parent_path(), folder.path());
  const auto events = nlohmann::json::parse(folder.read(trace.filename()));
  std::size_t kernels = 0;
  for (const auto& event : events) kernels += event["cat"] == "Node" && event["name"].get<std::string>().ends_with("kernel_time");
  EXPECT_EQ(kernels, 4u) << "two runs of two nodes";
}

TEST(OrtProfiling, O20_StartsWhenTheSessionOpens) {
  const Folder folder;
  const std::string model = two_nodes();
  SessionSpec spec = spec_of(model);
  EXPECT_THAT(outcome(take(Session::open(spec))->profiling_start_ns()), StartsWith("failed_precondition: session: profiling"));
  spec.profile_prefix = folder.path() / "trace";
  const auto first = take(Session::open(spec));
  const std::uint64_t started = take(first->profiling_start_ns());
  const auto second = take(Session::open(spec));
  EXPECT_GT(started, 0u);
  EXPECT_GT(take(second->profiling_start_ns()), started);
  EXPECT_EQ(take(first->profiling_start_ns()), started);
  take(first->end_profiling());
  EXPECT_EQ(take(first->profiling_start_ns()), started) << "it began all the same";
  EXPECT_THAT(outcome(first->end_profiling()), StartsWith("failed_precondition: session: profiling"));
}

// ---- where things are ----------------------------------------------------------------------------------------------------

TEST(OrtPlacement, O21_TellsTheOpsetOfEachDomain) {
  const auto session = open_model(two_nodes());
  EXPECT_EQ(take(session->opset("")), 15);
  EXPECT_EQ(take(session->opset("com.microsoft")), 1);
  EXPECT_THAT(outcome(session->opset("com.nobody")), StartsWith("not_found: opset: not in the model: domain \"com.nobody\""));
  EXPECT_THAT(outcome(session->opset(std::string("\0", 1))), StartsWith("invalid_argument: domain: holds a NUL"));
}

TEST(OrtPlacement, O21_TellsWhereEachPortIs) {
  const auto session = open_model(test_models::default_input());
  const auto inputs = take(session->input_placements()), outputs = take(session->output_placements());
  ASSERT_EQ(inputs.size(), 1u) << "weights that a run may override are no inputs to it";
  ASSERT_EQ(outputs.size(), 1u);
  for (const PortPlacement& port : {inputs[0], outputs[0]}) {
    EXPECT_EQ(port.memory.device_kind, DeviceKind::cpu);
    EXPECT_EQ(port.memory.name, "Cpu");
    if (!port.device) continue;
    EXPECT_EQ(port.device->provider(), "CPUExecutionProvider");
  }
}

TEST(OrtPlacement, O21_TellsWhoComputesEachNode) {
  const std::string model = two_nodes();
  SessionSpec spec = spec_of(model);
  spec.record_placement = true;
  const auto session = take(Session::open(spec));
  if (level() < 24) {
    EXPECT_THAT(outcome(session->assignments()), StartsWith("unimplemented"));
    return;
  }
  const auto assignments = take(session->assignments());
  std::vector<AssignedNode> nodes;
  for (const Assignment& assignment : assignments) {
    EXPECT_EQ(assignment.provider, "CPUExecutionProvider");
    nodes.insert(nodes.end(), assignment.nodes.begin(), assignment.nodes.end());
  }
  EXPECT_THAT(nodes, testing::UnorderedElementsAre(AssignedNode{"Neg_0", "", "Neg"}, AssignedNode{"Relu_1", "", "Relu"}));
  EXPECT_THAT(outcome(open_model(model)->assignments()),
              StartsWith("failed_precondition: session: assignments: not recorded: expected SessionSpec::record_placement"));
}

TEST(OrtPlacement, O21_WhatNoProviderTakesIsAnError) {
  const auto session = open_model(two_nodes());
  EXPECT_THAT(outcome(session->set_provider_options({{"", "x"}})), StartsWith("invalid_argument: provider options: empty name"));
  EXPECT_THAT(outcome(session->set_provider_options({{"a", "x"}, {"a", "y"}})), StartsWith("invalid_argument"));
  EXPECT_THAT(outcome(session->release_captured_graph(1)), StartsWith(level() >= 27 ? "success" : "unimplemented"));
  run(session, 3);
}

// ---- allocators ----------------------------------------------------------------------------------------------------------

TEST(OrtAllocators, O21_DifferencesOverARun) {
  const auto session = open_model(two_nodes());
  const Allocator arena = take(session->host_allocator());
  const AllocatorStatistics before = take(arena.statistics());
  run(session, 100000);
  const AllocatorStatistics during = take(arena.statistics()).since(before);
  EXPECT_GE(during.allocations, 1) << "of what is between the nodes, and of the output";
  EXPECT_EQ(during.bytes_in_use, 0) << "all of it given back";
  EXPECT_GE(during.bytes_in_use_max, 400000);
  EXPECT_EQ(take(arena.statistics()).since(take(arena.statistics())).allocations, 0);
  EXPECT_EQ(AllocatorStatistics{}.since(before), AllocatorStatistics{}) << "what is not counted has no difference";
}

TEST(OrtAllocators, O21_MemoryTellsWhatItIs) {
  const auto environment = take(Environment::get());
  const MemorySpec host = take(environment->host_memory().spec());
  EXPECT_EQ(host, (MemorySpec{.name = "Cpu", .arena = true}));
  const auto session = open_model(two_nodes());
  EXPECT_EQ(take(take(session->host_allocator()).memory()).device_kind, DeviceKind::cpu);

  const MemorySpec spec{
      .name = "Mine", .device_kind = DeviceKind::npu, .vendor = 0xabcd, .device = 3, .host_accessible = true, .alignment = 0};
  const MemoryInfo made = take(MemoryInfo::make(environment->library(), spec));
  EXPECT_EQ(take(made.spec()), spec);
  EXPECT_EQ(made, take(MemoryInfo::make(environment->library(), spec)));
  MemorySpec other = spec;
  other.device = 4;
  EXPECT_FALSE(made == take(MemoryInfo::make(environment->library(), other)));
  EXPECT_FALSE(made == environment->host_memory());
}

TEST(OrtAllocators, O21_WrongMemoryIsRefused) {
  const auto library = take(Library::open());
  const auto make = [&](const MemorySpec& spec) { return outcome(MemoryInfo::make(library, spec)); };
  EXPECT_THAT(make({.name = ""}), StartsWith("invalid_argument: memory.name: empty"));
  EXPECT_THAT(make({.name = std::string("a\0", 2)}), StartsWith("invalid_argument: memory.name: holds a NUL"));
  EXPECT_THAT(make({.name = "M", .device = -1}), StartsWith("invalid_argument: memory.device: negative"));
  EXPECT_THAT(make({.name = "M", .alignment = 48}), StartsWith("invalid_argument: memory.alignment: expected a power of two"));
}

TEST(OrtAllocators, O21_ASharedArenaKeepsToItsLimitForAllItsSessions) {
  const std::string model = two_nodes();
  SessionSpec spec = spec_of(model);
  spec.shared_allocators = {take(SharedAllocator::arena(take(Environment::get()), {.bytes_max = 1 << 20, .exact = true}))};
  const auto first = take(Session::open(spec)), second = take(Session::open(spec));
  const Allocator arena = take(first->host_allocator());
  EXPECT_EQ(take(arena.statistics()).bytes_limit, 1 << 20);
  run(first, 1000);
  const AllocatorStatistics before = take(arena.statistics());
  run(second, 1000);
  EXPECT_GE(take(arena.statistics()).since(before).allocations, 1) << "the other session's are seen in this one's";

  std::vector<float> x(1 << 20, -1.0f);  // 4 MiB
  const Value value = over(x, {1 << 20});
  Binding binding = take(Binding::make(first));
  take(binding.bind_input(0, value));
  take(binding.bind_output(0));
  RunOptions options = take(RunOptions::make(first->library()));
  EXPECT_THAT(outcome(binding.run(options)), StartsWith("resource_exhausted: "));
  run(first, 1000);
}

TEST(OrtAllocators, O21_OneAtATimeAndAnotherWhenItIsGone) {
  const auto environment = take(Environment::get());
  auto first = take(SharedAllocator::arena(environment));
  EXPECT_THAT(outcome(SharedAllocator::arena(environment)), StartsWith("failed_precondition: shared allocator: another lives"));
  const std::string model = two_nodes();
  SessionSpec spec = spec_of(model);
  spec.shared_allocators = {std::move(first)};
  auto session = take(Session::open(spec));
  spec.shared_allocators.clear();
  EXPECT_THAT(outcome(SharedAllocator::arena(environment)), StartsWith("failed_precondition")) << "the session keeps it";
  run(session, 1000);
  session.reset();
  take(SharedAllocator::arena(environment));
}

TEST(OrtAllocators, O21_TheCallersOwnSourceIsUsedAndGetsEverythingBack) {
  std::atomic<int> allocations = 0, frees = 0;
  std::atomic<std::size_t> largest = 0;
  {
    const std::string model = two_nodes();
    SessionSpec spec = spec_of(model);
    spec.shared_allocators = {
        take(SharedAllocator::own(take(Environment::get()), {.allocate =
                                                                 [&](std::size_t bytes) {
                                                                   ++allocations;
                                                                   largest = std::max(largest.load(), bytes);
                                                                   return std::aligned_alloc(64, (bytes + 63) / 64 * 64);
                                                                 },
                                                             .free =
                                                                 [&](void* memory) {
                                                                   ++frees;
                                                                   std::free(memory);
                                                                 }}))};
    const auto session = take(Session::open(spec));
    spec.shared_allocators.clear();
    run(session, 4321);
    EXPECT_GE(allocations, 1);
    EXPECT_GE(largest, 4321 * sizeof(float));
    EXPECT_THAT(outcome(take(session->host_allocator()).statistics()), testing::AnyOf("success", StartsWith("unimplemented")));
  }
  EXPECT_EQ(frees, allocations);
  const auto environment = take(Environment::get());
  EXPECT_THAT(outcome(SharedAllocator::own(environment, {})), StartsWith("invalid_argument: shared allocator: allocate: empty"));
}

TEST(OrtAllocators, O21_WhereASourceHasNoneTheSystemServes) {
  bool empty = false;
  int given = 0, taken = 0;
  {
    const std::string model = two_nodes();
    SessionSpec spec = spec_of(model);
    spec.shared_allocators = {take(SharedAllocator::own(take(Environment::get()), {.allocate = [&](std::size_t bytes) -> void* {
                                                                                     if (empty) return nullptr;
                                                                                     ++given;
                                                                                     return std::aligned_alloc(
                                                                                         64, (bytes + 63) / 64 * 64);
                                                                                   },
                                                                                   .free =
                                                                                       [&](void* memory) {
                                                                                         ++taken;
                                                                                         std::free(memory);
                                                                                       }}))};
    const auto session = take(Session::open(spec));
    std::vector<float> x(1000, -1.0f);
    const Value value = over(x, {1000});
    for (const bool none : {false, true, false}) {
      empty = none;
      EXPECT_EQ(elements_of<float>(run_once(session, {&value})[0]), std::vector<float>(1000, 1.0f));
    }
  }
  EXPECT_GT(given, 0);
  EXPECT_EQ(taken, given);
}

}  // namespace
}  // namespace laneway::ort
