#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "laneway/core/error.h"

/// The table of functions between this program and ONNX Runtime: made of the header's list of functions, of which none is missing.
/// The library finds it as the ONNX Runtime that the program has loaded already. Every function that may fail counts its calls
/// and fails the one that a test chose; every handle that is given out, and every status, is in a ledger until it is given back.
namespace laneway::faults {

/// Fails the call with this number, counted from now: the first is 1. 0: none.
void fail_call(std::uint64_t number);

struct Fault {
  std::uint64_t calls = 0;  ///< Made since fail_call() by functions that may fail.
  std::string function;     ///< The one that failed; empty: none did.
  std::string text;         ///< Of its status.
  ErrorCode code{};         ///< What its status is as an error of ours.
  bool nested = false;      ///< Called while ONNX Runtime called us: what it makes of the code is its own affair.
};
Fault stop_failing();

/// Functions that src/ort calls, that may fail, and that have not been made to.
std::vector<std::string> never_failed();

/// Handles that are not given back yet: the functions that gave them, in order of names.
std::vector<std::string> owned();
/// What was given back that was not owned, since the last call.
std::vector<std::string> wrongly_given_back();

/// Fails the allocation of this thread with this number by code of ours (ONNX Runtime's are its own). 0: none.
void fail_allocation(std::uint64_t number);
/// How many there were.
std::uint64_t stop_failing_allocations();

/// What a scope of the shim allocates is nobody's affair.
class Aside {
 public:
  Aside() noexcept;
  Aside(const Aside&) = delete;
  ~Aside();
};
/// This thread is in ONNX Runtime.
class Inside {
 public:
  Inside() noexcept;
  Inside(const Inside&) = delete;
  ~Inside();
  static bool any() noexcept;
  /// An address in its code.
  static bool library(const void* address) noexcept;
};

}  // namespace laneway::faults
