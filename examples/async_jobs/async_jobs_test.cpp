#include <gtest/gtest.h>

#include "models/onnx_writer.h"
#include "run_program.h"

namespace {

using laneway::DType;
using laneway::Shape;
using laneway::test_models::OnnxModel;

TEST(AsyncJobs, L22_RequestsGoOnWhereTheProgramSays) {
  OnnxModel model;  // y = x w + 0.5, on x = {n, n + 1, n + 2} for n from 0 to 23
  model.input("x", DType::f32, {1, 3}).output("y", DType::f32, {1, 2});
  model.initializer("w", Shape{3, 2}, std::vector<float>{10, 20, 1, -2, 3, 4});
  model.initializer("b", Shape{2}, std::vector<float>{0.5f, 0.5f});
  model.node("MatMul", {"x", "w"}, {"p"}).node("Add", {"p", "b"}, {"y"});
  const ScratchFolder folder;
  const Outcome outcome = run_program(EXAMPLE_PROGRAM, {folder.write("model.onnx", model.bytes())});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "requests 24, threads 1, sum 10272\n");  // 14 n + 7.5 and 22 n + 6.5
}

TEST(AsyncJobs, SaysWhatIsWrong) {
  const Outcome outcome = run_program(EXAMPLE_PROGRAM, {"nowhere.onnx"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.err.find("nowhere.onnx"), std::string::npos) << outcome.err;
}

}  // namespace
