#pragma once
#include <cstddef>
#include <vector>

#include "cli/bench_model.h"

namespace laneway::cli {

/// What a contestant answers to some of the variations, on every lane, copied.
struct BenchAnswers {
  struct Output {
    Shape shape;
    std::vector<std::byte> bytes;
  };
  std::vector<std::vector<Output>> runs;  ///< [lane and variation][output]
};
/// Errors: those of the runs.
Expected<BenchAnswers> collect_answers(bench::Contestant& contestant, BenchWorkload& workload);

/// The largest |a - b| of all elements. Elements agree where |a - b| <= atol + rtol |b|; a NaN agrees with NaN only.
/// Errors: internal naming the first output and element that do not agree, or the shapes.
Expected<double> compare_answers(const BenchAnswers& a, const BenchAnswers& b, const bench::Workload& workload);

struct Tolerance {
  double atol, rtol;
};
Tolerance tolerance_of(DType dtype);

}  // namespace laneway::cli
