#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cli/program.h"
#include "models/models.h"

namespace laneway::cli_tests {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class CliBench : public testing::Test {
 protected:
  Ended bench(std::vector<std::string> arguments, How how = {}) const {
    arguments.insert(arguments.begin(), "bench");
    if (std::ranges::find(arguments, "--duration") == arguments.end())
      arguments.insert(arguments.end(), {"--duration", "50ms", "--warmup", "10ms"});
    how.folder = folder.path();
    return laneway(arguments, how);
  }

  ScratchFolder folder;
};

TEST_F(CliBench, JsonIsAsStated) {
  folder.write("mlp.onnx", test_models::mlp());
  folder.write("two.onnx", test_models::two_inputs());
  const Ended good = bench({"mlp.onnx", "./two.onnx", "--engines", "ort-raw,ort,ort-run", "--seed", "5", "--json", "-"});
  ASSERT_EQ(good.status, 0) << good.err;
  EXPECT_EQ(good.err, "laneway bench: note: not set, so 1: batch (--dim batch=N)\n");
  const auto json = good.json();
  EXPECT_EQ(json["schema"], "laneway.bench.v1");
  const auto& host = json["host"];
  for (const char* key : {"cpu", "isa", "cores", "fma_gmacs_per_s", "memory_gb_per_s", "libraries", "seed"})
    EXPECT_TRUE(host.contains(key)) << key;
  EXPECT_GT(host["fma_gmacs_per_s"], 0.1);
  EXPECT_GT(host["memory_gb_per_s"], 0.1);
  EXPECT_EQ(host["seed"], 5);
  EXPECT_TRUE(host["libraries"].contains("onnxruntime"));

  const auto& results = json["results"];
  ASSERT_EQ(results.size(), 6u);
  for (std::size_t i = 0; i < 6; ++i) {
    const auto& result = results[i];
    EXPECT_EQ(result["model"], i < 3 ? "mlp.onnx" : "two.onnx");
    EXPECT_EQ(result["path"], i < 3 ? "mlp.onnx" : "./two.onnx");
    EXPECT_EQ(result["engine"], std::vector<std::string>({"ort-raw", "ort", "ort-run"})[i % 3]);
    EXPECT_EQ(result["shapes"], i < 3 ? nlohmann::json({{"x", {1, 32}}}) : nlohmann::json({{"a", {1, 4}}, {"b", {1, 4}}}));
    EXPECT_EQ(result["threads"], 1);
    EXPECT_EQ(result["lanes"], 1);
    EXPECT_GT(result["samples"], 0);
    double before = 0;
    for (const char* key : {"min_us", "p50_us", "p90_us", "p99_us", "p999_us", "max_us"}) {
      EXPECT_GE(result[key].get<double>(), before) << key;
      before = result[key];
    }
    EXPECT_GT(result["min_us"], 0);
    for (const char* key : {"throughput_per_s", "open_ms", "first_run_ms", "rss_mib"}) EXPECT_GT(result[key], 0) << key;
    EXPECT_EQ(result["max_abs_diff"], 0);
    EXPECT_LE(result["p50_ratio_ci95"][0], result["p50_ratio_to_first"]);
    EXPECT_GE(result["p50_ratio_ci95"][1], result["p50_ratio_to_first"]);
    EXPECT_FALSE(result.contains("error"));
  }
  EXPECT_EQ(results[0]["p50_ratio_to_first"], 1);
}

TEST_F(CliBench, CountsAllocationsInAProcessOfTheirOwn) {
  if (!laneway({"doctor", "--json", "-"}).json()["libraries"].contains("malloc_counter"))
    GTEST_SKIP() << "no malloc counter under sanitizers";
  folder.write("mlp.onnx", test_models::mlp());
  const auto results = bench({"mlp.onnx", "--engines", "ort-raw,ort,ort-run", "--json", "-"}).json()["results"];
  const double raw = results[0]["allocations_per_run"], ours = results[1]["allocations_per_run"],
               plain = results[2]["allocations_per_run"];
  EXPECT_GT(raw, 0);
  EXPECT_EQ(ours, raw);
  EXPECT_GT(plain, raw) << "it allocates its outputs";
  EXPECT_EQ(results[0]["bytes_allocated_per_run"], results[1]["bytes_allocated_per_run"]);
}

TEST_F(CliBench, AContestantThatCannotRunIsAnErrorAndTheOthersGoOn) {
  folder.write("mlp.onnx", test_models::mlp());
  folder.write("lies.onnx", test_models::declares_100());
  const Ended ended = bench({"mlp.onnx", "missing.onnx", "--engines", "null,ort-raw,ort", "--json", "-"});
  EXPECT_EQ(ended.status, 0) << ended.err;
  const auto results = ended.json()["results"];
  ASSERT_EQ(results.size(), 6u);
  EXPECT_EQ(results[0]["error"]["code"], "unimplemented");
  EXPECT_FALSE(results[0].contains("p50_us"));
  EXPECT_GT(results[1]["p50_us"], 0);
  EXPECT_TRUE(results[1]["p50_ratio_to_first"].is_null()) << "the first one has no figures";
  EXPECT_EQ(results[3]["error"]["code"], "not_found");
  EXPECT_THAT(bench({"mlp.onnx", "--engines", "null,ort"}).out, HasSubstr("null  error: "));
}

TEST_F(CliBench, NobodyWhoCanRunIsAFailure) {
  folder.write("mlp.onnx", test_models::mlp());
  EXPECT_EQ(bench({"mlp.onnx", "--engines", "null"}).status, 12);
  EXPECT_EQ(bench({"missing.onnx"}).status, 5);
  folder.write("text.onnx", test_models::string_identity());
  const Ended text = bench({"text.onnx", "--input", "x=a"});
  EXPECT_EQ(text.status, 12);
  EXPECT_THAT(text.err, HasSubstr("input x: is no tensor of numbers"));
}

TEST_F(CliBench, SeveralLanesRunAtOnce) {
  folder.write("encoder.onnx", test_models::encoder());
  const Ended ended = bench(
      {"encoder.onnx", "--dim", "batch=2", "--dim", "sequence=7", "--engines", "ort,ort-raw", "--lanes", "3", "--json", "-"});
  ASSERT_EQ(ended.status, 0) << ended.err;
  const auto results = ended.json()["results"];
  for (const auto& result : results) {
    EXPECT_FALSE(result.contains("error")) << result;
    EXPECT_EQ(result["lanes"], 3);
    EXPECT_EQ(result["shapes"]["ids"], nlohmann::json({2, 7}));
  }
}

TEST_F(CliBench, OutputsOfUnknownShapeAreComparedToo) {
  folder.write("nonzero.onnx", test_models::nonzero());
  const Ended ended =
      bench({"nonzero.onnx", "--dim", "x.0=5", "--dim", "x.1=6", "--engines", "ort,ort-raw,ort-run", "--json", "-"});
  ASSERT_EQ(ended.status, 0) << ended.err;
  const auto results = ended.json()["results"];
  for (const auto& result : results) EXPECT_EQ(result["max_abs_diff"], 0) << result;
}

TEST_F(CliBench, TableIsForPeople) {
  folder.write("identity.onnx", test_models::identity());
  const Ended ended = bench({"identity.onnx", "--engines", "ort-raw,ort"});
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_EQ(ended.err, "") << "no progress where there is no terminal";
  EXPECT_THAT(ended.out, HasSubstr("identity.onnx  x [1, 16]  threads 1  lanes 1\n"));
  EXPECT_THAT(ended.out, HasSubstr("engine"));
  EXPECT_THAT(ended.out, HasSubstr("1.000 [1.000, 1.000]"));
  EXPECT_THAT(ended.out, testing::Not(HasSubstr("\x1b")));
}

TEST_F(CliBench, InterruptEndsItWithTheFiguresSoFar) {
  folder.write("mlp.onnx", test_models::mlp());
  folder.write("identity.onnx", test_models::identity());
  const auto measuring = [](std::string_view err) { return err.find("mlp.onnx: 0 %") != std::string_view::npos; };
  const Ended ended =
      bench({"mlp.onnx", "identity.onnx", "--engines", "ort-raw,ort", "--duration", "300s", "--warmup", "10ms", "--json", "-"},
            {.on_terminal = true, .interrupt = measuring});
  EXPECT_EQ(ended.status, 1);
  const auto results = ended.json()["results"];
  ASSERT_EQ(results.size(), 2u) << "nothing of the second model, where it had not begun";
  for (const auto& result : results) EXPECT_GT(result["samples"], 0);
}

TEST_F(CliBench, InterruptLeavesNoFiguresThatNobodyMeasured) {
  folder.write("mlp.onnx", test_models::mlp());
  for (const char* phase : {"measuring in fresh processes ort", "opening ort-raw", "comparing answers ort"}) {
    const auto reached = [&](std::string_view err) { return err.find(phase) != std::string_view::npos; };
    const Ended ended = bench({"mlp.onnx", "--engines", "ort-raw,ort", "--duration", "300s", "--warmup", "10ms", "--json", "-"},
                              {.on_terminal = true, .interrupt = reached});
    EXPECT_EQ(ended.status, 1) << phase;
    const auto json = ended.json();
    ASSERT_EQ(json["results"].size(), 2u) << phase;
    for (const auto& result : json["results"]) {
      if (result.contains("samples")) {  // it went on before the signal came
        EXPECT_GT(result["samples"], 0) << phase;
        EXPECT_GT(result["min_us"], 0) << phase;
        continue;
      }
      EXPECT_EQ(result["error"]["code"], "cancelled") << phase << result;
      EXPECT_EQ(result["error"]["message"], "not measured: interrupted") << phase;
      for (const char* key : {"min_us", "p50_us", "throughput_per_s"}) EXPECT_FALSE(result.contains(key)) << phase << key;
    }
  }
}

TEST_F(CliBench, FourContestantsFitATerminalOf120Columns) {
  folder.write("mlp.onnx", test_models::mlp());
  const Ended ended = bench({"mlp.onnx", "--engines", "ort-raw,ort,ort-run,ort"});
  ASSERT_EQ(ended.status, 0) << ended.err;
  const std::string table = ended.out.substr(ended.out.find("mlp.onnx  "));
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 120u) << line;
  for (const char* figure :
       {"min us", "p50 us", "p90 us", "p99 us", "p99.9 us", "max us", "p50 / first [95 %]", "p50 - first us", "runs/s",
        "allocations/run", "bytes allocated/run", "open ms", "first run ms", "RSS MiB", "largest difference"})
    EXPECT_THAT(table, HasSubstr(std::string("\n") + figure + " "));
}

TEST_F(CliBench, FlagsHoldForTheModelsThatHaveWhatTheyName) {
  folder.write("two.onnx", test_models::two_inputs());
  folder.write("encoder.onnx", test_models::encoder());
  const Ended ended = bench({"two.onnx", "encoder.onnx", "--engines", "ort", "--dim", "batch=3", "--dim", "sequence=5", "--input",
                             "mask=1", "--json", "-"});
  ASSERT_EQ(ended.status, 0) << ended.err;
  const auto results = ended.json()["results"];
  EXPECT_EQ(results[0]["shapes"]["a"], nlohmann::json({3, 4}));
  EXPECT_EQ(results[1]["shapes"]["ids"], nlohmann::json({3, 5}));
  const Ended unknown = bench({"two.onnx", "encoder.onnx", "--dim", "batch=3", "--dim", "sequnce=5"});
  EXPECT_EQ(unknown.status, 2);
  EXPECT_THAT(unknown.err, HasSubstr("--dim sequnce=5: no such dimension"));
  EXPECT_THAT(unknown.err, HasSubstr("(did you mean sequence?)"));
  const Ended wrong = bench({"two.onnx", "encoder.onnx", "--shape", "ids=3"});
  EXPECT_EQ(wrong.status, 2);
  EXPECT_THAT(wrong.err, HasSubstr("encoder.onnx: --shape ids=3: expected [batch, sequence], got [3]"));
}

}  // namespace
}  // namespace laneway::cli_tests
