#include "conformance/conformance.h"

#include <gtest/gtest-spi.h>

#include <algorithm>
#include <cmath>

namespace laneway::conformance {
namespace {

const Excuse* find(const std::vector<Excuse>& excuses) {
  const std::string full = ::testing::UnitTest::GetInstance()->current_test_info()->name();
  const std::string test = full.substr(0, full.find('/'));
  const auto hit = std::ranges::find(excuses, test, &Excuse::test);
  return hit == excuses.end() ? nullptr : &*hit;
}

RuntimeSpec spec_of(Subject subject, std::vector<NamedExtent> dimensions) {
  return {.model = std::move(subject.model), .engine = std::move(subject.engine), .dimensions = std::move(dimensions)};
}

}  // namespace

class Conformance::Intercept {
 public:
  bool failed() const {
    for (int i = 0; i < results_.size(); ++i) {
      if (results_.GetTestPartResult(i).failed()) return true;
    }
    return false;
  }

 private:
  ::testing::TestPartResultArray results_;
  ::testing::ScopedFakeTestPartResultReporter reporter_{::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ALL_THREADS,
                                                        &results_};
};

void PrintTo(const EngineUnderTest& engine, std::ostream* out) { *out << engine.name; }

Conformance::Conformance() = default;
Conformance::~Conformance() = default;

void Conformance::SetUp() {
  if (const Excuse* excuse = find(GetParam().unsupported)) GTEST_SKIP() << excuse->reason;
  if (const Excuse* excuse = find(GetParam().expected_failures)) {
    expected_failure_ = excuse->reason;
    intercept_ = std::make_unique<Intercept>();
  }
}

void Conformance::TearDown() {
  if (intercept_) {
    const bool failed = intercept_->failed();
    intercept_.reset();
    ASSERT_TRUE(failed) << "passes, though it is expected to fail: " << expected_failure_;
    GTEST_SKIP() << "failed as expected: " << expected_failure_;
  }
  const std::string complaints = GetParam().complaints ? GetParam().complaints() : "";
  EXPECT_EQ(complaints, "");
}

RuntimeSpec Conformance::spec(std::string_view model, std::vector<NamedExtent> dimensions) {
  return spec_of(GetParam().model(model), std::move(dimensions));
}

RuntimeSpec Conformance::identity(const Port& x, std::vector<NamedExtent> dimensions) {
  return spec_of(GetParam().identity(x), std::move(dimensions));
}

RuntimeSpec Conformance::bucketed(std::string_view model, std::initializer_list<const char*> ladders, std::int64_t to) {
  RuntimeSpec result = spec(model);
  result.buckets = BucketSpec{};
  for (const char* dimension : ladders) result.buckets->ladders.push_back({.dimension = dimension, .from = 1, .to = to});
  return result;
}

OpenEngine Conformance::engine(std::string_view model, std::vector<NamedExtent> dimensions) {
  Subject subject = GetParam().model(model);
  return must(open_engine({.model = std::move(subject.model), .dimensions = std::move(dimensions)}, subject.engine));
}

void expect_near(std::span<const float> actual, std::span<const float> expected, float tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    ASSERT_LE(std::abs(actual[i] - expected[i]), tolerance * (1 + std::abs(expected[i])))
        << "element " << i << ": expected " << expected[i] << ", got " << actual[i];
  }
}

INSTANTIATE_TEST_SUITE_P(AllEngines, Conformance, ::testing::ValuesIn(engines_under_test()),
                         [](const auto& engine) { return engine.param.name; });

}  // namespace laneway::conformance
