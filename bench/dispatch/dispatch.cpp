// What a lane adds to an engine: a thousand runs of one binding, called by hand and through its lane. The engine does next to nothing.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "bench/measure/report.h"
#include "laneway/engine/engine.h"
#include "laneway/laneway.h"
#include "toy_engine/toys.h"

namespace laneway::bench {
namespace {

constexpr std::size_t runs = 1000;

class ByBinding final : public Timed {
 public:
  static Expected<std::unique_ptr<ByBinding>> make(const OpenEngine& engine) {
    auto result = std::unique_ptr<ByBinding>(new ByBinding);
    LANEWAY_TRY_ASSIGN(result->plan_, engine->specialise({.inputs = {Shape{1, 4}}}));
    const std::array<Attachment, 1> inputs = {Memory{result->x_.data(), sizeof result->x_}};
    const std::array<Attachment, 1> outputs = {Memory{result->y_.data(), sizeof result->y_}};
    LANEWAY_TRY_ASSIGN(result->binding_, result->plan_->bind({.inputs = inputs, .outputs = outputs}));
    return result;
  }
  Expected<> run(std::size_t) noexcept override {
    for (std::size_t i = 0; i < runs; ++i) LANEWAY_TRY(binding_->run(stop_));
    return {};
  }

 private:
  ByBinding() = default;
  std::array<float, 4> x_{}, y_{};
  std::shared_ptr<const Plan> plan_;
  std::unique_ptr<Binding> binding_;
  StopSignal stop_;
};

class ByLane final : public Timed {
 public:
  explicit ByLane(std::shared_ptr<Lane> lane) : lane_(std::move(lane)) {}
  Expected<> run(std::size_t) noexcept override {
    for (std::size_t i = 0; i < runs; ++i) LANEWAY_TRY(lane_->run());
    return {};
  }

 private:
  std::shared_ptr<Lane> lane_;
};

Expected<> bench() {
  const OpenEngine engine = make_toy(toys::affine());
  LANEWAY_TRY_ASSIGN(const auto by_binding, ByBinding::make(engine));
  LANEWAY_TRY_ASSIGN(const auto runtime, open({.model = engine, .dimensions = {{"batch", 1}}}));
  ByLane by_lane(runtime.lanes().front());
  const std::array<Timed*, 2> contestants = {by_binding.get(), &by_lane};
  const std::array<std::string, 2> names = {"the engine alone", "a lane over it"};
  std::printf("one run of %zu in a row\n", runs);
  print_report(names, run_rounds(contestants, {.prepare = [](std::size_t, std::uint64_t) {}}), runs);
  return {};
}

}  // namespace
}  // namespace laneway::bench

int main() {
  const auto done = laneway::bench::bench();
  if (done) return EXIT_SUCCESS;
  std::fprintf(stderr, "bench_dispatch: %s\n", std::string(done.error().message()).c_str());
  return EXIT_FAILURE;
}
