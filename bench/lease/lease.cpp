// What a lease costs: 16 buckets that exist are visited in turn, once through the handles of their lanes, once by leases.
// On an engine that does next to nothing, and on ONNX Runtime with a model of one node.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/measure/report.h"
#include "laneway/laneway.h"
#include "models/models.h"
#include "toy_engine/toys.h"

namespace laneway::bench {
namespace {

constexpr std::int64_t shapes = 16;

// A run is one visit to each bucket.
class ByHandle final : public Timed {
 public:
  static Expected<ByHandle> make(Runtime& runtime, const std::string& dimension) {
    ByHandle result;
    for (std::int64_t extent = 1; extent <= shapes; ++extent) {
      LANEWAY_TRY_ASSIGN(auto lanes, runtime.bucket({{dimension, extent}}));
      result.lanes_.push_back(lanes.lanes().front());
    }
    return result;
  }

  Expected<> run(std::size_t) noexcept override {
    for (const auto& lane : lanes_) LANEWAY_TRY(lane->run());
    return {};
  }

 private:
  std::vector<std::shared_ptr<Lane>> lanes_;
};

class ByLease final : public Timed {
 public:
  ByLease(Runtime& runtime, std::string dimension) : runtime_(runtime), dimension_(std::move(dimension)) {}

  Expected<> run(std::size_t) noexcept override {
    for (std::int64_t extent = 1; extent <= shapes; ++extent) {
      LANEWAY_TRY_ASSIGN(const auto lease, runtime_.lease({{dimension_, extent}}));
      LANEWAY_TRY(lease->run());
    }
    return {};
  }

 private:
  Runtime& runtime_;
  std::string dimension_;
};

Expected<> compare(const char* title, const RuntimeSpec& spec, const std::string& dimension) {
  LANEWAY_TRY_ASSIGN(Runtime runtime, open(spec));
  std::vector<std::vector<NamedExtent>> all;
  for (std::int64_t extent = 1; extent <= shapes; ++extent) all.push_back({{dimension, extent}});
  LANEWAY_TRY(runtime.warm(all));
  LANEWAY_TRY_ASSIGN(ByHandle by_handle, ByHandle::make(runtime, dimension));
  ByLease by_lease(runtime, dimension);
  const std::array<Timed*, 2> contestants = {&by_handle, &by_lease};
  const std::array<std::string, 2> names = {"lanes by handle", "leases"};
  std::printf("\n%s: a visit to one of %d buckets in turn\n", title, static_cast<int>(shapes));
  print_report(names, run_rounds(contestants, {.prepare = [](std::size_t, std::uint64_t) {}}), shapes);
  return {};
}

Expected<> bench() {
  const BucketSpec buckets{.count_max = shapes};
  constexpr const char* long_name = "sequence_length_of_the_encoder";  // longer than a string holds inline
  const auto toy = std::make_shared<Toy>(toys::affine(2, 1, toys::tensor("x", {long_name})));
  LANEWAY_TRY(compare("toy engine", {.model = toy_source(), .engine = ToyEngineSpec{toy}, .buckets = buckets}, long_name));
  const std::string relu = test_models::relu();
  return compare("engine ort, one node", {.model = ModelBytes{test_models::as_bytes(relu)}, .engine = "ort", .buckets = buckets},
                 "n");
}

}  // namespace
}  // namespace laneway::bench

int main() {
  const auto done = laneway::bench::bench();
  if (done) return EXIT_SUCCESS;
  std::fprintf(stderr, "bench_lease: %s\n", std::string(done.error().message()).c_str());
  return EXIT_FAILURE;
}
