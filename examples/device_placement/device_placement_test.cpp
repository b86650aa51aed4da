#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/onnx_writer.h"
#include "run_program.h"

namespace {

using laneway::DType;
using laneway::test_models::OnnxModel;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string sum_and_sign() {
  OnnxModel model;
  model.input("a", DType::f32, {"n"}).input("b", DType::f32, {"n"}).output("y", DType::f32, {"n"});
  model.node("Add", {"a", "b"}, {"t"}).node("Neg", {"t"}, {"y"});
  return model.bytes();
}

TEST(DevicePlacement, O21_ShowsWhereAModelLiesOnADevice) {
  const ScratchFolder folder;
  const Outcome outcome = run_program(EXAMPLE_PROGRAM, {folder.write("model.onnx", sum_and_sign()), LANEWAY_TEST_PROVIDER});
  if (outcome.err.find("expected level 24") != std::string::npos) GTEST_SKIP() << outcome.err;
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("LanewayTestProvider: cpu, LanewayTest\n"), HasSubstr("Add_0 -> LanewayTestProvider\n"),
                    HasSubstr("Neg_1 -> CPUExecutionProvider\n"), HasSubstr("lies on host, the engine wants device")));
}

TEST(DevicePlacement, O24_SaysWhereThereIsNoDevice) {
  const ScratchFolder folder;
  const Outcome outcome = run_program(EXAMPLE_PROGRAM, {folder.write("model.onnx", sum_and_sign())});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("CPUExecutionProvider: cpu, the host's memory\n"));
  if (outcome.out.find("->") != std::string::npos) GTEST_SKIP() << "this machine has a device: " << outcome.out;
  EXPECT_THAT(outcome.out, HasSubstr("no placement to show: none of these devices has memory of its own\n"));
}

TEST(DevicePlacement, SaysWhatIsWrong) {
  EXPECT_EQ(run_program(EXAMPLE_PROGRAM, {}).status, 1);
  EXPECT_EQ(run_program(EXAMPLE_PROGRAM, {"none.onnx", LANEWAY_TEST_PROVIDER}).status, 1);
}

}  // namespace
