#include "cli/summary.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace laneway::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t first_max = 8;

Json json_of(const Element& element) {
  if (const auto* complex = std::get_if<std::complex<double>>(&element)) return Json::array({complex->real(), complex->imag()});
  if (const auto* integer = std::get_if<std::int64_t>(&element)) return *integer;
  if (const auto* natural = std::get_if<std::uint64_t>(&element)) return *natural;
  if (const auto* truth = std::get_if<bool>(&element)) return *truth;
  return std::get<double>(element);
}

bool ordered(DType dtype) { return dtype != DType::complex64 && dtype != DType::complex128; }

std::size_t count_of(const Shape& shape) {
  const auto count = element_count(shape);
  return count ? *count : 0;
}

// "a b c ..." of the first few.
template <class Items, class Text>
std::string first_of(const Items& items, std::size_t count, Text text) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < std::min({items.size(), count, first_max}); ++i) words.push_back(text(items[i]));
  return fmt::format("{}{}", fmt::join(words, " "), count > words.size() ? " ..." : "");
}

std::string quoted(const std::string& text) { return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace); }

TensorSummary summary_of(const TensorValue& tensor) {
  return summarise(tensor.dtype, count_of(tensor.shape), tensor.bytes.data());
}

struct ToText {
  static std::string held(const std::shared_ptr<const Value>& value) { return value ? to_string(*value) : "nothing"; }
  static std::string element(const Value& value) { return fmt::format("({})", to_string(value)); }

  std::string operator()(std::monostate) const { return "nothing"; }
  std::string operator()(const TensorValue& tensor) const {
    return fmt::format("{} {} {}", name(tensor.dtype), to_string(tensor.shape), to_string(summary_of(tensor)));
  }
  std::string operator()(const StringTensorValue& texts) const {
    return fmt::format("string {} {}", to_string(texts.shape), first_of(texts.elements, texts.elements.size(), quoted));
  }
  std::string operator()(const SequenceValue& sequence) const {
    const std::size_t count = sequence.elements.size();
    return fmt::format("sequence of {}: {}", count, first_of(sequence.elements, count, element));
  }
  std::string operator()(const MapValue& map) const {
    return fmt::format("map: keys ({}), values ({})", held(map.keys), held(map.values));
  }
  std::string operator()(const OptionalValue& optional) const { return fmt::format("optional: {}", held(optional.held)); }
  std::string operator()(const SparseValue& sparse) const {
    return fmt::format("sparse_tensor {} {}: {}", name(sparse.values.dtype), to_string(sparse.dense_shape),
                       to_string(summary_of(sparse.values)));
  }
};

struct ToJson {
  static Json held(const std::shared_ptr<const Value>& value) { return value ? to_json(*value) : Json(); }

  Json operator()(std::monostate) const { return {}; }
  Json operator()(const TensorValue& tensor) const {
    Json json = {{"kind", "tensor"}, {"dtype", name(tensor.dtype)}, {"shape", to_json(tensor.shape)}};
    json.update(to_json(summary_of(tensor)));
    return json;
  }
  Json operator()(const StringTensorValue& texts) const {
    Json first = Json::array();
    for (std::size_t i = 0; i < std::min(texts.elements.size(), first_max); ++i) first.push_back(texts.elements[i]);
    return {{"kind", "tensor"}, {"dtype", "string"}, {"shape", to_json(texts.shape)}, {"first", std::move(first)}};
  }
  Json operator()(const SequenceValue& sequence) const {
    Json first = Json::array();
    for (std::size_t i = 0; i < std::min(sequence.elements.size(), first_max); ++i)
      first.push_back(to_json(sequence.elements[i]));
    return {{"kind", "sequence"}, {"count", sequence.elements.size()}, {"first", std::move(first)}};
  }
  Json operator()(const MapValue& map) const { return {{"kind", "map"}, {"keys", held(map.keys)}, {"values", held(map.values)}}; }
  Json operator()(const OptionalValue& optional) const { return {{"kind", "optional"}, {"held", held(optional.held)}}; }
  Json operator()(const SparseValue& sparse) const {
    return {{"kind", "sparse_tensor"}, {"dense_shape", to_json(sparse.dense_shape)}, {"values", (*this)(sparse.values)}};
  }
};

}  // namespace

TensorSummary summarise(DType dtype, std::size_t count, const void* data) {
  TensorSummary summary{.count = count};
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const Element element = element_at(dtype, data, i);
    if (i < first_max) summary.first.push_back(element);
    if (!ordered(dtype)) continue;
    const double value = to_double(element);
    if (std::isnan(value)) {
      ++summary.nan_count;
      continue;
    }
    sum += value;
    if (!summary.min || value < to_double(*summary.min)) summary.min = element;
    if (!summary.max || value > to_double(*summary.max)) summary.max = element;
  }
  if (summary.min) summary.mean = sum / static_cast<double>(count - summary.nan_count);
  return summary;
}

std::string to_string(const TensorSummary& summary) {
  std::string text = first_of(summary.first, summary.count, [](const Element& element) { return to_string(element); });
  if (summary.min) {
    text += fmt::format("  (min {}, max {}, mean {:.6g})", to_string(*summary.min), to_string(*summary.max), *summary.mean);
  }
  if (summary.nan_count > 0) text += fmt::format("  ({} NaN)", summary.nan_count);
  return text;
}

Json to_json(const TensorSummary& summary) {
  Json first = Json::array();
  for (const Element& element : summary.first) first.push_back(json_of(element));
  return {{"first", std::move(first)},
          {"min", summary.min ? json_of(*summary.min) : Json()},
          {"max", summary.max ? json_of(*summary.max) : Json()},
          {"mean", summary.mean ? Json(*summary.mean) : Json()},
          {"nan_count", summary.nan_count}};
}

std::string to_string(const Value& value) { return std::visit(ToText(), value.data()); }

Json to_json(const Value& value) { return std::visit(ToJson(), value.data()); }

Json to_json(const Shape& shape) {
  Json json = Json::array();
  for (const std::int64_t extent : shape.extents()) json.push_back(extent);
  return json;
}

Json to_json(const Port& port) {
  Json shape = Json::array();
  for (std::size_t axis = 0; axis < port.shape.size(); ++axis) {
    shape.push_back(port.shape[axis].extent ? Json(*port.shape[axis].extent) : Json(dimension_name(port, axis)));
  }
  return {{"name", port.name},
          {"kind", name(port.kind)},
          {"dtype", name(port.dtype)},
          {"shape", port.rank_known ? std::move(shape) : Json()},
          {"optional", port.optional}};
}

}  // namespace laneway::cli
