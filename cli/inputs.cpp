#include "cli/inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <random>

#include "cli/elements.h"
#include "cli/usage.h"

namespace laneway::cli {
namespace {

// Extents by dimension's name, with whoever set each, so that a disagreement can name both.
class Extents {
 public:
  struct Entry {
    std::int64_t extent;
    std::string by;
  };

  // The entry that disagrees, or null.
  const Entry* set(const std::string& name, std::int64_t extent, const std::string& by) {
    const auto [entry, added] = entries_.try_emplace(name, Entry{extent, by});
    return added || entry->second.extent == extent ? nullptr : &entry->second;
  }
  const Entry* find(const std::string& name) const {
    const auto entry = entries_.find(name);
    return entry == entries_.end() ? nullptr : &entry->second;
  }

 private:
  std::map<std::string, Entry> entries_;
};

std::optional<double> real_of(std::string_view text) {
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <class Integer>
std::optional<Integer> integer_of(std::string_view text) {
  Integer value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Whether an element can be this number: integers exactly, floating ones without overflow.
template <class Number>
bool holds(DType dtype, Number value) {
  std::byte bytes[16] = {};
  set_element(dtype, bytes, 0, value);
  const Element element = element_at(dtype, bytes, 0);
  if (is_floating(dtype)) return std::isfinite(to_double(element)) || !std::isfinite(static_cast<double>(value));
  if (const auto* truth = std::get_if<bool>(&element)) return static_cast<Number>(*truth ? 1 : 0) == value;
  if constexpr (std::is_integral_v<Number>) {
    if (const auto* natural = std::get_if<std::uint64_t>(&element)) return std::cmp_equal(*natural, value);
    return std::cmp_equal(std::get<std::int64_t>(element), value);
  }
  return to_double(element) == static_cast<double>(value);
}

RandomElements random_of(DType dtype) { return is_floating(dtype) ? RandomElements{-1, 1} : RandomElements{0, 1}; }

RandomElements range_of(const std::string& flag, const Port& port, std::string_view text) {
  const std::size_t dots = text.find("..");
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  const double low = real_of(text.substr(0, dots)).value_or(none);
  const double high = dots == std::string_view::npos ? none : real_of(text.substr(dots + 2)).value_or(none);
  if (!(low <= high)) throw UsageError(fmt::format("{}: expected random:LO..HI with LO <= HI", flag));
  const bool too_big = !is_floating(port.dtype) && std::max(std::abs(low), std::abs(high)) >= 0x1p63;
  if (too_big || !holds(port.dtype, low) || !holds(port.dtype, high)) {
    throw UsageError(fmt::format("{}: expected bounds that {} can hold", flag, name(port.dtype)));
  }
  return {low, high};
}

InputSource value_of(const std::string& flag, const Port& port, const std::string& text) {
  if (port.dtype == DType::boolean && (text == "true" || text == "false")) return std::int64_t{text == "true" ? 1 : 0};
  if (is_floating(port.dtype)) {
    if (const auto real = real_of(text); real && holds(port.dtype, *real)) return *real;
  } else if (const auto integer = integer_of<std::int64_t>(text); integer && holds(port.dtype, *integer)) {
    return *integer;
  } else if (const auto natural = integer_of<std::uint64_t>(text); natural && holds(port.dtype, *natural)) {
    return *natural;
  }
  throw UsageError(
      fmt::format("{}: expected FILE.npy, random, random:LO..HI or a value of {}, got {}", flag, name(port.dtype), text));
}

// What follows NAME= of --input.
Expected<InputSource> source_of(const std::string& flag, const Port& port, const std::string& text) {
  const bool texts = port.kind == PortKind::tensor && port.dtype == DType::string;
  std::error_code failure;
  if (texts && text.ends_with(".npy") && std::filesystem::exists(text, failure))
    return Error(ErrorCode::unimplemented,
                 fmt::format("{}: texts are not read from files: expected --input {}=TEXT", text, port.name));
  if (texts && text != "random" && !text.starts_with("random:")) return InputSource(text);
  if (texts) throw UsageError(fmt::format("{}: expected a text for every element: there are no random strings", flag));
  if (text == "random") return InputSource(random_of(port.dtype));
  if (text.starts_with("random:")) return InputSource(range_of(flag, port, std::string_view(text).substr(7)));
  if (!text.ends_with(".npy")) return value_of(flag, port, text);
  LANEWAY_TRY_ASSIGN(NpyArray array, load_npy(text));
  if (array.dtype == port.dtype) return InputSource(std::move(array));
  return Error(ErrorCode::invalid_argument, fmt::format("{}: wrong dtype: expected {} as the model's input {}, got {}", text,
                                                        name(port.dtype), port.name, name(array.dtype)));
}

// The inputs of a model and what flags say of each.
class Resolver {
 public:
  Resolver(const std::vector<Port>& ports, const InputFlags& flags) : ports_(ports), flags_(flags), set_(ports.size()) {
    for (const Port& port : ports) {
      input_names_.push_back(port.name);
      for (std::size_t axis = 0; axis < port.shape.size(); ++axis) {
        const std::string dimension = dimension_name(port, axis);
        const bool listed = std::ranges::find(open_, dimension) != open_.end();
        if (!port.shape[axis].extent && !listed) open_.push_back(dimension);
      }
    }
  }

  Expected<GivenInputs> resolve() {
    for (const std::string& dim : flags_.dims) read_dim(dim);
    for (const std::string& shape : flags_.shapes) read_shape(shape);
    for (const std::string& input : flags_.inputs) LANEWAY_TRY(read_input(input));
    GivenInputs result;
    for (std::size_t i = 0; i < ports_.size(); ++i) {
      const Port& port = ports_[i];
      if (port.optional && !set_[i].source && !set_[i].shape) continue;
      auto given = complete(port, set_[i], result);
      if (!given) return std::move(given).error().with_context("input " + port.name);
      result.inputs.push_back(*std::move(given));
    }
    return result;
  }

 private:
  struct Said {
    std::optional<InputSource> source;
    std::optional<Shape> shape;
  };

  std::size_t index_of(std::string_view flag, const std::string& name) const {
    const auto hit = std::ranges::find(input_names_, name);
    if (hit != input_names_.end()) return static_cast<std::size_t>(hit - input_names_.begin());
    throw UsageError(fmt::format("{}: no such input: {}", flag, expected_one_of(input_names_, name)));
  }

  std::optional<std::int64_t> fixed_extent(const std::string& dimension) const {
    for (const Port& port : ports_) {
      for (std::size_t axis = 0; axis < port.shape.size(); ++axis) {
        if (port.shape[axis].extent && port.shape[axis].symbol.empty() && dimension_name(port, axis) == dimension)
          return port.shape[axis].extent;
      }
    }
    return std::nullopt;
  }

  void read_dim(const std::string& text) {
    const Assignment dim = last_assignment_of("--dim", text);
    const std::string flag = "--dim " + text;
    if (const auto fixed = fixed_extent(dim.name)) throw UsageError(fmt::format("{}: the model fixes it at {}", flag, *fixed));
    if (std::ranges::find(open_, dim.name) == open_.end()) {
      throw UsageError(open_.empty() ? fmt::format("{}: the model's inputs have no open dimension", flag)
                                     : fmt::format("{}: no such dimension: {}", flag, expected_one_of(open_, dim.name)));
    }
    const std::int64_t extent = extent_of(flag, dim.value);
    if (const auto* other = extents_.set(dim.name, extent, flag)) {
      throw UsageError(fmt::format("{}: disagrees with {}", flag, other->by));
    }
  }

  void read_shape(const std::string& text) {
    const Assignment assignment = last_assignment_of("--shape", text);
    const std::string flag = "--shape " + text;
    const std::size_t index = index_of(flag, assignment.name);
    if (auto problem = set_shape(index, shape_of(flag, assignment.value), flag)) throw UsageError(flag + ": " + *problem);
  }

  Expected<> read_input(const std::string& text) {
    const Assignment assignment = assignment_of("--input", text);
    const std::string flag = "--input " + text;
    const std::size_t index = index_of(flag, assignment.name);
    if (set_[index].source) throw UsageError(fmt::format("{}: input {} is given twice", flag, assignment.name));
    LANEWAY_TRY_ASSIGN(set_[index].source, source_of(flag, ports_[index], assignment.value));
    const auto* array = std::get_if<NpyArray>(&*set_[index].source);
    if (array == nullptr) return {};
    const auto problem = set_shape(index, array->shape, assignment.value);
    if (!problem) return {};
    return Error(ErrorCode::invalid_argument,
                 fmt::format("{}: wrong shape for input {}: {}", assignment.value, assignment.name, *problem));
  }

  // What is wrong with the shape, or nothing.
  std::optional<std::string> set_shape(std::size_t index, const Shape& shape, const std::string& by) {
    const Port& port = ports_[index];
    if (set_[index].shape && *set_[index].shape != shape) {
      return fmt::format("expected {} as said before, got {}", to_string(*set_[index].shape), to_string(shape));
    }
    set_[index].shape = shape;
    if (!port.rank_known) return std::nullopt;
    bool fits = shape.rank() == port.shape.size();
    for (std::size_t axis = 0; fits && axis < shape.rank(); ++axis)
      fits = port.shape[axis].extent.value_or(shape[axis]) == shape[axis];
    if (!fits) return fmt::format("expected {}, got {}", describe_shape(port), to_string(shape));
    for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
      if (port.shape[axis].extent) continue;
      const auto* other = extents_.set(dimension_name(port, axis), shape[axis], by);
      if (other != nullptr)
        return fmt::format("expected {} = {} ({}), got {}", dimension_name(port, axis), other->extent, other->by, shape[axis]);
    }
    return std::nullopt;
  }

  Expected<GivenInput> complete(const Port& port, const Said& said, GivenInputs& result) {
    const auto wrong = [](std::string problem) { return Error(ErrorCode::invalid_argument, std::move(problem)); };
    if (port.kind != PortKind::tensor) {
      return Error(ErrorCode::unimplemented, fmt::format("is a {}: a command line can give tensors only", name(port.kind)));
    }
    if (port.dtype == DType::string && !said.source) return wrong(fmt::format("is text: expected --input {}=TEXT", port.name));
    if (!port.rank_known && !said.shape) {
      return wrong(fmt::format("the model does not say how many dimensions it has: expected --shape {}=...", port.name));
    }
    const InputSource source = said.source.value_or(random_of(port.dtype));
    if (!port.rank_known) return GivenInput{port, *said.shape, source};
    std::vector<std::int64_t> extents;
    for (std::size_t axis = 0; axis < port.shape.size(); ++axis) {
      extents.push_back(port.shape[axis].extent ? *port.shape[axis].extent : extent_by_name(dimension_name(port, axis), result));
    }
    LANEWAY_TRY_ASSIGN(const Shape shape, Shape::of(extents));
    return GivenInput{port, shape, source};
  }

  std::int64_t extent_by_name(const std::string& dimension, GivenInputs& result) {
    const auto known = std::ranges::find(result.dimensions, dimension, &NamedExtent::symbol);
    if (known != result.dimensions.end()) return known->extent;
    const auto* said = extents_.find(dimension);
    if (said == nullptr) result.defaulted.push_back(dimension);
    result.dimensions.push_back({dimension, said == nullptr ? 1 : said->extent});
    return result.dimensions.back().extent;
  }

  const std::vector<Port>& ports_;
  const InputFlags& flags_;
  std::vector<Said> set_;  // one per input
  std::vector<std::string> input_names_;
  std::vector<std::string> open_;  // dimensions
  Extents extents_;
};

// The same everywhere and always: neither the order of inputs nor the standard library has a say.
std::mt19937_64 generator(const std::string& port, std::uint64_t seed, std::uint64_t variation) {
  std::vector<std::uint32_t> seeds = {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                                      static_cast<std::uint32_t>(variation), static_cast<std::uint32_t>(variation >> 32)};
  seeds.insert(seeds.end(), port.begin(), port.end());
  std::seed_seq sequence(seeds.begin(), seeds.end());
  return std::mt19937_64(sequence);
}

void fill_randomly(DType dtype, void* data, std::size_t count, const RandomElements& range, std::mt19937_64 random) {
  if (is_floating(dtype)) {
    for (std::size_t i = 0; i < count; ++i) {
      const double part = static_cast<double>(random() >> 11) * 0x1p-53;
      set_element(dtype, data, i, range.low + (range.high - range.low) * part);
    }
    return;
  }
  const auto low = static_cast<std::int64_t>(range.low);
  const std::uint64_t choices =
      static_cast<std::uint64_t>(static_cast<std::int64_t>(range.high)) - static_cast<std::uint64_t>(low) + 1;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t step = choices == 0 ? random() : random() % choices;
    set_element(dtype, data, i, static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + step));
  }
}

}  // namespace

void GivenInput::fill(void* data, std::uint64_t seed, std::uint64_t variation) const {
  const std::size_t count = *element_count(shape);
  if (const auto* array = std::get_if<NpyArray>(&source)) {
    if (!array->bytes.empty()) std::memcpy(data, array->bytes.data(), array->bytes.size());
  } else if (const auto* range = std::get_if<RandomElements>(&source)) {
    fill_randomly(port.dtype, data, count, *range, generator(port.name, seed, variation));
  } else if (const auto* real = std::get_if<double>(&source)) {
    for (std::size_t i = 0; i < count; ++i) set_element(port.dtype, data, i, *real);
  } else if (const auto* integer = std::get_if<std::int64_t>(&source)) {
    for (std::size_t i = 0; i < count; ++i) set_element(port.dtype, data, i, *integer);
  } else if (const auto* natural = std::get_if<std::uint64_t>(&source)) {
    for (std::size_t i = 0; i < count; ++i) set_element(port.dtype, data, i, *natural);
  }
}

InputFlags flags_for(const std::vector<Port>& inputs, const InputFlags& flags) {
  const auto has_input = [&](const Assignment& flag) {
    return std::ranges::any_of(inputs, [&](const Port& port) { return port.name == flag.name; });
  };
  const auto has_dimension = [&](const Assignment& flag) {
    return std::ranges::any_of(inputs, [&](const Port& port) {
      for (std::size_t axis = 0; axis < port.shape.size(); ++axis) {
        if (dimension_name(port, axis) == flag.name) return true;
      }
      return false;
    });
  };
  InputFlags result{.seed = flags.seed};
  const auto keep = [](auto& to, const auto& from, const auto& assignment, const auto& has) {
    std::ranges::copy_if(from, std::back_inserter(to), [&](const std::string& text) { return has(assignment(text)); });
  };
  keep(
      result.inputs, flags.inputs, [](const std::string& text) { return assignment_of("--input", text); }, has_input);
  keep(
      result.shapes, flags.shapes, [](const std::string& text) { return last_assignment_of("--shape", text); }, has_input);
  keep(
      result.dims, flags.dims, [](const std::string& text) { return last_assignment_of("--dim", text); }, has_dimension);
  return result;
}

Expected<GivenInputs> resolve_inputs(const std::vector<Port>& inputs, const InputFlags& flags) {
  return Resolver(inputs, flags).resolve();
}

}  // namespace laneway::cli
