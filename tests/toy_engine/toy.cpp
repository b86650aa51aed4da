// The test's side of a toy: counters, gates, phases, records.
#include <algorithm>
#include <thread>
#include <utility>

#include "toy_engine/toy_engine.h"

namespace laneway {
namespace {

constexpr auto poll_interval = std::chrono::microseconds(50);
constexpr auto patience = std::chrono::seconds(10);

}  // namespace

std::int64_t Count::add(std::int64_t by) noexcept {
  const std::int64_t now = value_.fetch_add(by, std::memory_order_relaxed) + by;
  std::int64_t highest = highest_.load(std::memory_order_relaxed);
  while (highest < now && !highest_.compare_exchange_weak(highest, now, std::memory_order_relaxed)) {}
  return now;
}

bool Gate::wait_for(int count) const {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (waiting_.load() < count) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(poll_interval);
  }
  return true;
}

bool Gate::pass(const std::function<bool()>& give_up) noexcept {
  if (!closed_.load(std::memory_order_relaxed)) return true;
  waiting_.fetch_add(1);
  bool given_up = false;
  while (closed_ && !given_up) {
    given_up = give_up && give_up();
    std::this_thread::sleep_for(poll_interval);
  }
  waiting_.fetch_sub(1);
  return !given_up;
}

void PhaseControl::fail_when(Rule rule) {
  const std::lock_guard lock(mutex_);
  has_rule_ = static_cast<bool>(rule);
  rule_ = std::move(rule);
}

void PhaseControl::fail_next(const Error& error, int times) {
  fail_when([error, left = std::make_shared<int>(times)](const Call&) {
    return (*left)-- > 0 ? std::optional<Error>(error) : std::nullopt;
  });
}

Expected<> PhaseControl::enter(std::span<const Shape> shapes, const std::function<bool()>& give_up) noexcept {
  const std::int64_t number = calls_.add();
  if (!gate.pass(give_up)) return Error::cancelled();
  if (const std::int64_t delay = delay_ns_.load(std::memory_order_relaxed); delay > 0) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(delay);
    while (std::chrono::steady_clock::now() < end) {
      if (give_up && give_up()) return Error::cancelled();
      std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(poll_interval, std::chrono::nanoseconds(delay)));
    }
  }
  if (!has_rule_.load(std::memory_order_relaxed)) return {};
  const std::lock_guard lock(mutex_);
  if (std::optional<Error> error = rule_ ? rule_(Call{number, shapes}) : std::nullopt) return *std::move(error);
  return {};
}

void Toy::note(ToyOpenRecord record) {
  const std::lock_guard lock(mutex_);
  opens_.push_back(std::move(record));
}

void Toy::note(ToyPlanRecord record) {
  const std::lock_guard lock(mutex_);
  plans_.push_back(std::move(record));
}

void Toy::note(ToyBindRecord record) {
  const std::lock_guard lock(mutex_);
  binds_.push_back(std::move(record));
}

void Toy::violation(std::string what) noexcept {
  const std::lock_guard lock(mutex_);
  violations_.push_back(std::move(what));
}

std::vector<ToyOpenRecord> Toy::opens() const {
  const std::lock_guard lock(mutex_);
  return opens_;
}

std::vector<ToyPlanRecord> Toy::plans() const {
  const std::lock_guard lock(mutex_);
  return plans_;
}

std::vector<ToyBindRecord> Toy::binds() const {
  const std::lock_guard lock(mutex_);
  return binds_;
}

std::vector<std::string> Toy::violations() const {
  const std::lock_guard lock(mutex_);
  return violations_;
}

std::string Toy::complaints() const {
  std::string text;
  for (const std::string& violation : violations()) text += violation + "\n";
  const std::pair<const char*, const Count*> living[] = {{"engines", &counters.engines},
                                                         {"plans", &counters.plans},
                                                         {"bindings", &counters.bindings},
                                                         {"bytes of plans", &counters.plan_bytes},
                                                         {"allocations", &counters.allocations}};
  for (const auto& [what, count] : living) {
    if (count->value() != 0) text += std::to_string(count->value()) + " " + what + " left\n";
  }
  return text;
}

}  // namespace laneway
