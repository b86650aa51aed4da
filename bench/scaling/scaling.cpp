// bench_scaling [MODEL]: what a second lane on a second core adds, over one session that both share and over a session each. One
// lane and two take turns in sittings. MODEL: build/models/mnist.onnx unless told; its dimensions are 1.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "bench/measure/clock.h"
#include "bench/measure/rounds.h"
#include "laneway/core/threads.h"
#include "laneway/engines/ort.h"
#include "laneway/laneway.h"

namespace laneway::bench {
namespace {

constexpr std::size_t lanes_max = 2;
constexpr int sittings = 9;

class Lanes final : public Timed {
 public:
  static Expected<std::unique_ptr<Lanes>> open(const char* model, OrtSessions sessions) {
    RuntimeSpec spec{.model = ModelFile{model}, .engine = OrtEngineSpec{.sessions = sessions}, .lanes = lanes_max};
    LANEWAY_TRY_ASSIGN(const auto engine, open_engine({.model = ModelFile{model}}, "ort"));
    for (const Port& port : engine->inputs()) {
      for (const Dimension& dimension : port.shape) {
        const auto is = [&](const NamedExtent& known) { return known.symbol == dimension.symbol; };
        const bool open = !dimension.extent && !dimension.symbol.empty();
        if (open && std::ranges::none_of(spec.dimensions, is)) spec.dimensions.push_back({dimension.symbol, 1});
      }
    }
    LANEWAY_TRY_ASSIGN(Runtime runtime, laneway::open(spec));
    return std::unique_ptr<Lanes>(new Lanes(std::move(runtime)));
  }
  Expected<> run(std::size_t lane) noexcept override { return runtime_.lanes()[lane]->run(); }

 private:
  explicit Lanes(Runtime runtime) : runtime_(std::move(runtime)) {}
  Runtime runtime_;
};

/// Runs per second of this many lanes together.
Expected<double> throughput(Lanes& contestant, std::size_t lanes, std::uint64_t seed) {
  const std::array<Timed*, 1> alone = {&contestant};
  Rounds rounds = run_rounds(alone, {.lanes = lanes,
                                     .duration = std::chrono::milliseconds(250),
                                     .warmup = std::chrono::milliseconds(50),
                                     .seed = seed,
                                     .prepare = [](std::size_t, std::uint64_t) {}});
  if (rounds.timings[0].error) return *std::move(rounds.timings[0].error);
  const double seconds = static_cast<double>(rounds.timings[0].ticks) * Clock::ns_per_tick() / 1e9;
  return static_cast<double>(rounds.timings[0].runs) / seconds;
}

Expected<> bench(const char* model) {
  std::printf("%s, 1 and %zu lanes, %zu cores\n%-18s %12s %12s   %s\n", model, lanes_max, allowed_cores().size(), "sessions",
              "1 lane/s", "2 lanes/s", "ratio: median [least, most]");
  for (const OrtSessions sessions : {OrtSessions::shared, OrtSessions::per_lane}) {
    std::vector<double> one, two, ratios;
    for (int sitting = 0; sitting < sittings; ++sitting) {
      LANEWAY_TRY_ASSIGN(const auto contestant, Lanes::open(model, sessions));
      LANEWAY_TRY_ASSIGN(one.emplace_back(), throughput(*contestant, 1, static_cast<std::uint64_t>(sitting)));
      LANEWAY_TRY_ASSIGN(two.emplace_back(), throughput(*contestant, lanes_max, static_cast<std::uint64_t>(sitting)));
      ratios.push_back(two.back() / one.back());
    }
    for (std::vector<double>* figures : {&one, &two, &ratios}) std::ranges::sort(*figures);
    std::printf("%-18s %12.0f %12.0f   %.3f [%.3f, %.3f]\n", sessions == OrtSessions::shared ? "one, shared" : "one each",
                one[sittings / 2], two[sittings / 2], ratios[sittings / 2], ratios.front(), ratios.back());
  }
  return {};
}

}  // namespace
}  // namespace laneway::bench

int main(int argc, char** argv) {
  const auto done = laneway::bench::bench(argc > 1 ? argv[1] : "build/models/mnist.onnx");
  if (done) return EXIT_SUCCESS;
  std::fprintf(stderr, "bench_scaling: %s\n", std::string(done.error().message()).c_str());
  return EXIT_FAILURE;
}
