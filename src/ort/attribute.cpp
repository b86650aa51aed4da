#include "ort/attribute.h"

#include <array>
#include <cstring>
#include <string_view>
#include <utility>

#include "ort/call.h"
#include "ort/dtype.h"
#include "ort/text.h"
#include "ort/type_info.h"

namespace laneway::ort {
namespace {

std::string object_of(const Tensor& tensor) {
  return "tensor " + std::string(name(tensor.dtype)) + " " + to_string(tensor.shape);
}

}  // namespace

// ---- tensors --------------------------------------------------------------------------------------------------------------

Expected<> Tensor::expect(DType expected) const {
  if (dtype == expected) return {};
  return Error(ErrorCode::invalid_argument,
               object_of(*this) + ": dtype: expected " + std::string(name(expected)) + ", got " + std::string(name(dtype)));
}

Expected<> Tensor::validate() const {
  std::size_t expected = 0;
  if (dtype == DType::string) {
    LANEWAY_TRY_ASSIGN(expected, element_count(shape));
  } else {
    LANEWAY_TRY_ASSIGN(expected, byte_count(dtype, shape));
  }
  const std::size_t got = dtype == DType::string ? strings.size() : bytes.size();
  if (got == expected) return {};
  return Error(ErrorCode::invalid_argument, object_of(*this) + ": expected " + std::to_string(expected) +
                                                (dtype == DType::string ? " strings" : " bytes") + ", got " +
                                                std::to_string(got));
}

Expected<TensorView> view_of_tensor(const std::shared_ptr<const Library>& library, const OrtValue* value) {
  LANEWAY_TRY_ASSIGN(const ElementsAndShape type, tensor_type(library, value));
  TensorView view{.dtype = type.dtype, .shape = type.shape};
  if (!is_numeric(type.dtype)) return view;
  LANEWAY_TRY_ASSIGN(view.bytes, byte_count(type.dtype, type.shape));
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(GetTensorMutableData), const_cast<OrtValue*>(value), &view.data));
  return view;
}

Expected<std::vector<std::string>> strings_of(const std::shared_ptr<const Library>& library, const OrtValue* value) {
  LANEWAY_TRY_ASSIGN(const ElementsAndShape type, tensor_type(library, value));
  LANEWAY_TRY_ASSIGN(const std::size_t count, element_count(type.shape));
  std::vector<std::string> strings;
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t bytes = 0;
    LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(GetStringTensorElementLength), value, i, &bytes));
    std::string element(bytes, '\0');
    LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(GetStringTensorElement), value, bytes, i, static_cast<void*>(element.data())));
    strings.push_back(std::move(element));
  }
  return strings;
}

Expected<Tensor> to_tensor(const std::shared_ptr<const Library>& library, const OrtValue* value,
                           std::shared_ptr<const void> owner) {
  LANEWAY_TRY_ASSIGN(const TensorView view, view_of_tensor(library, value));
  Tensor tensor{.dtype = view.dtype, .shape = view.shape};
  if (view.dtype == DType::string) {
    LANEWAY_TRY_ASSIGN(tensor.strings, strings_of(library, value));
    return tensor;
  }
  tensor.bytes = {static_cast<const std::byte*>(view.data), view.bytes};
  tensor.owner = std::move(owner);
  return tensor;
}

Expected<Handle<OrtValue>> to_native(const std::shared_ptr<const Library>& library, const Tensor& tensor, bool copied) {
  LANEWAY_TRY(tensor.validate());
  const std::span extents = tensor.shape.extents();
  const ONNXTensorElementDataType type = to_native(tensor.dtype);
  if (!copied && tensor.dtype != DType::string) {
    LANEWAY_TRY_ASSIGN(const MemoryInfo host, MemoryInfo::host(library));
    void* const data = const_cast<std::byte*>(tensor.bytes.data());
    return make<OrtValue>(library, LANEWAY_ORT_FN(CreateTensorWithDataAsOrtValue), host.native(), data, tensor.bytes.size(),
                          extents.data(), extents.size(), type);
  }
  LANEWAY_TRY_ASSIGN(const Allocator allocator, Allocator::host(library));
  LANEWAY_TRY_ASSIGN(auto value, make<OrtValue>(library, LANEWAY_ORT_FN(CreateTensorAsOrtValue), allocator.native(),
                                                extents.data(), extents.size(), type));
  if (tensor.dtype == DType::string) {
    std::vector<const char*> texts;
    for (const std::string& text : tensor.strings) {
      LANEWAY_TRY(no_nul(object_of(tensor), text));
      texts.push_back(text.c_str());
    }
    LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(FillStringTensor), value.get(), texts.data(), texts.size()));
    return value;
  }
  void* data = nullptr;
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(GetTensorMutableData), value.get(), &data));
  if (!tensor.bytes.empty()) std::memcpy(data, tensor.bytes.data(), tensor.bytes.size());
  return value;
}

// ---- attributes -----------------------------------------------------------------------------------------------------------

std::string_view kind_name(const AttributeValue& value) noexcept {
  constexpr std::array<std::string_view, std::variant_size_v<AttributeValue>> names = {
      "an integer", "a float", "a string", "integers", "floats", "strings", "a tensor", "a graph"};
  return names[value.index()];
}

Error detail::wrong_attribute(const std::string& name, const AttributeValue& expected, const AttributeValue& got) {
  return Error(ErrorCode::invalid_argument, "attribute " + name + ": kind: expected " + std::string(kind_name(expected)) +
                                                ", got " + std::string(kind_name(got)));
}

namespace {

// CreateOpAttr's four arguments for each kind.
struct ToNative {
  const std::shared_ptr<const Library>& library;
  const std::string& name;

  Expected<Handle<OrtOpAttr>> make_attribute(const void* data, std::size_t count, OrtOpAttrType type) const {
    return make<OrtOpAttr>(library, LANEWAY_ORT_FN(CreateOpAttr), name.c_str(), data, static_cast<int>(count), type);
  }
  Expected<Handle<OrtOpAttr>> operator()(const std::int64_t& value) const { return make_attribute(&value, 1, ORT_OP_ATTR_INT); }
  Expected<Handle<OrtOpAttr>> operator()(const float& value) const { return make_attribute(&value, 1, ORT_OP_ATTR_FLOAT); }
  Expected<Handle<OrtOpAttr>> operator()(const std::string& value) const {
    return make_attribute(value.c_str(), value.size(), ORT_OP_ATTR_STRING);
  }
  Expected<Handle<OrtOpAttr>> operator()(const std::vector<std::int64_t>& values) const {
    return make_attribute(values.data(), values.size(), ORT_OP_ATTR_INTS);
  }
  Expected<Handle<OrtOpAttr>> operator()(const std::vector<float>& values) const {
    return make_attribute(values.data(), values.size(), ORT_OP_ATTR_FLOATS);
  }
  Expected<Handle<OrtOpAttr>> operator()(const std::vector<std::string>& values) const {
    std::vector<const char*> texts;
    for (const std::string& value : values) {
      LANEWAY_TRY(no_nul("attribute " + name, value));
      texts.push_back(value.c_str());
    }
    return make_attribute(texts.data(), texts.size(), ORT_OP_ATTR_STRINGS);
  }
  template <class Other>
  Expected<Handle<OrtOpAttr>> operator()(const Other& other) const {
    return Error(ErrorCode::unimplemented, "attribute " + name + ": expected numbers, strings or lists of them, got " +
                                               std::string(kind_name(AttributeValue(other))));
  }
};

struct ReadAttribute {
  const std::shared_ptr<const Library>& library;
  const OrtOpAttr* attribute;

  Expected<> read(OrtOpAttrType type, void* data, std::size_t bytes, std::size_t* needed) const {
    return call(*library, LANEWAY_ORT_FN(ReadOpAttr), attribute, type, data, bytes, needed);
  }
  template <class T>
  Expected<AttributeValue> one(OrtOpAttrType type) const {
    T value{};
    std::size_t needed = 0;
    LANEWAY_TRY(read(type, &value, sizeof value, &needed));
    return AttributeValue(value);
  }
  // The first read only asks for the size, and fails unless there is nothing.
  template <class T>
  Expected<std::vector<T>> list(OrtOpAttrType type) const {
    std::size_t bytes = 0;
    const auto sized = read(type, nullptr, 0, &bytes);
    if (sized) return std::vector<T>();
    if (bytes == 0) return sized.error();
    std::vector<T> values(bytes / sizeof(T));
    LANEWAY_TRY(read(type, values.data(), bytes, &bytes));
    return values;
  }
  Expected<AttributeValue> tensor() const {
    LANEWAY_TRY_ASSIGN(auto value, make<OrtValue>(library, LANEWAY_ORT_FN(OpAttr_GetTensorAttributeAsOrtValue), attribute));
    const std::shared_ptr<OrtValue> shared = std::move(value);
    LANEWAY_TRY_ASSIGN(Tensor tensor, to_tensor(library, shared.get(), shared));
    return AttributeValue(std::move(tensor));
  }
  Expected<AttributeValue> value(const std::string& name, OrtOpAttrType type) const {
    switch (type) {
      case ORT_OP_ATTR_INT: return one<std::int64_t>(type);
      case ORT_OP_ATTR_FLOAT: return one<float>(type);
      case ORT_OP_ATTR_TENSOR: return tensor();
      case ORT_OP_ATTR_INTS: {
        LANEWAY_TRY_ASSIGN(auto values, list<std::int64_t>(type));
        return AttributeValue(std::move(values));
      }
      case ORT_OP_ATTR_FLOATS: {
        LANEWAY_TRY_ASSIGN(auto values, list<float>(type));
        return AttributeValue(std::move(values));
      }
      case ORT_OP_ATTR_STRING: {
        LANEWAY_TRY_ASSIGN(const auto text, list<char>(type));
        return AttributeValue(std::string(text.begin(), text.end()));
      }
      case ORT_OP_ATTR_STRINGS: {
        LANEWAY_TRY_ASSIGN(const auto text, list<char>(type));
        return AttributeValue(split(text));
      }
      default: break;
    }
    return Error(ErrorCode::unimplemented, "attribute " + name + ": expected numbers, strings, lists of them or a tensor, got " +
                                               "ONNX Runtime's kind " + std::to_string(static_cast<int>(type)));
  }
  // One after the other, each with its NUL.
  static std::vector<std::string> split(const std::vector<char>& text) {
    std::vector<std::string> strings;
    for (std::size_t begin = 0; begin < text.size(); begin += strings.back().size() + 1) strings.emplace_back(&text[begin]);
    return strings;
  }
};

}  // namespace

Expected<Handle<OrtOpAttr>> to_native(const std::shared_ptr<const Library>& library, const Attribute& attribute) {
  LANEWAY_TRY(no_nul("attribute", attribute.name));
  return std::visit(ToNative{library, attribute.name}, attribute.value);
}

Expected<Attribute> to_attribute(const std::shared_ptr<const Library>& library, const OrtOpAttr* attribute) {
  const char* name = nullptr;
  OrtOpAttrType type{};
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(OpAttr_GetName), attribute, &name));
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(OpAttr_GetType), attribute, &type));
  LANEWAY_TRY_ASSIGN(auto value, (ReadAttribute{library, attribute}.value(name, type)));
  return Attribute{name, std::move(value)};
}

}  // namespace laneway::ort
