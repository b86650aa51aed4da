#include "laneway/graph/size.h"

#include <algorithm>
#include <compare>
#include <functional>
#include <set>

#include "laneway/core/checked.h"

namespace laneway::graph {

// A symbol where there is a name, else a function of two sizes.
struct Size::Atom {
  enum class Kind : std::uint8_t { symbol, floor_div, min, max, broadcast };

  Kind kind = Kind::symbol;
  std::string name = {};
  Size a = {}, b = {};
  std::size_t weight = 1;
};

struct Size::Term {
  std::int64_t factor = 1;
  std::vector<std::shared_ptr<const Atom>> atoms = {};  // sorted; one that stands twice is squared
};

struct SizeForm {
  using Atom = Size::Atom;
  using Term = Size::Term;
  using Kind = Atom::Kind;
  using Atoms = std::vector<std::shared_ptr<const Atom>>;
  using Terms = std::vector<Term>;

  static Size invalid() {
    Size size;
    size.valid_ = false;
    return size;
  }
  static std::span<const Term> terms(const Size& size) {
    return size.terms_ ? std::span<const Term>(*size.terms_) : std::span<const Term>();
  }
  static std::int64_t constant(const Size& size) { return size.constant_; }

  // ---- order ------------------------------------------------------------------------------------------------------------

  static std::strong_ordering order(const Atom& a, const Atom& b) {
    if (&a == &b) return std::strong_ordering::equal;
    if (const auto kinds = a.kind <=> b.kind; kinds != 0) return kinds;
    if (const int names = a.name.compare(b.name); names != 0) return names <=> 0;
    if (const auto first = order(a.a, b.a); first != 0) return first;
    return order(a.b, b.b);
  }
  static std::strong_ordering order(const Atoms& a, const Atoms& b) {
    if (const auto sizes = a.size() <=> b.size(); sizes != 0) return sizes;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (const auto atoms = order(*a[i], *b[i]); atoms != 0) return atoms;
    }
    return std::strong_ordering::equal;
  }
  static std::strong_ordering order(const Size& a, const Size& b) {
    if (const auto numbers = a.constant_ <=> b.constant_; numbers != 0) return numbers;
    if (const auto valid = a.valid_ <=> b.valid_; valid != 0) return valid;
    const auto left = terms(a), right = terms(b);
    if (const auto counts = left.size() <=> right.size(); counts != 0) return counts;
    for (std::size_t i = 0; i < left.size(); ++i) {
      if (const auto factors = left[i].factor <=> right[i].factor; factors != 0) return factors;
      if (const auto atoms = order(left[i].atoms, right[i].atoms); atoms != 0) return atoms;
    }
    return std::strong_ordering::equal;
  }

  // ---- sums and products ------------------------------------------------------------------------------------------------

  // Sorts, joins terms of the same atoms, drops those that cancel.
  static Size normal(std::int64_t constant, Terms terms) {
    std::ranges::sort(terms, [](const Term& a, const Term& b) { return order(a.atoms, b.atoms) < 0; });
    Terms joined;
    std::size_t weight = 0;
    for (Term& term : terms) {
      if (term.atoms.empty()) {
        const auto sum = checked_add(constant, term.factor);
        if (!sum) return invalid();
        constant = *sum;
      } else if (!joined.empty() && order(joined.back().atoms, term.atoms) == 0) {
        const auto sum = checked_add(joined.back().factor, term.factor);
        if (!sum) return invalid();
        joined.back().factor = *sum;
      } else {
        joined.push_back(std::move(term));
      }
    }
    std::erase_if(joined, [](const Term& term) { return term.factor == 0; });
    for (const Term& term : joined) {
      for (const auto& atom : term.atoms) weight += atom->weight;
    }
    if (weight > Size::weight_max) return invalid();
    Size size(constant);
    if (!joined.empty()) size.terms_ = std::make_shared<const Terms>(std::move(joined));
    return size;
  }

  static Size of(Atom atom) {
    if (atom.kind != Kind::floor_div && order(atom.b, atom.a) < 0) std::swap(atom.a, atom.b);  // which one is which is the same
    atom.weight = 1 + weight(atom.a) + weight(atom.b);
    return normal(0, {{1, {std::make_shared<const Atom>(std::move(atom))}}});
  }
  static std::size_t weight(const Size& size) {
    std::size_t sum = 0;
    for (const Term& term : terms(size)) {
      for (const auto& atom : term.atoms) sum += atom->weight;
    }
    return sum;
  }

  static Size add(const Size& a, const Size& b) {
    const auto constant = checked_add(a.constant_, b.constant_);
    if (!a.valid_ || !b.valid_ || !constant) return invalid();
    Terms sum(terms(a).begin(), terms(a).end());
    sum.insert(sum.end(), terms(b).begin(), terms(b).end());
    return normal(*constant, std::move(sum));
  }

  static Size multiply(const Size& a, const Size& b) {
    const auto constant = checked_mul(a.constant_, b.constant_);
    if (!a.valid_ || !b.valid_ || !constant) return invalid();
    if (terms(a).size() * terms(b).size() > Size::weight_max) return invalid();
    Terms product;
    const auto append = [&](const Term& x, const Term& y) {
      const auto factor = checked_mul(x.factor, y.factor);
      if (!factor) return false;
      Term term{*factor, x.atoms};
      term.atoms.insert(term.atoms.end(), y.atoms.begin(), y.atoms.end());
      std::ranges::sort(term.atoms, [](const auto& p, const auto& q) { return order(*p, *q) < 0; });
      product.push_back(std::move(term));
      return true;
    };
    for (const Term& x : terms(a)) {
      if (b.constant_ != 0 && !append(x, {b.constant_, {}})) return invalid();
      for (const Term& y : terms(b)) {
        if (!append(x, y)) return invalid();
      }
    }
    for (const Term& y : terms(b)) {
      if (a.constant_ != 0 && !append(y, {a.constant_, {}})) return invalid();
    }
    return normal(*constant, std::move(product));
  }

  // ---- quotients --------------------------------------------------------------------------------------------------------

  static std::int64_t floor_number(std::int64_t a, std::int64_t b) {
    return a / b - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0);
  }

  // The term divided by one that divides it.
  static std::optional<Term> divided(const Term& term, const Term& by) {
    if (by.factor == -1 || term.factor % by.factor != 0) return std::nullopt;
    Term quotient{term.factor / by.factor, {}};
    const auto less = [](const auto& p, const auto& q) { return order(*p, *q) < 0; };
    if (!std::ranges::includes(term.atoms, by.atoms, less)) return std::nullopt;
    std::ranges::set_difference(term.atoms, by.atoms, std::back_inserter(quotient.atoms), less);
    return quotient;
  }

  static Size divide(const Size& a, const Size& b) {
    if (!a.valid_ || !b.valid_ || b.is(0)) return invalid();
    if (b.is(1)) return a;
    if (b.is(-1)) return Size(0) - a;
    if (order(a, b) == 0) return 1;
    if (const auto numerator = a.number(), denominator = b.number(); numerator && denominator) {
      return floor_number(*numerator, *denominator);
    }
    // What is a multiple of the divisor leaves the quotient: floor((8*n + 3) / 4) is 2*n + floor(3 / 4).
    const bool single = terms(b).empty() || (terms(b).size() == 1 && b.constant_ == 0);
    if (!single) return of({.kind = Kind::floor_div, .a = a, .b = b});
    const Term by = terms(b).empty() ? Term{b.constant_, {}} : terms(b).front();
    Terms whole, rest;
    for (const Term& term : terms(a)) {
      if (auto quotient = divided(term, by)) whole.push_back(*std::move(quotient));
      else rest.push_back(term);
    }
    const Size left = normal(a.constant_, std::move(rest));
    const Size quotient = normal(0, std::move(whole));
    if (const auto number = left.number()) {
      if (*number == 0) return quotient;
      if (terms(b).empty()) return add(quotient, floor_number(*number, b.constant_));
    }
    return add(quotient, of({.kind = Kind::floor_div, .a = left, .b = b}));
  }

  // ---- the rest ---------------------------------------------------------------------------------------------------------

  static bool never_negative(const Atom& atom) {
    switch (atom.kind) {
      case Kind::symbol:
      case Kind::broadcast: return true;
      case Kind::floor_div: return atom.a.never_negative() && atom.b.never_negative();
      case Kind::min: return atom.a.never_negative() && atom.b.never_negative();
      case Kind::max: return atom.a.never_negative() || atom.b.never_negative();
    }
    return false;
  }

  static void collect(const Size& size, std::set<std::string>& names) {
    for (const Term& term : terms(size)) {
      for (const auto& atom : term.atoms) {
        if (atom->kind == Kind::symbol) names.insert(atom->name);
        collect(atom->a, names);
        collect(atom->b, names);
      }
    }
  }

  static Size apply(Kind kind, const Size& a, const Size& b) {
    switch (kind) {
      case Kind::floor_div: return floor_div(a, b);
      case Kind::min: return min(a, b);
      case Kind::max: return max(a, b);
      case Kind::broadcast: return broadcast(a, b).value_or(invalid());
      case Kind::symbol: break;
    }
    return invalid();
  }

  // The size with another for each symbol.
  static Size replaced(const Size& size, const std::function<Size(const std::string&)>& instead) {
    if (!size.valid_) return size;
    Size sum = size.constant_;
    for (const Term& term : terms(size)) {
      Size product = term.factor;
      for (const auto& atom : term.atoms) {
        const bool symbol = atom->kind == Kind::symbol;
        product =
            product * (symbol ? instead(atom->name) : apply(atom->kind, replaced(atom->a, instead), replaced(atom->b, instead)));
      }
      sum = sum + product;
    }
    return sum;
  }

  static std::string text(const Atom& atom) {
    switch (atom.kind) {
      case Kind::symbol: return name_text(atom.name);
      case Kind::floor_div: return "floor((" + to_string(atom.a) + ") / (" + to_string(atom.b) + "))";
      case Kind::min: return "min(" + to_string(atom.a) + ", " + to_string(atom.b) + ")";
      case Kind::max: return "max(" + to_string(atom.a) + ", " + to_string(atom.b) + ")";
      case Kind::broadcast: return "broadcast(" + to_string(atom.a) + ", " + to_string(atom.b) + ")";
    }
    return {};
  }

  static bool is_word(std::string_view name) {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.'; };
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    for (const std::string_view reserved : {"floor", "min", "max", "broadcast", "invalid"}) {
      if (name == reserved) return false;
    }
    return letter(name[0]) && std::ranges::all_of(name, [&](char c) { return letter(c) || digit(c); });
  }
  static std::string name_text(const std::string& name) {
    if (is_word(name)) return name;
    std::string quoted = "\"";
    for (const char c : name) {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
    }
    return quoted + '"';
  }
};

namespace {

// Reads what to_string() writes: sums of products of numbers, names and functions.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Expected<Size> whole() {
    LANEWAY_TRY_ASSIGN(Size size, sum());
    if (at_ < text_.size()) return wrong("expected an end");
    return size;
  }

 private:
  static constexpr int depth_max = 64;

  Error wrong(std::string_view what) const {
    return Error(ErrorCode::invalid_argument, "size " + std::string(text_) + ": character " + std::to_string(at_ + 1) + ": " +
                                                  std::string(what) + ", got " +
                                                  (at_ < text_.size() ? std::string(text_.substr(at_)) : "the end"));
  }
  void skip_spaces() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool take(char wanted) {
    skip_spaces();
    if (at_ >= text_.size() || text_[at_] != wanted) return false;
    ++at_;
    skip_spaces();
    return true;
  }

  Expected<Size> sum() {
    if (++depth_ > depth_max) return wrong("nested too deeply");
    const bool minus = take('-');
    LANEWAY_TRY_ASSIGN(Size result, terms());
    if (minus) result = Size(0) - result;
    while (true) {
      if (take('+')) {
        LANEWAY_TRY_ASSIGN(const Size more, terms());
        result = result + more;
      } else if (take('-')) {
        LANEWAY_TRY_ASSIGN(const Size less, terms());
        result = result - less;
      } else {
        --depth_;
        return result;
      }
    }
  }
  Expected<Size> terms() {
    LANEWAY_TRY_ASSIGN(Size result, factor());
    while (take('*')) {
      LANEWAY_TRY_ASSIGN(const Size by, factor());
      result = result * by;
    }
    return result;
  }
  Expected<Size> factor() {
    skip_spaces();
    if (at_ >= text_.size()) return wrong("expected a size");
    if (text_[at_] == '"') return quoted();
    if (text_[at_] >= '0' && text_[at_] <= '9') return number();
    if (take('(')) {
      LANEWAY_TRY_ASSIGN(Size inner, sum());
      if (!take(')')) return wrong("expected )");
      return inner;
    }
    return word();
  }
  Expected<Size> number() {
    std::int64_t value = 0;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
      const auto tens = checked_mul<std::int64_t>(value, 10);
      const auto next = tens ? checked_add<std::int64_t>(*tens, text_[at_] - '0') : std::nullopt;
      if (!next) return wrong("a number that fits 64 bits");
      value = *next;
      ++at_;
    }
    skip_spaces();
    return Size(value);
  }
  Expected<Size> quoted() {
    std::string name;
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      name += text_[at_];
    }
    if (!take('"')) return wrong("expected \"");
    return Size::symbol(name);
  }
  Expected<Size> word() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && std::string_view(" +-*/(),\"").find(text_[at_]) == std::string_view::npos) ++at_;
    const std::string_view name = text_.substr(begin, at_ - begin);
    if (name.empty()) return wrong("expected a size");
    if (!take('(')) return Size::symbol(name);
    if (name == "floor") return quotient();
    LANEWAY_TRY_ASSIGN(const Size a, sum());
    if (!take(',')) return wrong("expected a comma");
    LANEWAY_TRY_ASSIGN(const Size b, sum());
    if (!take(')')) return wrong("expected )");
    if (name == "min") return min(a, b);
    if (name == "max") return max(a, b);
    if (name == "broadcast") {
      if (auto both = broadcast(a, b)) return *both;
    }
    at_ = begin;
    return wrong("expected floor, min, max or broadcast");
  }
  Expected<Size> quotient() {
    LANEWAY_TRY_ASSIGN(const Size a, sum());
    if (!take('/')) return wrong("expected /");
    LANEWAY_TRY_ASSIGN(const Size b, sum());
    if (!take(')')) return wrong("expected )");
    return floor_div(a, b);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Size Size::symbol(std::string_view name) {
  if (name.empty()) return SizeForm::invalid();
  return SizeForm::of({.name = std::string(name)});
}

Expected<Size> Size::parse(std::string_view text) { return Parser(text).whole(); }

std::optional<std::int64_t> Size::number() const noexcept { return valid_ && !terms_ ? std::optional(constant_) : std::nullopt; }

bool Size::never_negative() const noexcept {
  if (!valid_ || constant_ < 0) return false;
  return std::ranges::all_of(SizeForm::terms(*this), [](const Term& term) {
    return term.factor >= 0 && std::ranges::all_of(term.atoms, [](const auto& atom) { return SizeForm::never_negative(*atom); });
  });
}

std::vector<std::string> Size::symbols() const {
  std::set<std::string> names;
  SizeForm::collect(*this, names);
  return {names.begin(), names.end()};
}

Size Size::with(std::span<const Binding> bindings) const {
  return SizeForm::replaced(*this, [&](const std::string& name) {
    const auto found = std::ranges::find(bindings, name, &Binding::symbol);
    return found == bindings.end() ? Size::symbol(name) : found->size;
  });
}

Expected<std::int64_t> Size::evaluate(std::span<const NamedExtent> extents) const {
  for (const std::string& name : symbols()) {
    if (std::ranges::find(extents, name, &NamedExtent::symbol) == extents.end())
      return Error(ErrorCode::failed_precondition, "size " + to_string(*this) + ": " + name + ": expected an extent");
  }
  const Size value = SizeForm::replaced(
      *this, [&](const std::string& name) { return Size(std::ranges::find(extents, name, &NamedExtent::symbol)->extent); });
  if (const auto number = value.number()) return *number;
  return Error(ErrorCode::invalid_argument, "size " + to_string(*this) + ": no number at " + to_string(extents) +
                                                " (it overflows, divides by zero, or does not broadcast)");
}

bool operator==(const Size& a, const Size& b) noexcept { return a.valid_ && b.valid_ && SizeForm::order(a, b) == 0; }
Size operator+(const Size& a, const Size& b) { return SizeForm::add(a, b); }
Size operator-(const Size& a, const Size& b) { return SizeForm::add(a, SizeForm::multiply(b, -1)); }
Size operator*(const Size& a, const Size& b) { return SizeForm::multiply(a, b); }
Size floor_div(const Size& a, const Size& b) { return SizeForm::divide(a, b); }
Size ceil_div(const Size& a, const Size& b) { return Size(0) - floor_div(Size(0) - a, b); }

Size min(const Size& a, const Size& b) {
  if (!a.valid() || !b.valid()) return SizeForm::invalid();
  if ((b - a).never_negative()) return a;
  if ((a - b).never_negative()) return b;
  return SizeForm::of({.kind = SizeForm::Kind::min, .a = a, .b = b});
}

Size max(const Size& a, const Size& b) {
  if (!a.valid() || !b.valid()) return SizeForm::invalid();
  if ((a - b).never_negative()) return a;
  if ((b - a).never_negative()) return b;
  return SizeForm::of({.kind = SizeForm::Kind::max, .a = a, .b = b});
}

std::optional<Size> broadcast(const Size& a, const Size& b) {
  if (!a.valid() || !b.valid()) return SizeForm::invalid();
  if (a == b || b.is(1)) return a;
  if (a.is(1)) return b;
  const auto left = a.number(), right = b.number();
  if (left && right) return std::nullopt;
  if (left) return a;  // the other one is either this or 1
  if (right) return b;
  return SizeForm::of({.kind = SizeForm::Kind::broadcast, .a = a, .b = b});
}

std::string to_string(const Size& size) {
  if (!size.valid()) return "invalid";
  std::string text;
  for (const Size::Term& term : SizeForm::terms(size)) {
    const bool minus = term.factor < 0;
    if (text.empty()) text = minus ? "-" : "";
    else text += minus ? " - " : " + ";
    std::string factors;
    if (term.factor != 1 && term.factor != -1) factors = std::to_string(term.factor).substr(minus ? 1 : 0);
    for (const auto& atom : term.atoms) factors += (factors.empty() ? "" : "*") + SizeForm::text(*atom);
    text += factors;
  }
  const std::int64_t constant = SizeForm::constant(size);
  if (text.empty()) return std::to_string(constant);
  if (constant == 0) return text;
  return text + (constant < 0 ? " - " + std::to_string(constant).substr(1) : " + " + std::to_string(constant));
}

Size product(std::span<const Size> sizes) {
  Size result = 1;
  for (const Size& size : sizes) result = result * size;
  return result;
}

std::string to_string(std::span<const Size> sizes) {
  std::string text = "[";
  for (const Size& size : sizes) text += (text.size() > 1 ? ", " : "") + to_string(size);
  return text + "]";
}

}  // namespace laneway::graph
