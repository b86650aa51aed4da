// L12, L14, L15, L17, L20: whose memory a run touches, and in which order everything may go.
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <functional>

#include "conformance/conformance.h"
#include "laneway/memory/buffer.h"
#include "laneway/runtime/byte_budget.h"

namespace laneway::conformance {
namespace {

Port x_port(std::int64_t elements) { return {.name = "x", .shape = {{.extent = elements}}}; }

// ---- addresses ------------------------------------------------------------------------------------------------------------

// Memory of the caller, of one kind.
struct Callers {
  const char* kind;
  void* data;
  std::shared_ptr<void> owner;
};

std::vector<Callers> callers_memory(std::size_t bytes) {
  std::vector<Callers> all;
  const auto add_buffer = [&](const char* kind, const PagePolicy& policy) {
    auto buffer = std::make_shared<Buffer>(must(Buffer::allocate(bytes, policy)));
    all.push_back({kind, buffer->data(), buffer});
  };
  auto plain = std::make_shared<std::vector<std::byte>>(bytes);
  all.push_back({"plain", plain->data(), plain});
  add_buffer("aligned", {.alignment_bytes = 4096});
  add_buffer("huge pages", {.huge_pages = true});
  add_buffer("locked", {.lock = true});
  const int file = memfd_create("laneway", 0);
  if (file < 0 || ftruncate(file, static_cast<off_t>(bytes)) != 0) throw std::runtime_error("no file in memory");
  void* mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (mapped == MAP_FAILED) throw std::runtime_error("no mapping");
  all.push_back({"mapped", mapped, std::shared_ptr<void>(mapped, [bytes](void* data) { munmap(data, bytes); })});
  return all;
}

TEST_P(Conformance, L12_TheCallersMemoryIsWhatTheEngineReadsAndWrites) {
  constexpr std::size_t count = 1000, bytes = count * sizeof(float);
  const std::vector<Callers> inputs = callers_memory(bytes), outputs = callers_memory(bytes);
  for (std::size_t kind = 0; kind < inputs.size(); ++kind) {
    SCOPED_TRACE(inputs[kind].kind);
    RuntimeSpec made = identity(x_port(count));
    made.ports = {{.name = "x", .memory = Memory{inputs[kind].data, bytes}},
                  {.name = "y", .memory = Memory{outputs[kind].data, bytes}}};
    Runtime runtime = must(open(made));
    Lane& lane = *runtime.lanes()[0];
    EXPECT_EQ(must(lane.input_memory("x")).data, inputs[kind].data);
    for (int i = 0; i < 3; ++i) {
      const std::vector<float> x = floats(count);
      std::memcpy(inputs[kind].data, x.data(), bytes);
      must(lane.run());
      EXPECT_EQ(std::memcmp(outputs[kind].data, x.data(), bytes), 0);
      EXPECT_EQ(must(lane.output("y")).data, outputs[kind].data);
    }
  }
}

TEST_P(Conformance, L12_AddressesStayOverAThousandRuns) {
  Runtime runtime = must(open(spec("two_inputs", {{"batch", 2}})));
  Lane& lane = *runtime.lanes()[0];
  must(lane.run());
  const auto addresses = [&] {
    return std::vector<const void*>{must(lane.input_memory("a")).data, must(lane.input_memory("b")).data,
                                    must(lane.output("y")).data};
  };
  const auto before = addresses();
  for (int i = 0; i < 1000; ++i) must(lane.run());
  EXPECT_EQ(addresses(), before);
}

TEST_P(Conformance, L12_ARingOfFramesIsBoundOneByOne) {
  constexpr std::size_t frames = 7, count = 8, bytes = count * sizeof(float);
  std::vector<std::vector<float>> ins(frames), outs(frames, std::vector<float>(count));
  for (auto& frame : ins) frame = floats(count);
  const std::vector<float> b = floats(count);
  Runtime runtime = must(open(spec("two_inputs", {{"batch", 2}})));
  Lane& lane = *runtime.lanes()[0];
  write(lane, "b", b);
  for (std::size_t i = 0; i < 1000; ++i) {
    std::vector<float>& in = ins[i % frames];
    std::vector<float>& out = outs[i * 3 % frames];
    in[i % count] += 1;
    must(lane.rebind("a", Memory{in.data(), bytes}));
    must(lane.rebind_output("y", Memory{out.data(), bytes}));
    must(lane.run());
    for (std::size_t k = 0; k < count; ++k) ASSERT_EQ(out[k], in[k] - b[k]) << "frame " << i;
    ASSERT_EQ(must(lane.output("y")).data, out.data());
  }
}

TEST_P(Conformance, L12_TheEnginesAllocatorMayOwnAPort) {
  RuntimeSpec made = spec("two_inputs", {{"batch", 2}});
  made.ports = {{.name = "a", .owner = MemoryOwner::engine}, {.name = "y", .owner = MemoryOwner::engine}};
  Runtime runtime = must(open(made));
  Lane& lane = *runtime.lanes()[0];
  const std::vector<float> a = floats(8), b = floats(8);
  write(lane, "a", a);
  write(lane, "b", b);
  must(lane.run());
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(read<float>(lane, "y")[i], a[i] - b[i]);
  for (const AuditedPort& port : runtime.audit().ports)
    EXPECT_EQ(port.owner, port.port == "b" ? "laneway" : "engine") << port.port;
}

TEST_P(Conformance, L12_TheAuditSaysWhereEverythingIs) {
  std::vector<float> y(8);
  RuntimeSpec made = spec("two_inputs", {{"batch", 2}});
  made.lanes = 2;
  made.per_lane = {{}, {.ports = {{.name = "y", .memory = Memory{y.data(), 32}}}}};
  Runtime runtime = must(open(made));
  const Audit audit = runtime.audit();
  ASSERT_EQ(audit.ports.size(), 6u);
  for (const AuditedPort& port : audit.ports) {
    EXPECT_EQ(port.bytes, 32u);
    Lane& lane = *runtime.lanes()[port.lane == "lane 0" ? 0 : 1];
    const void* address = port.input ? must(lane.input_memory(port.port)).data : must(lane.output(port.port)).data;
    EXPECT_EQ(port.address, address) << port.lane << " " << port.port;
    EXPECT_EQ(port.owner, port.address == y.data() ? "caller" : "laneway");
    EXPECT_THAT(audit.text(), ::testing::HasSubstr(port.port));
  }
  // What is written and read at those addresses is what the engine computes with, and nothing else is.
  for (const std::string lane : {"lane 0", "lane 1"}) {
    const std::vector<float> a = floats(8), b = floats(8);
    const auto at = [&](std::string_view name) {
      const auto found =
          std::ranges::find_if(audit.ports, [&](const AuditedPort& port) { return port.lane == lane && port.port == name; });
      return static_cast<float*>(const_cast<void*>(found->address));
    };
    std::ranges::copy(a, at("a"));
    std::ranges::copy(b, at("b"));
    must(runtime.lanes()[lane == "lane 0" ? 0 : 1]->run());
    for (std::size_t k = 0; k < 8; ++k) EXPECT_EQ(at("y")[k], a[k] - b[k]) << lane;
  }
  if (GetParam().copies) {
    expect_error(audit.require_zero_copy(), ErrorCode::failed_precondition, {"a", "b", "y"});
  } else {
    must(audit.require_zero_copy());
  }
}

TEST_P(Conformance, L12_TheAuditSaysWhatBecameOfAnOutputOfAnotherShape) {
  std::vector<float> y(100);
  RuntimeSpec made = spec("declares_100", {{"n", 100}});
  made.ports = {{.name = "y", .memory = Memory{y.data(), 400}}};
  Runtime runtime = must(open(made));
  Lane& lane = *runtime.lanes()[0];
  write(lane, "x", floats(100));
  for (const std::size_t kept : {50u, 100u}) {
    std::ranges::fill(must(lane.input<bool>("keep")), false);
    std::ranges::fill(must(lane.input<bool>("keep")).first(kept), true);
    must(lane.run());
    const Audit audit = runtime.audit();
    const auto found = std::ranges::find(audit.ports, "y", &AuditedPort::port);
    if (!found->copied.empty()) {
      expect_error(audit.require_zero_copy(), ErrorCode::failed_precondition, {"y", found->copied});
    } else if (found->address) {  // null: the engine's own, found at each run
      EXPECT_EQ(found->address, must(lane.output("y")).data) << kept << " kept";
    }
  }
}

TEST_P(Conformance, L14_ANewInputIsANewOutput) {
  RuntimeSpec made = spec("two_inputs", {{"batch", 3}});
  Runtime runtime = must(open(made));
  Lane& lane = *runtime.lanes()[0];
  std::vector<float> b = floats(12);
  write(lane, "b", b);
  for (int i = 0; i < 100; ++i) {
    const std::vector<float> a = floats(12);
    write(lane, "a", a);  // b is written in half of the runs only
    if (i % 2 == 0) write(lane, "b", b = floats(12));
    must(lane.run());
    const std::vector<float> y = read<float>(lane, "y");
    for (std::size_t k = 0; k < 12; ++k) ASSERT_EQ(y[k], a[k] - b[k]) << "run " << i;
  }
}

// ---- the order in which things go ---------------------------------------------------------------------------------------------

// Everything a program can hold of one engine, each of which may be the last to go.
struct Household {
  OpenEngine engine;
  std::shared_ptr<const Plan> plan;
  OpenEngine plans_engine;  // whoever holds a plan holds its engine
  std::optional<Runtime> fixed, bucketed;
  std::shared_ptr<Lane> lane;
  std::shared_ptr<Lane> bucket_lane;
  std::optional<Lease> lease;
  std::optional<BucketLanes> bucket;
  std::optional<Engine::Allocation> allocation;
  std::shared_ptr<ByteBudget> budget = std::make_shared<ByteBudget>(std::size_t{1} << 20);
};

void use(Household& home) {
  for (const auto* lane : {&home.lane, &home.bucket_lane}) {
    if (!*lane) continue;
    write(**lane, "a", std::vector<float>(must((*lane)->input<float>("a")).size(), 3));
    must((*lane)->run());
    EXPECT_EQ(read<float>(**lane, "y")[0], 3);
  }
  if (home.lease) must((*home.lease)->run());
  if (home.allocation) std::memset(home.allocation->memory.data, 1, home.allocation->memory.bytes);
  if (home.bucketed) must(must(home.bucketed->lease({{"batch", 5}}))->run());
  EXPECT_TRUE(!home.plan || home.plan->inputs()[0].bytes == 48);
}

TEST_P(Conformance, L15_AnyOrderOfDestructionIsFine) {
  for (int round = 0; round < 100; ++round) {
    Household home;
    home.engine = home.plans_engine = engine("two_inputs");
    home.plan = must(home.engine->specialise({.inputs = {Shape{3, 4}, Shape{3, 4}}}));
    home.fixed = must(open({.model = home.engine, .dimensions = {{"batch", 2}}, .lanes = 2}));
    BucketSpec buckets{.ladders = {{.dimension = "batch", .from = 1, .to = 8}}, .budget = home.budget};
    home.bucketed = must(open({.model = home.engine, .buckets = buckets, .lanes = 2}));
    home.lane = home.fixed->lanes()[1];
    home.lease = must(home.bucketed->lease({{"batch", 3}}));
    home.bucket = must(home.bucketed->bucket({{"batch", 2}}));
    home.bucket_lane = home.bucket->lanes()[0];
    auto allocated = home.engine->allocate(100, Placement::host, 0);
    if (allocated) home.allocation = *std::move(allocated);

    std::vector<std::function<void()>> ends = {
        [&] { home.engine.reset(); },     [&] { home.plan.reset(), home.plans_engine.reset(); },
        [&] { home.fixed.reset(); },      [&] { home.bucketed.reset(); },
        [&] { home.lane.reset(); },       [&] { home.bucket_lane.reset(); },
        [&] { home.lease.reset(); },      [&] { home.bucket.reset(); },
        [&] { home.allocation.reset(); }, [&] { home.budget.reset(); }};
    std::ranges::shuffle(ends, random);
    for (const auto& end : ends) {
      use(home);
      end();
    }
  }
}

// ---- pages --------------------------------------------------------------------------------------------------------------------

constexpr std::int64_t mebi = std::int64_t{1} << 20;

PagePolicy pages_of(const Runtime& runtime, std::string_view port) {
  const Audit audit = runtime.audit();
  const auto found = std::ranges::find(audit.ports, port, &AuditedPort::port);
  return found == audit.ports.end() ? PagePolicy{} : found->pages;
}

bool aligned(const Runtime& runtime, PortKey port, std::size_t bytes) {
  return reinterpret_cast<std::uintptr_t>(must(runtime.lanes()[0]->input_memory(port)).data) % bytes == 0;
}

TEST_P(Conformance, L17_DefaultsFollowTheSize) {
  Runtime small = must(open(identity(x_port(mebi / 4 - 1))));
  EXPECT_EQ(pages_of(small, "x"), must(resolve({}, mebi - 4)));
  EXPECT_EQ(pages_of(small, "x").prefault, false);
  Runtime middle = must(open(identity(x_port(mebi / 4))));
  EXPECT_EQ(pages_of(middle, "x").alignment_bytes, 4096u);
  EXPECT_EQ(pages_of(middle, "y").prefault, true);
  EXPECT_TRUE(aligned(middle, "x", 4096));
  Runtime large = must(open(identity(x_port(mebi / 2))));
  EXPECT_EQ(pages_of(large, "x").huge_pages, true);
  EXPECT_TRUE(aligned(large, "x", 2 * mebi));
}

TEST_P(Conformance, L17_PoliciesAreSetForAllForADirectionForAPortForALane) {
  const auto aligned_to = [](std::size_t bytes) { return PagePolicy{.alignment_bytes = bytes}; };
  RuntimeSpec made = spec("two_inputs", {{"batch", 2}});
  made.lanes = 2;
  made.pages = aligned_to(128);
  made.input_pages = aligned_to(256);
  made.ports = {{.name = "b", .pages = aligned_to(512)}};
  made.per_lane = {{}, {.ports = {{.name = "a", .pages = aligned_to(1024)}}}};
  Runtime runtime = must(open(made));
  for (const AuditedPort& port : runtime.audit().ports) {
    const bool second = port.lane == "lane 1";
    const std::size_t expected = port.port == "y" ? 128 : port.port == "b" ? 512 : second ? 1024 : 256;
    EXPECT_EQ(port.pages.alignment_bytes, expected) << port.lane << " " << port.port;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(port.address) % expected, 0u);
  }
}

TEST_P(Conformance, L17_BucketsInheritPolicies) {
  RuntimeSpec made = bucketed("two_inputs", {"batch"}, 8);
  made.pages = {.alignment_bytes = 2048};
  made.output_pages = PagePolicy{.prefault = true};
  Runtime runtime = must(open(made));
  Lease lease = must(runtime.lease({{"batch", 3}}));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(must(lease->input_memory("a")).data) % 2048, 0u);
  EXPECT_EQ(pages_of(runtime, "a").alignment_bytes, 2048u);
  EXPECT_EQ(pages_of(runtime, "y").prefault, true);
}

TEST_P(Conformance, L17_WrongAlignmentIsInvalid) {
  RuntimeSpec made = spec("two_inputs", {{"batch", 2}});
  made.pages = {.alignment_bytes = 100};
  expect_error(open(made), ErrorCode::invalid_argument, {"pages", "100"});
}

// ---- weights --------------------------------------------------------------------------------------------------------------

// What the process holds. Sanitizers hold on to what was freed, so that then there is nothing to learn.
std::optional<std::size_t> resident_bytes() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return std::nullopt;
#else
  malloc_trim(0);
  std::ifstream statm("/proc/self/statm");
  std::size_t all_pages = 0, resident_pages = 0;
  statm >> all_pages >> resident_pages;
  return resident_pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
#endif
}

TEST_P(Conformance, L20_LanesAnswerAlikeAndHoldTheWeightsOnce) {
  const RuntimeSpec from_file = spec("wide_mlp_of_32_mib");
  const std::vector<float> x = floats(1024);
  const std::optional<std::size_t> before = resident_bytes();
  const OpenEngine engine = must(open_engine({.model = from_file.model}, from_file.engine));
  std::vector<Runtime> runtimes;
  std::optional<std::vector<float>> expected;
  const auto add_lanes = [&](int count) {
    runtimes.push_back(must(open({.model = engine, .dimensions = from_file.dimensions, .lanes = count})));
    for (const auto& lane : runtimes.back().lanes()) {
      write(*lane, 0, x);
      must(lane->run());
      if (!expected) expected = read<float>(*lane, 0);
      EXPECT_EQ(read<float>(*lane, 0), *expected);
    }
  };
  add_lanes(1);
  const std::optional<std::size_t> one = resident_bytes();
  add_lanes(3);
  const std::optional<std::size_t> four = resident_bytes();
  EXPECT_GE(engine->weight_bytes(), std::size_t{32} << 20);
  if (!before) return;
  EXPECT_LE(static_cast<double>(*four - *before), 1.1 * static_cast<double>(*one - *before));
}

}  // namespace
}  // namespace laneway::conformance
