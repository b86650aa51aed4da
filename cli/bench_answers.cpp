#include "cli/bench_answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "cli/elements.h"

namespace laneway::cli {
namespace {

constexpr std::size_t variations_compared = 4;

Expected<BenchAnswers::Output> copy_of(const bench::Answer& answer, DType dtype) {
  LANEWAY_TRY_ASSIGN(const std::size_t bytes, byte_count(dtype, answer.shape));
  BenchAnswers::Output output{answer.shape, std::vector<std::byte>(bytes)};
  if (bytes > 0) std::memcpy(output.bytes.data(), answer.data, bytes);
  return output;
}

Expected<double> compare_output(const BenchAnswers::Output& a, const BenchAnswers::Output& b, const bench::WorkloadPort& port) {
  const auto differ = [&](std::string_view what, const std::string& expected, const std::string& got) {
    return Error(ErrorCode::internal,
                 fmt::format("answers differ: output {}: {}: expected {}, got {}", port.name, what, expected, got));
  };
  if (a.shape != b.shape) return differ("shape", to_string(b.shape), to_string(a.shape));
  if (a.bytes == b.bytes) return 0.0;
  LANEWAY_TRY_ASSIGN(const std::size_t count, element_count(a.shape));
  const Tolerance tolerance = tolerance_of(port.dtype);
  double largest = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const Element got = element_at(port.dtype, a.bytes.data(), i), expected = element_at(port.dtype, b.bytes.data(), i);
    const double x = to_double(got), y = to_double(expected);
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    const double difference = std::abs(x - y);
    if (!(difference <= tolerance.atol + tolerance.rtol * std::abs(y))) {
      return differ(fmt::format("element {}", i), to_string(expected), to_string(got));
    }
    largest = std::max(largest, difference);
  }
  return largest;
}

}  // namespace

Tolerance tolerance_of(DType dtype) {
  if (!is_floating(dtype)) return {0, 0};
  if (dtype == DType::f64) return {1e-9, 1e-7};
  if (bits_of(dtype) >= 32) return {1e-5, 1e-4};
  return {1e-2, 1e-2};
}

Expected<BenchAnswers> collect_answers(bench::Contestant& contestant, BenchWorkload& workload) {
  BenchAnswers result;
  const std::vector<bench::WorkloadPort>& ports = workload.workload().outputs;
  for (std::size_t lane = 0; lane < workload.buffers().size(); ++lane) {
    for (std::size_t variation = 0; variation < std::min(workload.variations(), variations_compared); ++variation) {
      workload.prepare(lane, variation);
      LANEWAY_TRY(contestant.run(lane));
      LANEWAY_TRY_ASSIGN(const std::vector<bench::Answer> answers, contestant.answers(lane));
      std::vector<BenchAnswers::Output>& outputs = result.runs.emplace_back();
      for (std::size_t i = 0; i < ports.size(); ++i) {
        LANEWAY_TRY_ASSIGN(auto output, copy_of(answers[i], ports[i].dtype));
        outputs.push_back(std::move(output));
      }
    }
  }
  return result;
}

Expected<double> compare_answers(const BenchAnswers& a, const BenchAnswers& b, const bench::Workload& workload) {
  double largest = 0;
  for (std::size_t run = 0; run < a.runs.size(); ++run) {
    for (std::size_t i = 0; i < workload.outputs.size(); ++i) {
      LANEWAY_TRY_ASSIGN(const double difference, compare_output(a.runs[run][i], b.runs[run][i], workload.outputs[i]));
      largest = std::max(largest, difference);
    }
  }
  return largest;
}

}  // namespace laneway::cli
