#pragma once
#include <coroutine>
#include <exception>

namespace laneway {

/// The least coroutine: begins at once and lets its frame go at its end, unless destroy() does before.
struct Task {
  struct promise_type {
    Task get_return_object() noexcept { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }
  };
  std::coroutine_handle<promise_type> handle;
};

}  // namespace laneway
