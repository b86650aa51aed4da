#include "laneway/ort/kernel_info.h"

#include "ort/attribute.h"
#include "ort/call.h"
#include "ort/kernel.h"
#include "ort/key_values.h"
#include "ort/text.h"
#include "ort/type_info.h"

namespace laneway::ort {
namespace {

// Texts and lists come in two calls, of which the first asks for the size.
template <class T, class Find, class... Args>
Expected<std::vector<T>> sized(const Library& library, const Entry<Find>& function, const OrtKernelInfo* info, Args... args) {
  std::size_t size = 0;
  LANEWAY_TRY(call(library, function, info, args..., static_cast<T*>(nullptr), &size));
  std::vector<T> values(size);
  if (size != 0) LANEWAY_TRY(call(library, function, info, args..., values.data(), &size));
  return values;
}

template <class Find, class... Args>
Expected<std::string> text(const Library& library, const Entry<Find>& function, const OrtKernelInfo* info, Args... args) {
  LANEWAY_TRY_ASSIGN(const auto characters, (sized<char>(library, function, info, args...)));
  return std::string(characters.data(), characters.empty() ? 0 : characters.size() - 1);
}

// An attribute by every function there is, until one finds it: the C API does not say of which kind it is.
struct Finder {
  const std::shared_ptr<const Library>& library;
  const OrtKernelInfo* info;
  const char* name;

  std::optional<AttributeValue> single() const {
    std::int64_t integer = 0;
    float number = 0;
    if (call(*library, LANEWAY_ORT_FN(KernelInfoGetAttribute_int64), info, name, &integer)) return AttributeValue(integer);
    if (call(*library, LANEWAY_ORT_FN(KernelInfoGetAttribute_float), info, name, &number)) return AttributeValue(number);
    auto characters = text(*library, LANEWAY_ORT_FN(KernelInfoGetAttribute_string), info, name);
    if (characters) return AttributeValue(*std::move(characters));
    return std::nullopt;
  }

  Expected<std::optional<AttributeValue>> tensor() const {
    LANEWAY_TRY_ASSIGN(const Allocator allocator, Allocator::host(library));
    auto value = make<OrtValue>(library, LANEWAY_ORT_FN(KernelInfoGetAttribute_tensor), info, name, allocator.native());
    if (!value) return std::optional<AttributeValue>();
    const std::shared_ptr<OrtValue> shared = *std::move(value);
    LANEWAY_TRY_ASSIGN(Tensor tensor, to_tensor(library, shared.get(), shared));
    return std::optional<AttributeValue>(std::move(tensor));
  }

  Expected<std::vector<std::string>> strings() const {
    LANEWAY_TRY_ASSIGN(const Allocator allocator, Allocator::host(library));
    char** texts = nullptr;
    std::size_t count = 0;
    LANEWAY_TRY(
        call(*library, LANEWAY_ORT_FN(KernelInfoGetAttributeArray_string), info, name, allocator.native(), &texts, &count));
    return take_texts(allocator, texts, count);
  }

  // Each function of lists finds any attribute, as an empty list where it is of another kind.
  Expected<std::optional<AttributeValue>> list() const {
    auto integers = sized<std::int64_t>(*library, LANEWAY_ORT_FN(KernelInfoGetAttributeArray_int64), info, name);
    if (!integers) return std::optional<AttributeValue>();
    LANEWAY_TRY_ASSIGN(auto numbers, sized<float>(*library, LANEWAY_ORT_FN(KernelInfoGetAttributeArray_float), info, name));
    if (!numbers.empty()) return std::optional<AttributeValue>(std::move(numbers));
    if (!integers->empty()) return std::optional<AttributeValue>(*std::move(integers));
    LANEWAY_TRY_ASSIGN(auto texts, strings());
    if (!texts.empty()) return std::optional<AttributeValue>(std::move(texts));
    return std::optional<AttributeValue>(*std::move(integers));
  }
};

template <class Count, class Name, class Type>
Expected<std::vector<Port>> ports(const KernelInfo& info, const Entry<Count>& count_of, const Entry<Name>& name_of,
                                  const Entry<Type>& type_of) {
  const std::shared_ptr<const Library>& library = info.library();
  std::size_t count = 0;
  LANEWAY_TRY(call(*library, count_of, info.native(), &count));
  std::vector<Port> ports;
  for (std::size_t i = 0; i < count; ++i) {
    LANEWAY_TRY_ASSIGN(std::string name, text(*library, name_of, info.native(), i));
    if (name.empty()) {
      ports.push_back({.name = {}, .rank_known = false, .optional = true});
      continue;
    }
    LANEWAY_TRY_ASSIGN(const auto type, make<OrtTypeInfo>(library, type_of, info.native(), i));
    LANEWAY_TRY_ASSIGN(Port port, port_of(library, std::move(name), *type));
    ports.push_back(std::move(port));
  }
  return ports;
}

}  // namespace

Expected<std::optional<Attribute>> KernelInfo::find_attribute(const std::string& name) const {
  LANEWAY_TRY(no_nul("attribute", name));
  const Finder finder{library_, native(), name.c_str()};
  std::optional<AttributeValue> value = finder.single();
  if (!value) { LANEWAY_TRY_ASSIGN(value, finder.tensor()); }
  if (!value) { LANEWAY_TRY_ASSIGN(value, finder.list()); }
  if (!value) return std::optional<Attribute>();
  return std::optional(Attribute{name, *std::move(value)});
}

Error KernelInfo::no_attribute(const std::string& name) {
  return Error(ErrorCode::not_found, "attribute " + name + ": the node has none of that name");
}

Expected<std::vector<Port>> KernelInfo::inputs() const {
  return ports(*this, LANEWAY_ORT_FN(KernelInfo_GetInputCount), LANEWAY_ORT_FN(KernelInfo_GetInputName),
               LANEWAY_ORT_FN(KernelInfo_GetInputTypeInfo));
}

Expected<std::vector<Port>> KernelInfo::outputs() const {
  return ports(*this, LANEWAY_ORT_FN(KernelInfo_GetOutputCount), LANEWAY_ORT_FN(KernelInfo_GetOutputName),
               LANEWAY_ORT_FN(KernelInfo_GetOutputTypeInfo));
}

Expected<std::optional<Tensor>> KernelInfo::constant_input(std::size_t input) const {
  int constant = 0;
  const OrtValue* value = nullptr;
  LANEWAY_TRY(call(*library_, LANEWAY_ORT_FN(KernelInfoGetConstantInput_tensor), native(), input, &constant, &value));
  if (constant == 0 || !value) return std::optional<Tensor>();
  LANEWAY_TRY_ASSIGN(Tensor tensor, to_tensor(library_, value, nullptr));
  return std::optional(std::move(tensor));
}

Expected<std::string> KernelInfo::node_name() const { return text(*library_, LANEWAY_ORT_FN(KernelInfo_GetNodeName), native()); }
Expected<std::string> KernelInfo::operator_type() const {
  return text(*library_, LANEWAY_ORT_FN(KernelInfo_GetOperatorType), native());
}
Expected<std::string> KernelInfo::operator_domain() const {
  return text(*library_, LANEWAY_ORT_FN(KernelInfo_GetOperatorDomain), native());
}

Expected<int> KernelInfo::operator_since_version() const {
  int version = 0;
  LANEWAY_TRY(call(*library_, LANEWAY_ORT_FN(KernelInfo_GetOperatorSinceVersion), native(), &version));
  return version;
}

Expected<KeyValues> KernelInfo::config() const {
  LANEWAY_TRY_ASSIGN(const auto pairs, make<OrtKeyValuePairs>(library_, LANEWAY_ORT_FN(KernelInfo_GetConfigEntries), native()));
  return read_key_values(*library_, pairs.get());
}

Expected<Allocation> KernelInfo::allocate(std::size_t bytes) const {
  LANEWAY_TRY_ASSIGN(auto allocator,
                     make<OrtAllocator>(library_, LANEWAY_ORT_FN(KernelInfoGetAllocator), native(), OrtMemTypeDefault));
  return allocate_from(std::shared_ptr<OrtAllocator>(std::move(allocator)), bytes);
}

void KernelInfo::log(Severity severity, const std::string& message, const char* file, int line) const noexcept {
  const OrtLogger* logger = nullptr;
  if (call(*library_, LANEWAY_ORT_FN(KernelInfo_GetLogger), native(), &logger)) {
    log_to(*library_, logger, severity, message, file, line);
  }
}

Expected<KernelInfo> KernelInfo::copy() const {
  LANEWAY_TRY_ASSIGN(auto copied, make<OrtKernelInfo>(library_, LANEWAY_ORT_FN(CopyKernelInfo), native()));
  KernelInfo info(library_, nullptr);
  info.native_ = std::move(copied);
  return info;
}

}  // namespace laneway::ort
