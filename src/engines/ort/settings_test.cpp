// What a session can be told and asked is reachable from the engine: O05, O07, O20, O21, O22, O25, O29.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "laneway/engines/null.h"
#include "laneway/ort/environment.h"
#include "models/models.h"
#include "ort_support/folder.h"
#include "ort_support/seam.h"

namespace laneway {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using Floats = std::vector<float>;

std::string refusal(const OrtEngineSpec& spec) { return outcome(spec.open({.model = model_of(test_models::relu())})); }

// A binding of relu over [3], which it checks.
void run_relu(const OpenEngine& engine) {
  Bound bound(engine, {.inputs = {Shape(3)}});
  bound.write(0, Floats{-2, 3, -1});
  must(bound.run());
  EXPECT_EQ(bound.read<float>(0), (Floats{0, 3, 0}));
}

std::string relu_of_3() {
  test_models::OnnxModel model;
  model.input("x", DType::f32, {3}).node("Relu", {"x"}, {"y"}).output("y", DType::f32, {3});
  return model.bytes();
}

// ---- providers -----------------------------------------------------------------------------------------------------------

TEST(OrtSettings, O22_AProviderThatIsMissingIsNamedWithThoseThereAre) {
  EXPECT_THAT(refusal({.providers = {{.name = "CUDA"}}}),
              AllOf(StartsWith("unavailable: provider CUDA: not available: expected one of"), HasSubstr("CPUExecutionProvider"),
                    HasSubstr("got CUDAExecutionProvider")));
  EXPECT_THAT(refusal({.providers = {{.name = "CPU"}, {.name = "Nobody"}}}), StartsWith("unavailable: provider Nobody"));
  EXPECT_THAT(refusal({.providers = {{.name = ""}}}), StartsWith("invalid_argument: providers: name: empty"));
  EXPECT_THAT(refusal({.providers = {{.name = "CUDA", .options = {{"a", "1"}, {"a", "2"}}}}}), StartsWith("invalid_argument"));
}

TEST(OrtSettings, O22_WhereOneIsMissingItsFallbackServes) {
  const ort::Provider wanted = {.name = "CUDA", .fallback = {{.name = "TensorRT"}, {.name = "CPU"}}};
  run_relu(open_ort(relu_of_3(), {.providers = {wanted}}));
  EXPECT_THAT(refusal({.providers = {{.name = "CUDA", .fallback = {{.name = "TensorRT"}}}}}),
              StartsWith("unavailable: provider CUDA"));
}

TEST(OrtSettings, O22_ProvidersKeepWeightsOfTheirOwn) {
  EXPECT_THAT(refusal({.providers = {{.name = "CPU"}}, .sessions = OrtSessions::per_lane}),
              StartsWith("unimplemented: sessions: per_lane: providers keep weights of their own"));
  const OpenEngine engine =
      open_ort(test_models::mlp(), {.providers = {{.name = "CPU"}}}, {.model = ModelBytes{}, .threads = {.count = 2}});
  EXPECT_THAT(note(*engine, "sessions"), StartsWith("shared (providers"));
}

// ---- the rest of a session's spec ----------------------------------------------------------------------------------------

TEST(OrtSettings, O05_TheCallerHasTheLastWordOnTheSession) {
  const Folder folder;
  const auto dump = folder.path() / "optimised.onnx";
  const OpenEngine engine = open_ort(
      relu_of_3(), {.config = {{"session.disable_prepacking", "1"}}, .edit_session = [&](ort::SessionSpec& spec) {
                      EXPECT_THAT(spec.config,
                                  testing::Contains(std::pair<std::string, std::string>("session.disable_prepacking", "1")));
                      spec.optimised_model = dump;
                      spec.optimisation = ort::Optimisation::basic;
                      spec.record_placement = true;
                    }});
  run_relu(engine);
  EXPECT_GT(std::filesystem::file_size(dump), 0u);
  if (ort_session(*engine)->library()->level() < 24) return;
  EXPECT_EQ(must(ort_session(*engine)->assignments())[0].provider, "CPUExecutionProvider");
}

TEST(OrtSettings, O05_WhatTheEngineIsToldElsewhereIsNotChangedBehindItsBack) {
  const auto refused = [](auto change) { return refusal({.edit_session = [change](ort::SessionSpec& spec) { change(spec); }}); };
  const std::string other = test_models::mlp();
  EXPECT_THAT(refused([&](auto& spec) { spec.model = ort::ModelBytes{test_models::as_bytes(other)}; }),
              StartsWith("invalid_argument: edit_session: changes model"));
  EXPECT_THAT(refused([](auto& spec) { spec.threads.count = 2; }), StartsWith("invalid_argument: edit_session: changes threads"));
  EXPECT_THAT(refused([](auto& spec) {
                spec.dimensions = {{"n", 1}};
              }),
              StartsWith("invalid_argument: edit_session: changes dimensions"));
  EXPECT_THAT(refused([](auto& spec) { spec.environment = nullptr; }),
              StartsWith("invalid_argument: edit_session: changes environment"));
  EXPECT_THAT(refused([](auto& spec) { spec.inter_threads = 0; }), StartsWith("invalid_argument: inter_threads: too few"));
  EXPECT_THAT(refused([](auto& spec) { spec.global_pool = true; }), StartsWith("failed_precondition"));
}

TEST(OrtSettings, O05_NodesOfOneRunInParallel) {
  run_relu(open_ort(relu_of_3(), {.edit_session = [](ort::SessionSpec& spec) {
                      spec.execution = ort::Execution::parallel;
                      spec.inter_threads = 2;
                    }}));
}

TEST(OrtSettings, O05_DimensionsFixedByWhatTheyStandForShowInThePorts) {
  test_models::OnnxModel model;
  // TypeProto { tensor_type { elem_type: 1, shape { dim { dim_param: "n", denotation: "DATA_BATCH" } } } }
  model.input("x", test_models::Type{"\x0a\x15\x08\x01\x12\x11\x0a\x0f\x12\x01n\x1a\x0a"
                                     "DATA_BATCH"});
  model.node("Relu", {"x"}, {"y"}).output("y", DType::f32, {"n"});
  const OpenEngine engine = open_ort(model.bytes(), {.edit_session = [](ort::SessionSpec& spec) {
                                       spec.dimensions_by_denotation = {{"DATA_BATCH", 3}};
                                     }});
  EXPECT_EQ(describe_shape(engine->inputs()[0]), "[3]");
  run_relu(engine);
}

TEST(OrtSettings, O07_WeightsPackedOnceForTwoEngines) {
  const auto packed = must(ort::PrepackedWeights::make(must(ort::Library::open())));
  const OrtEngineSpec sharing = {.edit_session = [&](ort::SessionSpec& spec) { spec.prepacked = packed; }};
  const OpenEngine one = open_ort(relu_of_3(), sharing), other = open_ort(relu_of_3(), sharing);
  run_relu(one);
  run_relu(other);
  EXPECT_THAT(refusal({.edit_session = sharing.edit_session, .sessions = OrtSessions::per_lane}),
              StartsWith("unimplemented: sessions: per_lane: the caller says how weights are shared"));
}

// ---- from engine and binding to the session ------------------------------------------------------------------------------

TEST(OrtSettings, O21_AnEngineAndABindingLeadToTheirSession) {
  const OpenEngine engine = open_ort(relu_of_3());
  Bound bound(engine, {.inputs = {Shape(3)}});
  const auto session = ort_session(bound.binding());
  ASSERT_TRUE(session);
  EXPECT_EQ(session, ort_session(*engine));
  EXPECT_EQ(must(session->opset("")), 17);
  EXPECT_EQ(must(session->input_placements())[0].memory.name, "Cpu");
  EXPECT_NE(session->native(), nullptr);
}

TEST(OrtSettings, O21_LanesWithSessionsOfTheirOwnLeadToThose) {
  const OpenEngine engine = open_ort(relu_of_3(), {.sessions = OrtSessions::per_lane});
  const auto plan = must(engine->specialise({.inputs = {Shape(3)}}));
  Floats x(3), y(3);
  const Attachment in[] = {Memory{x.data(), 12}}, out[] = {Memory{y.data(), 12}};
  const auto first = must(plan->bind({.inputs = in, .outputs = out, .lane = 0}));
  const auto second = must(plan->bind({.inputs = in, .outputs = out, .lane = 1}));
  EXPECT_NE(ort_session(*first), ort_session(*second));
}

// ---- profiling -----------------------------------------------------------------------------------------------------------

TEST(OrtSettings, O20_RunsOfLanesAreInTheSessionsTrace) {
  const Folder folder;
  const OpenEngine engine = open_ort(relu_of_3(), {.profile_prefix = folder.path() / "trace"});
  run_relu(engine);
  run_relu(engine);
  const auto trace = must(ort_session(*engine)->end_profiling());
  std::ifstream file(trace);
  std::size_t kernels = 0;
  for (const auto& event : nlohmann::json::parse(file)) kernels += event["name"] == "Relu_0_kernel_time";
  EXPECT_EQ(kernels, 2u);
  EXPECT_THAT(outcome(ort_session(*engine)->end_profiling()), StartsWith("failed_precondition"));
}

TEST(OrtSettings, O20_SessionsOfLanesWriteATraceEach) {
  const Folder folder;
  {
    const OpenEngine engine =
        open_ort(relu_of_3(), {.profile_prefix = folder.path() / "trace", .sessions = OrtSessions::per_lane});
    run_relu(engine);
  }
  const std::filesystem::directory_iterator files(folder.path());
  EXPECT_GE(std::distance(begin(files), end(files)), 1);
}

// ---- models made in memory -----------------------------------------------------------------------------------------------

TEST(OrtSettings, O29_AModelMadeInMemoryOpensAsAnEngine) {
  const ort::ModelGraph sum = {.inputs = {{.name = "a", .shape = {{.symbol = "n"}}}, {.name = "b", .shape = {{.symbol = "n"}}}},
                               .outputs = {{.name = "c", .shape = {{.symbol = "n"}}}},
                               .nodes = {{.type = "Add", .inputs = {"a", "b"}, .outputs = {"c"}}}};
  ModelBytes bytes = must(model_bytes(sum));
  EXPECT_TRUE(bytes.owner);
  const std::weak_ptr<const void> owner = bytes.owner;
  const OpenEngine engine = must(OrtEngineSpec().open({.model = std::move(bytes), .dimensions = {{"n", 1}}}));
  bytes = {};
  EXPECT_TRUE(owner.expired()) << "what ONNX Runtime has copied is not held";
  Bound bound(engine, {.inputs = {Shape(1), Shape(1)}});
  bound.write(0, Floats{2});
  bound.write(1, Floats{3});
  must(bound.run());
  EXPECT_EQ(bound.read<float>(0), Floats{5});
  const ort::ModelGraph broken = {.inputs = {{.name = "m", .kind = PortKind::map}}};
  EXPECT_THAT(outcome(model_bytes(broken)), StartsWith("unimplemented"));
}

}  // namespace
}  // namespace laneway
