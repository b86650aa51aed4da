#include "toy_engine/toys.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <functional>
#include <span>
#include <thread>
#include <utility>

namespace laneway::toys {
namespace {

constexpr std::size_t width = 8;  // of the models that mix rows

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

void copy(ToyRun& run, std::size_t from, std::size_t to, bool dense) {
  if (!dense) {
    if (Value* value = run.output_value(to)) *value = run.input_value(from);
    return;
  }
  const ToyTensor tensor = run.input(from);
  std::byte* data = run.output(to, tensor.shape);
  const std::size_t bytes = *byte_count(tensor.dtype, tensor.shape);
  if (data && bytes > 0) std::memcpy(data, tensor.data, bytes);
}

// x [batch, sequence, 8] and y of the same shape, one column of the sequence at a time.
template <class Column>
Expected<> for_each_column(ToyRun& run, Column column) {
  const ToyTensor x = run.input(0);
  auto* y = run.output<float>(0, x.shape);
  const std::size_t sequence = at(x.shape[1]);
  for (std::size_t i = 0; y && i < at(x.shape[0]) * width; ++i) {
    const std::size_t first = i / width * sequence * width + i % width;
    column(x.as<float>().data() + first, y + first, sequence, width);
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
  const auto n = static_cast<double>(count);
  double mean = 0, variance = 0;
  for (std::size_t i = 0; i < count; ++i) mean += x[i * stride] / n;
  for (std::size_t i = 0; i < count; ++i) variance += (x[i * stride] - mean) * (x[i * stride] - mean) / n;
  for (std::size_t i = 0; i < count; ++i) {
    y[i * stride] = static_cast<float>((x[i * stride] - mean) / std::sqrt(variance + 1e-5));
  }
}

// One row of attention. No scratch on the heap, so that a run allocates nothing.
void attend(const float* x, const float* mask, std::size_t q, std::size_t sequence, float* y) {
  const auto score = [&](std::size_t k) {
    double dot = 0;
    for (std::size_t w = 0; w < width; ++w) dot += static_cast<double>(x[q * width + w]) * x[k * width + w];
    return dot / std::sqrt(static_cast<double>(width)) + (mask ? (mask[k] - 1.0) * 10000.0 : 0.0);
  };
  double highest = -INFINITY, total = 0;
  std::array<double, width> sums{};
  for (std::size_t k = 0; k < sequence; ++k) highest = std::max(highest, score(k));
  for (std::size_t k = 0; k < sequence; ++k) {
    const double share = std::exp(score(k) - highest);
    total += share;
    for (std::size_t w = 0; w < width; ++w) sums[w] += share * x[k * width + w];
  }
  for (std::size_t w = 0; w < width; ++w) y[w] = static_cast<float>(sums[w] / total);
}

Expected<> attend_all(ToyRun& run, bool masked) {
  const ToyTensor x = run.input(0);
  const std::size_t sequence = at(x.shape[1]);
  const float* mask = masked ? run.input(1).as<float>().data() : nullptr;
  auto* y = run.output<float>(0, x.shape);
  for (std::size_t i = 0; y && i < at(x.shape[0]) * sequence; ++i) {
    const std::size_t first = i / sequence * sequence;
    attend(x.as<float>().data() + first * width, mask ? mask + first : nullptr, i - first, sequence, y + i * width);
  }
  return {};
}

Port rows(const char* name) { return tensor(name, {"batch", "sequence", 8}); }

}  // namespace

Port tensor(std::string name, std::initializer_list<Extent> shape, DType dtype) {
  return {.name = std::move(name), .dtype = dtype, .shape = {shape.begin(), shape.end()}};
}

ToyModel affine(double scale, double offset, const Port& x) {
  Port y = x;
  y.name = "y";
  const auto compute = [scale, offset](ToyRun& run) -> Expected<> {
    const ToyTensor from = run.input(0);
    std::byte* to = run.output(0, from.shape);
    if (!to) return {};
    with_type(from.dtype, [&]<class T>(T) {
      std::ranges::transform(from.as<T>(), reinterpret_cast<T*>(to),
                             [&](T value) { return static_cast<T>(scale * static_cast<double>(value) + offset); });
    });
    return {};
  };
  return {.inputs = {x}, .outputs = {y}, .compute = compute};
}

ToyModel copies(std::vector<Port> inputs) {
  std::vector<Port> outputs = inputs;
  for (Port& output : outputs) output.name += "_out";
  const auto compute = [ports = inputs](ToyRun& run) -> Expected<> {
    for (std::size_t i = 0; i < ports.size(); ++i) copy(run, i, i, ports[i].dense());
    return {};
  };
  return {.inputs = std::move(inputs), .outputs = std::move(outputs), .compute = compute};
}

ToyModel identity(Port x) {
  ToyModel model = copies({std::move(x)});
  model.outputs[0].name = "y";
  return model;
}

ToyModel mixed_dtypes() { return copies({tensor("A", {"batch", 4}), tensor("B", {"batch", 2}, DType::i64)}); }

ToyModel default_input() {
  Port bias = tensor("bias", {4});
  bias.optional = true;
  const auto compute = [](ToyRun& run) -> Expected<> {
    const auto x = run.input(0).as<float>();
    const ToyTensor given = run.input(1);
    auto* y = run.output<float>(0, Shape{4});
    for (std::size_t i = 0; y && i < 4; ++i) y[i] = x[i] + (given.data ? given.as<float>()[i] : static_cast<float>(i + 1));
    return {};
  };
  return {.inputs = {tensor("x", {4}), bias}, .outputs = {tensor("y", {4})}, .compute = compute};
}

ToyModel two_inputs() {
  const auto port = [](const char* name) { return tensor(name, {"batch", 4}); };
  const auto compute = [](ToyRun& run) -> Expected<> {
    const auto a = run.input(0).as<float>(), b = run.input(1).as<float>();
    if (auto* y = run.output<float>(0, run.input(0).shape)) std::ranges::transform(a, b, y, std::minus<>());
    return {};
  };
  return {.inputs = {port("a"), port("b")}, .outputs = {port("y")}, .compute = compute};
}

ToyModel two_outputs() {
  const auto compute = [](ToyRun& run) -> Expected<> {
    const auto x = run.input(0).as<float>();
    if (auto* y = run.output<float>(0, Shape{4})) std::ranges::transform(x, y, [](float value) { return value + 1; });
    if (auto* picked = run.output<float>(1, Shape{})) {
      const std::int64_t index = run.input(1).as<std::int64_t>()[0];
      if (index < -4 || index >= 4) {
        return Error(ErrorCode::invalid_argument, "input index: out of range: expected -4 to 3, got " + std::to_string(index));
      }
      *picked = x[at((index + 4) % 4)];
    }
    return {};
  };
  return {.inputs = {tensor("x", {4}), tensor("index", {}, DType::i64)},
          .outputs = {tensor("y", {4}), tensor("picked", {})},
          .compute = compute};
}

ToyModel nonzero() {
  const auto compute = [](ToyRun& run) -> Expected<> {
    const ToyTensor x = run.input(0);
    const auto values = x.as<float>();
    const auto found = std::ranges::count_if(values, [](float value) { return value != 0; });
    auto* y = run.output<std::int64_t>(0, Shape{2, found});
    for (std::size_t i = 0; y && i < values.size(); ++i) {
      if (values[i] == 0) continue;
      y[found] = static_cast<std::int64_t>(i) % x.shape[1];
      *y++ = static_cast<std::int64_t>(i) / x.shape[1];
    }
    return {};
  };
  return {.inputs = {tensor("x", {-1, -1})}, .outputs = {tensor("y", {2, -1}, DType::i64)}, .compute = compute};
}

ToyModel declares_100() {
  const auto compute = [](ToyRun& run) -> Expected<> {
    const auto x = run.input(0).as<float>();
    const auto keep = run.input(1).as<bool>();
    auto* y = run.output<float>(0, Shape{std::ranges::count(keep, true)});
    for (std::size_t i = 0; y && i < x.size(); ++i) {
      if (keep[i]) *y++ = x[i];
    }
    return {};
  };
  return {
      .inputs = {tensor("x", {"n"}), tensor("keep", {"n"}, DType::boolean)}, .outputs = {tensor("y", {100})}, .compute = compute};
}

ToyModel resize_like() {
  const auto compute = [](ToyRun& run) -> Expected<> {
    const ToyTensor x = run.input(0);
    const std::size_t height = at(x.shape[1]), columns = at(x.shape[2]);
    auto* y = run.output<float>(0, Shape{x.shape[0], 2 * x.shape[1], 2 * x.shape[2], 3});
    for (std::size_t i = 0; y && i < at(x.shape[0]) * height * columns * 12; ++i) {
      const std::size_t channel = i % 3, column = i / 3 % (2 * columns) / 2, row = i / 3 / (2 * columns) % (2 * height) / 2;
      const std::size_t image = i / 12 / height / columns;
      y[i] = x.as<float>()[((image * height + row) * columns + column) * 3 + channel];
    }
    return {};
  };
  return {.inputs = {tensor("x", {-1, -1, -1, 3})}, .outputs = {tensor("y", {-1, -1, -1, 3})}, .compute = compute};
}

ToyModel mean_pool() {
  const auto compute = [](ToyRun& run) -> Expected<> {
    const ToyTensor x = run.input(0);
    const std::size_t sequence = at(x.shape[1]);
    auto* y = run.output<float>(0, Shape{x.shape[0], x.shape[2]});
    for (std::size_t i = 0; y && i < at(x.shape[0]) * width; ++i) {
      double total = 0;
      for (std::size_t s = 0; s < sequence; ++s) total += x.as<float>()[(i / width * sequence + s) * width + i % width];
      y[i] = static_cast<float>(total / static_cast<double>(sequence));
    }
    return {};
  };
  ToyModel model{.inputs = {rows("x")}, .outputs = {tensor("y", {"batch", 8})}, .compute = compute};
  model.check = [](std::span<const Shape> shapes) -> Expected<> {
    if (shapes[0][1] > 0) return {};
    return Error(ErrorCode::invalid_argument,
                 "engine toy: input x: the mean of nothing: expected a sequence of 1 or more, got 0");
  };
  return model;
}

ToyModel softmax_over_sequence() {
  return {
      .inputs = {rows("x")}, .outputs = {rows("y")}, .compute = [](ToyRun& run) { return for_each_column(run, softmax_column); }};
}

ToyModel normalise_over_sequence() {
  return {.inputs = {rows("x")}, .outputs = {rows("y")}, .compute = [](ToyRun& run) {
            return for_each_column(run, normalise_column);
          }};
}

ToyModel attention() {
  return {.inputs = {rows("x")}, .outputs = {rows("y")}, .compute = [](ToyRun& run) { return attend_all(run, false); }};
}

ToyModel masked_attention() {
  return {.inputs = {rows("x"), tensor("mask", {"batch", "sequence"})}, .outputs = {rows("y")}, .compute = [](ToyRun& run) {
            return attend_all(run, true);
          }};
}

ToyModel sequence_in_the_middle() {
  const auto compute = [](ToyRun& run) -> Expected<> {
    const ToyTensor x = run.input(0);
    const std::size_t sequence = at(x.shape[1]);
    auto* y = run.output<float>(0, Shape{x.shape[0], x.shape[2], x.shape[1]});
    for (std::size_t i = 0; y && i < at(x.shape[0]) * width; ++i) {
      float total = 0;
      for (std::size_t s = 0; s < sequence; ++s) {
        total += x.as<float>()[(i / width * sequence + s) * width + i % width];
        y[i * sequence + s] = total;
      }
    }
    return {};
  };
  return {.inputs = {rows("x")}, .outputs = {tensor("y", {"batch", 8, "sequence"})}, .compute = compute};
}

ToyModel two_symbols() {
  const auto compute = [](ToyRun& run) -> Expected<> {
    const auto a = run.input(0).as<float>(), b = run.input(1).as<float>();
    const std::int64_t height = run.input(0).shape[0], columns = run.input(1).shape[1];
    auto* y = run.output<float>(0, Shape{height, columns});
    for (std::size_t i = 0; y && i < at(height * columns); ++i) {
      double total = 0;
      for (std::size_t k = 0; k < 8; ++k)
        total += static_cast<double>(a[i / at(columns) * 8 + k]) * b[k * at(columns) + i % at(columns)];
      y[i] = static_cast<float>(total);
    }
    return {};
  };
  return {.inputs = {tensor("a", {"rows", 8}), tensor("b", {8, "columns"})},
          .outputs = {tensor("y", {"rows", "columns"})},
          .compute = compute};
}

ToyModel long_running() {
  const auto compute = [](ToyRun& run) -> Expected<> {
    const std::int64_t iterations = run.input(1).as<std::int64_t>()[0];
    for (std::int64_t i = 0; i < iterations; ++i) {
      if (run.stopped()) return Error::cancelled();
      std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
    copy(run, 0, 0, true);
    return {};
  };
  return {.inputs = {tensor("x", {64, 64}), tensor("iterations", {}, DType::i64)},
          .outputs = {tensor("y", {64, 64})},
          .compute = compute};
}

ToyModel counter(bool open_shape) {
  const auto compute = [](ToyRun& run) -> Expected<> {
    const auto x = run.input(0).as<float>(), state = run.input(1).as<float>();
    if (auto* y = run.output<float>(0, run.input(0).shape)) std::ranges::transform(x, state, y, std::plus<>());
    if (auto* next = run.output<float>(1, run.input(1).shape)) {
      std::ranges::transform(state, next, [](float value) { return value + 1; });
    }
    return {};
  };
  return {.inputs = {tensor("x", {"n"}), tensor("state", {"n"})},
          .outputs = {tensor("y", {"n"}), open_shape ? tensor("stateN", {-1}) : tensor("stateN", {"n"})},
          .compute = compute};
}

ToyModel growing_state() {
  const auto compute = [](ToyRun& run) -> Expected<> {
    copy(run, 0, 0, true);
    const auto state = run.input(1).as<float>();
    auto* next = run.output<float>(1, Shape{2 * run.input(1).shape[0]});
    if (next) std::ranges::copy(state, std::ranges::copy(state, next).out);
    return {};
  };
  return {.inputs = {tensor("x", {"n"}), tensor("state", {"m"})},
          .outputs = {tensor("y", {"n"}), tensor("stateN", {-1})},
          .compute = compute};
}

}  // namespace laneway::toys
