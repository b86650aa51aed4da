#include "ort_faults/ledger.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "ort_faults/shim.h"

namespace laneway::faults {
namespace {

struct State {
  std::mutex mutex;
  std::map<std::pair<const void*, const void*>, const char*> owned;
  std::vector<std::string> wrong;
  std::uint64_t calls = 0, fail_at = 0;
  Fault fault;
  std::set<std::string> may_fail, failed;
};
State& state() {
  static State& instance = *new State;
  return instance;
}

struct Code {
  OrtErrorCode theirs;
  ErrorCode ours;
};
// Those that mean the same wherever they come from.
constexpr Code codes[] = {{ORT_NO_SUCHFILE, ErrorCode::not_found},
                          {ORT_INVALID_PROTOBUF, ErrorCode::invalid_argument},
                          {ORT_MODEL_LOADED, ErrorCode::failed_precondition}};

}  // namespace

void add(const void* kind, const void* handle, const char* function) {
  const Aside aside;
  const std::scoped_lock lock(state().mutex);
  const auto [place, added] = state().owned.emplace(std::pair(handle, kind), function);
  if (!added) state().wrong.push_back(std::string(function) + " gave what " + place->second + " had given");
}

void remove(const void* kind, const void* handle, const char* function) {
  const Aside aside;
  const std::scoped_lock lock(state().mutex);
  if (state().owned.erase({handle, kind}) == 0) state().wrong.push_back(std::string(function) + ": of what was not owned");
}

OrtStatus* next_call(const OrtApi& real, const char* function) {
  const Aside aside;
  const std::scoped_lock lock(state().mutex);
  if (++state().calls != state().fail_at) return nullptr;
  const Code code = codes[state().calls % std::size(codes)];
  state().failed.insert(function);
  const std::string text = "injected into " + std::string(function);
  state().fault = {.function = function, .text = text, .code = code.ours, .nested = Inside::any()};
  OrtStatus* const status = real.CreateStatus(code.theirs, text.c_str());
  state().owned.emplace(std::pair<const void*, const void*>(status, &kind_of<OrtStatus>), function);
  return status;
}

void known_to_fail(const char* function) { state().may_fail.insert(function); }

std::vector<std::string> never_failed() {
  std::vector<std::string> functions;
#define LANEWAY_ORT_TABLE(TABLE, COUNT)
#define LANEWAY_ORT_ENTRY(TABLE, NAME)
#define LANEWAY_ORT_TABLE_END(TABLE)
#define LANEWAY_ORT_USED(NAME) \
  if (state().may_fail.contains(#NAME) && !state().failed.contains(#NAME)) functions.push_back(#NAME);
#include "ort_entries.def"
  return functions;
}

void fail_call(std::uint64_t number) {
  const std::scoped_lock lock(state().mutex);
  state().calls = 0;
  state().fail_at = number;
  state().fault = {};
}

Fault stop_failing() {
  const std::scoped_lock lock(state().mutex);
  state().fail_at = 0;
  state().fault.calls = state().calls;
  return state().fault;
}

std::vector<std::string> owned() {
  const std::scoped_lock lock(state().mutex);
  std::vector<std::string> functions;
  for (const auto& [handle, function] : state().owned) functions.push_back(function);
  std::ranges::sort(functions);
  return functions;
}

std::vector<std::string> wrongly_given_back() {
  const std::scoped_lock lock(state().mutex);
  return std::exchange(state().wrong, {});
}

}  // namespace laneway::faults
