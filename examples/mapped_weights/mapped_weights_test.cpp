#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "models/onnx_writer.h"
#include "run_program.h"

namespace {

using laneway::DType;
using laneway::Shape;
using laneway::test_models::OnnxModel;

// Rows of a table that lies in weights.bin from byte 64 on.
std::string lookup() {
  OnnxModel model;
  model.input("ids", DType::i64, {"n"}).output("rows", DType::f32, {"n", 25});
  const auto table =
      laneway::test_models::external_tensor(DType::f32, Shape(40, 25), {{"location", "weights.bin"}, {"offset", "64"}});
  model.initializer("table", table).node("Gather", {"table", "ids"}, {"rows"});
  return model.bytes();
}

std::string weights() {
  std::vector<float> floats(16 + 40 * 25);
  std::iota(floats.begin(), floats.end(), -16.0f);
  return {reinterpret_cast<const char*>(floats.data()), floats.size() * sizeof(float)};
}

TEST(MappedWeights, O08_TwoSessionsComputeFromOneMappedFile) {
  const ScratchFolder folder;
  folder.write("weights.bin", weights());
  const Outcome outcome = run_program(EXAMPLE_PROGRAM, {folder.write("model.onnx", lookup()), "39", "0"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  std::string rows;
  for (const int first : {39 * 25, 0}) {
    for (int i = 0; i < 25; ++i) rows += std::to_string(first + i) + " ";
  }
  EXPECT_EQ(outcome.out, "table: [40, 25] at 64 of weights.bin\n" + rows + "\n" + rows + "\n");
}

TEST(MappedWeights, SaysWhatIsWrong) {
  const ScratchFolder folder;
  folder.write("weights.bin", weights().substr(0, 1000));
  const Outcome outcome = run_program(EXAMPLE_PROGRAM, {folder.write("model.onnx", lookup()), "1"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.err.find("weights.bin"), std::string::npos) << outcome.err;
  EXPECT_EQ(run_program(EXAMPLE_PROGRAM, {}).status, 1);
}

}  // namespace
