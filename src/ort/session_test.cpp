#include "laneway/ort/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "ort_support/folder.h"
#include "ort_support/models.h"

namespace laneway::ort {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::vector<float> run_floats(const std::shared_ptr<const Session>& session, std::vector<float> x, const Shape& shape) {
  const Value value = over(x, shape);
  return elements_of<float>(run_once(session, {&value})[0]);
}

Dimension extent(std::int64_t value) { return {.extent = value}; }
Dimension symbol(std::string value) { return {.symbol = std::move(value)}; }

TEST(OrtSession, ReportsPortsAsDeclared) {
  const auto session = open_model(test_models::encoder());
  ASSERT_EQ(session->inputs().size(), 2u);
  EXPECT_EQ(session->inputs()[0], (Port{.name = "ids", .dtype = DType::i64, .shape = {symbol("batch"), symbol("sequence")}}));
  EXPECT_EQ(session->outputs()[0].shape, (std::vector<Dimension>{symbol("batch"), symbol("sequence"), extent(64)}));
  EXPECT_EQ(take(session->input_named("mask")), 1u);
  EXPECT_EQ(take(session->output_named("pooled")), 1u);
  EXPECT_THAT(outcome(session->input_named("nothing")),
              HasSubstr("not_found: input nothing: no such port: expected one of ids, mask"));
}

TEST(OrtSession, O09_ADimensionHasAnExtentOrANameOrNeither) {
  const auto session = open_model(test_models::resize_like());
  EXPECT_EQ(session->inputs()[0].shape, (std::vector<Dimension>{{}, {}, {}, extent(3)})) << "a fixed one has no name";
  const auto mixed = open_model(test_models::identity(DType::u16, {2, "n", {}}));
  EXPECT_EQ(mixed->inputs()[0].shape, (std::vector<Dimension>{extent(2), symbol("n"), {}}));
}

TEST(OrtSession, TellsScalarsFromPortsOfAnyRank) {
  const bool can = take(Library::open())->level() >= 24;
  const auto scalar = open_model(test_models::identity(DType::f32, {}));
  EXPECT_TRUE(scalar->inputs()[0].shape.empty());
  EXPECT_EQ(scalar->inputs()[0].rank_known, can);
  EXPECT_FALSE(open_model(test_models::unknown_rank())->inputs()[0].rank_known);
}

TEST(OrtSession, ReportsPortsOfEveryKind) {
  const auto port = [](const std::string& model, bool input) {
    const auto session = open_model(model);
    return input ? session->inputs()[0] : session->outputs()[0];
  };
  EXPECT_EQ(port(test_models::string_identity(), true).dtype, DType::string);
  EXPECT_EQ(port(test_models::sequence_identity(), true), (Port{.name = "x", .kind = PortKind::sequence, .rank_known = false}));
  EXPECT_EQ(port(test_models::map_input(), true).kind, PortKind::map);
  EXPECT_EQ(port(test_models::map_output(), false).kind, PortKind::sequence);
  EXPECT_EQ(port(test_models::optional_identity(), true),
            (Port{.name = "x", .kind = PortKind::optional, .dtype = DType::f32, .shape = {extent(2)}}));
  const Port sparse = port(test_models::sparse_input(), true);
  EXPECT_EQ(sparse.kind, PortKind::sparse_tensor);
  EXPECT_EQ(sparse.dtype, DType::f32);
}

TEST(OrtSession, O10_AnInputWithADefaultIsOptional) {
  const auto session = open_model(test_models::default_input());
  ASSERT_EQ(session->inputs().size(), 2u);
  EXPECT_FALSE(session->inputs()[0].optional);
  EXPECT_EQ(session->inputs()[1].name, "bias");
  EXPECT_TRUE(session->inputs()[1].optional);
  EXPECT_THAT(run_floats(session, {1, 1, 1, 1}, {4}), ElementsAre(2, 3, 4, 5));
}

TEST(OrtSession, FileAndBytesGiveTheSame) {
  const Folder folder;
  const std::string model = test_models::mlp();
  const fs::path path = folder.write("mlp.onnx", model);
  const auto from_file = take(Session::open({.model = ModelPath{path}}));
  const auto from_bytes = open_model(model);
  fs::remove(path);
  const std::vector<float> x = test_models::random_floats(32, 3);
  EXPECT_EQ(run_floats(from_file, x, {1, 32}), run_floats(from_bytes, x, {1, 32}));
}

TEST(OrtSession, AModelThatIsNoneHasItsOwnCode) {
  const Folder folder;
  const auto open = [](const fs::path& path) { return outcome(Session::open({.model = ModelPath{path}})); };
  EXPECT_THAT(open(folder.path() / "missing.onnx"), AllOf(StartsWith("not_found: model "), HasSubstr("missing.onnx")));
  EXPECT_THAT(open(folder.write("file", "x") / "below.onnx"), StartsWith("not_found"));
  EXPECT_THAT(open(""), StartsWith("invalid_argument: model: path: empty"));
  EXPECT_THAT(open(std::string("a\0b", 3)), StartsWith("invalid_argument: model: path: holds a NUL"));
  EXPECT_THAT(open(folder.path()), HasSubstr("a folder: expected a file"));
  EXPECT_THAT(open(folder.write("empty.onnx", "")), StartsWith("invalid_argument: model "));
  EXPECT_THAT(open(folder.write("garbage.onnx", std::string(1000, 'g'))), StartsWith("invalid_argument: model "));
  EXPECT_THAT(outcome(Session::open({.model = ModelBytes{}})), StartsWith("invalid_argument: model: bytes: none"));
  const std::string unknown = test_models::unknown_operator();
  EXPECT_THAT(outcome(Session::open(spec_of(unknown))), AllOf(StartsWith("invalid_argument: "), HasSubstr("NoSuchOperator")));
}

TEST(OrtSession, AFileThatMayNotBeReadIsPermissionDenied) {
  const Folder folder;
  const fs::path path = folder.write("m.onnx", test_models::identity());
  fs::permissions(path, fs::perms::none);
  const bool root = geteuid() == 0;
  ASSERT_EQ(root ? seteuid(65534) : 0, 0) << "root may read everything";
  const std::string got = outcome(Session::open({.model = ModelPath{path}}));
  ASSERT_EQ(root ? seteuid(0) : 0, 0);
  EXPECT_THAT(got, StartsWith("permission_denied: model "));
}

TEST(OrtSession, NoTruncationOfAModelCrashesOrIsInternal) {
  const std::string model = test_models::relu();
  for (std::size_t bytes = 0; bytes < model.size(); ++bytes) {
    const std::string cut = model.substr(0, bytes);
    EXPECT_THAT(outcome(Session::open(spec_of(cut))), testing::AnyOf("success", StartsWith("invalid_argument"))) << bytes;
  }
}

TEST(OrtSession, O09_ReadsMetadataAndTellsWhatIsAbsent) {
  test_models::OnnxModel model;
  model.input("x", DType::f32, {2}).node("Relu", {"x"}, {"y"}).output("y", DType::f32, {2});
  model.producer_name = "me";
  model.model_version = 42;
  model.metadata = {{"author", "A"}, {"empty", ""}, {"größe", "更大"}};
  const Metadata metadata = take(open_model(model.bytes())->metadata());
  EXPECT_EQ(metadata.producer, "me");
  EXPECT_EQ(metadata.graph, "graph");
  EXPECT_EQ(metadata.version, 42);
  EXPECT_EQ(metadata.domain, std::nullopt);
  EXPECT_EQ(metadata.description, std::nullopt);
  using Entry = std::pair<std::string, std::string>;
  EXPECT_THAT(metadata.custom, testing::UnorderedElementsAre(Entry("author", "A"), Entry("empty", ""), Entry("größe", "更大")));
}

TEST(OrtSession, O05_FixesDimensionsByName) {
  const std::string model = test_models::mixed_dtypes();
  SessionSpec spec = spec_of(model);
  spec.dimensions = {{"batch", 3}};
  const auto session = take(Session::open(spec));
  for (const Port& port : session->inputs()) EXPECT_EQ(port.shape[0], extent(3)) << port.name;
  for (const Port& port : session->outputs()) EXPECT_EQ(port.shape[0], extent(3)) << port.name;
}

TEST(OrtSession, O08_SharedInitializersAreUsedWhereTheyLie) {
  const std::string model = test_models::mlp();
  std::vector<float> bias(4, 0.0f);
  SessionSpec spec = spec_of(model);
  spec.shared_initializers = {{"fc3.bias", std::make_shared<Value>(over(bias, {4}))}};
  const auto session = take(Session::open(spec));
  const std::vector<float> x = test_models::random_floats(32, 5);
  const auto before = run_floats(session, x, {1, 32});
  for (float& b : bias) b = 100;
  const auto after = run_floats(session, x, {1, 32});
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(after[i] - before[i], 100, 1e-3);
}

TEST(OrtSession, O08_ExternalInitializersReplaceWhatLiesOutside) {
  test_models::OnnxModel model;
  model.input("x", DType::f32, {4})
      .initializer("c",
                   test_models::external_tensor(DType::f32, {4}, {{"location", "none.bin"}, {"offset", "0"}, {"length", "16"}}));
  model.node("Mul", {"c", "c"}, {"square"}).node("Add", {"x", "square"}, {"y"}).output("y", DType::f32, {4});
  const std::string bytes = model.bytes();
  std::vector<float> c = {1, 2, 3, 4};
  SessionSpec spec = spec_of(bytes);
  spec.external_initializers = {{"c", std::make_shared<Value>(over(c, {4}))}};
  const auto session = take(Session::open(spec));
  EXPECT_THAT(run_floats(session, {1, 1, 1, 1}, {4}), ElementsAre(2, 5, 10, 17));
  spec.external_initializers[0].name = "d";
  EXPECT_THAT(outcome(Session::open(spec)), AllOf(StartsWith("invalid_argument"), HasSubstr("name d")));
  spec.external_initializers[0] = {"c", std::make_shared<Value>(over(c, {2, 2}))};
  EXPECT_THAT(outcome(Session::open(spec)), AllOf(StartsWith("invalid_argument"), HasSubstr("dimensions")));
  spec.external_initializers[0] = {"c", nullptr};
  EXPECT_THAT(outcome(Session::open(spec)), StartsWith("invalid_argument: external_initializers c: value: null"));
}

TEST(OrtSession, O05_EveryOptionOpensAndRunsTheSame) {
  const std::string model = test_models::mlp();
  const std::vector<float> x = test_models::random_floats(32, 11);
  const std::vector<float> expected = run_floats(open_model(model), x, {1, 32});
  const auto check = [&](const char* what, auto edit) {
    SessionSpec spec = spec_of(model);
    edit(spec);
    const std::vector<float> got = run_floats(take(Session::open(spec)), x, {1, 32});
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-5) << what;
  };
  for (const auto level :
       {Optimisation::none, Optimisation::basic, Optimisation::extended, Optimisation::layout, Optimisation::all}) {
    check("optimisation", [&](SessionSpec& spec) { spec.optimisation = level; });
  }
  check("arena", [](SessionSpec& spec) { spec.arena = false; });
  check("memory_pattern", [](SessionSpec& spec) { spec.memory_pattern = false; });
  check("deterministic", [](SessionSpec& spec) { spec.deterministic = true; });
  check("log_id", [](SessionSpec& spec) { spec.log_id = "mine"; });
  check("config", [](SessionSpec& spec) { spec.config = {{"session.disable_prepacking", "1"}}; });
  check("threads", [](SessionSpec& spec) { spec.threads = {.count = 2, .spin = false}; });
  check("parallel", [](SessionSpec& spec) {
    spec.execution = Execution::parallel;
    spec.inter_threads = 2;
  });
}

#if defined(__x86_64__)
TEST(OrtSession, O05_DenormalsAreZeroWhereAskedForWhicheverSessionCameFirst) {
  test_models::OnnxModel twice;
  twice.input("x", DType::f32, {"n"}).node("Add", {"x", "x"}, {"y"}).output("y", DType::f32, {"n"});
  const std::string model = twice.bytes();
  constexpr float denormal = 1e-40f;
  SessionSpec spec = spec_of(model);
  const auto kept = take(Session::open(spec));
  spec.denormals_as_zero = true;
  const auto flushed = take(Session::open(spec));
  EXPECT_THAT(run_floats(kept, {denormal}, {1}), ElementsAre(denormal + denormal));
  EXPECT_THAT(run_floats(flushed, {denormal}, {1}), ElementsAre(0.0f));
  EXPECT_THAT(run_floats(kept, {denormal}, {1}), ElementsAre(denormal + denormal));
}

// The first session of a process is special: library_test.cpp has that one.
TEST(OrtSession, TheCallersFloatingPointStateIsAsItWas) {
  const std::string model = test_models::relu();
  SessionSpec spec = spec_of(model);
  const unsigned before = _mm_getcsr();
  for (const bool flush : {true, false}) {
    _mm_setcsr(0x9fc0 ^ 0x2000);  // rounds down, flushes, takes denormals for zero: like nobody's default
    const unsigned strange = _mm_getcsr();
    spec.denormals_as_zero = flush;
    run_floats(take(Session::open(spec)), {1, -1}, {2});
    EXPECT_EQ(_mm_getcsr() & 0xffc0, strange & 0xffc0);
    _mm_setcsr(before);
  }
}
#endif

TEST(OrtSession, O05_WrongOptionsAreRefusedNamingTheField) {
  const std::string model = test_models::identity();
  const auto refused = [&](auto edit) {
    SessionSpec spec = spec_of(model);
    edit(spec);
    return outcome(Session::open(spec));
  };
  EXPECT_THAT(refused([](SessionSpec& s) { s.threads.count = 0; }), StartsWith("invalid_argument: threads.count"));
  EXPECT_THAT(refused([](SessionSpec& s) { s.threads.cores = {100000}; }), StartsWith("invalid_argument: threads.cores"));
  EXPECT_THAT(refused([](SessionSpec& s) { s.inter_threads = 0; }), StartsWith("invalid_argument: inter_threads"));
  EXPECT_THAT(refused([](SessionSpec& s) { s.dimensions = {{"n", -1}}; }), StartsWith("invalid_argument: dimensions: n"));
  EXPECT_THAT(refused([](SessionSpec& s) { s.log_id = std::string("\0", 1); }), StartsWith("invalid_argument: log_id"));
  EXPECT_THAT(refused([](SessionSpec& s) { s.config = {{std::string("k\0", 2), "v"}}; }), StartsWith("invalid_argument: config"));
  EXPECT_THAT(refused([](SessionSpec& s) { s.config = {{"", "v"}}; }), StartsWith("invalid_argument"));
  EXPECT_THAT(refused([](SessionSpec& s) { s.profile_prefix = std::string("p\0", 2); }),
              StartsWith("invalid_argument: profile_prefix"));
}

struct ThreadFacts {
  std::string name;
  cpu_set_t cores;
};
std::vector<ThreadFacts> threads_named(const std::string& prefix) {
  std::vector<ThreadFacts> found;
  for (const auto& entry : fs::directory_iterator("/proc/self/task")) {
    ThreadFacts facts{};
    std::ifstream file(entry.path() / "comm");
    std::getline(file, facts.name);
    sched_getaffinity(std::stoi(entry.path().filename()), sizeof facts.cores, &facts.cores);
    if (facts.name.starts_with(prefix)) found.push_back(facts);
  }
  std::ranges::sort(found, {}, &ThreadFacts::name);
  return found;
}

// A thread names itself as its first act, which may come after the session is open.
std::vector<ThreadFacts> wait_for_threads(const std::string& prefix, std::size_t count) {
  for (int i = 0; i < 2000 && threads_named(prefix).size() < count; ++i) usleep(1000);
  usleep(10000);
  return threads_named(prefix);
}

TEST(OrtSession, O05_WorkersHaveTheirNamesAndCores) {
  const std::vector<int> cores = allowed_cores();
  const std::string model = test_models::mlp();
  SessionSpec spec = spec_of(model);
  spec.threads = {.count = 4, .cores = {cores.back(), cores.front()}, .spin = false, .name = "a rather long name"};
  const auto session = take(Session::open(spec));
  const auto workers = wait_for_threads("a rather lon", 3);
  ASSERT_EQ(workers.size(), 3u) << "the caller is the fourth";
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(workers[i].name, "a rather lon-" + std::to_string(i));
    EXPECT_EQ(CPU_COUNT(&workers[i].cores), 1);
    EXPECT_TRUE(CPU_ISSET(static_cast<std::size_t>(i % 2 == 0 ? cores.back() : cores.front()), &workers[i].cores));
  }
}

TEST(OrtSession, O05_ParallelExecutionHasWorkersOfItsOwnAndNoneIsLeftOver) {
  const std::string model = test_models::mlp();
  SessionSpec spec = spec_of(model);
  spec.threads = {.count = 3, .spin = false, .name = "par"};
  spec.execution = Execution::parallel;
  spec.inter_threads = 4;
  const auto session = take(Session::open(spec));
  EXPECT_EQ(wait_for_threads("par-", 5).size(), 5u) << "two that share a node with the caller, three for nodes beside its own";
}

TEST(OrtSession, O05_WorkersGoWithTheSession) {
  const std::string model = test_models::mlp();
  SessionSpec spec = spec_of(model);
  spec.threads = {.count = 3, .name = "passing"};
  take(Session::open(spec));
  EXPECT_TRUE(threads_named("passing").empty());
}

TEST(OrtSession, O07_PrepackedWeightsAreSharedAndMayBeDroppedFirst) {
  const std::string model = test_models::wide_mlp(64, 3);
  const std::vector<float> x = test_models::random_floats(64, 2);
  const auto expected = run_floats(open_model(model), x, {1, 64});
  const auto library = take(Library::open());
  auto prepacked = take(PrepackedWeights::make(library));
  SessionSpec spec = spec_of(model);
  spec.prepacked = prepacked;
  const auto first = take(Session::open(spec));
  const auto second = take(Session::open(spec));
  spec.prepacked.reset();
  prepacked.reset();
  EXPECT_EQ(run_floats(first, x, {1, 64}), expected);
  EXPECT_EQ(run_floats(second, x, {1, 64}), expected);
}

TEST(OrtSession, BytesWithAnOwnerAreKeptAsLongAsTheSession) {
  auto owner = std::make_shared<std::string>(test_models::relu());
  const std::weak_ptr<std::string> watch = owner;
  auto session = take(Session::open({.model = ModelBytes{test_models::as_bytes(*owner), owner}}));
  owner.reset();
  EXPECT_FALSE(watch.expired());
  session.reset();
  EXPECT_TRUE(watch.expired());
}

TEST(OrtSession, BytesWithoutAnOwnerMayGoOnceItIsOpen) {
  auto bytes = std::make_unique<std::string>(test_models::mlp());
  const std::vector<float> x = test_models::random_floats(32, 9);
  const auto expected = run_floats(open_model(*bytes), x, {1, 32});
  const auto session = open_model(*bytes);
  bytes->assign(bytes->size(), '\xff');
  bytes.reset();
  EXPECT_EQ(run_floats(session, x, {1, 32}), expected);
}

TEST(OrtSession, O20_ProfilingEndsOnce) {
  const Folder folder;
  const std::string model = test_models::relu();
  SessionSpec spec = spec_of(model);
  spec.profile_prefix = folder.path() / "trace";
  const auto session = take(Session::open(spec));
  run_floats(session, {1, -1}, {2});
  const fs::path trace = take(session->end_profiling());
  EXPECT_THAT(trace.filename().string(), StartsWith("trace"));
  std::ifstream file(trace);
  EXPECT_THAT(std::string(std::istreambuf_iterator<char>(file), {}), HasSubstr("\"Relu"));
  EXPECT_THAT(outcome(session->end_profiling()), StartsWith("failed_precondition: session: profiling"));
  EXPECT_THAT(outcome(open_model(model)->end_profiling()), StartsWith("failed_precondition: session: profiling"));
}

TEST(OrtSession, O21_TheArenaCountsWhatItHolds) {
  const auto session = open_model(test_models::wide_mlp(256, 2));
  const Allocator arena = take(session->host_allocator());
  const AllocatorStatistics before = take(arena.statistics());
  ASSERT_TRUE(before.bytes_in_use && before.allocations);
  EXPECT_EQ(before.bytes_limit, std::nullopt);
  const Allocation allocation = take(arena.allocate(100000));
  const AllocatorStatistics during = take(arena.statistics());
  EXPECT_GE(*during.bytes_in_use, *before.bytes_in_use + 100000);
  EXPECT_GE(*during.bytes_in_use_max, *during.bytes_in_use);
  EXPECT_EQ(*during.allocations, *before.allocations + 1);
}

TEST(OrtSession, O21_WithoutAnArenaThereIsAnAllocatorAllTheSame) {
  const std::string model = test_models::identity();
  SessionSpec spec = spec_of(model);
  spec.arena = false;
  const auto session = take(Session::open(spec));
  const Allocator allocator = take(session->host_allocator());
  EXPECT_NE(take(allocator.allocate(10)).memory.data, nullptr);
  take(allocator.statistics());
}

}  // namespace
}  // namespace laneway::ort
