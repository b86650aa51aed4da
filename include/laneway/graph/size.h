#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/core/port.h"

namespace laneway LANEWAY_PUBLIC {
namespace graph {

/// A whole number that depends on the extents of a run: 32, batch, 2*height*width + 1, floor(sequence / 2).
///
/// It is kept as a sum of products of symbols (and of what is not a product, such as a quotient with a remainder), so that equal
/// sums are equal values: 2*n - n is n. Different ones may still have equal numbers at some extents, or at all.
/// Symbols stand for extents: they are never negative.
/// Errors:  what overflows, is divided by zero, or grows out of all proportion (weight_max) is not valid(), and so is all that is
///          made of it; evaluate() says so.
/// Threads: a value.
class Size {
 public:
  static constexpr std::size_t weight_max = 500;  ///< Symbols and functions in one, counted each time they stand there.

  Size(std::int64_t number = 0) : constant_(number) {}
  /// Any text is a name; "" is not valid.
  static Size symbol(std::string_view name);
  /// The inverse of to_string(). Errors: invalid_argument saying where.
  static Expected<Size> parse(std::string_view text);

  bool valid() const noexcept { return valid_; }
  /// Empty: it depends on a symbol, or is not valid.
  std::optional<std::int64_t> number() const noexcept;
  bool is(std::int64_t number) const noexcept { return this->number() == number; }
  /// Whether no extents can make it negative, as far as its form shows.
  bool never_negative() const noexcept;
  /// Names of the symbols in it, each once, in alphabetical order.
  std::vector<std::string> symbols() const;
  /// With other sizes in the place of symbols; those not named stay.
  struct Binding {
    std::string_view symbol;
    const Size& size;
  };
  Size with(std::span<const Binding> bindings) const;

  /// Errors: failed_precondition (a symbol without an extent, named), invalid_argument (overflow, division by zero, extents that
  ///         do not broadcast).
  Expected<std::int64_t> evaluate(std::span<const NamedExtent> extents) const;

  friend bool operator==(const Size& a, const Size& b) noexcept;
  friend Size operator+(const Size& a, const Size& b);
  friend Size operator-(const Size& a, const Size& b);
  friend Size operator*(const Size& a, const Size& b);
  /// Rounded down, whatever the signs.
  friend Size floor_div(const Size& a, const Size& b);
  friend Size ceil_div(const Size& a, const Size& b);
  friend Size min(const Size& a, const Size& b);
  friend Size max(const Size& a, const Size& b);
  /// The extent that two become by ONNX's rule: equal ones that, and 1 the other. nullopt: two numbers that do not fit.
  friend std::optional<Size> broadcast(const Size& a, const Size& b);

  /// "2*batch + 1", "floor(n / 2)", "min(n, 8)". A name that is no identifier stands in double quotes.
  friend std::string to_string(const Size& size);

 private:
  friend struct SizeForm;  // its arithmetic
  struct Atom;             // a symbol, or a function of sizes
  struct Term;             // a number times atoms

  std::int64_t constant_ = 0;
  std::shared_ptr<const std::vector<Term>> terms_ = nullptr;  // sorted by their atoms; null: none
  bool valid_ = true;
};

Size floor_div(const Size& a, const Size& b);
Size ceil_div(const Size& a, const Size& b);
Size min(const Size& a, const Size& b);
Size max(const Size& a, const Size& b);
std::optional<Size> broadcast(const Size& a, const Size& b);

/// Extents of a tensor. Its product is the number of elements.
using Sizes = std::vector<Size>;
Size product(std::span<const Size> sizes);
/// "[batch, 3, 2*n]".
std::string to_string(std::span<const Size> sizes);

}  // namespace graph
}  // namespace LANEWAY_PUBLIC
