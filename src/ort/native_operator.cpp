#include "laneway/ort/native_operator.h"

#include "ort/attribute.h"
#include "ort/call.h"
#include "ort/dtype.h"
#include "ort/text.h"

namespace laneway::ort {

Expected<NativeOperator> NativeOperator::make(const KernelInfo& info, const NativeOperatorSpec& spec) {
  const std::string object = "native operator " + spec.type;
  LANEWAY_TRY(no_nul("native operator", spec.type));
  LANEWAY_TRY(no_nul(object, spec.domain));
  std::vector<const char*> parameters;
  std::vector<ONNXTensorElementDataType> types;
  for (const auto& [parameter, dtype] : spec.types) {
    LANEWAY_TRY(no_nul(object, parameter));
    parameters.push_back(parameter.c_str());
    types.push_back(to_native(dtype));
  }
  std::vector<Handle<OrtOpAttr>> owned;
  std::vector<const OrtOpAttr*> attributes;
  for (const Attribute& attribute : spec.attributes) {
    auto made = to_native(info.library(), attribute);
    if (!made) return std::move(made).error().with_context(object);
    attributes.push_back(made->get());
    owned.push_back(*std::move(made));
  }
  const auto count = [](std::size_t size) { return static_cast<int>(size); };
  auto handle = ort::make<OrtOp>(info.library(), LANEWAY_ORT_FN(CreateOp), info.native(), spec.type.c_str(), spec.domain.c_str(),
                                 spec.version, parameters.data(), types.data(), count(types.size()), attributes.data(),
                                 count(attributes.size()), count(spec.inputs), count(spec.outputs));
  if (!handle) return std::move(handle).error().with_context(object);
  return NativeOperator(*std::move(handle));
}

Expected<> NativeOperator::invoke(const KernelContext& context, std::initializer_list<Argument> inputs,
                                  std::initializer_list<Argument> outputs) const {
  std::vector<const OrtValue*> in;
  std::vector<OrtValue*> out;
  for (const Argument& input : inputs) in.push_back(input.native());
  for (const Argument& output : outputs) out.push_back(output.native());
  const OrtOp* const op = handle_.get();
  const OrtKernelContext* const native = context.native();
  return call(*context.library(), LANEWAY_ORT_FN(InvokeOp), native, op, in.data(), static_cast<int>(in.size()), out.data(),
              static_cast<int>(out.size()));
}

}  // namespace laneway::ort
