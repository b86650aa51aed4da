#pragma once
#include <concepts>
#include <optional>

namespace laneway {

/// Arithmetic on sizes that come from outside. nullopt where the result does not fit.
template <std::integral T>
constexpr std::optional<T> checked_add(T a, T b) noexcept {
  T result{};
  if (__builtin_add_overflow(a, b, &result)) return std::nullopt;
  return result;
}

template <std::integral T>
constexpr std::optional<T> checked_mul(T a, T b) noexcept {
  T result{};
  if (__builtin_mul_overflow(a, b, &result)) return std::nullopt;
  return result;
}

/// The least multiple of `multiple` that is at least `value`.
template <std::integral T>
constexpr std::optional<T> checked_round_up(T value, T multiple) noexcept {
  const T rest = static_cast<T>(value % multiple);
  return rest == 0 ? std::optional<T>(value) : checked_add(value, static_cast<T>(multiple - rest));
}

}  // namespace laneway
