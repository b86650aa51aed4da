#include "laneway/ort/custom_operator.h"

#include <algorithm>
#include <deque>

#include "core/guard.h"
#include "ort/call.h"
#include "ort/dtype.h"
#include "ort/kernel.h"
#include "ort/levels.h"
#include "ort/text.h"

namespace laneway::ort {
namespace {

// The first error that infer() gave on this thread, where its session is being opened. ONNX Runtime passes over errors of shape
// inference (and leaks their status); so it is kept until the kernels of the operators are made, which then fails.
thread_local std::optional<Error> inference_error;

/// An operator as ONNX Runtime sees it: it is given the base, and hands it back with each question.
struct NativeOperator : OrtCustomOp {
  NativeOperator(Operator made_as, std::shared_ptr<const Library> from);
  const ArgumentSpec& input(std::size_t index) const { return op.inputs[std::min(index, op.inputs.size() - 1)]; }
  const ArgumentSpec& output(std::size_t index) const { return op.outputs[std::min(index, op.outputs.size() - 1)]; }

  Operator op;
  std::shared_ptr<const Library> library;
};

const NativeOperator& ours(const OrtCustomOp* native) noexcept { return *static_cast<const NativeOperator*>(native); }

Expected<> with_name(Expected<> result, const NativeOperator& native, const char* phase) noexcept {
  if (result) return result;
  try {
    return std::move(result).error().with_context("operator " + native.op.spec.name + ": " + phase);
  } catch (const std::bad_alloc&) { return result; }
}

// ---- what ONNX Runtime asks ------------------------------------------------------------------------------------------------

ONNXTensorElementDataType type_of(const ArgumentSpec& argument) noexcept {
  return argument.dtype ? to_native(*argument.dtype) : ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
}

OrtCustomOpInputOutputCharacteristic characteristic_of(const ArgumentSpec& argument) noexcept {
  switch (argument.presence) {
    case Presence::optional: return INPUT_OUTPUT_OPTIONAL;
    case Presence::variadic: return INPUT_OUTPUT_VARIADIC;
    default: return INPUT_OUTPUT_REQUIRED;
  }
}

// Arguments of one variadic list that are of any type need not be of the same.
int homogeneous(const std::vector<ArgumentSpec>& arguments) noexcept {
  return !arguments.empty() && !arguments.back().dtype ? 0 : 1;
}

// ---- a kernel's life -------------------------------------------------------------------------------------------------------

Expected<std::unique_ptr<KernelContext::Kernel>> make_kernel(const NativeOperator& native, const OrtKernelInfo* native_info) {
  const std::shared_ptr<const Library>& library = native.library;
  const KernelInfo info(library, native_info);
  auto kernel = std::make_unique<KernelContext::Kernel>(library, native.op);
  std::size_t outputs = 0;
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(KernelInfo_GetInputCount), native_info, &kernel->inputs));
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(KernelInfo_GetOutputCount), native_info, &outputs));
  for (std::size_t i = 0; i < outputs; ++i) {
    std::size_t characters = 0;
    char* const none = nullptr;
    LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(KernelInfo_GetOutputName), native_info, i, none, &characters));
    kernel->outputs.push_back(characters > 1);
  }
  LANEWAY_TRY_ASSIGN(kernel->allocator,
                     make<OrtAllocator>(library, LANEWAY_ORT_FN(KernelInfoGetAllocator), native_info, OrtMemTypeDefault));
  const OrtAllocator* const allocator = kernel->allocator.get();
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(AllocatorGetInfo), allocator, &kernel->where));
  LANEWAY_TRY_ASSIGN(kernel->own, native.op.create(info));
  return kernel;
}

OrtStatus* ORT_API_CALL create(const OrtCustomOp* op, const OrtApi*, const OrtKernelInfo* info, void** made) noexcept {
  const NativeOperator& native = ours(op);
  auto done = guarded([&]() -> Expected<> {
    if (inference_error) return *std::exchange(inference_error, std::nullopt);
    LANEWAY_TRY_ASSIGN(auto kernel, make_kernel(native, info));
    *made = kernel.release();
    return {};
  });
  return to_status(*native.library->api(), with_name(std::move(done), native, "create"));
}

Expected<> compute_in_turn(KernelContext::Kernel& kernel, const KernelContext& context) {
  if (!kernel.made_as.serialised) return kernel.made_as.compute(kernel.own, context);
  const std::scoped_lock turn(kernel.turn);
  return kernel.made_as.compute(kernel.own, context);
}

OrtStatus* ORT_API_CALL compute(void* made, OrtKernelContext* native) noexcept {
  auto& kernel = *static_cast<KernelContext::Kernel*>(made);
  const KernelContext context(kernel, native);
  return to_status(*kernel.library->api(), guarded([&] { return compute_in_turn(kernel, context); }));
}

void ORT_API_CALL destroy(void* made) noexcept { delete static_cast<KernelContext::Kernel*>(made); }

OrtStatus* ORT_API_CALL infer(const OrtCustomOp* op, OrtShapeInferContext* node) noexcept {
  const NativeOperator& native = ours(op);
  const ShapeInference inference(native.library, node);
  auto done = with_name(guarded([&] { return native.op.infer(inference); }), native, "infer");
  if (!done && !inference_error) inference_error = std::move(done).error();
  return nullptr;
}

// ONNX Runtime 1.23 crashes before it calls infer() for a node that leaves out an input.
bool can_infer(const Library& library, const Operator& op) noexcept {
  constexpr int level_known_good = 27;
  const auto optional = [](const ArgumentSpec& input) { return input.presence == Presence::optional; };
  return library.level() >= level_known_good || std::ranges::none_of(op.inputs, optional);
}

NativeOperator::NativeOperator(Operator made_as, std::shared_ptr<const Library> from)
    : OrtCustomOp{}, op(std::move(made_as)), library(std::move(from)) {
  version = static_cast<std::uint32_t>(library->level());
  GetName = [](const OrtCustomOp* self) noexcept { return ours(self).op.spec.name.c_str(); };
  GetExecutionProviderType = [](const OrtCustomOp* self) noexcept -> const char* {
    const std::string& provider = ours(self).op.spec.provider;
    return provider.empty() ? nullptr : provider.c_str();
  };
  GetInputType = [](const OrtCustomOp* self, std::size_t i) noexcept { return type_of(ours(self).input(i)); };
  GetInputTypeCount = [](const OrtCustomOp* self) noexcept { return ours(self).op.inputs.size(); };
  GetOutputType = [](const OrtCustomOp* self, std::size_t i) noexcept { return type_of(ours(self).output(i)); };
  GetOutputTypeCount = [](const OrtCustomOp* self) noexcept { return ours(self).op.outputs.size(); };
  GetInputCharacteristic = [](const OrtCustomOp* self, std::size_t i) noexcept { return characteristic_of(ours(self).input(i)); };
  GetOutputCharacteristic = [](const OrtCustomOp* self, std::size_t i) noexcept {
    return characteristic_of(ours(self).output(i));
  };
  GetInputMemoryType = [](const OrtCustomOp* self, std::size_t i) noexcept {
    return ours(self).input(i).side == Side::host ? OrtMemTypeCPUInput : OrtMemTypeDefault;
  };
  GetVariadicInputMinArity = [](const OrtCustomOp*) noexcept { return 1; };
  GetVariadicOutputMinArity = [](const OrtCustomOp*) noexcept { return 1; };
  GetVariadicInputHomogeneity = [](const OrtCustomOp* self) noexcept { return homogeneous(ours(self).op.inputs); };
  GetVariadicOutputHomogeneity = [](const OrtCustomOp* self) noexcept { return homogeneous(ours(self).op.outputs); };
  GetStartVersion = [](const OrtCustomOp* self) noexcept { return ours(self).op.spec.since_version; };
  GetEndVersion = [](const OrtCustomOp* self) noexcept { return ours(self).op.spec.until_version; };
  CreateKernelV2 = create;
  KernelComputeV2 = compute;
  KernelDestroy = destroy;
  if (op.infer && can_infer(*library, op)) InferOutputShapeFn = infer;
}

Expected<> validate(const std::vector<ArgumentSpec>& arguments, const std::string& object) {
  for (std::size_t i = 0; i + 1 < arguments.size(); ++i) {
    if (arguments[i].presence == Presence::variadic) {
      return Error(ErrorCode::invalid_argument,
                   object + ": variadic: expected the last one to be, got number " + std::to_string(i));
    }
  }
  return {};
}

Expected<> validate(const Operator& op) {
  LANEWAY_TRY(no_nul("operator", op.spec.name));
  LANEWAY_TRY(no_nul("operator " + op.spec.name + ": provider", op.spec.provider));
  if (op.spec.name.empty()) return Error(ErrorCode::invalid_argument, "operator: name: empty: expected one that models use");
  LANEWAY_TRY(validate(op.inputs, "operator " + op.spec.name + ": inputs"));
  return validate(op.outputs, "operator " + op.spec.name + ": outputs");
}

}  // namespace

// ---- domains --------------------------------------------------------------------------------------------------------------

struct LANEWAY_PRIVATE OperatorDomain::NativeOperators {
  std::deque<NativeOperator> list;  // ONNX Runtime keeps their addresses
};

OperatorDomain::OperatorDomain(std::string name, std::unique_ptr<NativeOperators> operators,
                               Handle<OrtCustomOpDomain> handle) noexcept
    : name_(std::move(name)), operators_(std::move(operators)), handle_(std::move(handle)) {}

OperatorDomain::~OperatorDomain() = default;

Expected<std::shared_ptr<const OperatorDomain>> OperatorDomain::make(OperatorDomainSpec spec) {
  LANEWAY_TRY(no_nul("domain", spec.name));
  if (!spec.library) { LANEWAY_TRY_ASSIGN(spec.library, Library::open()); }
  LANEWAY_TRY_ASSIGN(auto handle,
                     ort::make<OrtCustomOpDomain>(spec.library, LANEWAY_ORT_FN(CreateCustomOpDomain), spec.name.c_str()));
  auto operators = std::make_unique<NativeOperators>();
  for (Operator& op : spec.operators) {
    if (auto valid = validate(op); !valid) return std::move(valid).error().with_context("domain " + spec.name);
    const OrtCustomOp* const native = &operators->list.emplace_back(std::move(op), spec.library);
    LANEWAY_TRY(call(*spec.library, LANEWAY_ORT_FN(CustomOpDomain_Add), handle.get(), native));
  }
  return std::shared_ptr<const OperatorDomain>(new OperatorDomain(std::move(spec.name), std::move(operators), std::move(handle)));
}

Expected<> OperatorDomain::add_to(OrtSessionOptions* options) const {
  inference_error.reset();  // of an opening that failed before it came to the kernels
  return call(*handle_.get_deleter().library, LANEWAY_ORT_FN(AddCustomOpDomain), options, handle_.get());
}

OrtStatus* register_operators(const Expected<std::shared_ptr<const OperatorDomain>>& domain, OrtSessionOptions* options,
                              const OrtApiBase* base) noexcept {
  const OrtApi& api = *base->GetApi(level_min);
  if (!domain) return to_status(api, Expected<>(domain.error()));
  return to_status(api, guarded([&] { return (*domain)->add_to(options); }));
}

}  // namespace laneway::ort
