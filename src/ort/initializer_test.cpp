#include "laneway/ort/initializer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "laneway/ort/job.h"
#include "laneway/ort/lora.h"
#include "laneway/ort/run.h"
#include "ort_support/adapter.h"
#include "ort_support/folder.h"
#include "ort_support/models.h"

namespace laneway::ort {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::size_t count = 4099;

// x [count] -> y = x + C, of which the model knows zeros only.
std::string relay() {
  test_models::OnnxModel model;
  model.input("x", DType::f32, {count}).initializer("C", Shape{count}, std::vector<float>(count, 0.0f));
  return model.node("Add", {"x", "C"}, {"y"}).output("y", DType::f32, {count}), model.bytes();
}

// What y is at its first and last element where x is 3.
std::pair<float, float> ends_of(const std::shared_ptr<const Session>& session) {
  std::vector<float> x(count, 3.0f);
  const Value value = over(x, {count});
  const std::vector<float> y = elements_of<float>(run_once(session, {&value})[0]);
  return {y.front(), y.back()};
}

std::pair<float, float> ends_with(const Initializer& initializer) {
  const std::string model = relay();
  SessionSpec spec = spec_of(model);
  spec.shared_initializers = {initializer};
  return ends_of(take(Session::open(spec)));
}

std::string bytes_of(const std::vector<float>& elements) {
  return {reinterpret_cast<const char*>(elements.data()), elements.size() * sizeof(float)};
}

constexpr std::pair<float, float> five = {5.0f, 5.0f};

TEST(OrtInitializer, O08_FromAVectorThatItKeeps) {
  const auto environment = take(Environment::get());
  EXPECT_EQ(ends_of(open_model(relay())), std::pair(3.0f, 3.0f));
  EXPECT_EQ(ends_with(take(initializer_of(*environment, "C", std::vector<float>(count, 2.0f), {count}))), five);
}

TEST(OrtInitializer, O08_FromAMappedFileThatIsUnlinked) {
  const Folder folder;
  const auto environment = take(Environment::get());
  const fs::path path = folder.write("c.bin", bytes_of(std::vector<float>(count, 2.0f)));
  const Initializer mapped = take(map_initializer(*environment, "C", {.path = path, .shape = {count}}));
  fs::remove(path);
  EXPECT_EQ(ends_with(mapped), five);
}

TEST(OrtInitializer, O08_FromAMappedFileAtAnOffset) {
  const Folder folder;
  const auto environment = take(Environment::get());
  for (const std::size_t skipped : {1u, 1023u, 5000u}) {  // no multiple of a page
    std::vector<float> file(skipped, 77.0f);
    file.insert(file.end(), count, 2.0f);
    file.push_back(99.0f);
    const fs::path path = folder.write("c.bin", bytes_of(file));
    EXPECT_EQ(
        ends_with(take(map_initializer(*environment, "C", {.path = path, .shape = {count}, .offset = skipped * sizeof(float)}))),
        five);
  }
}

TEST(OrtInitializer, O08_SessionsUseOneCopyAndKeepIt) {
  const std::string model = relay();
  auto elements = std::make_shared<std::vector<float>>(count, 2.0f);
  const std::weak_ptr<std::vector<float>> watch = elements;
  std::vector<std::shared_ptr<const Session>> sessions;
  {
    const auto environment = take(Environment::get());
    SessionSpec spec = spec_of(model);
    spec.shared_initializers = {
        take(initializer_over(*environment, "C", std::as_bytes(std::span(*elements)), DType::f32, {count}, elements))};
    for (int i = 0; i < 2; ++i) sessions.push_back(take(Session::open(spec)));
  }
  for (const auto& session : sessions) EXPECT_EQ(ends_of(session), five);
  elements->back() = 4.0f;
  for (const auto& session : sessions) EXPECT_EQ(ends_of(session), std::pair(5.0f, 7.0f));
  elements.reset();
  EXPECT_FALSE(watch.expired());
  sessions.clear();
  EXPECT_TRUE(watch.expired());
}

TEST(OrtInitializer, O08_WhatCannotBeMappedIsRefused) {
  const Folder folder;
  const auto environment = take(Environment::get());
  const fs::path path = folder.write("c.bin", std::string(100, 'x'));
  const auto map = [&](const MappedTensor& tensor) { return outcome(map_initializer(*environment, "C", tensor)); };
  EXPECT_EQ(map({.path = path, .shape = {25}}), "success");
  EXPECT_THAT(map({.path = path, .shape = {26}}), StartsWith("invalid_argument: initializer C: "));
  EXPECT_THAT(map({.path = path, .shape = {25}, .offset = 4}), StartsWith("invalid_argument: initializer C: "));
  EXPECT_THAT(map({.path = path, .shape = {1}, .offset = 1u << 30}), StartsWith("invalid_argument: initializer C: "));
  EXPECT_THAT(map({.path = path, .shape = {1}, .offset = 2}),
              StartsWith("invalid_argument: initializer C: offset: misaligned: expected a multiple of 4, got 2"));
  EXPECT_EQ(map({.path = path, .dtype = DType::f16, .shape = {1}, .offset = 2}), "success");
  EXPECT_THAT(map({.path = path, .shape = {-1}}), StartsWith("invalid_argument: initializer C"));
  EXPECT_THAT(map({.path = path, .dtype = DType::string, .shape = {1}}), StartsWith("invalid_argument: initializer C"));
  EXPECT_THAT(map({.path = folder.path() / "none", .shape = {1}}), StartsWith("not_found: initializer C: "));
  EXPECT_THAT(map({.path = folder.path(), .shape = {1}}), StartsWith("invalid_argument: initializer C: "));
}

TEST(OrtInitializer, O08_WrongBytesAreRefused) {
  const auto environment = take(Environment::get());
  alignas(8) const std::byte bytes[24] = {};
  const auto over_bytes = [&](std::string name, std::span<const std::byte> part, DType dtype, const Shape& shape) {
    return outcome(initializer_over(*environment, std::move(name), part, dtype, shape, nullptr));
  };
  const std::span all(bytes);
  EXPECT_EQ(over_bytes("w", all, DType::i64, {3}), "success");
  EXPECT_THAT(over_bytes("w", all.subspan(4), DType::i64, {2}),
              StartsWith("invalid_argument: initializer w: address: misaligned"));
  EXPECT_THAT(over_bytes("w", all, DType::i64, {4}), StartsWith("invalid_argument: initializer w: "));
  EXPECT_THAT(over_bytes("w", all, DType::string, {1}), StartsWith("invalid_argument: initializer w: dtype"));
  EXPECT_THAT(over_bytes(std::string("w\0", 2), all, DType::i64, {3}), StartsWith("invalid_argument: initializer: holds a NUL"));
  EXPECT_THAT(outcome(initializer_of(*environment, "w", std::vector<float>(3), {2, 2})),
              StartsWith("invalid_argument: initializer w"));
}

// x [4] -> y = x + c * c; c lies in weights.bin behind 16 bytes.
std::string with_weights_outside() {
  test_models::OnnxModel model;
  model.input("x", DType::f32, {4})
      .initializer(
          "c", test_models::external_tensor(DType::f32, {4}, {{"location", "weights.bin"}, {"offset", "16"}, {"length", "16"}}));
  model.node("Mul", {"c", "c"}, {"square"}).node("Add", {"x", "square"}, {"y"}).output("y", DType::f32, {4});
  return model.bytes();
}

TEST(OrtInitializer, O08_FilesOfWeightsInMemory) {
  const std::string model = with_weights_outside();
  SessionSpec spec = spec_of(model);
  EXPECT_THAT(outcome(Session::open(spec)), StartsWith("invalid_argument: model: ONNX Runtime"));
  std::string file = bytes_of({9, 9, 9, 9, 1, 2, 3, 4});
  spec.external_files = {{"weights.bin", std::as_bytes(std::span(file))}};
  const auto session = take(Session::open(spec));
  file.assign(file.size(), '\xff');
  std::vector<float> x = {1, 1, 1, 1};
  const Value value = over(x, {4});
  EXPECT_THAT(elements_of<float>(run_once(session, {&value})[0]), testing::ElementsAre(2, 5, 10, 17));
  const std::string shorter = file.substr(0, 20);
  spec.external_files = {{"weights.bin", std::as_bytes(std::span(shorter))}};
  EXPECT_THAT(outcome(Session::open(spec)), testing::Not("success"));
}

TEST(OrtInitializer, O08_FilesOfWeightsBesideTheModel) {
  const Folder folder;
  const fs::path path = folder.write("m.onnx", with_weights_outside());
  EXPECT_THAT(outcome(Session::open({.model = ModelPath{path}})), testing::Not("success"));
  folder.write("weights.bin", bytes_of({9, 9, 9, 9, 1, 2, 3, 4}));
  std::vector<float> x = {1, 1, 1, 1};
  const Value value = over(x, {4});
  const auto session = take(Session::open({.model = ModelPath{path}}));
  EXPECT_THAT(elements_of<float>(run_once(session, {&value})[0]), testing::ElementsAre(2, 5, 10, 17));
}

TEST(OrtPrepackedWeights, O07_AreHeldOnceBetweenSessions) {
  const std::string model = test_models::wide_mlp(256, 4);  // 1 MiB of weights
  const auto held_by_second = [&](bool shared) {
    const auto environment = take(Environment::get());
    SessionSpec spec = spec_of(model);
    std::vector<Initializer> weights;
    for (int i = 0; i < 4; ++i) {
      weights.push_back(take(initializer_of(*environment, "w" + std::to_string(i),
                                            test_models::random_floats(256 * 256, static_cast<std::uint64_t>(i)), {256, 256})));
    }
    spec.shared_initializers = weights;
    if (shared) spec.prepacked = take(PrepackedWeights::make(environment->library()));
    const auto first = take(Session::open(spec));
    const auto second = take(Session::open(spec));
    return *take(take(second->host_allocator()).statistics()).bytes_in_use;
  };
  EXPECT_EQ(held_by_second(false), 1 << 20);
  EXPECT_EQ(held_by_second(true), 0);
}

// ---- LoRA ----------------------------------------------------------------------------------------------------------------

using Adapter = std::shared_ptr<const LoraAdapter>;

Adapter load_adapter(const Session& session, const std::string& name, const std::vector<float>& elements) {
  const AdapterWriter writer(name, elements);
  return take(LoraAdapter::load(session.library(), std::as_bytes(std::span(writer.bytes()))));
}

RunOptions options_with(const std::vector<Adapter>& adapters) {
  RunOptions options = take(RunOptions::make(take(Library::open())));
  for (const Adapter& adapter : adapters) take(options.add_adapter(adapter));
  return options;
}

// x = {1, 1, 1, 1} and no other input.
std::vector<float> run_with(const Session& session, const std::vector<Adapter>& adapters) {
  RunOptions options = options_with(adapters);
  std::vector<float> x = {1, 1, 1, 1};
  const Value value = over(x, {4});
  const RunInput inputs[] = {{0, &value}};
  RunOutput outputs[] = {{0}};
  take(run(session, options, inputs, outputs));
  return elements_of<float>(*outputs[0].value);
}

TEST(OrtLora, O10_AnAdapterLoadsAndApplies) {
  const Folder folder;
  const auto session = open_model(test_models::default_input());
  EXPECT_THAT(run_with(*session, {load_adapter(*session, "bias", {10, 20, 30, 40})}), testing::ElementsAre(11, 21, 31, 41));
  const fs::path path = folder.write("a.onnx_adapter", AdapterWriter("bias", {50, 60, 70, 80}).bytes());
  const auto from_file = take(LoraAdapter::load(session->library(), path));
  fs::remove(path);
  EXPECT_THAT(run_with(*session, {from_file}), testing::ElementsAre(51, 61, 71, 81));
  EXPECT_THAT(run_with(*session, {}), testing::ElementsAre(2, 3, 4, 5)) << "nothing stays";
}

TEST(OrtLora, O19_APreparedRunAppliesTheAdapterOfItsOptions) {
  const auto session = open_model(test_models::default_input());
  std::vector<float> x = {1, 2, 3, 4};
  const std::size_t wanted[] = {0};
  PreparedRun prepared = take(PreparedRun::make(session, wanted));
  take(prepared.set_input(0, std::make_shared<Value>(over(x, {4}))));
  RunOptions options = options_with({load_adapter(*session, "bias", {10, 20, 30, 40})}), plain = options_with({});
  take(prepared.run(options));
  EXPECT_THAT(elements_of<float>(*take(prepared.output(0))), testing::ElementsAre(11, 22, 33, 44));
  take(prepared.run(plain));
  EXPECT_THAT(elements_of<float>(*take(prepared.output(0))), testing::ElementsAre(2, 4, 6, 8));
}

// RunWithBinding and RunAsync would compute without them.
TEST(OrtLora, O19_BindingsAndJobsRefuseAdapters) {
  const std::string model = test_models::default_input();
  SessionSpec spec = spec_of(model);
  spec.threads.count = 2;
  const auto session = take(Session::open(spec));
  const auto value = std::make_shared<Value>(
      take(Value::copy<float>(session->environment()->host_allocator(), std::vector<float>{1, 2, 3, 4}, {4})));
  RunOptions options = options_with({load_adapter(*session, "bias", {10, 20, 30, 40})});
  Binding binding = take(Binding::make(session));
  take(binding.bind_input(0, *value));
  take(binding.bind_output(0));
  EXPECT_THAT(outcome(binding.run(options)), StartsWith("unimplemented: run options: adapters: expected none, got 1"));
  JobSpec job{.inputs = {{0, value}}};
  job.outputs.push_back({0});
  EXPECT_THAT(outcome(Job::start(session, std::move(options), std::move(job))),
              StartsWith("unimplemented: run options: adapters"));
  RunOptions plain = options_with({});
  take(binding.run(plain));
  EXPECT_THAT(elements_of<float>(*take(binding.output(0))), testing::ElementsAre(2, 4, 6, 8));
}

TEST(OrtLora, O19_SeveralAdaptersAddUp) {
  test_models::OnnxModel m;
  m.input("x", DType::f32, {4}).input("a", DType::f32, {4}).input("b", DType::f32, {4});
  m.initializer("a", Shape{4}, std::vector<float>(4, 0)).initializer("b", Shape{4}, std::vector<float>(4, 0));
  m.node("Add", {"x", "a"}, {"t"}).node("Add", {"t", "b"}, {"y"}).output("y", DType::f32, {4});
  const auto session = open_model(m.bytes());
  const Adapter a = load_adapter(*session, "a", {10, 20, 30, 40}), b = load_adapter(*session, "b", {100, 200, 300, 400});
  EXPECT_THAT(run_with(*session, {a, b}), testing::ElementsAre(111, 221, 331, 441));
  EXPECT_THAT(run_with(*session, {b}), testing::ElementsAre(101, 201, 301, 401));
}

TEST(OrtLora, O19_AnAdapterGivesRequiredInputsTooAndInPlaceOfWhatARunIsGiven) {
  const auto session = open_model(test_models::two_inputs());  // y = a - b
  const AdapterWriter writer("b", {10, 20, 30, 40}, {1, 4});
  RunOptions options = options_with({take(LoraAdapter::load(session->library(), std::as_bytes(std::span(writer.bytes()))))});
  std::vector<float> a = {1, 2, 3, 4};
  const Value value = over(a, {1, 4});
  for (const std::vector<RunInput>& inputs : {std::vector<RunInput>{{0, &value}}, {{0, &value}, {1, &value}}}) {
    RunOutput outputs[] = {{0}};
    take(run(*session, options, inputs, outputs));
    EXPECT_THAT(elements_of<float>(*outputs[0].value), testing::ElementsAre(-9, -18, -27, -36));
  }
}

TEST(OrtLora, O19_AnAdapterOfAnotherModelFailsTheRun) {
  const auto session = open_model(test_models::default_input());
  RunOptions options = options_with({load_adapter(*session, "other", {10, 20, 30, 40})});
  std::vector<float> x = {1, 1, 1, 1};
  const Value value = over(x, {4});
  const RunInput inputs[] = {{0, &value}};
  RunOutput outputs[] = {{0}};
  EXPECT_THAT(outcome(run(*session, options, inputs, outputs)),
              AllOf(StartsWith("invalid_argument: ONNX Runtime: "), HasSubstr("other")));
  EXPECT_THAT(outcome(options.add_adapter(nullptr)), StartsWith("invalid_argument: run options: adapter: null"));
}

TEST(OrtLora, O10_WhatIsNoAdapterIsRefused) {
  const Folder folder;
  const auto library = take(Library::open());
  const auto load = [&](std::string_view bytes) { return outcome(LoraAdapter::load(library, std::as_bytes(std::span(bytes)))); };
  EXPECT_THAT(load(""), StartsWith("invalid_argument: adapter: bytes: none"));
  EXPECT_THAT(load("no adapter at all"), StartsWith("invalid_argument: adapter: "));
  const std::string good = AdapterWriter("bias", {10, 20, 30, 40}).bytes();
  for (std::size_t bytes = 0; bytes < good.size(); bytes += 4) {
    EXPECT_THAT(load(std::string_view(good).substr(0, bytes)), StartsWith("invalid_argument: adapter: ")) << bytes;
  }
  EXPECT_THAT(outcome(LoraAdapter::load(library, std::as_bytes(std::span(good)), take(Allocator::host(library)))),
              AllOf(StartsWith("invalid_argument: adapter: "), HasSubstr("device allocator")));
  EXPECT_THAT(outcome(LoraAdapter::load(library, folder.path() / "none")), StartsWith("not_found: adapter "));
  EXPECT_THAT(outcome(LoraAdapter::load(library, folder.path())), StartsWith("invalid_argument: adapter "));
  EXPECT_THAT(outcome(LoraAdapter::load(library, fs::path(std::string("a\0b", 3)))),
              StartsWith("invalid_argument: adapter: path"));
}

TEST(OrtInitializer, O10_OverridableOnesAreListedAndSettable) {
  const auto session = open_model(test_models::default_input());
  ASSERT_EQ(session->inputs().size(), 2u);
  EXPECT_EQ(session->inputs()[1], (Port{.name = "bias", .shape = {{.extent = 4}}, .optional = true}));
  std::vector<float> x = {1, 1, 1, 1}, bias = {5, 6, 7, 8};
  const Value value = over(x, {4}), other = over(bias, {4});
  EXPECT_THAT(elements_of<float>(run_once(session, {&value, &other})[0]), testing::ElementsAre(6, 7, 8, 9));
  EXPECT_THAT(elements_of<float>(run_once(session, {&value, nullptr})[0]), testing::ElementsAre(2, 3, 4, 5));
}

}  // namespace
}  // namespace laneway::ort
