// A library of custom operators, as users build one: "Double" of domain laneway.test.
#include "laneway/ort/custom_operator.h"

namespace {

using namespace laneway;
using namespace laneway::ort;

struct Double {
  Expected<> compute(const Input<float>& x, Output<float>& y) const {
    LANEWAY_TRY_ASSIGN(const std::span<float> out, y.allocate(x.shape()));
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = 2 * x.elements()[i];
    return {};
  }
};

}  // namespace

extern "C" __attribute__((visibility("default"))) OrtStatus* RegisterCustomOps(OrtSessionOptions* options,
                                                                               const OrtApiBase* base) {
  static const auto domain =
      OperatorDomain::make({.name = "laneway.test", .operators = {Operator::of<Double>({.name = "Double"})}});
  return register_operators(domain, options, base);
}
