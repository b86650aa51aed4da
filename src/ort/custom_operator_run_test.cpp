#include "laneway/ort/custom_operator.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "laneway/ort/native_operator.h"
#include "ort_support/operators.h"

namespace laneway::ort {
namespace {

using test_models::OnnxModel;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
// ---- O26 -------------------------------------------------------------------------------------------------------------------

// How many computes are inside at once; each waits a while for the other one.
class Meeting {
 public:
  void join(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    ++inside_;
    most_ = std::max(most_, inside_);
    together_.notify_all();
    together_.wait_for(lock, patience, [this] { return most_ >= 2; });
    --inside_;
  }
  int most() {
    const std::scoped_lock lock(mutex_);
    return most_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable together_;
  int inside_ = 0, most_ = 0;
};
Meeting* meeting = nullptr;

struct Meets {
  Expected<> compute(const Input<float>& x, Output<float>& y) const {
    meeting->join(std::chrono::seconds(20));
    return Relu().compute(x, y);
  }
};
struct Waits {
  Expected<> compute(const Input<float>& x, Output<float>& y) {
    meeting->join(std::chrono::milliseconds(20));
    ++calls;
    return Relu().compute(x, y);
  }
  int calls = 0;  // a race, were calls not to wait for each other
};

int most_at_once(const Operator& op) {
  Meeting here;
  meeting = &here;
  const auto session = open_with(one_node("Op"), {op});
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 2; ++thread) {
    threads.emplace_back([&session, thread] {
      for (int run = 0; run < 5; ++run) {
        const float v = static_cast<float>(10 * thread + run);
        EXPECT_THAT(run_floats(session, {v, -v}), ElementsAre(v, 0));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return here.most();
}

TEST(OrtCustomOperator, O26_AConstComputeIsCalledByTwoThreadsAtOnce) {
  EXPECT_FALSE(Operator::of<Meets>({.name = "Op"}).serialised);
  EXPECT_EQ(most_at_once(Operator::of<Meets>({.name = "Op"})), 2);
}

TEST(OrtCustomOperator, O26_CallsOfAComputeThatIsNotConstWaitForEachOther) {
  EXPECT_TRUE(Operator::of<Waits>({.name = "Op"}).serialised);
  EXPECT_EQ(most_at_once(Operator::of<Waits>({.name = "Op"})), 1);
}

// ---- O27 -------------------------------------------------------------------------------------------------------------------

enum class Fails { not_at_all, by_error, by_exception, by_odd_exception };
Expected<> fail(Fails how, const char* text) {
  switch (how) {
    case Fails::by_error: return Error(ErrorCode::invalid_argument, text);
    case Fails::by_exception: throw std::runtime_error(text);
    case Fails::by_odd_exception: throw 42;
    default: return {};
  }
}
struct Failures {
  Fails create = Fails::not_at_all, infer = Fails::not_at_all, compute = Fails::not_at_all, parallel = Fails::not_at_all;
};
Failures failures;
std::atomic<int> alive = 0, made = 0;

struct Failing {
  Failing() { ++alive, ++made; }
  Failing(Failing&&) noexcept { ++alive; }
  ~Failing() { --alive; }
  static Expected<Failing> create(const KernelInfo&) {
    LANEWAY_TRY(fail(failures.create, "no kernel today"));
    return Failing();
  }
  static Expected<> infer(const ShapeInference& node) {
    LANEWAY_TRY(fail(failures.infer, "no shape today"));
    LANEWAY_TRY_ASSIGN(const Port x, node.input(0));
    return node.set_output(0, x.shape);
  }
  Expected<> compute(const KernelContext& context, const Input<float>& x, Output<float>& y) const {
    LANEWAY_TRY(fail(failures.compute, "no numbers today"));
    LANEWAY_TRY_ASSIGN(const std::span<float> out, y.allocate(x.shape()));
    return context.parallel_for(out.size(), [&](std::size_t i) -> Expected<> {
      if (i == 1) LANEWAY_TRY(fail(failures.parallel, "no second element today"));
      out[i] = x.elements()[i];
      return {};
    });
  }
};

std::string outcome_of(const Failures& wanted) {
  failures = wanted;
  auto session = try_open(one_node("Failing"), {Operator::of<Failing>({.name = "Failing"})});
  std::string result = outcome(session);
  if (session) {
    result = failure_of(*session, {1, 2, 3});
    failures = {};
    EXPECT_THAT(run_floats(*session, {4, 5}), ElementsAre(4, 5)) << "usable after the failed run";
    EXPECT_EQ(alive, 1);
    *session = nullptr;
  }
  EXPECT_EQ(alive, 0) << "each kernel is destroyed once";
  failures = {};
  return result;
}

TEST(OrtCustomOperator, O27_AnErrorInCreateFailsOpening) {
  EXPECT_EQ(outcome_of({}), "success");
  EXPECT_THAT(outcome_of({.create = Fails::by_error}),
              AllOf(StartsWith("invalid_argument"), HasSubstr("operator Failing: create: no kernel today")));
  EXPECT_THAT(outcome_of({.create = Fails::by_exception}),
              HasSubstr("operator Failing: create: unexpected exception: no kernel today"));
  EXPECT_THAT(outcome_of({.create = Fails::by_odd_exception}),
              HasSubstr("operator Failing: create: unexpected exception: an exception"));
}

TEST(OrtCustomOperator, O27_AnErrorInInferFailsOpening) {
  EXPECT_THAT(outcome_of({.infer = Fails::by_error}), HasSubstr("operator Failing: infer: no shape today"));
  EXPECT_THAT(outcome_of({.infer = Fails::by_exception}),
              HasSubstr("operator Failing: infer: unexpected exception: no shape today"));
  EXPECT_THAT(outcome_of({.infer = Fails::by_odd_exception}),
              HasSubstr("operator Failing: infer: unexpected exception: an exception"));
  EXPECT_EQ(outcome_of({}), "success") << "and no later one";
}

TEST(OrtCustomOperator, O27_AnErrorInComputeFailsTheRun) {
  EXPECT_THAT(outcome_of({.compute = Fails::by_error}), AllOf(StartsWith("invalid_argument"), HasSubstr("no numbers today")));
  EXPECT_THAT(outcome_of({.compute = Fails::by_exception}), HasSubstr("no numbers today"));
  EXPECT_THAT(outcome_of({.compute = Fails::by_odd_exception}), HasSubstr("an exception that is none of std::exception"));
}

TEST(OrtCustomOperator, O27_AnErrorInParallelForFailsTheRun) {
  EXPECT_THAT(outcome_of({.parallel = Fails::by_error}), HasSubstr("no second element today"));
  EXPECT_THAT(outcome_of({.parallel = Fails::by_exception}), HasSubstr("no second element today"));
  EXPECT_THAT(outcome_of({.parallel = Fails::by_odd_exception}), HasSubstr("an exception that is none"));
}

TEST(OrtCustomOperator, O27_EachNodeHasAKernelThatIsDestroyedOnce) {
  OnnxModel model = model_with_domain();
  model.input("x", DType::f32, {"n"});
  model.node("Failing", {"x"}, {"a"}, {}, domain_name);
  model.node("Failing", {"a"}, {"b"}, {}, domain_name);
  model.node("Failing", {"b"}, {"y"}, {}, domain_name);
  model.output("y", DType::f32, {"n"});
  failures = {};
  made = 0;
  auto session = open_with(model.bytes(), {Operator::of<Failing>({.name = "Failing"})});
  EXPECT_EQ(made, 3);
  EXPECT_EQ(alive, 3);
  EXPECT_THAT(run_floats(session, {4, 5}), ElementsAre(4, 5));
  session = nullptr;
  EXPECT_EQ(alive, 0);
}

TEST(OrtCustomOperator, O27_TheDomainMayBeDroppedBeforeItsSessions) {
  auto domain = domain_of({Operator::of<Relu>({.name = "Relu"})});
  const std::weak_ptr<const OperatorDomain> watched = domain;
  const std::string model = one_node("Relu");
  SessionSpec spec = spec_of(model);
  spec.operators = {domain};
  auto first = take(Session::open(spec)), second = take(Session::open(spec));
  spec.operators.clear();
  domain = nullptr;
  EXPECT_THAT(run_floats(first, {-1, 1}), ElementsAre(0, 1));
  first = nullptr;
  EXPECT_THAT(run_floats(second, {-1, 2}), ElementsAre(0, 2));
  EXPECT_FALSE(watched.expired());
  second = nullptr;
  EXPECT_TRUE(watched.expired());
}

TEST(OrtCustomOperator, O27_OperatorsComeFromASharedObject) {
  const std::string model = one_node("Double");
  EXPECT_THAT(outcome(Session::open(spec_of(model))), HasSubstr("Double")) << "unknown without it";
  SessionSpec spec = spec_of(model);
  spec.operator_libraries = {LANEWAY_TEST_OPERATOR_LIBRARY};
  for (int round = 0; round < 2; ++round) EXPECT_THAT(run_floats(take(Session::open(spec)), {1, -4}), ElementsAre(2, -8));
}

TEST(OrtCustomOperator, O27_AFunctionOfWhatIsLoadedRegistersItsOperators) {
  const std::string model = one_node("Double");
  SessionSpec spec = spec_of(model);
  spec.operator_functions = {"RegisterCustomOps"};
  EXPECT_THAT(outcome(Session::open(spec)), AllOf(HasSubstr("operator function RegisterCustomOps"), HasSubstr("ONNX Runtime")));
  ASSERT_NE(dlopen(LANEWAY_TEST_OPERATOR_LIBRARY, RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE), nullptr);
  EXPECT_THAT(run_floats(take(Session::open(spec)), {1, -4}), ElementsAre(2, -8));
  spec.operator_functions = {std::string("Register\0", 9)};
  EXPECT_THAT(outcome(Session::open(spec)), StartsWith("invalid_argument: operator function: holds a NUL"));
}

TEST(OrtCustomOperator, O27_WrongLibrariesAreErrorsOfOpening) {
  const std::string model = test_models::relu();
  SessionSpec spec = spec_of(model);
  spec.operator_libraries = {"/nowhere/liboperators.so"};
  EXPECT_THAT(outcome(Session::open(spec)), StartsWith("not_found: operator library /nowhere/liboperators.so"));
  spec.operator_libraries = {LANEWAY_TEST_EMPTY_LIBRARY};
  EXPECT_THAT(outcome(Session::open(spec)), AllOf(HasSubstr("operator library"), HasSubstr("RegisterCustomOps")));
  EXPECT_THAT(run_floats(open_model(model), {-1, 1}), ElementsAre(0, 1));
}

// ---- O28 -------------------------------------------------------------------------------------------------------------------

// y = x * x + 1 by ONNX Runtime's own Mul and Add, over scratch memory.
struct ByNative {
  static Expected<ByNative> create(const KernelInfo& info) {
    LANEWAY_TRY_ASSIGN(auto multiply,
                       NativeOperator::make(info, {.type = "Mul", .version = 14, .types = {{"T", DType::f32}}, .inputs = 2}));
    LANEWAY_TRY_ASSIGN(auto copy, info.copy());
    return ByNative{std::move(multiply), std::move(copy)};
  }
  Expected<> compute(const KernelContext& context, const Input<float>& x, Output<float>& y) const {
    LANEWAY_TRY(y.allocate(x.shape()));
    LANEWAY_TRY_ASSIGN(const Allocation scratch, context.scratch(2 * x.elements().size_bytes()));
    auto* const square = static_cast<float*>(scratch.memory.data);
    float* const ones = square + x.elements().size();
    std::fill_n(ones, x.elements().size(), 1.0f);
    LANEWAY_TRY_ASSIGN(const MemoryInfo host, MemoryInfo::host(context.library()));
    const std::size_t bytes = x.elements().size_bytes();
    LANEWAY_TRY_ASSIGN(const Value squared, Value::borrow(host, square, bytes, DType::f32, x.shape()));
    LANEWAY_TRY_ASSIGN(const Value one, Value::borrow(host, ones, bytes, DType::f32, x.shape()));
    LANEWAY_TRY(multiply.invoke(context, {x, x}, {squared}));
    LANEWAY_TRY_ASSIGN(const auto add,
                       NativeOperator::make(info, {.type = "Add", .version = 14, .types = {{"T", DType::f32}}, .inputs = 2}));
    return add.invoke(context, {squared, one}, {y});
  }
  NativeOperator multiply;
  KernelInfo info;  // kept beyond create()
};

TEST(OrtCustomOperator, O28_NativeOperatorsAreInvokedInsideAKernel) {
  const auto session = open_with(one_node("ByNative"), {Operator::of<ByNative>({.name = "ByNative"})});
  for (const std::size_t n : {1u, 3u, 1000u}) {
    const std::vector<float> x = test_models::random_floats(n, n);
    const std::vector<float> y = run_floats(session, x);
    ASSERT_EQ(y.size(), n);
    for (std::size_t i = 0; i < n; ++i) EXPECT_FLOAT_EQ(y[i], x[i] * x[i] + 1);
  }
}

struct SoftmaxAlongFirst {
  static Expected<SoftmaxAlongFirst> create(const KernelInfo& info) {
    LANEWAY_TRY_ASSIGN(auto softmax,
                       NativeOperator::make(
                           info, {.type = "Softmax", .version = 13, .types = {{"T", DType::f32}}, .attributes = {{"axis", 0}}}));
    return SoftmaxAlongFirst{std::move(softmax)};
  }
  Expected<> compute(const KernelContext& context, const Input<float>& x, Output<float>& y) const {
    LANEWAY_TRY(y.allocate(x.shape()));
    return softmax.invoke(context, {x}, {y});
  }
  NativeOperator softmax;
};

TEST(OrtCustomOperator, O28_AttributesReachNativeOperators) {
  const auto session = open_with(one_node("Soft"), {Operator::of<SoftmaxAlongFirst>({.name = "Soft"})});
  const std::vector<float> y = run_floats(session, {0, std::log(3.0f)});
  ASSERT_EQ(y.size(), 2u);
  EXPECT_NEAR(y[0], 0.25f, 1e-6f);
  EXPECT_NEAR(y[1], 0.75f, 1e-6f);
}

template <int which>
struct NoSuchNative {
  static Expected<NoSuchNative> create(const KernelInfo& info) {
    NativeOperatorSpec spec{.type = "Mul", .version = 14, .types = {{"T", DType::f32}}, .inputs = 2};
    if (which == 0) spec.type = "NoSuchOperator";
    if (which == 1) spec.attributes = {{"value", Tensor::of({1}, std::vector<float>{1})}};
    if (which == 2) spec.domain = std::string("a\0b", 3);
    LANEWAY_TRY(NativeOperator::make(info, spec));
    return NoSuchNative{};
  }
  Expected<> compute(const Input<float>& x, Output<float>& y) const { return Relu().compute(x, y); }
};

TEST(OrtCustomOperator, O28_WrongNativeOperatorsAreErrors) {
  const auto opened = [](const Operator& op) { return outcome(try_open(one_node("Op"), {op})); };
  EXPECT_THAT(opened(Operator::of<NoSuchNative<0>>({.name = "Op"})), HasSubstr("native operator NoSuchOperator"));
  EXPECT_THAT(opened(Operator::of<NoSuchNative<1>>({.name = "Op"})),
              HasSubstr("attribute value: expected numbers, strings or lists"));
  EXPECT_THAT(opened(Operator::of<NoSuchNative<2>>({.name = "Op"})), HasSubstr("holds a NUL"));
}

// All that a kernel can learn of its node and its run.
std::vector<std::string> learned;
std::mutex learning;
void learn(std::string what) {
  const std::scoped_lock lock(learning);
  learned.push_back(std::move(what));
}

struct Curious {
  static Expected<Curious> create(const KernelInfo& info) {
    LANEWAY_TRY_ASSIGN(const std::string name, info.node_name());
    learn("node " + name);
    LANEWAY_TRY_ASSIGN(const auto inputs, info.inputs());
    LANEWAY_TRY_ASSIGN(const auto outputs, info.outputs());
    for (const Port& port : inputs) learn("in " + port.name + " " + describe_shape(port));
    for (const Port& port : outputs) learn("out " + port.name + " " + std::string(laneway::name(port.dtype)));
    if (const auto type = info.operator_type()) {
      LANEWAY_TRY_ASSIGN(const auto domain, info.operator_domain());
      LANEWAY_TRY_ASSIGN(const int version, info.operator_since_version());
      LANEWAY_TRY_ASSIGN(const auto config, info.config());
      learn(*type + " of " + domain + " since " + std::to_string(version));
      for (const auto& [key, value] : config) {
        if (key.starts_with("laneway")) learn(key + "=" + value);
      }
    }
    LANEWAY_TRY_ASSIGN(auto memory, info.allocate(64));
    std::memset(memory.memory.data, 1, 64);
    info.log(Severity::error, "made");
    return Curious{std::move(memory)};
  }
  Expected<> compute(const KernelContext& context, const Input<float>& x, Output<float>& y) const {
    if (static_cast<const char*>(kept.memory.data)[63] != 1) return Error(ErrorCode::internal, "memory not kept");
    if (context.stream() || context.resource(1, 1)) return Error(ErrorCode::internal, "a stream on the CPU");
    if (context.input_count() != 1 || context.output_count() != 1) return Error(ErrorCode::internal, "counts");
    if (context.log_severity() <= Severity::error) context.log(Severity::error, "computed");
    LANEWAY_TRY_ASSIGN(const std::span<float> out, y.allocate(x.shape()));
    return context.parallel_for(
        out.size(), [&](std::size_t i) { out[i] = 2 * x.elements()[i]; }, 3);
  }
  Allocation kept;
};

TEST(OrtCustomOperator, O28_AKernelLearnsItsNodeAndLogs) {
  std::vector<std::string> logged;
  log::set_sink([&](const LogRecord& record) { logged.emplace_back(record.message); }, Severity::warning);
  learned.clear();
  const std::string model = one_node("Curious");
  SessionSpec spec = spec_of(model);
  spec.operators = {domain_of({Operator::of<Curious>({.name = "Curious"})})};
  spec.config = {{"laneway.key", "17"}};
  const auto session = take(Session::open(spec));
  EXPECT_THAT(run_floats(session, {1, 2, 3, 4, 5}), ElementsAre(2, 4, 6, 8, 10));
  log::set_sink({});
  EXPECT_THAT(learned, testing::IsSupersetOf({"node Curious_0", "in x [n]", "out y f32"}));
  constexpr int level_of_operator_type = 24;
  if (session->library()->level() >= level_of_operator_type) {
    EXPECT_THAT(learned, testing::IsSupersetOf({"Curious of laneway.test since 1", "laneway.key=17"}));
  }
  EXPECT_THAT(logged, testing::IsSupersetOf({"made", "computed"}));
}

// Without threads of its own a session still computes every element once.
TEST(OrtCustomOperator, O28_ParallelForVisitsEachIndexOnce) {
  const std::string model = one_node("Curious");
  SessionSpec spec = spec_of(model);
  spec.operators = {domain_of({Operator::of<Curious>({.name = "Curious"})})};
  for (const int threads : {1, 3}) {
    spec.threads.count = threads;
    const std::vector<float> x = test_models::random_floats(999, 7);
    const std::vector<float> y = run_floats(take(Session::open(spec)), x);
    for (std::size_t i = 0; i < x.size(); ++i) EXPECT_EQ(y[i], 2 * x[i]);
  }
}

}  // namespace
}  // namespace laneway::ort
