#include <gtest/gtest.h>

#include <cstdio>

#include "models/models.h"
#include "run_program.h"

namespace {

/// The same model with other weights: the last normalisation, of 64 ones, scales by 0.5.
std::string new_version(std::string model) {
  const std::vector<float> ones(64, 1.0f), halves(64, 0.5f);
  const auto bytes_of = [](const std::vector<float>& floats) {
    return std::string(reinterpret_cast<const char*>(floats.data()), floats.size() * sizeof(float));
  };
  const std::size_t at = model.rfind(bytes_of(ones));
  if (at != std::string::npos) model.replace(at, 256, bytes_of(halves));
  return model;
}

class Service : public testing::TestWithParam<const char*> {};

TEST_P(Service, L43_NewVersionTakesOverUnderLoad) {
  const ScratchFolder folder;
  const std::string model = laneway::test_models::encoder();
  ASSERT_NE(new_version(model), model);
  const Outcome outcome =
      run_program(EXAMPLE_PROGRAM, {folder.write("encoder.onnx", model), folder.write("encoder_2.onnx", new_version(model))});
  EXPECT_EQ(outcome.status, 0) << outcome.err;

  unsigned long long first = 0, second = 0, failed = 1, wrong = 1;
  ASSERT_EQ(std::sscanf(outcome.out.c_str(), "version 1 answered %llu\nversion 2 answered %llu\nfailed %llu, wrong %llu\n",
                        &first, &second, &failed, &wrong),
            4)
      << outcome.out;
  EXPECT_GT(first, 0u);
  EXPECT_GT(second, 0u);
  EXPECT_EQ(failed, 0u);
  EXPECT_EQ(wrong, 0u);
  EXPECT_NE(outcome.out.find("old version gone: yes\n"), std::string::npos) << outcome.out;
}

INSTANTIATE_TEST_SUITE_P(Engines, Service, testing::Values("ort"), [](const auto& engine) { return std::string(engine.param); });

TEST(ServiceStart, MissingModelIsSaid) {
  const Outcome outcome = run_program(EXAMPLE_PROGRAM, {"nowhere.onnx"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.err.find("nowhere.onnx"), std::string::npos) << outcome.err;
}

}  // namespace
