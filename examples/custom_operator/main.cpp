#include <algorithm>
#include <charconv>
#include <cstring>
#include <iostream>
#include <vector>

#include "laneway/ort/binding.h"
#include "laneway/ort/custom_operator.h"

// Runs a model with an operator of its own, "HardClip" of domain "example", on the numbers of the command line.
using namespace laneway;

/// Elements beyond a limit, which is an attribute of the node, become the limit.
struct HardClip {
  static Expected<HardClip> create(const ort::KernelInfo& node) {
    LANEWAY_TRY_ASSIGN(const float limit, node.attribute_or<float>("limit", 1.0f));
    return HardClip{limit};
  }
  Expected<> compute(const ort::Input<float>& x, ort::Output<float>& y) const {
    LANEWAY_TRY_ASSIGN(const std::span<float> out, y.allocate(x.shape()));
    std::ranges::transform(x.elements(), out.begin(), [this](float v) { return std::clamp(v, -limit, limit); });
    return {};
  }
  float limit;
};

Expected<> run(const char* model, std::vector<float> numbers) {
  LANEWAY_TRY_ASSIGN(
      const auto domain,
      ort::OperatorDomain::make({.name = "example", .operators = {ort::Operator::of<HardClip>({.name = "HardClip"})}}));
  LANEWAY_TRY_ASSIGN(const auto session, ort::Session::open({.model = ort::ModelPath{model}, .operators = {domain}}));
  const ort::MemoryInfo& host = session->environment()->host_memory();
  LANEWAY_TRY_ASSIGN(const ort::Value x,
                     ort::Value::borrow(host, numbers.data(), numbers.size() * sizeof(float), DType::f32, {numbers.size()}));
  LANEWAY_TRY_ASSIGN(ort::Binding binding, ort::Binding::make(session));
  LANEWAY_TRY(binding.bind_input(0, x));
  LANEWAY_TRY(binding.bind_output(0));
  LANEWAY_TRY_ASSIGN(ort::RunOptions options, ort::RunOptions::make(session->library()));
  LANEWAY_TRY(binding.run(options));
  LANEWAY_TRY_ASSIGN(const ort::Value* y, binding.output(0));
  LANEWAY_TRY_ASSIGN(const ort::TensorView view, y->tensor());
  for (std::size_t i = 0; i < view.bytes / sizeof(float); ++i) std::cout << static_cast<const float*>(view.data)[i] << '\n';
  return {};
}

int main(int argc, char** argv) {
  std::vector<float> numbers;
  for (int i = 2; i < argc; ++i) std::from_chars(argv[i], argv[i] + std::strlen(argv[i]), numbers.emplace_back());
  const auto result =
      argc > 1 ? run(argv[1], std::move(numbers)) : Error(ErrorCode::invalid_argument, "usage: custom_operator MODEL NUMBER...");
  if (!result) std::cerr << result.error().message() << '\n';
  return result ? 0 : 1;
}
