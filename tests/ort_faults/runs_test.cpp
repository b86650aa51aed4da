// Flows that run sessions.
#include "laneway/ort/run.h"

#include <array>

#include "laneway/ort/binding.h"
#include "laneway/ort/job.h"
#include "laneway/ort/lora.h"
#include "ort_faults/faults.h"
#include "ort_support/adapter.h"
#include "ort_support/folder.h"

namespace laneway::faults {
namespace {

using namespace ort;

class OrtRunFaults : public OrtFaults {
 protected:
  static SessionSpec two_threads(const std::string& model) {
    SessionSpec spec = spec_of(model);
    spec.threads.count = 2;
    return spec;
  }
  Expected<Value> row(std::array<float, 4> elements) const {
    return Value::copy<float>(environment_->host_allocator(), elements, {1, 4});
  }
  static Expected<> check_first(const Value& value, float expected) {
    LANEWAY_TRY_ASSIGN(const TensorView view, value.tensor());
    return check(*static_cast<const float*>(view.data) == expected, "output");
  }

  const std::string model_ = test_models::two_inputs();
  const std::shared_ptr<const Session> session_ = take(Session::open(spec_of(model_)));  // y = a - b
};

TEST_F(OrtRunFaults, O02_RunOptions) {
  fail_everything([&]() -> Expected<> {
    LANEWAY_TRY_ASSIGN(RunOptions options, RunOptions::make(library_, {.tag = "faults",
                                                                       .config = {{"a", "b"}},
                                                                       .log_severity = Severity::error,
                                                                       .log_verbosity = 1,
                                                                       .synchronise = false}));
    LANEWAY_TRY_ASSIGN(const auto a, options.config("a"));
    LANEWAY_TRY_ASSIGN(const RunSpec spec, options.spec());
    return check(a == "b" && spec.tag == "faults", "options");
  });
}

TEST_F(OrtRunFaults, O02_Terminating) {
  const Reasons told_to_stop = {{"Run", "a run that was told to stop is cancelled, whatever else it says"}};
  fail_everything(
      [&]() -> Expected<> {
        LANEWAY_TRY_ASSIGN(RunOptions options, RunOptions::make(library_));
        LANEWAY_TRY_ASSIGN(const Value a, row({5, 6, 7, 8}));
        const RunInput inputs[] = {{0, &a}, {1, &a}};
        RunOutput outputs[] = {{0}};
        options.terminate();
        const Expected<> refused = run(*session_, options, inputs, outputs);
        options.resume();
        LANEWAY_TRY(check(!refused, "a terminated run"));
        if (refused.error().code() != ErrorCode::cancelled) return refused;
        return run(*session_, options, inputs, outputs);
      },
      told_to_stop);
}

TEST_F(OrtRunFaults, O02_ByPositions) {
  const bool profiles = library_->level() >= 25;
  const Folder folder;
  fail_everything([&]() -> Expected<> {
    LANEWAY_TRY_ASSIGN(RunOptions options, RunOptions::make(library_));
    if (profiles) LANEWAY_TRY(options.enable_profiling(folder.path() / "run"));
    LANEWAY_TRY_ASSIGN(const Value a, row({5, 6, 7, 8}));
    LANEWAY_TRY_ASSIGN(const Value b, row({1, 1, 1, 1}));
    const RunInput inputs[] = {{0, &a}, {1, &b}};
    RunOutput outputs[] = {{0}};
    LANEWAY_TRY(run(*session_, options, inputs, outputs));
    if (profiles) LANEWAY_TRY(options.disable_profiling());
    return check_first(*outputs[0].value, 4);
  });
}

TEST_F(OrtRunFaults, O02_ByNamesTwice) {
  fail_everything([&]() -> Expected<> {
    LANEWAY_TRY_ASSIGN(RunOptions options, RunOptions::make(library_));
    LANEWAY_TRY_ASSIGN(const Value a, row({5, 6, 7, 8}));
    LANEWAY_TRY_ASSIGN(const Value b, row({1, 1, 1, 1}));
    const NamedInput inputs[] = {{"a", &a}, {"b", &b}};
    const std::string_view outputs[] = {"y"};
    for (int i = 0; i < 2; ++i) {
      LANEWAY_TRY_ASSIGN(const auto values, run(*session_, options, inputs, outputs));
      LANEWAY_TRY(check_first(values[0], 4));
    }
    return {};
  });
}

TEST_F(OrtRunFaults, O02_Prepared) {
  fail_everything([&]() -> Expected<> {
    LANEWAY_TRY_ASSIGN(RunOptions options, RunOptions::make(library_));
    LANEWAY_TRY_ASSIGN(Value a, row({5, 6, 7, 8}));
    LANEWAY_TRY_ASSIGN(Value b, row({1, 1, 1, 1}));
    const std::size_t wanted[] = {0};
    LANEWAY_TRY_ASSIGN(PreparedRun prepared, PreparedRun::make(session_, wanted));
    const auto kept = std::make_shared<Value>(std::move(a));
    LANEWAY_TRY(prepared.set_input(0, kept));
    LANEWAY_TRY(prepared.set_input(1, std::make_shared<Value>(std::move(b))));
    LANEWAY_TRY(prepared.run(options));
    LANEWAY_TRY(prepared.set_input(1, kept));
    LANEWAY_TRY(prepared.run(options));
    LANEWAY_TRY_ASSIGN(const Value* output, prepared.output(0));
    return check_first(*output, 0);
  });
}

TEST_F(OrtRunFaults, O02_Bound) {
  std::vector<float> memory(4);
  fail_everything([&]() -> Expected<> {
    LANEWAY_TRY_ASSIGN(RunOptions options, RunOptions::make(library_));
    LANEWAY_TRY_ASSIGN(const Value a, row({5, 6, 7, 8}));
    LANEWAY_TRY_ASSIGN(const Value b, row({1, 1, 1, 1}));
    LANEWAY_TRY_ASSIGN(const Value y, Value::borrow(environment_->host_memory(), memory.data(), 16, DType::f32, {1, 4}));
    LANEWAY_TRY_ASSIGN(Binding binding, Binding::make(session_));
    LANEWAY_TRY(binding.bind_input(0, a));
    LANEWAY_TRY(binding.bind_input(1, b));
    LANEWAY_TRY(binding.bind_output(0, y));
    LANEWAY_TRY(binding.synchronise_inputs());
    LANEWAY_TRY(binding.run(options));
    LANEWAY_TRY(binding.synchronise_outputs());
    LANEWAY_TRY(check(memory[0] == 4, "bound output"));
    binding.clear();
    LANEWAY_TRY(binding.bind_input(0, b));
    LANEWAY_TRY(binding.bind_input(1, b));
    LANEWAY_TRY(binding.bind_output(0, environment_->host_memory()));
    LANEWAY_TRY(binding.run(options));
    LANEWAY_TRY(binding.bind_output(0));
    LANEWAY_TRY(binding.run(options));
    LANEWAY_TRY(binding.run(options));
    LANEWAY_TRY_ASSIGN(const Value* output, binding.output(0));
    return check_first(*output, 0);
  });
}

// What was bound before stays bound: a binding that failed can be used.
TEST_F(OrtRunFaults, O02_ABindingIsUsableAfterwards) {
  std::vector<float> memory(4);
  const Value a = take(row({5, 6, 7, 8})), b = take(row({1, 1, 1, 1}));
  RunOptions options = take(RunOptions::make(library_));
  Binding binding = take(Binding::make(session_));
  take(binding.bind_input(0, a));
  take(binding.bind_input(1, b));
  take(binding.bind_output(0, take(Value::borrow(environment_->host_memory(), memory.data(), 16, DType::f32, {1, 4}))));
  fail_each_call([&]() -> Expected<> {
    LANEWAY_TRY(binding.bind_input(0, b));
    LANEWAY_TRY(binding.bind_input(0, a));
    memory[0] = 0;
    LANEWAY_TRY(binding.run(options));
    return check(memory[0] == 4, "bound output");
  });
}

TEST_F(OrtRunFaults, O02_Jobs) {
  const auto session = take(Session::open(two_threads(model_)));
  fail_everything([&]() -> Expected<> {
    LANEWAY_TRY_ASSIGN(RunOptions options, RunOptions::make(library_));
    LANEWAY_TRY_ASSIGN(Value a, row({5, 6, 7, 8}));
    LANEWAY_TRY_ASSIGN(Value b, row({1, 1, 1, 1}));
    JobSpec spec{.inputs = {{0, std::make_shared<const Value>(std::move(a))}, {1, std::make_shared<const Value>(std::move(b))}}};
    spec.outputs.push_back({0});
    LANEWAY_TRY_ASSIGN(Job job, Job::start(session, std::move(options), std::move(spec)));
    LANEWAY_TRY(job.wait());
    LANEWAY_TRY_ASSIGN(const Value* output, job.output(0));
    return check_first(*output, 4);
  });
}

TEST_F(OrtRunFaults, O02_Adapters) {
  const auto session = open_model(test_models::default_input());
  const AdapterWriter writer("bias", {10, 20, 30, 40});
  const Folder folder;
  const auto file = folder.write("a.onnx_adapter", writer.bytes());
  fail_everything([&]() -> Expected<> {
    LANEWAY_TRY_ASSIGN(auto from_bytes, LoraAdapter::load(library_, std::as_bytes(std::span(writer.bytes()))));
    LANEWAY_TRY_ASSIGN(const auto from_file, LoraAdapter::load(library_, file));
    LANEWAY_TRY_ASSIGN(RunOptions options, RunOptions::make(library_));
    LANEWAY_TRY(options.add_adapter(std::move(from_bytes)));
    std::vector<float> x = {1, 1, 1, 1};
    LANEWAY_TRY_ASSIGN(const Value value, Value::borrow(environment_->host_memory(), x.data(), 16, DType::f32, {4}));
    const RunInput inputs[] = {{0, &value}};
    RunOutput outputs[] = {{0}};
    LANEWAY_TRY(run(*session, options, inputs, outputs));
    return check_first(*outputs[0].value, 11);
  });
}

// What comes out holds strings, maps, tensors.
TEST_F(OrtRunFaults, O02_OutputsOfOtherKinds) {
  const auto maps = open_model(test_models::map_output());
  const std::vector<float> scores = {0.1f, 0.2f, 0.7f};
  fail_everything([&]() -> Expected<> {
    LANEWAY_TRY_ASSIGN(RunOptions options, RunOptions::make(library_));
    LANEWAY_TRY_ASSIGN(const Value x, Value::copy<float>(environment_->host_allocator(), scores, {1, 3}));
    const RunInput inputs[] = {{0, &x}};
    RunOutput outputs[] = {{0}};
    LANEWAY_TRY(run(*maps, options, inputs, outputs));
    LANEWAY_TRY_ASSIGN(const Value map, outputs[0].value->child(0));
    LANEWAY_TRY_ASSIGN(const Value keys, map.child(0));
    LANEWAY_TRY_ASSIGN(const auto texts, keys.string_elements());
    return check(texts.size() == 3, "maps");
  });
}

}  // namespace
}  // namespace laneway::faults
