#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <initializer_list>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "laneway/laneway.h"
#include "support/must.h"

/// The suite that every engine passes: written once against the seam and against laneway::open, linked with one file per engine
/// that says where its models come from, what it cannot do, and why.
namespace laneway::conformance {

// ---- the engine under test ------------------------------------------------------------------------------------------------

/// Where a model comes from, and who computes it.
struct Subject {
  ModelSource model;
  EngineChoice engine;
};

/// A test that an engine does not pass, by its name without parameter.
struct Excuse {
  std::string test;
  std::string reason;
};

struct EngineUnderTest {
  std::string name;
  /// One of the models of tests/models/models.h, by the name of its function; for engines that read no ONNX, its twin. Beside
  /// them "counter_open" (counter(true)), "wide_mlp" (wide_mlp(32, 1)) and "wide_mlp_of_32_mib" (wide_mlp(1024, 8)).
  std::function<Subject(std::string_view model)> model;
  /// The model `identity` with this port x.
  std::function<Subject(const Port& x)> identity;
  bool copies = false;                         ///< Every port, at each run: it lies elsewhere than the host.
  std::vector<Excuse> unsupported = {};        ///< Skipped. Keep it short.
  std::vector<Excuse> expected_failures = {};  ///< Must fail: one that passes is a failure.
  /// What an engine that watches its users saw them do wrong since the last call; asked after each test.
  std::function<std::string()> complaints = nullptr;
};
void PrintTo(const EngineUnderTest& engine, std::ostream* out);

/// Defined by the program that links the suite.
std::vector<EngineUnderTest> engines_under_test();

// ---- the fixture ------------------------------------------------------------------------------------------------------------

class Conformance : public ::testing::TestWithParam<EngineUnderTest> {
 protected:
  Conformance();
  ~Conformance() override;
  void SetUp() override;
  void TearDown() override;

  static RuntimeSpec spec(std::string_view model, std::vector<NamedExtent> dimensions = {});
  static RuntimeSpec identity(const Port& x, std::vector<NamedExtent> dimensions = {});
  /// A runtime with a ladder for each dimension named, all from 1 to `to`.
  static RuntimeSpec bucketed(std::string_view model, std::initializer_list<const char*> ladders, std::int64_t to = 64);
  static OpenEngine engine(std::string_view model, std::vector<NamedExtent> dimensions = {});

  std::mt19937 random{20240229};
  std::vector<float> floats(std::size_t count) {
    std::vector<float> values(count);
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (float& value : values) value = uniform(random);
    return values;
  }
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
  }

 private:
  class Intercept;  // of the failures of a test that is expected to fail
  std::unique_ptr<Intercept> intercept_;
  std::string expected_failure_;
};

// ---- words for tests ----------------------------------------------------------------------------------------------------------

/// That a call failed with one of these codes and a message that names all of `parts`.
template <class T>
void expect_error(const Expected<T>& result, std::initializer_list<ErrorCode> codes,
                  std::initializer_list<std::string> parts = {}) {
  ASSERT_FALSE(result) << "no error";
  const std::string message(result.error().message());
  EXPECT_THAT(codes, ::testing::Contains(result.error().code())) << name(result.error().code()) << ": " << message;
  for (const std::string& part : parts) EXPECT_THAT(message, ::testing::HasSubstr(part));
}
template <class T>
void expect_error(const Expected<T>& result, ErrorCode code, std::initializer_list<std::string> parts = {}) {
  expect_error(result, {code}, parts);
}

template <class T>
void write(Lane& lane, PortKey port, const std::vector<T>& values) {
  const std::span<T> to = must(lane.input<T>(port));
  ASSERT_EQ(to.size(), values.size()) << "input " << port.name();
  std::ranges::copy(values, to.begin());
}
template <class T>
std::vector<T> read(const Lane& lane, PortKey port) {
  const auto view = must(lane.output<T>(port));
  return {view.data.begin(), view.data.end()};
}
inline std::vector<std::int64_t> shape_of(const Lane& lane, PortKey port) {
  const OutputView view = must(lane.output(port));
  return {view.shape.begin(), view.shape.end()};
}
inline std::vector<std::int64_t> shape(std::initializer_list<std::int64_t> extents) { return extents; }

/// |a - b| <= tolerance (1 + |b|) for each.
void expect_near(std::span<const float> actual, std::span<const float> expected, float tolerance = 1e-5f);

}  // namespace laneway::conformance
