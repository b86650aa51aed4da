#pragma once
#include <string_view>
#include <vector>

#include "laneway/core/expected.h"

namespace laneway {

/// Collects what is wrong with a spec, so that all of it is told at once.
class Problems {
 public:
  /// Keeps the error, if there is one, with the field it is about.
  void check(std::string_view field, Expected<> result) {
    if (!result) errors_.push_back(std::move(result).error().with_context(field));
  }
  void add(Error error) { errors_.push_back(std::move(error)); }
  bool none() const noexcept { return errors_.empty(); }

  /// A single mistake keeps its own code; several are one invalid_argument that lists them.
  Expected<> result() const {
    if (errors_.empty()) return {};
    if (errors_.size() == 1) return errors_.front();
    std::string text = "spec: " + std::to_string(errors_.size()) + " problems:";
    for (const Error& error : errors_) text.append("\n  - ").append(name(error.code())).append(": ").append(error.message());
    return Error(ErrorCode::invalid_argument, std::move(text));
  }

 private:
  std::vector<Error> errors_;
};

}  // namespace laneway
