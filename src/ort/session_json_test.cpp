#include "laneway/ort/session_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "ort_support/models.h"

namespace laneway::ort {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

Expected<SessionSpec> read(std::string_view text) { return from_json(text, {.model = ModelPath{}}); }

const std::string& model_of(const SessionSpec& spec) { return std::get<ModelPath>(spec.model.get()).path.native(); }

TEST(OrtSessionJson, O06_EveryFieldThatCanBeTextComesBack) {
  SessionSpec spec{.model = ModelPath{"dir/größe.onnx"}};
  spec.providers = {
      {.name = "CUDA", .options = {{"device_id", "1"}, {"a", ""}}, .fallback = {{.name = "XNNPACK"}, {.name = "CPU"}}},
      {.name = "Azure"}};
  spec.device_selection = DevicePolicy::max_efficiency;
  spec.dimensions = {{"sequence", 17}, {"batch", std::int64_t{1} << 40}};
  spec.dimensions_by_denotation = {{"DATA_BATCH", 0}};
  spec.config = {{"z.last", "first"}, {"a.first", "\"quoted\"\n\u00e4"}};
  spec.operator_libraries = {"liba.so", "dir/libb.so"};
  spec.operator_functions = {"RegisterMine", "RegisterOthers"};
  spec.deterministic = true;
  spec.denormals_as_zero = true;
  spec.record_placement = true;
  spec.log_id = "id";
  spec.log_severity = Severity::info;
  spec.log_verbosity = -3;
  spec.profile_prefix = "trace";
  spec.optimised_model = "";
  spec.optimisation = Optimisation::layout;
  spec.threads = {.count = 4, .cores = {3, 1}, .spin = false, .name = "workers"};
  spec.global_pool = true;
  spec.execution = Execution::parallel;
  spec.inter_threads = 2;
  spec.arena = false;
  spec.memory_pattern = false;
  const SessionSpec back = take(read(take(to_json(spec))));
  EXPECT_EQ(model_of(back), model_of(spec));
  ASSERT_EQ(back.providers.size(), 2u);
  EXPECT_EQ(back.providers[0].name, "CUDA");
  EXPECT_EQ(back.providers[0].options, spec.providers[0].options);
  EXPECT_EQ(back.providers[0].fallback[1].name, "CPU");
  EXPECT_EQ(back.providers[1].name, "Azure");
  EXPECT_EQ(std::get<DevicePolicy>(back.device_selection), DevicePolicy::max_efficiency);
  EXPECT_EQ(back.dimensions, spec.dimensions) << "in their order";
  EXPECT_EQ(back.dimensions_by_denotation, spec.dimensions_by_denotation);
  EXPECT_EQ(back.config, spec.config) << "in their order";
  EXPECT_EQ(back.operator_libraries, spec.operator_libraries);
  EXPECT_EQ(back.operator_functions, spec.operator_functions);
  EXPECT_TRUE(back.deterministic && back.denormals_as_zero && back.record_placement && back.global_pool);
  EXPECT_EQ(back.log_id, "id");
  EXPECT_EQ(back.log_severity, Severity::info);
  EXPECT_EQ(back.log_verbosity, -3);
  EXPECT_EQ(back.profile_prefix, "trace");
  EXPECT_EQ(back.optimised_model, "");
  EXPECT_EQ(back.optimisation, Optimisation::layout);
  EXPECT_EQ(back.threads, spec.threads);
  EXPECT_EQ(back.execution, Execution::parallel);
  EXPECT_EQ(back.inter_threads, 2);
  EXPECT_FALSE(back.arena || back.memory_pattern);
}

TEST(OrtSessionJson, O06_RandomSpecsComeBackAsTheSameText) {
  std::mt19937 random(6);
  const auto below = [&](int limit) { return static_cast<int>(random() % static_cast<unsigned>(limit)); };
  for (int i = 0; i < 200; ++i) {
    SessionSpec spec{.model = ModelPath{"m" + std::to_string(below(9))}};
    for (int n = below(3); n > 0; --n) spec.providers.push_back({.name = "p" + std::to_string(n), .options = {{"k", "v"}}});
    for (int n = below(4); n > 0; --n)
      spec.config.emplace_back("k" + std::to_string(n), std::string(1, static_cast<char>(below(128))));
    if (below(2)) spec.device_selection = static_cast<DevicePolicy>(below(7));
    if (below(2)) spec.log_severity = static_cast<Severity>(below(5));
    if (below(2)) spec.profile_prefix = "p";
    spec.arena = below(2);
    spec.execution = static_cast<Execution>(below(2));
    spec.threads.cores.assign(static_cast<std::size_t>(below(3)), below(8));
    const std::string text = take(to_json(spec));
    EXPECT_EQ(take(to_json(take(read(text)))), text);
  }
}

TEST(OrtSessionJson, O06_WhatIsNotSaidIsAsInTheBase) {
  const SessionSpec spec = take(from_json(R"({"arena": false, "threads": {"count": 2}, "log_severity": null})",
                                          {.model = ModelPath{"base"}, .log_id = "kept", .log_severity = Severity::error}));
  EXPECT_EQ(model_of(spec), "base");
  EXPECT_EQ(spec.log_id, "kept");
  EXPECT_EQ(spec.log_severity, std::nullopt);
  EXPECT_FALSE(spec.arena);
  EXPECT_EQ(spec.threads, (ThreadSpec{.count = 2}));
}

TEST(OrtSessionJson, O06_UnknownKeysAreRefusedByName) {
  EXPECT_THAT(outcome(read(R"({"optimization": "all"})")),
              AllOf(StartsWith("invalid_argument: session options: optimization: no such field: expected one of "),
                    HasSubstr("optimisation")));
  EXPECT_THAT(outcome(read(R"({"threads": {"intra": 1}})")), HasSubstr("session options: threads: intra: no such field"));
  EXPECT_THAT(outcome(read(R"({"providers": [{"name": "CPU"}, {"nam": "x"}]})")), HasSubstr("providers: 1: nam: no such field"));
}

TEST(OrtSessionJson, O06_WhatCannotBeTextIsRefusedByName) {
  const auto refused = [](auto edit) {
    SessionSpec spec{.model = ModelPath{"m"}};
    edit(spec);
    return outcome(to_json(spec));
  };
  const auto names = [](const char* field) {
    return "invalid_argument: session options: " + std::string(field) + ": cannot be text";
  };
  const auto environment = take(Environment::get());
  EXPECT_EQ(refused([](SessionSpec& s) { s.model = ModelBytes{}; }), names("model"));
  EXPECT_EQ(refused([&](SessionSpec& s) { s.environment = environment; }), names("environment"));
  EXPECT_EQ(refused([](SessionSpec& s) { s.device_selection = DeviceSelector(); }), names("device_selection"));
  EXPECT_EQ(refused([&](SessionSpec& s) { s.providers = {{.name = "P", .devices = take(devices(environment))}}; }),
            names("providers: P: devices"));
  EXPECT_EQ(refused([](SessionSpec& s) { s.external_initializers = {{"w", nullptr}}; }), names("external_initializers"));
  EXPECT_EQ(refused([](SessionSpec& s) { s.shared_initializers = {{"w", nullptr}}; }), names("shared_initializers"));
  EXPECT_EQ(refused([](SessionSpec& s) { s.external_files = {{"w", {}}}; }), names("external_files"));
  std::stop_source stop;
  EXPECT_EQ(refused([&](SessionSpec& s) { s.load_cancellation = stop.get_token(); }), names("load_cancellation"));
  EXPECT_EQ(refused([](SessionSpec& s) { s.log_sink = [](const LogRecord&) {}; }), names("log_sink"));
  EXPECT_EQ(refused([](SessionSpec& s) { s.thread_hooks = std::make_shared<const ThreadHooks>(); }), names("thread_hooks"));
  EXPECT_EQ(refused([&](SessionSpec& s) { s.prepacked = take(PrepackedWeights::make(environment->library())); }),
            names("prepacked"));
  EXPECT_EQ(refused([](SessionSpec& s) { s.shared_allocators = {nullptr}; }), names("shared_allocators"));
  EXPECT_EQ(refused([](SessionSpec& s) { s.operators = {nullptr}; }), names("operators"));
  EXPECT_THAT(outcome(read(R"({"log_sink": "stderr"})")), HasSubstr("log_sink: cannot be text"));
  EXPECT_THAT(refused([](SessionSpec& s) { s.config = {{"k", "1"}, {"k", "2"}}; }), HasSubstr("config: k: given twice"));
  EXPECT_THAT(refused([](SessionSpec& s) { s.log_id = "\xff"; }), StartsWith("invalid_argument: session options: "));
}

TEST(OrtSessionJson, O06_WrongTextIsRefusedNamingTheKey) {
  EXPECT_THAT(outcome(read("")), StartsWith("invalid_argument: session options: no JSON: "));
  EXPECT_THAT(outcome(read("{\"arena\": tru}")), HasSubstr("column"));
  EXPECT_THAT(outcome(read("[]")), HasSubstr("session options: expected an object, got array"));
  EXPECT_THAT(outcome(read(R"({"arena": 1})")), HasSubstr("arena: expected true or false, got number"));
  EXPECT_THAT(outcome(read(R"({"arena": true, "arena": false})")), HasSubstr("arena: given twice"));
  EXPECT_THAT(outcome(read(R"({"threads": {"count": 99999999999}})")),
              HasSubstr("threads: count: out of range: got 99999999999"));
  EXPECT_THAT(outcome(read(R"({"threads": {"count": 1.5}})")), HasSubstr("threads: count: expected a whole number"));
  EXPECT_THAT(outcome(read(R"({"threads": {"cores": [1, "2"]}})")),
              HasSubstr("threads: cores: 1: expected a whole number, got string"));
  EXPECT_THAT(outcome(read(R"({"dimensions": {"n": 18446744073709551615}})")), HasSubstr("dimensions: n: out of range"));
  EXPECT_THAT(outcome(read(R"({"execution": "both"})")), HasSubstr("execution: expected one of sequential, parallel, got both"));
  EXPECT_THAT(outcome(read(R"({"config": {"k": 1}})")), HasSubstr("config: k: expected a text, got number"));
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += R"({"providers":[{"fallback":[)";
  EXPECT_THAT(outcome(read(deep)), StartsWith("invalid_argument"));
  EXPECT_THAT(outcome(read(R"({"config": )" + std::string(50, '[') + std::string(50, ']') + "}")),
              HasSubstr("nested too deeply"));
}

TEST(OrtSessionJson, O06_TheTextIsPlainJsonWithTheFieldsNames) {
  const auto json = nlohmann::json::parse(take(to_json({.model = ModelPath{"m.onnx"}, .execution = Execution::parallel})));
  EXPECT_EQ(json["model"], "m.onnx");
  EXPECT_EQ(json["execution"], "parallel");
  EXPECT_EQ(json["optimisation"], "all");
  EXPECT_EQ(json["threads"]["count"], 1);
  EXPECT_TRUE(json["profile_prefix"].is_null());
  EXPECT_FALSE(json.contains("log_sink"));
}

}  // namespace
}  // namespace laneway::ort
