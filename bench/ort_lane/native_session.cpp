#include "bench/ort_lane/native_session.h"

namespace laneway::bench {
namespace {

template <class Native>
using Owned = NativeSession::Owned<Native>;

const OrtApi*& ort() { return NativeSession::api; }

Expected<ONNXTensorElementDataType> native_type(const WorkloadPort& port) {
  switch (port.dtype) {
    case DType::f32: return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
    case DType::f64: return ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE;
    case DType::f16: return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16;
    case DType::bf16: return ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16;
    case DType::i64: return ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64;
    case DType::i32: return ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32;
    case DType::i16: return ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16;
    case DType::i8: return ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8;
    case DType::u64: return ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64;
    case DType::u32: return ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32;
    case DType::u16: return ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16;
    case DType::u8: return ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8;
    case DType::boolean: return ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL;
    default:
      return Error(ErrorCode::unimplemented,
                   "port " + port.name + ": this contestant has no values of " + std::string(name(port.dtype)));
  }
}

}  // namespace

const OrtApi* NativeSession::api = nullptr;

NativeSession::NativeSession(std::shared_ptr<const ort::Environment> environment)
    : environment_(std::move(environment)), session_(nullptr, [](OrtSession* session) { ort()->ReleaseSession(session); }) {}

Expected<> NativeSession::check(OrtStatus* status) {
  if (status == nullptr) [[likely]]
    return {};
  Error error(ErrorCode::internal, std::string("onnxruntime: ") + ort()->GetErrorMessage(status));
  ort()->ReleaseStatus(status);
  return error;
}

Expected<std::unique_ptr<NativeSession>> NativeSession::open(const Workload& workload) {
  LANEWAY_TRY_ASSIGN(auto environment, ort::Environment::get());
  api = environment->library()->api();
  std::unique_ptr<NativeSession> result(new NativeSession(std::move(environment)));

  OrtSessionOptions* raw = nullptr;
  LANEWAY_TRY(check(api->CreateSessionOptions(&raw)));
  const Owned<OrtSessionOptions> options(raw, [](OrtSessionOptions* made) { ort()->ReleaseSessionOptions(made); });
  LANEWAY_TRY(check(api->SetIntraOpNumThreads(raw, workload.threads)));
  LANEWAY_TRY(check(api->SetInterOpNumThreads(raw, 1)));
  for (const NamedExtent& dimension : workload.dimensions) {
    LANEWAY_TRY(check(api->AddFreeDimensionOverrideByName(raw, dimension.symbol.c_str(), dimension.extent)));
  }
  OrtSession* session = nullptr;
  LANEWAY_TRY(check(api->CreateSession(result->environment_->native(), workload.model.c_str(), raw, &session)));
  result->session_.reset(session);
  return result;
}

Expected<Owned<OrtValue>> NativeSession::value_over(Buffer& buffer, const WorkloadPort& port) const {
  LANEWAY_TRY_ASSIGN(const ONNXTensorElementDataType type, native_type(port));
  const auto extents = port.shape->extents();
  OrtValue* value = nullptr;
  LANEWAY_TRY(check(
      api->CreateTensorWithDataAsOrtValue(host(), buffer.data(), buffer.bytes(), extents.data(), extents.size(), type, &value)));
  return Owned<OrtValue>(value, [](OrtValue* made) { ort()->ReleaseValue(made); });
}

Expected<Owned<OrtValue>> NativeSession::new_value(const WorkloadPort& port) const {
  LANEWAY_TRY_ASSIGN(const ONNXTensorElementDataType type, native_type(port));
  const auto extents = port.shape->extents();
  OrtAllocator* allocator = nullptr;
  LANEWAY_TRY(check(api->GetAllocatorWithDefaultOptions(&allocator)));
  OrtValue* value = nullptr;
  LANEWAY_TRY(check(api->CreateTensorAsOrtValue(allocator, extents.data(), extents.size(), type, &value)));
  return Owned<OrtValue>(value, [](OrtValue* made) { ort()->ReleaseValue(made); });
}

Expected<Owned<OrtRunOptions>> NativeSession::run_options() const {
  OrtRunOptions* options = nullptr;
  LANEWAY_TRY(check(api->CreateRunOptions(&options)));
  return Owned<OrtRunOptions>(options, [](OrtRunOptions* made) { ort()->ReleaseRunOptions(made); });
}

Expected<Owned<OrtIoBinding>> NativeSession::binding() const {
  OrtIoBinding* binding = nullptr;
  LANEWAY_TRY(check(api->CreateIoBinding(session_.get(), &binding)));
  return Owned<OrtIoBinding>(binding, [](OrtIoBinding* made) { ort()->ReleaseIoBinding(made); });
}

Expected<Answer> NativeSession::answer_of(OrtValue* value) {
  OrtTensorTypeAndShapeInfo* raw = nullptr;
  LANEWAY_TRY(check(api->GetTensorTypeAndShape(value, &raw)));
  const Owned<OrtTensorTypeAndShapeInfo> info(
      raw, [](OrtTensorTypeAndShapeInfo* made) { ort()->ReleaseTensorTypeAndShapeInfo(made); });
  std::size_t rank = 0;
  LANEWAY_TRY(check(api->GetDimensionsCount(raw, &rank)));
  std::vector<std::int64_t> extents(rank);
  LANEWAY_TRY(check(api->GetDimensions(raw, extents.data(), rank)));
  LANEWAY_TRY_ASSIGN(const Shape shape, Shape::of(extents));
  void* data = nullptr;
  LANEWAY_TRY(check(api->GetTensorMutableData(value, &data)));
  return Answer{data, shape};
}

}  // namespace laneway::bench
