#include "ort/operator_options.h"

#include <algorithm>

#include "ort/call.h"
#include "ort/text.h"

namespace laneway::ort {

Expected<> validate_operators(const SessionSpec& spec) {
  if (std::ranges::find(spec.operators, nullptr) != spec.operators.end()) {
    return Error(ErrorCode::invalid_argument, "operators: null: expected a domain");
  }
  for (const std::filesystem::path& path : spec.operator_libraries) LANEWAY_TRY(check_file("operator library", path));
  for (const std::string& function : spec.operator_functions) LANEWAY_TRY(no_nul("operator function", function));
  return {};
}

Expected<> add_operators(const Library& library, OrtSessionOptions* options, const SessionSpec& spec) {
  for (const auto& domain : spec.operators) LANEWAY_TRY(domain->add_to(options));
  for (const std::filesystem::path& path : spec.operator_libraries) {
    auto added = call(library, LANEWAY_ORT_FN(RegisterCustomOpsLibrary_V2), options, path.c_str());
    if (!added) return std::move(added).error().with_context("operator library " + path.string());
  }
  for (const std::string& function : spec.operator_functions) {
    auto added = call(library, LANEWAY_ORT_FN(RegisterCustomOpsUsingFunction), options, function.c_str());
    if (!added) return std::move(added).error().with_context("operator function " + function);
  }
  return {};
}

}  // namespace laneway::ort
