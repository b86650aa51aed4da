#pragma once
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "laneway/ort/device.h"
#include "ort_support/models.h"
#include "plugin_provider/counts.h"

/// What tests with the provider of tests/plugin_provider share.
namespace laneway::ort {

inline constexpr const char* plugin = "LanewayTestProvider";

class OrtPlugin : public testing::Test {
 protected:
  // Opened here too, so that its counts can be looked at after it is unregistered.
  OrtPlugin() {
    void* const library = dlopen(LANEWAY_TEST_PROVIDER, RTLD_NOW | RTLD_LOCAL);
    counts_ = static_cast<LanewayTestCounts*>(dlsym(library, "laneway_test_counts"));
    environment_ = take(Environment::get());
  }
  void TearDown() override {
    environment_.reset();
    EXPECT_EQ(counts().factories, 0) << "not unregistered";
    EXPECT_EQ(counts().providers, 0);
    EXPECT_EQ(counts().allocations, 0);
    EXPECT_EQ(counts().streams, 0);
    EXPECT_EQ(counts().notifications, 0);
    EXPECT_EQ(counts().imports, 0);
  }
  LanewayTestCounts& counts() const { return *counts_; }
  std::shared_ptr<const ProviderLibrary> load(const std::string& name = "plugin") const {
    return take(ProviderLibrary::load(environment_, name, LANEWAY_TEST_PROVIDER));
  }

  std::shared_ptr<const Session> open_on_plugin(const std::string& model) const {
    SessionSpec spec = spec_of(model);
    spec.providers = {{.name = plugin}};
    return take(Session::open(spec));
  }

  LanewayTestCounts* counts_;
  std::shared_ptr<const Environment> environment_;
};

// a, b [n] -> y = (a + b) * b
inline std::string sum_and_product() {
  test_models::OnnxModel model;
  model.input("a", DType::f32, {"n"}).input("b", DType::f32, {"n"}).output("y", DType::f32, {"n"});
  model.node("Add", {"a", "b"}, {"t"}).node("Mul", {"t", "b"}, {"y"});
  return model.bytes();
}

inline std::vector<float> run_sum_and_product(const std::shared_ptr<const Session>& session) {
  std::vector<float> a = {1, 2, 3}, b = {10, 20, 30};
  const Value left = over(a, {3}), right = over(b, {3});
  return elements_of<float>(run_once(session, {&left, &right})[0]);
}
inline const auto expected = testing::ElementsAre(110, 440, 990);

}  // namespace laneway::ort
