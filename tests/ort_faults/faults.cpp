#include "ort_faults/faults.h"

#include <map>
#include <string>
#include <string_view>

#include "core/guard.h"
#include "ort_faults/shim.h"

namespace laneway::faults {
namespace {

/// Functions whose failure is an error of another code, with its text, and why.
const Reasons recoded = {
    {"SessionGetOpsetForDomain", "not_found: ONNX Runtime has no other way to say that a model lacks a domain"},
    {"RegisterExecutionProviderLibrary", "unavailable, whatever a library of somebody else's has against being loaded"},
    {"GetHardwareDeviceEpIncompatibilityDetails", "not_found: so it says that it knows no such provider"},
};

/// Functions whose failure leaves no trace, and why.
const Reasons silent = {
    {"ReleaseAvailableProviders", "the list was read before, and there is nothing to be done about it"},
    {"UnregisterAllocator", "called by a destructor, which tells nobody"},
    {"UnregisterExecutionProviderLibrary", "called by a destructor"},
    {"DeinitGraphicsInteropForEpDevice", "called by a destructor"},
    {"CompareMemoryInfo", "called by operator==, which is noexcept: what cannot be compared differs"},
    {"KernelContext_GetGPUComputeStream", "called by stream(), which is noexcept: there is none"},
    {"Logger_GetLoggingSeverityLevel", "called by log_severity(), which is noexcept: nothing is worth logging then"},
    {"SessionOptionsSetLoadCancellationFlag", "called by whoever requests the stop, who is told nothing"},
    {"RunOptionsSetTerminate", "called by terminate(), which is noexcept: it cannot fail in a library there is"},
    {"RunOptionsUnsetTerminate", "called by resume(): the same"},
    {"KernelInfo_GetLogger", "a message that cannot be logged has nowhere to go"},
    {"KernelContext_GetLogger", "the same"},
    {"Logger_LogMessage", "the same"},
    {"KernelInfoGetAttribute_int64", "tried in turn: that a function fails is how ONNX Runtime tells an attribute's kind"},
    {"KernelInfoGetAttribute_float", "the same"},
    {"KernelInfoGetAttribute_string", "the same"},
    {"KernelInfoGetAttribute_tensor", "the same"},
    {"KernelInfoGetAttributeArray_int64", "the same"},
};

std::string outcome_of(const Expected<>& result) {
  return result ? "success" : std::string(name(result.error().code())) + ": " + std::string(result.error().message());
}

/// Whether the error says what ONNX Runtime said.
bool carries(const Expected<>& result, const Fault& fault) {
  return !result && result.error().message().find(fault.text) != std::string_view::npos &&
         (fault.nested || recoded.contains(fault.function) || result.error().code() == fault.code);
}

void expect_balance(const std::vector<std::string>& before) {
  EXPECT_EQ(owned(), before) << "handles are left";
  EXPECT_EQ(wrongly_given_back(), std::vector<std::string>());
}

}  // namespace

void fail_each_call(const Flow& flow, const Reasons& also_silent) {
  ASSERT_EQ(outcome_of(flow()), "success");  // and with that whatever is made once per process
  const std::vector<std::string> before = owned();
  fail_call(0);
  ASSERT_EQ(outcome_of(flow()), "success");
  const std::uint64_t count = stop_failing().calls;
  ASSERT_NE(count, 0u);
  expect_balance(before);
  for (std::uint64_t i = 1; i <= count && !testing::Test::HasFatalFailure(); ++i) {
    fail_call(i);
    const Expected<> result = flow();
    const Fault fault = stop_failing();
    SCOPED_TRACE("call " + std::to_string(i) + " of " + std::to_string(count) + ": " + fault.function);
    EXPECT_FALSE(fault.function.empty()) << "only " << fault.calls << " calls this time";
    if (!silent.contains(fault.function) && !also_silent.contains(fault.function)) {
      EXPECT_TRUE(carries(result, fault)) << "got " << outcome_of(result) << "\nexpected " << name(fault.code) << ": "
                                          << fault.text;
    }
    expect_balance(before);
    EXPECT_EQ(outcome_of(flow()), "success") << "run again";
  }
  testing::Test::RecordProperty("calls", static_cast<int>(count));
}

void fail_each_allocation(const Flow& flow) {
  const std::vector<std::string> before = owned();
  const auto run = [&](std::uint64_t number) {
    fail_allocation(number);
    auto result = guarded(flow);
    return std::pair(std::move(result), stop_failing_allocations());
  };
  const auto [right, count] = run(0);
  ASSERT_EQ(outcome_of(right), "success");
  for (std::uint64_t i = 1; i <= count; ++i) {
    const auto [result, made] = run(i);
    SCOPED_TRACE("allocation " + std::to_string(i) + " of " + std::to_string(count));
    if (made >= i && !result) { EXPECT_EQ(result.error().code(), ErrorCode::resource_exhausted) << outcome_of(result); }
    expect_balance(before);
  }
  EXPECT_EQ(outcome_of(flow()), "success") << "run again";
  testing::Test::RecordProperty("allocations", static_cast<int>(count));
}

namespace {

/// Functions that no flow reaches here, and why.
const Reasons out_of_reach = {
    {"KernelContext_GetResource", "fails on a processor, which has none"},
    {"SetEpDynamicOptions", "fails on a processor, which takes none"},
    {"SessionReleaseCapturedGraph", "fails on a processor, which captures none"},
    {"GetTensorTypeAndShape", "for libraries that cannot tell it for less"},
};
bool of_a_provider_this_library_lacks(const std::string& function) {
  return function.find("ProviderOptions") != function.npos || function.find("AppendExecutionProvider") != function.npos;
}

/// When all tests have run: whoever calls another function of ONNX Runtime adds it to a flow.
class EveryFunctionFailed : public testing::Environment {
  void TearDown() override {
    const testing::UnitTest& all = *testing::UnitTest::GetInstance();
    if (all.test_to_run_count() != all.total_test_count() || all.skipped_test_count() != 0) return;
    for (const std::string& function : never_failed()) {
      EXPECT_TRUE(out_of_reach.contains(function) || of_a_provider_this_library_lacks(function)) << function << " never failed";
    }
  }
};
[[maybe_unused]] const auto* const every_function_failed = testing::AddGlobalTestEnvironment(new EveryFunctionFailed);

}  // namespace
}  // namespace laneway::faults
