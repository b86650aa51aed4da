#pragma once
#include <algorithm>

#include "laneway/ort/custom_operator.h"
#include "ort_support/models.h"

/// What the tests of custom operators share: a domain, models of it, and Relu.
namespace laneway::ort {

constexpr const char* domain_name = "laneway.test";

inline test_models::OnnxModel model_with_domain() {
  test_models::OnnxModel model;
  model.opsets = {{"", 17}, {domain_name, 1}};
  return model;
}

inline std::shared_ptr<const OperatorDomain> domain_of(std::vector<Operator> operators) {
  return take(OperatorDomain::make({.name = domain_name, .operators = std::move(operators)}));
}

inline Expected<std::shared_ptr<const Session>> try_open(const std::string& model, std::vector<Operator> operators) {
  SessionSpec spec = spec_of(model);
  spec.operators = {domain_of(std::move(operators))};
  return Session::open(spec);
}
inline std::shared_ptr<const Session> open_with(const std::string& model, std::vector<Operator> operators) {
  return take(try_open(model, std::move(operators)));
}

// x f32 -> y f32, both of unknown length, through one node of the type.
inline std::string one_node(const char* type, const std::vector<test_models::Attribute>& attributes = {}) {
  test_models::OnnxModel model = model_with_domain();
  model.input("x", DType::f32, {"n"});
  model.node(type, {"x"}, {"y"}, attributes, domain_name);
  model.output("y", test_models::tensor_of_any_rank(DType::f32));
  return model.bytes();
}

inline std::vector<float> run_floats(const std::shared_ptr<const Session>& session, std::vector<float> x) {
  const Value value = over(x, {x.size()});
  return elements_of<float>(run_once(session, {&value})[0]);
}

// What a run says that fails.
inline std::string failure_of(const std::shared_ptr<const Session>& session, std::vector<float> x) {
  const Value value = over(x, {x.size()});
  Binding binding = take(Binding::make(session));
  take(binding.bind_input(0, value));
  take(binding.bind_output(0));
  RunOptions options = take(RunOptions::make(session->library()));
  return outcome(binding.run(options));
}

struct Relu {
  Expected<> compute(const Input<float>& x, Output<float>& y) const {
    LANEWAY_TRY_ASSIGN(const std::span<float> out, y.allocate(x.shape()));
    std::ranges::transform(x.elements(), out.begin(), [](float v) { return std::max(v, 0.0f); });
    return {};
  }
};

}  // namespace laneway::ort
