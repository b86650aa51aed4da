// What metrics cost a lane: a model of one node, with and without, on ONNX Runtime.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "bench/measure/report.h"
#include "laneway/diag/metrics.h"
#include "laneway/laneway.h"
#include "models/models.h"

namespace laneway::bench {
namespace {

class OneLane final : public Timed {
 public:
  static Expected<std::unique_ptr<OneLane>> open(const std::string& model, std::shared_ptr<Metrics> metrics) {
    LANEWAY_TRY_ASSIGN(
        Runtime runtime,
        laneway::open({.model = ModelBytes{test_models::as_bytes(model)}, .engine = "ort", .metrics = std::move(metrics)}));
    return std::unique_ptr<OneLane>(new OneLane(runtime.lanes().front()));
  }

  Expected<> run(std::size_t) noexcept override { return lane_->run(); }

 private:
  explicit OneLane(std::shared_ptr<Lane> lane) : lane_(std::move(lane)) {}
  std::shared_ptr<Lane> lane_;
};

Expected<> bench() {
  const std::string model = test_models::identity();
  const auto metrics = std::make_shared<Metrics>();
  LANEWAY_TRY_ASSIGN(const auto off, OneLane::open(model, nullptr));
  LANEWAY_TRY_ASSIGN(const auto again, OneLane::open(model, nullptr));
  LANEWAY_TRY_ASSIGN(const auto on, OneLane::open(model, metrics));
  const std::array<Timed*, 3> contestants = {off.get(), again.get(), on.get()};
  const std::array<std::string, 3> names = {"metrics off", "metrics off, once more", "metrics on"};
  print_report(names, run_rounds(contestants, {.prepare = [](std::size_t, std::uint64_t) {}}));
  return {};
}

}  // namespace
}  // namespace laneway::bench

int main() {
  const auto done = laneway::bench::bench();
  if (done) return EXIT_SUCCESS;
  std::fprintf(stderr, "bench_metrics: %s\n", std::string(done.error().message()).c_str());
  return EXIT_FAILURE;
}
