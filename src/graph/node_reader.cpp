#include "graph/node_reader.h"

#include <algorithm>

namespace laneway::graph {

const onnx::AttributeView* NodeReader::find(std::string_view name) {
  asked_.insert(name);
  const auto found = std::ranges::find(node_.attributes, name, &onnx::AttributeView::name);
  return found == node_.attributes.end() ? nullptr : &*found;
}

template <class T>
Expected<std::optional<T>> NodeReader::get(std::string_view name, std::string_view kind) {
  const onnx::AttributeView* const attribute = find(name);
  if (!attribute) return std::optional<T>();
  if (const T* const value = std::get_if<T>(&attribute->value)) return std::optional<T>(*value);
  return Error(ErrorCode::invalid_argument,
               "attribute " + std::string(name) + ": expected " + std::string(kind) + ", got another kind");
}

Expected<std::optional<std::int64_t>> NodeReader::integer(std::string_view name) { return get<std::int64_t>(name, "an integer"); }
Expected<std::optional<float>> NodeReader::number(std::string_view name) { return get<float>(name, "a number"); }
Expected<std::optional<std::vector<std::int64_t>>> NodeReader::integers(std::string_view name) {
  return get<std::vector<std::int64_t>>(name, "integers");
}
Expected<std::optional<std::vector<float>>> NodeReader::numbers(std::string_view name) {
  return get<std::vector<float>>(name, "numbers");
}
Expected<std::optional<std::string>> NodeReader::text(std::string_view name) {
  LANEWAY_TRY_ASSIGN(const auto view, get<std::string_view>(name, "a text"));
  return view ? std::optional<std::string>(*view) : std::nullopt;
}

Expected<std::int64_t> NodeReader::integer(std::string_view name, std::int64_t otherwise) {
  LANEWAY_TRY_ASSIGN(const auto value, integer(name));
  return value.value_or(otherwise);
}
Expected<bool> NodeReader::flag(std::string_view name, bool otherwise) {
  LANEWAY_TRY_ASSIGN(const auto value, integer(name));
  if (!value) return otherwise;
  if (*value == 0 || *value == 1) return *value == 1;
  return Error(ErrorCode::invalid_argument,
               "attribute " + std::string(name) + ": expected 0 or 1, got " + std::to_string(*value));
}
Expected<float> NodeReader::number(std::string_view name, float otherwise) {
  LANEWAY_TRY_ASSIGN(const auto value, number(name));
  return value.value_or(otherwise);
}
Expected<std::string> NodeReader::text(std::string_view name, std::string_view otherwise) {
  LANEWAY_TRY_ASSIGN(auto value, text(name));
  return value ? *std::move(value) : std::string(otherwise);
}
Expected<std::vector<std::int64_t>> NodeReader::integers(std::string_view name, std::vector<std::int64_t> otherwise) {
  LANEWAY_TRY_ASSIGN(auto value, integers(name));
  return value ? *std::move(value) : std::move(otherwise);
}

Expected<> NodeReader::finish() const {
  for (const onnx::AttributeView& attribute : node_.attributes) {
    if (asked_.contains(attribute.name)) continue;
    return Error(ErrorCode::unimplemented, "attribute " + std::string(attribute.name) +
                                               ": not known to this operator in version " + std::to_string(version_));
  }
  return {};
}

}  // namespace laneway::graph
