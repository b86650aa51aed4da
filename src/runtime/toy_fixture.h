#pragma once
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "laneway/laneway.h"
#include "toy_engine/toy_engine.h"
#include "toy_engine/toys.h"

namespace laneway {

/// What a lane of toys::affine() at this batch holds: x and y, f32 [batch, 4] each.
constexpr std::size_t lane_bytes(std::int64_t extent) { return static_cast<std::size_t>(extent) * 4 * sizeof(float) * 2; }

/// Runtimes over the toy engine. The parameter is the engine's name, as in the conformance suite.
class OnToy : public testing::TestWithParam<std::string> {
 protected:
  static RuntimeSpec spec(std::shared_ptr<Toy> toy) { return {.model = toy_source(), .engine = ToyEngineSpec{std::move(toy)}}; }
  static std::shared_ptr<Toy> make(ToyModel model) { return std::make_shared<Toy>(std::move(model)); }

  /// A runtime over y = 2x + 1 on x [batch, 4] with buckets, each plan holding `plan_bytes`.
  static RuntimeSpec bucketed(std::shared_ptr<Toy> toy, BucketSpec buckets = {}) {
    RuntimeSpec result = spec(std::move(toy));
    result.buckets = std::move(buckets);
    result.warm_up_runs = 0;
    return result;
  }
  static ToyModel affine_with_bytes(std::size_t shared_bytes) {
    ToyModel model = toys::affine();
    model.bytes = [shared_bytes](std::span<const Shape>) { return PlanBytes{.shared = shared_bytes, .per_binding = 0}; };
    return model;
  }
  static std::vector<NamedExtent> batch(std::int64_t extent) { return {{"batch", extent}}; }

  /// Extents of the buckets that stand, in no particular order.
  static std::vector<std::int64_t> standing(const Runtime& runtime) {
    std::vector<std::int64_t> result;
    for (const BucketInfo& bucket : runtime.buckets()) result.push_back(bucket.capacity.at(0).extent);
    std::sort(result.begin(), result.end());
    return result;
  }
};

template <class T>
ErrorCode code_of(const Expected<T>& result) {
  return result ? ErrorCode{} : result.error().code();
}
template <class T>
std::string message_of(const Expected<T>& result) {
  return result ? "success" : std::string(result.error().message());
}

/// Waits, ten seconds at most, until something that another thread does has happened.
inline bool eventually(const std::function<bool()>& happened) {
  for (int i = 0; i < 10'000; ++i) {
    if (happened()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

#define ASSERT_OK(result) ASSERT_TRUE(result) << message_of(result)
#define EXPECT_OK(result) EXPECT_TRUE(result) << message_of(result)
#define INSTANTIATE_ON_TOY(suite) \
  INSTANTIATE_TEST_SUITE_P(Toy, suite, testing::Values("toy"), [](const auto& test) { return test.param; })

}  // namespace laneway
