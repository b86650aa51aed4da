#include "toy_engine/toys.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <utility>

namespace laneway::toys {
namespace {

std::size_t at(std::int64_t extent) { return static_cast<std::size_t>(extent); }

// Calls visit(T{}) with the C++ type of the elements.
template <class Visit>
void with_type(DType dtype, Visit visit) {
  switch (dtype) {
    case DType::f64: return visit(double{});
    case DType::i64: return visit(std::int64_t{});
    case DType::i32: return visit(std::int32_t{});
    case DType::i16: return visit(std::int16_t{});
    case DType::i8: return visit(std::int8_t{});
    case DType::u8: return visit(std::uint8_t{});
    default: return visit(float{});
  }
}

Shape tail(std::int64_t batch, std::int64_t width) { return Shape{batch, width}; }

// x [batch, sequence, width] and y of the same shape, one column of the sequence at a time.
template <class Column>
Expected<> for_each_column(ToyRun& run, Column column) {
  const ToyTensor x = run.input(0);
  auto* y = run.output<float>(0, x.shape);
  if (!y) return {};
  const std::size_t sequence = at(x.shape[1]), width = at(x.shape[2]);
  for (std::size_t b = 0; b < at(x.shape[0]); ++b) {
    for (std::size_t w = 0; w < width; ++w) {
      const std::size_t first = b * sequence * width + w;
      column(x.as<float>().data() + first, y + first, sequence, width);
    }
  }
  return {};
}

void softmax_column(const float* x, float* y, std::size_t count, std::size_t stride) {
  double highest = -INFINITY, total = 0;
  for (std::size_t i = 0; i < count; ++i) highest = std::max<double>(highest, x[i * stride]);
  for (std::size_t i = 0; i < count; ++i) total += std::exp(x[i * stride] - highest);
  for (std::size_t i = 0; i < count; ++i) y[i * stride] = static_cast<float>(std::exp(x[i * stride] - highest) / total);
}

void normalise_column(const float* x, float* y, std::size_t count, std::size_t stride) {
  double mean = 0, variance = 0;
  for (std::size_t i = 0; i < count; ++i) mean += x[i * stride] / static_cast<double>(count);
  for (std::size_t i = 0; i < count; ++i)
    variance += (x[i * stride] - mean) * (x[i * stride] - mean) / static_cast<double>(count);
  for (std::size_t i = 0; i < count; ++i) y[i * stride] = static_cast<float>((x[i * stride] - mean) / std::sqrt(variance + 1e-5));
}

// One row of attention: y[q] = sum over keys of softmax(x[q] . x[k] / sqrt(width)) x[k]. No scratch: weights are found twice.
void attend(const float* x, const std::int64_t* mask, std::size_t q, std::size_t sequence, std::size_t width, float* y) {
  const auto score = [&](std::size_t k) {
    if (mask && mask[k] == 0) return -1e9;
    double dot = 0;
    for (std::size_t w = 0; w < width; ++w) dot += static_cast<double>(x[q * width + w]) * x[k * width + w];
    return dot / std::sqrt(static_cast<double>(width));
  };
  double highest = -INFINITY, total = 0;
  for (std::size_t k = 0; k < sequence; ++k) highest = std::max(highest, score(k));
  for (std::size_t k = 0; k < sequence; ++k) total += std::exp(score(k) - highest);
  for (std::size_t w = 0; w < width; ++w) {
    double value = 0;
    for (std::size_t k = 0; k < sequence; ++k) value += std::exp(score(k) - highest) / total * x[k * width + w];
    y[w] = static_cast<float>(value);
  }
}

Port sequence_input() { return tensor("x", {"batch", "sequence", 4}); }
Port sequence_output() { return tensor("y", {"batch", "sequence", 4}); }

}  // namespace

Port tensor(std::string name, std::initializer_list<Extent> shape, DType dtype) {
  return {.name = std::move(name), .dtype = dtype, .shape = {shape.begin(), shape.end()}};
}

ToyModel affine(double scale, double offset, const Port& x) {
  Port y = x;
  y.name = "y";
  return {.inputs = {x}, .outputs = {y}, .compute = [scale, offset](ToyRun& run) -> Expected<> {
            const ToyTensor from = run.input(0);
            std::byte* to = run.output(0, from.shape);
            if (!to) return {};
            with_type(from.dtype, [&]<class T>(T) {
              std::ranges::transform(from.as<T>(), reinterpret_cast<T*>(to),
                                     [&](T value) { return static_cast<T>(scale * static_cast<double>(value) + offset); });
            });
            return {};
          }};
}

ToyModel copies(std::vector<Port> inputs) {
  std::vector<Port> outputs = inputs;
  for (Port& output : outputs) output.name += "_out";
  const auto compute = [ports = inputs](ToyRun& run) -> Expected<> {
    for (std::size_t i = 0; i < ports.size(); ++i) {
      if (!ports[i].dense()) {
        if (Value* to = run.output_value(i)) *to = run.input_value(i);
        continue;
      }
      const ToyTensor from = run.input(i);
      std::byte* to = run.output(i, from.shape);
      if (const std::size_t bytes = *byte_count(from.dtype, from.shape); to && bytes > 0) std::memcpy(to, from.data, bytes);
    }
    return {};
  };
  return {.inputs = std::move(inputs), .outputs = std::move(outputs), .compute = compute};
}

ToyModel arithmetic() {
  const auto port = [](const char* name) { return tensor(name, {"batch", 3}); };
  return {.inputs = {port("a"), port("b")},
          .outputs = {port("sum"), port("difference"), port("product")},
          .compute = [](ToyRun& run) -> Expected<> {
            const auto a = run.input(0).as<float>(), b = run.input(1).as<float>();
            const auto each = [&](std::size_t index, auto combine) {
              if (auto* to = run.output<float>(index, run.input(0).shape)) std::ranges::transform(a, b, to, combine);
            };
            each(0, [](float p, float q) { return p + q; });
            each(1, [](float p, float q) { return p - q; });
            each(2, [](float p, float q) { return p * q; });
            return {};
          }};
}

ToyModel optional_bias() {
  Port b = tensor("b", {4});
  b.optional = true;
  return {.inputs = {tensor("x", {4}), b}, .outputs = {tensor("y", {4})}, .compute = [](ToyRun& run) -> Expected<> {
            const auto x = run.input(0).as<float>();
            const ToyTensor bias = run.input(1);
            auto* y = run.output<float>(0, Shape{4});
            for (std::size_t i = 0; y && i < 4; ++i) y[i] = x[i] + (bias.data ? bias.as<float>()[i] : 10.0f);
            return {};
          }};
}

ToyModel mean_pool() {
  return {.inputs = {sequence_input()}, .outputs = {tensor("y", {"batch", 4})}, .compute = [](ToyRun& run) -> Expected<> {
            const ToyTensor x = run.input(0);
            const std::size_t batch = at(x.shape[0]), sequence = at(x.shape[1]), width = at(x.shape[2]);
            auto* y = run.output<float>(0, tail(x.shape[0], x.shape[2]));
            for (std::size_t i = 0; y && i < batch * width; ++i) {
              double total = 0;
              for (std::size_t s = 0; s < sequence; ++s) total += x.as<float>()[(i / width * sequence + s) * width + i % width];
              y[i] = static_cast<float>(total / static_cast<double>(sequence));
            }
            return {};
          }};
}

ToyModel softmax() {
  return {.inputs = {sequence_input()}, .outputs = {sequence_output()}, .compute = [](ToyRun& run) {
            return for_each_column(run, softmax_column);
          }};
}

ToyModel normalise() {
  return {.inputs = {sequence_input()}, .outputs = {sequence_output()}, .compute = [](ToyRun& run) {
            return for_each_column(run, normalise_column);
          }};
}

ToyModel attention(bool masked) {
  ToyModel model{.inputs = {sequence_input()}, .outputs = {sequence_output()}, .compute = [masked](ToyRun& run) -> Expected<> {
                   const ToyTensor x = run.input(0);
                   const std::size_t batch = at(x.shape[0]), sequence = at(x.shape[1]), width = at(x.shape[2]);
                   const std::int64_t* mask = masked ? run.input(1).as<std::int64_t>().data() : nullptr;
                   auto* y = run.output<float>(0, x.shape);
                   for (std::size_t i = 0; y && i < batch * sequence; ++i) {
                     const std::size_t row = i / sequence * sequence;
                     attend(x.as<float>().data() + row * width, mask ? mask + row : nullptr, i - row, sequence, width,
                            y + i * width);
                   }
                   return {};
                 }};
  if (masked) model.inputs.push_back(tensor("mask", {"batch", "sequence"}, DType::i64));
  return model;
}

ToyModel centred_transpose() {
  return {.inputs = {tensor("x", {"rows", "columns"})},
          .outputs = {tensor("y", {"columns", "rows"})},
          .compute = [](ToyRun& run) -> Expected<> {
            const ToyTensor x = run.input(0);
            const std::size_t rows = at(x.shape[0]), columns = at(x.shape[1]);
            auto* y = run.output<float>(0, tail(x.shape[1], x.shape[0]));
            for (std::size_t r = 0; y && r < rows; ++r) {
              const auto row = x.as<float>().subspan(r * columns, columns);
              double total = 0;
              for (const float value : row) total += value;
              for (std::size_t c = 0; c < columns; ++c)
                y[c * rows + r] = static_cast<float>(row[c] - total / static_cast<double>(columns));
            }
            return {};
          }};
}

ToyModel stateful(bool open) {
  Port next = tensor("stateN", {"n"});
  if (open) next.shape = {Dimension{}};
  return {.inputs = {tensor("x", {"n"}), tensor("state", {"n"})},
          .outputs = {tensor("y", {"n"}), next},
          .compute = [](ToyRun& run) -> Expected<> {
            const auto x = run.input(0).as<float>(), state = run.input(1).as<float>();
            if (auto* y = run.output<float>(0, run.input(0).shape)) std::ranges::transform(x, state, y, std::plus<>());
            if (auto* after = run.output<float>(1, run.input(1).shape)) {
              std::ranges::transform(state, after, [](float value) { return value + 1; });
            }
            return {};
          }};
}

ToyModel non_zero() {
  return {.inputs = {tensor("x", {"n"})},
          .outputs = {tensor("indices", {1, "count"}, DType::i64)},
          .compute = [](ToyRun& run) -> Expected<> {
            const auto x = run.input(0).as<float>();
            auto* to = run.output<std::int64_t>(0, tail(1, std::ranges::count_if(x, [](float value) { return value != 0; })));
            for (std::size_t i = 0; to && i < x.size(); ++i) {
              if (x[i] != 0) *to++ = static_cast<std::int64_t>(i);
            }
            return {};
          }};
}

ToyModel lying() {
  return {.inputs = {tensor("x", {"n"})}, .outputs = {tensor("y", {100})}, .compute = [](ToyRun& run) -> Expected<> {
            const auto x = run.input(0).as<float>();
            if (x.size() < 4) return Error(ErrorCode::invalid_argument, "engine toy: input x: expected at least 4 elements");
            if (auto* y = run.output<float>(0, Shape{4})) std::ranges::copy(x.first(4), y);
            return {};
          }};
}

ToyModel upsample() {
  const auto image = [](const char* name) {
    Port port = tensor(name, {1, 1, 1, 3});
    for (std::size_t axis = 0; axis < 3; ++axis) port.shape[axis] = Dimension{};
    return port;
  };
  return {.inputs = {image("x")}, .outputs = {image("y")}, .compute = [](ToyRun& run) -> Expected<> {
            const ToyTensor x = run.input(0);
            const std::size_t height = at(x.shape[1]), width = at(x.shape[2]);
            auto* y = run.output<float>(0, Shape{x.shape[0], 2 * x.shape[1], 2 * x.shape[2], 3});
            for (std::size_t i = 0; y && i < at(x.shape[0]) * height * width * 12; ++i) {
              const std::size_t channel = i % 3, column = i / 3 % (2 * width) / 2, row = i / 3 / (2 * width) % (2 * height) / 2;
              const std::size_t image_index = i / 12 / height / width;
              y[i] = x.as<float>()[((image_index * height + row) * width + column) * 3 + channel];
            }
            return {};
          }};
}

ToyModel gather() {
  return {.inputs = {tensor("x", {"n"}), tensor("i", {"m"}, DType::i64)},
          .outputs = {tensor("y", {"m"})},
          .compute = [](ToyRun& run) -> Expected<> {
            const auto x = run.input(0).as<float>();
            const auto indices = run.input(1).as<std::int64_t>();
            auto* y = run.output<float>(0, run.input(1).shape);
            for (std::size_t k = 0; k < indices.size(); ++k) {
              if (indices[k] < 0 || at(indices[k]) >= x.size()) {
                return Error(ErrorCode::invalid_argument,
                             "engine toy: input i: index out of range: " + std::to_string(indices[k]));
              }
              if (y) y[k] = x[at(indices[k])];
            }
            return {};
          }};
}

}  // namespace laneway::toys
