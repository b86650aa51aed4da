#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string_view>

#include "laneway/ort/environment.h"
#include "ort_support/models.h"

/// Runs of a flow in which one thing fails at a time.
namespace laneway::faults {

/// From nothing to nothing: whatever it makes is gone when it returns. As many calls each time.
using Flow = std::function<Expected<>()>;

/// Functions, each with why it is in the list.
using Reasons = std::map<std::string_view, const char*>;

/// Fails each call of ONNX Runtime's functions in turn. Each time the flow returns an error with the text and the code of that
/// call's, nothing is left or given back twice, and the flow succeeds when it is run again.
/// Functions in a list in faults.cpp, and in `also_silent`, need not fail the flow.
void fail_each_call(const Flow& flow, const Reasons& also_silent = {});

/// Fails each allocation of this thread in turn: resource_exhausted, and the rest as above.
void fail_each_allocation(const Flow& flow);

/// Both.
inline void fail_everything(const Flow& flow, const Reasons& also_silent = {}) {
  fail_each_call(flow, also_silent);
  fail_each_allocation(flow);
}

/// An error where a flow computed something else than it should.
inline Expected<> check(bool right, const char* what) {
  if (right) return {};
  return Error(ErrorCode::data_loss, std::string("the flow is wrong: ") + what);
}

/// What all flows but those that make an environment share, so that it is not made anew each time.
class OrtFaults : public testing::Test {
 protected:
  std::shared_ptr<const ort::Environment> environment_ = ort::take(ort::Environment::get());
  const std::shared_ptr<const ort::Library>& library_ = environment_->library();
};

}  // namespace laneway::faults
