#include <gtest/gtest.h>

#include "models/onnx_writer.h"
#include "run_program.h"

namespace {

using laneway::DType;
using laneway::Shape;
using laneway::test_models::OnnxModel;

TEST(Minimal, PrintsTheFirstOutput) {
  OnnxModel model;  // y = x w + 0.5, on x = {0, 1, 2}
  model.input("x", DType::f32, {1, 3}).output("y", DType::f32, {1, 2});
  model.initializer("w", Shape{3, 2}, std::vector<float>{10, 20, 1, -2, 3, 4});
  model.initializer("b", Shape{2}, std::vector<float>{0.5f, 0.5f});
  model.node("MatMul", {"x", "w"}, {"p"}).node("Add", {"p", "b"}, {"y"});
  const ScratchFolder folder;
  const Outcome outcome = run_program(EXAMPLE_PROGRAM, {folder.write("model.onnx", model.bytes())});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "7.5\n6.5\n");  // 1*1 + 2*3 + 0.5, 1*-2 + 2*4 + 0.5
}

TEST(Minimal, SaysWhatIsWrong) {
  const Outcome outcome = run_program(EXAMPLE_PROGRAM, {"nowhere.onnx"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.err.find("nowhere.onnx"), std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.out, "");
}

}  // namespace
