// serve_threads [MODEL [NEW_MODEL]]
//
// Eight threads serve requests of varying length over leases of a bucketed encoder, while a new version of the model takes over:
// no request waits for it, none fails. MODEL: build/models/encoder.onnx unless told; NEW_MODEL: the same.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <mutex>
#include <random>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "laneway/diag/metrics.h"
#include "laneway/laneway.h"

using namespace std::chrono_literals;
using laneway::Expected;

namespace {

constexpr int thread_count = 8;
constexpr std::int64_t length_max = 100;
constexpr auto time_per_version = 1s;
constexpr auto drain_time_max = 10s;

/// A sentence, as tokens, and the same one at each call with the same length.
std::vector<std::int64_t> sentence(std::int64_t length) {
  std::vector<std::int64_t> tokens;
  for (std::int64_t i = 0; i < length; ++i) tokens.push_back((length * 131 + i * 37) % 1000);
  return tokens;
}

/// One version of the model.
class Version {
 public:
  /// Opened, and asked every sentence once: so its buckets are built, and what it answers under load can be compared.
  static Expected<std::shared_ptr<Version>> open(std::size_t number, const std::filesystem::path& model) {
    LANEWAY_TRY_ASSIGN(auto runtime,
                       laneway::open({
                           .model = laneway::ModelFile{model},
                           .dimensions = {{"batch", 1}},
                           .outputs = {"pooled"},
                           .buckets = laneway::BucketSpec{.ladders = {{.dimension = "sequence", .from = 8, .to = 128}}},
                           .lanes = 4,  // per bucket: threads that want more of one length than there are wait in turn
                       }));
    auto version = std::make_shared<Version>(number, std::move(runtime));
    for (std::int64_t length = 1; length <= length_max; ++length) {
      LANEWAY_TRY_ASSIGN(version->expected_.emplace_back(), version->answer(length));
    }
    return version;
  }

  Version(std::size_t which, laneway::Runtime runtime) : number(which), runtime_(std::move(runtime)) {}

  /// One request, from lease to answer.
  Expected<std::vector<float>> answer(std::int64_t length) {
    LANEWAY_TRY_ASSIGN(const auto lane, runtime_.lease({{"sequence", length}}, {.timeout = 10s}));
    LANEWAY_TRY_ASSIGN(const auto ids, lane->input<std::int64_t>("ids"));
    LANEWAY_TRY_ASSIGN(const auto mask, lane->input<std::int64_t>("mask"));
    std::ranges::copy(sentence(length), ids.begin());
    std::ranges::fill(mask, 1);
    LANEWAY_TRY(lane->run());
    LANEWAY_TRY_ASSIGN(const auto pooled, lane->output<float>("pooled"));
    return std::vector<float>(pooled.data.begin(), pooled.data.end());
  }

  bool is_right(std::int64_t length, std::span<const float> answer) const {
    const auto& expected = expected_[static_cast<std::size_t>(length - 1)];
    return std::ranges::equal(answer, expected, [](float a, float b) { return std::abs(a - b) <= 1e-5f + 1e-5f * std::abs(b); });
  }

  const std::size_t number;

 private:
  laneway::Runtime runtime_;
  std::vector<std::vector<float>> expected_;
};

/// The version that answers now. Whoever holds one keeps it alive: the old one goes with its last request.
class Service {
 public:
  explicit Service(std::shared_ptr<Version> version) : version_(std::move(version)) {}

  std::shared_ptr<Version> current() const {
    const std::lock_guard lock(mutex_);
    return version_;
  }
  void take_over(std::shared_ptr<Version> next) {
    const std::lock_guard lock(mutex_);
    version_.swap(next);  // what `next` holds now goes after the lock
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<Version> version_;
};

struct Outcomes {
  std::array<std::atomic<std::uint64_t>, 2> answered = {};  // by version
  std::atomic<std::uint64_t> failed = 0, wrong = 0;
  laneway::Histogram latency_ns;
};

void serve(const std::stop_token& stop, const Service& service, unsigned seed, Outcomes& outcomes) {
  std::minstd_rand random(seed);
  while (!stop.stop_requested()) {
    const auto length = static_cast<std::int64_t>(1 + random() % length_max);
    const auto begin = std::chrono::steady_clock::now();
    const auto version = service.current();
    const auto answer = version->answer(length);
    outcomes.latency_ns.record(static_cast<std::uint64_t>((std::chrono::steady_clock::now() - begin).count()));
    if (!answer) {
      ++outcomes.failed;
      std::fprintf(stderr, "serve_threads: request failed: %s\n", std::string(answer.error().message()).c_str());
      continue;
    }
    ++outcomes.answered[version->number];
    if (!version->is_right(length, *answer)) ++outcomes.wrong;
  }
}

void print(const Outcomes& outcomes, bool old_is_gone) {
  const auto us = [&](double part) { return static_cast<double>(outcomes.latency_ns.quantile(part)) / 1000; };
  for (std::size_t i = 0; i < outcomes.answered.size(); ++i) {
    std::printf("version %zu answered %llu\n", i + 1, static_cast<unsigned long long>(outcomes.answered[i]));
  }
  std::printf("failed %llu, wrong %llu\n", static_cast<unsigned long long>(outcomes.failed),
              static_cast<unsigned long long>(outcomes.wrong));
  std::printf("old version gone: %s\n", old_is_gone ? "yes" : "no");
  std::printf("latency us: p50 %.1f, p90 %.1f, p99 %.1f, p99.9 %.1f\n", us(0.5), us(0.9), us(0.99), us(0.999));
}

Expected<> run(const std::filesystem::path& model, const std::filesystem::path& new_model) {
  Outcomes outcomes;
  LANEWAY_TRY_ASSIGN(auto first, Version::open(0, model));
  const std::weak_ptr<Version> old = first;
  Service service(std::move(first));
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < thread_count; ++i) {
    threads.emplace_back([&, i](const std::stop_token& stop) { serve(stop, service, i + 1, outcomes); });
  }
  std::this_thread::sleep_for(time_per_version);

  LANEWAY_TRY_ASSIGN(auto second, Version::open(1, new_model));  // beside the old one, under load
  service.take_over(std::move(second));
  for (auto waited = 0ms; waited < drain_time_max && !old.expired(); waited += 1ms) std::this_thread::sleep_for(1ms);
  const bool old_is_gone = old.expired();
  std::this_thread::sleep_for(time_per_version);

  threads.clear();  // asks each to stop, and joins it
  print(outcomes, old_is_gone);
  if (outcomes.failed == 0 && outcomes.wrong == 0) return {};
  return laneway::Error(laneway::ErrorCode::internal, "not every request was answered, and answered right");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 3) {
    std::fprintf(stderr, "usage: serve_threads [MODEL [NEW_MODEL]]\n");
    return 2;
  }
  const std::filesystem::path model = argc > 1 ? argv[1] : "build/models/encoder.onnx";
  const auto result = run(model, argc > 2 ? argv[2] : model);
  if (!result) std::fprintf(stderr, "serve_threads: %s\n", std::string(result.error().message()).c_str());
  return result ? 0 : 1;
}
