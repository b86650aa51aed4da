#pragma once
#include <cmath>
#include <cstddef>
#include <vector>

/// What the models of the suite compute, written down once more: in double, in the plainest order, knowing no engine.
/// x is [batch, sequence, 8].
namespace laneway::conformance::oracle {

inline constexpr std::size_t width = 8;

struct Rows {
  std::size_t batch, sequence;
  const std::vector<float>& x;

  double at(std::size_t b, std::size_t s, std::size_t w) const { return x[(b * sequence + s) * width + w]; }
};

/// One value for each (b, s, w), in this order.
template <class Value>
std::vector<float> for_each_element(const Rows& rows, Value value) {
  std::vector<float> y;
  for (std::size_t b = 0; b < rows.batch; ++b) {
    for (std::size_t s = 0; s < rows.sequence; ++s) {
      for (std::size_t w = 0; w < width; ++w) y.push_back(static_cast<float>(value(b, s, w)));
    }
  }
  return y;
}

inline double mean(const Rows& rows, std::size_t b, std::size_t w) {
  double total = 0;
  for (std::size_t s = 0; s < rows.sequence; ++s) total += rows.at(b, s, w);
  return total / static_cast<double>(rows.sequence);
}

inline std::vector<float> mean_pool(const Rows& rows) {
  std::vector<float> y;
  for (std::size_t b = 0; b < rows.batch; ++b) {
    for (std::size_t w = 0; w < width; ++w) y.push_back(static_cast<float>(mean(rows, b, w)));
  }
  return y;
}

inline std::vector<float> softmax_over_sequence(const Rows& rows) {
  return for_each_element(rows, [&](std::size_t b, std::size_t s, std::size_t w) {
    double total = 0;
    for (std::size_t other = 0; other < rows.sequence; ++other) total += std::exp(rows.at(b, other, w));
    return std::exp(rows.at(b, s, w)) / total;
  });
}

inline std::vector<float> normalise_over_sequence(const Rows& rows) {
  return for_each_element(rows, [&](std::size_t b, std::size_t s, std::size_t w) {
    const double centre = mean(rows, b, w);
    double squares = 0;
    for (std::size_t other = 0; other < rows.sequence; ++other) squares += std::pow(rows.at(b, other, w) - centre, 2);
    return (rows.at(b, s, w) - centre) / std::sqrt(squares / static_cast<double>(rows.sequence) + 1e-5);
  });
}

/// `mask` of 0 and 1, [batch, sequence]; empty: none. A row that is masked whole attends as if it were not.
inline std::vector<float> attention(const Rows& rows, const std::vector<float>& mask = {}) {
  std::vector<float> y(rows.x.size());
  for (std::size_t b = 0; b < rows.batch; ++b) {
    for (std::size_t q = 0; q < rows.sequence; ++q) {
      std::vector<double> share(rows.sequence);
      double total = 0;
      for (std::size_t k = 0; k < rows.sequence; ++k) {
        double dot = 0;
        for (std::size_t w = 0; w < width; ++w) dot += rows.at(b, q, w) * rows.at(b, k, w);
        const bool seen = mask.empty() || mask[b * rows.sequence + k] == 1.0f;
        share[k] = seen ? std::exp(dot / std::sqrt(8.0)) : 0.0;
        total += share[k];
      }
      for (std::size_t w = 0; w < width; ++w) {
        double sum = 0;
        for (std::size_t k = 0; k < rows.sequence; ++k) sum += share[k] / total * rows.at(b, k, w);
        y[(b * rows.sequence + q) * width + w] = static_cast<float>(sum);
      }
    }
  }
  return y;
}

inline std::vector<float> sequence_in_the_middle(const Rows& rows) {
  std::vector<float> y;
  for (std::size_t b = 0; b < rows.batch; ++b) {
    for (std::size_t w = 0; w < width; ++w) {
      double sum = 0;
      for (std::size_t s = 0; s < rows.sequence; ++s) y.push_back(static_cast<float>(sum += rows.at(b, s, w)));
    }
  }
  return y;
}

/// a [rows, 8], b [8, columns].
inline std::vector<float> two_symbols(const std::vector<float>& a, const std::vector<float>& b) {
  const std::size_t rows = a.size() / width, columns = b.size() / width;
  std::vector<float> y;
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      double sum = 0;
      for (std::size_t k = 0; k < width; ++k) sum += static_cast<double>(a[i * width + k]) * b[k * columns + j];
      y.push_back(static_cast<float>(sum));
    }
  }
  return y;
}

}  // namespace laneway::conformance::oracle
