#include <gtest/gtest.h>

#include "models/onnx_writer.h"
#include "run_program.h"

namespace {

using laneway::DType;
using laneway::test_models::Attribute;
using laneway::test_models::OnnxModel;

std::string model_of(const std::vector<Attribute>& attributes) {
  OnnxModel model;
  model.opsets = {{"", 17}, {"example", 1}};
  model.input("x", DType::f32, {"n"}).output("y", DType::f32, {"n"});
  model.node("HardClip", {"x"}, {"y"}, attributes, "example");
  return model.bytes();
}

TEST(CustomOperator, O25_TheExampleComputes) {
  const ScratchFolder folder;
  const Outcome outcome =
      run_program(EXAMPLE_PROGRAM, {folder.write("model.onnx", model_of({{"limit", 2.5}})), "-3", "2", "-1", "7.5"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "-2.5\n2\n-1\n2.5\n");
}

TEST(CustomOperator, SaysWhatIsWrong) {
  const ScratchFolder folder;
  const Outcome outcome = run_program(EXAMPLE_PROGRAM, {folder.write("model.onnx", model_of({{"limit", 2}})), "1"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.err.find("attribute limit: kind: expected a float, got an integer"), std::string::npos) << outcome.err;
  EXPECT_EQ(run_program(EXAMPLE_PROGRAM, {}).status, 1);
}

}  // namespace
