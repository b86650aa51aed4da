// A provider library of another maker: that of the wheel onnxruntime-ep-openvino, which computes on Intel's processors only.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "laneway/engines/ort.h"
#include "laneway/laneway.h"
#include "ort_support/models.h"

namespace laneway {
namespace {

using ort::take;

const std::filesystem::path plugin = std::string(LANEWAY_TEST_DEPS_DIR) + "/openvino/libonnxruntime_providers_openvino_plugin.so";

std::vector<float> run_mlp(const OrtEngineSpec& engine, const std::vector<float>& x) {
  const std::string model = test_models::mlp();
  const Runtime runtime = take(open({.model = ModelBytes{test_models::as_bytes(model)}, .engine = engine}));
  Lane& lane = *runtime.lanes()[0];
  std::ranges::copy(x, take(lane.input<float>("x")).begin());
  take(lane.run());
  const auto y = take(lane.output<float>("y")).data;
  return {y.begin(), y.end()};
}

TEST(OpenVino, O23_RegistersAndComputesOnIntelsProcessors) {
  ASSERT_TRUE(std::filesystem::exists(plugin)) << plugin << ": scripts/setup brings it";
  const auto environment = take(ort::Environment::get());
  const auto loaded = ort::ProviderLibrary::load(environment, "openvino", plugin);
  if (!loaded && environment->library()->level() < 24) GTEST_SKIP() << "for newer libraries: " << loaded.error().message();
  const auto library = take(loaded);
  const std::vector<ort::Device> devices = library->devices();
  const auto found = std::ranges::find(devices, ort::DeviceKind::cpu, [](const auto& device) { return device.hardware().kind; });
  if (found == devices.end()) {
    const std::vector<ort::Device> all = take(ort::devices(environment));
    ASSERT_FALSE(all.empty());
    EXPECT_EQ(all[0].hardware().vendor.find("Intel"), std::string::npos) << "it lists no device on the maker's own processor";
    std::cout << "it registers, and lists no device to compute on: the processor is of " << all[0].hardware().vendor << '\n';
    return;
  }
  EXPECT_EQ(found->provider(), "OpenVINOExecutionProvider");
  const std::vector<float> x = test_models::random_floats(32, 5), expected = run_mlp({}, x);
  const std::vector<float> got = run_mlp({.providers = {{.name = "OpenVINO", .devices = {*found}}}}, x);
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 0.02f) << "it may compute in 16 bits";
}

}  // namespace
}  // namespace laneway
