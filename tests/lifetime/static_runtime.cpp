// static_runtime ENGINE: leaves main with a runtime, a lease and a kept lane in static variables, its threads running.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string_view>

#include "laneway/engines/ort.h"
#include "laneway/laneway.h"
#include "models/models.h"
#include "toy_engine/toys.h"

namespace {

// Declared first, so that it looks when everything below is gone.
struct Witness {
  std::shared_ptr<laneway::Toy> toy = std::make_shared<laneway::Toy>(laneway::toys::two_inputs());

  ~Witness() {
    const std::string complaints = toy->complaints();
    if (complaints.empty()) return;
    std::fputs(complaints.c_str(), stderr);
    _exit(3);
  }
};

Witness witness;
std::optional<laneway::Runtime> fixed, bucketed;
std::shared_ptr<laneway::Lane> lane;
std::optional<laneway::Lease> lease;

laneway::RuntimeSpec spec(std::string_view engine) {
  if (engine == "toy") return {.model = laneway::toy_source(), .engine = laneway::ToyEngineSpec{witness.toy}};
  static const std::string model = laneway::test_models::two_inputs();
  return {.model = laneway::ModelBytes{laneway::test_models::as_bytes(model)}, .engine = "ort"};
}

laneway::Expected<> fill(std::string_view engine) {
  laneway::RuntimeSpec made = spec(engine);
  made.dimensions = {{"batch", 2}};
  LANEWAY_TRY_ASSIGN(fixed, laneway::open(made));
  made.dimensions = {};
  made.buckets = laneway::BucketSpec{.ladders = {{.dimension = "batch", .from = 1, .to = 8}}};
  LANEWAY_TRY_ASSIGN(bucketed, laneway::open(made));
  lane = fixed->lanes()[0];
  LANEWAY_TRY(lane->run(std::chrono::hours(1)));  // the watcher is at work
  LANEWAY_TRY_ASSIGN(lease, bucketed->lease({{"batch", 3}}));
  return (*lease)->run(std::chrono::hours(1));
}

}  // namespace

int main(int argc, char** argv) {
  const auto filled = fill(argc > 1 ? argv[1] : "toy");
  if (filled) return 0;
  std::fprintf(stderr, "%s\n", std::string(filled.error().message()).c_str());
  return 1;
}
