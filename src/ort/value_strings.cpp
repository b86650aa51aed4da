#include <cstring>
#include <utility>

#include "laneway/ort/value.h"
#include "ort/call.h"
#include "ort/type_info.h"
#include "ort/value_parts.h"

namespace laneway::ort {
namespace {

// The one way that takes a length: the others end at the first NUL.
Expected<> write_string(const Library& library, OrtValue* value, std::size_t index, std::string_view text) {
  char* into = nullptr;
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(GetResizedStringTensorElementBuffer), value, index, text.size(), &into));
  if (!text.empty()) std::memcpy(into, text.data(), text.size());
  return {};
}

Error no_string(std::size_t index, std::size_t count) {
  return Error(ErrorCode::out_of_range,
               "value: string " + std::to_string(index) + ": expected an index below " + std::to_string(count));
}

}  // namespace

Expected<Value> Value::strings(const Allocator& allocator, std::span<const std::string> elements, const Shape& shape) {
  LANEWAY_TRY_ASSIGN(const std::size_t count, element_count(shape));
  if (elements.size() != count) {
    return Error(ErrorCode::invalid_argument, "value: strings: expected " + std::to_string(count) + " for shape " +
                                                  to_string(shape) + ", got " + std::to_string(elements.size()));
  }
  LANEWAY_TRY_ASSIGN(Value value, allocate(allocator, DType::string, shape));
  for (std::size_t i = 0; i < count; ++i) { LANEWAY_TRY(write_string(*allocator.library(), value.native(), i, elements[i])); }
  return value;
}

Expected<std::size_t> Value::string_count() const {
  LANEWAY_TRY(expect(PortKind::tensor));
  LANEWAY_TRY_ASSIGN(const auto type, tensor_type(library(), native()));
  if (type.dtype != DType::string) return wrong_kind("tensor of strings", "tensor of " + std::string(name(type.dtype)));
  return element_count(type.shape);
}

Expected<std::vector<std::string>> Value::string_elements() const {
  LANEWAY_TRY_ASSIGN(const std::size_t count, string_count());
  std::size_t bytes = 0;
  LANEWAY_TRY(call(*library(), LANEWAY_ORT_FN(GetStringTensorDataLength), native(), &bytes));
  std::string content(bytes, '\0');
  std::vector<std::size_t> ends(count);
  void* const into = content.data();
  LANEWAY_TRY(call(*library(), LANEWAY_ORT_FN(GetStringTensorContent), native(), into, bytes, ends.data(), count));
  ends.push_back(bytes);  // offsets of the beginnings, and now one past the last
  std::vector<std::string> elements;
  for (std::size_t i = 0; i < count; ++i) elements.push_back(content.substr(ends[i], ends[i + 1] - ends[i]));
  return elements;
}

Expected<> Value::set_string(std::size_t index, std::string_view text) {
  LANEWAY_TRY_ASSIGN(const std::size_t count, string_count());
  if (index >= count) return no_string(index, count);
  return write_string(*library(), native(), index, text);
}

Expected<std::string> Value::string_at(std::size_t index) const {
  LANEWAY_TRY_ASSIGN(const std::size_t count, string_count());
  if (index >= count) return no_string(index, count);
  std::size_t bytes = 0;
  LANEWAY_TRY(call(*library(), LANEWAY_ORT_FN(GetStringTensorElementLength), native(), index, &bytes));
  std::string text(bytes, '\0');
  void* const into = text.data();
  LANEWAY_TRY(call(*library(), LANEWAY_ORT_FN(GetStringTensorElement), native(), bytes, index, into));
  return text;
}

}  // namespace laneway::ort
