#pragma once
#include <cassert>
#include <concepts>
#include <type_traits>
#include <utility>
#include <variant>

#include "laneway/core/error.h"

namespace laneway LANEWAY_PUBLIC {

/// A value or an Error. Discarding one does not compile under -Werror.
///
/// Not std::expected: gcc 12 and nvcc have none in C++20, and mixing dialects would link silently with different layouts.
/// Asking for the value of an error, or the error of a value, is checked by assert only.
template <class T = void>
class [[nodiscard]] Expected {
 public:
  template <class U = T>
  requires std::convertible_to<U&&, T> &&
      (!std::same_as<std::remove_cvref_t<U>, Error>)&&(!std::same_as<std::remove_cvref_t<U>, Expected>)Expected(U&& value)
      : state_(std::in_place_index<0>, std::forward<U>(value)) {}
  Expected(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const noexcept { return state_.index() == 0; }
  T& operator*() & noexcept { return assert(*this), *std::get_if<0>(&state_); }
  const T& operator*() const& noexcept { return assert(*this), *std::get_if<0>(&state_); }
  T&& operator*() && noexcept { return assert(*this), std::move(*std::get_if<0>(&state_)); }
  T* operator->() noexcept { return assert(*this), std::get_if<0>(&state_); }
  const T* operator->() const noexcept { return assert(*this), std::get_if<0>(&state_); }
  const Error& error() const& noexcept { return assert(!*this), *std::get_if<1>(&state_); }
  Error&& error() && noexcept { return assert(!*this), std::move(*std::get_if<1>(&state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Expected<void> {
 public:
  Expected() noexcept = default;
  Expected(Error error) noexcept : error_(std::move(error)) {}

  explicit operator bool() const noexcept { return !error_.payload_; }
  const Error& error() const& noexcept { return assert(!*this), error_; }
  Error&& error() && noexcept { return assert(!*this), std::move(error_); }

 private:
  Error error_;
};
static_assert(sizeof(Expected<>) == sizeof(void*));

#define LANEWAY_CONCAT_(a, b) a##b
#define LANEWAY_CONCAT(a, b) LANEWAY_CONCAT_(a, b)

/// Returns the error of `expr` from the enclosing function, if there is one.
#define LANEWAY_TRY(expr)                                                                           \
  do {                                                                                              \
    if (auto laneway_result_ = (expr); !laneway_result_) return std::move(laneway_result_).error(); \
  } while (false)

/// The same, else declares `decl` from the value.
#define LANEWAY_TRY_ASSIGN(decl, expr) LANEWAY_TRY_ASSIGN_(LANEWAY_CONCAT(laneway_result_, __LINE__), decl, expr)
#define LANEWAY_TRY_ASSIGN_(tmp, decl, expr) \
  auto tmp = (expr);                         \
  if (!tmp) return std::move(tmp).error();   \
  decl = *std::move(tmp)

}  // namespace laneway
