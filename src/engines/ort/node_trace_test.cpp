// Nodes of runs in the process's trace.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "laneway/diag/trace.h"
#include "ort_support/seam.h"

namespace laneway {
namespace {

namespace fs = std::filesystem;

class OrtNodeTrace : public testing::Test {
 protected:
  OrtNodeTrace() {
    std::string pattern = fs::temp_directory_path() / "laneway-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    fs::create_directory(folder_ / "tmp");
    setenv("TMPDIR", (folder_ / "tmp").c_str(), 1);
  }
  ~OrtNodeTrace() override {
    unsetenv("TMPDIR");
    fs::remove_all(folder_);
  }

  // The events of what is done.
  template <class Do>
  std::vector<nlohmann::json> traced(Do&& act) const {
    must(trace::start(folder_ / "trace.json"));
    act();
    trace::stop();
    std::ifstream file(folder_ / "trace.json");
    return nlohmann::json::parse(file).get<std::vector<nlohmann::json>>();
  }
  // Profiles that lie where they come and go; ONNX Runtime has a file of its own there.
  std::vector<std::string> left() const {
    std::vector<std::string> paths;
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / "tmp")) {
      if (entry.path().extension() == ".json") paths.push_back(entry.path());
    }
    return paths;
  }

 private:
  fs::path folder_;
};

void run_once(Bound& bound, std::uint64_t seed) {
  bound.write(0, test_models::random_floats(784, seed));
  must(bound.run());
}

TEST_F(OrtNodeTrace, L38_NodesLieWithinTheirRuns) {
  {
    Bound bound(open_ort(test_models::mnist()), {.inputs = {Shape{1, 1, 28, 28}}});
    run_once(bound, 1);
    const auto events = traced([&] {
      for (std::uint64_t seed = 2; seed < 5; ++seed) {
        const trace::Span span("run", "test");
        run_once(bound, seed);
      }
    });
    std::vector<std::pair<double, double>> runs;
    for (const auto& event : events) {
      if (event.value("cat", "") == "test")
        runs.emplace_back(event["ts"], event["ts"].get<double>() + event["dur"].get<double>());
    }
    ASSERT_EQ(runs.size(), 3u);
    std::map<std::string, int> operators;
    for (const auto& event : events) {
      if (event.value("cat", "") != "node") continue;
      ++operators[event["args"]["op"]];
      const double begin = event["ts"], end = begin + event["dur"].get<double>();
      EXPECT_TRUE(std::any_of(runs.begin(), runs.end(), [&](const auto& run) { return run.first <= begin && end <= run.second; }))
          << event;
      EXPECT_EQ(event["tid"], trace::thread_id());
    }
    EXPECT_EQ(operators["Conv"], 6) << "two in the model, three runs";
    EXPECT_EQ(operators["MaxPool"], 6);
  }
  EXPECT_EQ(left(), std::vector<std::string>{});
}

TEST_F(OrtNodeTrace, L38_NothingIsProfiledBesidesTheTrace) {
  Bound bound(open_ort(test_models::mnist()), {.inputs = {Shape{1, 1, 28, 28}}});
  run_once(bound, 1);
  EXPECT_EQ(left(), std::vector<std::string>{});
  const auto events = traced([&] { run_once(bound, 2); });
  EXPECT_FALSE(events.empty());
  run_once(bound, 3);
  EXPECT_EQ(left(), std::vector<std::string>{});
}

}  // namespace
}  // namespace laneway
