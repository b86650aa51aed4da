#include "ort/key_values.h"

#include <set>
#include <string>

#include "ort/call.h"
#include "ort/text.h"

namespace laneway::ort {

KeyValues read_key_values(const Library& library, const OrtKeyValuePairs* pairs) {
  KeyValues entries;
  if (!pairs) return entries;
  const char* const* names = nullptr;
  const char* const* values = nullptr;
  std::size_t count = 0;
  library.api()->GetKeyValuePairs(pairs, &names, &values, &count);
  for (std::size_t i = 0; i < count; ++i) entries.emplace_back(names[i], values[i]);
  return entries;
}

Expected<Handle<OrtKeyValuePairs>> make_key_values(const std::shared_ptr<const Library>& library, const KeyValues& entries) {
  LANEWAY_TRY_ASSIGN(auto pairs, make<OrtKeyValuePairs>(library, LANEWAY_ORT_FN(CreateKeyValuePairs)));
  for (const auto& [name, value] : entries) {
    LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(AddKeyValuePair), pairs.get(), name.c_str(), value.c_str()));
  }
  return pairs;
}

Expected<> validate_key_values(std::string_view field, const KeyValues& entries) {
  std::set<std::string_view> names;
  for (const auto& [name, value] : entries) {
    LANEWAY_TRY(no_nul(field, name));
    const std::string object = std::string(field) + " " + name;
    if (name.empty()) return Error(ErrorCode::invalid_argument, std::string(field) + ": empty name: expected ONNX Runtime's");
    LANEWAY_TRY(no_nul(object, value));
    if (!names.insert(name).second) return Error(ErrorCode::invalid_argument, object + ": given twice");
  }
  return {};
}

KeyValueTexts::KeyValueTexts(const KeyValues& entries) {
  for (const auto& [name, value] : entries) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
}

}  // namespace laneway::ort
