#include "laneway/ort/external_memory.h"

#include <string>
#include <utility>

#include "ort/dtype.h"
#include "ort/key_values.h"
#include "ort/newer_types.h"
#include "ort/sub_table.h"

namespace laneway::ort {
namespace {

using Table = SubTable<OrtInteropApi>;

Expected<Table> interop(const std::shared_ptr<const Library>& library) {
  LANEWAY_TRY_ASSIGN(const OrtInteropApi* const functions, call<const OrtInteropApi*>(*library, LANEWAY_ORT_FN(GetInteropApi)));
  return Table{library, functions, library->level() >= 25 ? std::size_t{13} : std::size_t{11}};
}
Expected<Table> interop(const Device& device) { return interop(device.environment()->library()); }

template <class Kind>
Error cannot_import(const Device& device, const char* what, Kind kind) {
  return Error(ErrorCode::unimplemented, "device of " + device.provider() + ": cannot import " + what + " of kind " +
                                             std::to_string(static_cast<int>(kind)));
}

void* native_handle(std::intptr_t handle) noexcept { return reinterpret_cast<void*>(handle); }

}  // namespace

Expected<std::shared_ptr<ExternalImporter>> ExternalImporter::make(const Device& device) {
  LANEWAY_TRY_ASSIGN(const Table functions, interop(device));
  const OrtEpDevice* const native = device.native();
  LANEWAY_TRY_ASSIGN(auto handle, ort::make<OrtExternalResourceImporter>(
                                      functions, LANEWAY_ORT_FN(CreateExternalResourceImporterForDevice), native));
  if (!handle) return Error(ErrorCode::unimplemented, "device of " + device.provider() + ": imports nothing");
  return std::shared_ptr<ExternalImporter>(new ExternalImporter(device, std::move(handle)));
}

Expected<bool> ExternalImporter::can_import(ExternalMemoryKind kind) const {
  LANEWAY_TRY_ASSIGN(const Table functions, interop(device_));
  const OrtExternalResourceImporter* const importer = native();
  bool can = false;
  LANEWAY_TRY(call(functions, LANEWAY_ORT_FN(CanImportMemory), importer, static_cast<OrtExternalMemoryHandleType>(kind), &can));
  return can;
}

Expected<bool> ExternalImporter::can_import(ExternalSemaphoreKind kind) const {
  LANEWAY_TRY_ASSIGN(const Table functions, interop(device_));
  const OrtExternalResourceImporter* const importer = native();
  bool can = false;
  LANEWAY_TRY(call(functions, LANEWAY_ORT_FN(CanImportSemaphore), importer, static_cast<OrtExternalSemaphoreType>(kind), &can));
  return can;
}

Expected<std::shared_ptr<ExternalMemory>> ExternalImporter::import_memory(const ExternalMemorySpec& spec) {
  if (spec.bytes == 0 || spec.offset >= spec.bytes) {
    return Error(ErrorCode::invalid_argument, "external memory: offset: beyond its end: expected below " +
                                                  std::to_string(spec.bytes) + ", got " + std::to_string(spec.offset));
  }
  LANEWAY_TRY_ASSIGN(const bool can, can_import(spec.kind));
  if (!can) return cannot_import(device_, "memory", spec.kind);
  OrtExternalMemoryDescriptor descriptor{};
  descriptor.version = ORT_API_VERSION;
  descriptor.handle_type = static_cast<OrtExternalMemoryHandleType>(spec.kind);
  descriptor.native_handle = native_handle(spec.handle);
  descriptor.size_bytes = spec.bytes;
  descriptor.offset_bytes = spec.offset;
  const OrtExternalMemoryDescriptor* const described = &descriptor;
  LANEWAY_TRY_ASSIGN(const Table functions, interop(device_));
  LANEWAY_TRY_ASSIGN(auto handle,
                     ort::make<OrtExternalMemoryHandle>(functions, LANEWAY_ORT_FN(ImportMemory), native(), described));
  return std::shared_ptr<ExternalMemory>(new ExternalMemory(shared_from_this(), spec.bytes - spec.offset, std::move(handle)));
}

Expected<std::shared_ptr<ExternalSemaphore>> ExternalImporter::import_semaphore(ExternalSemaphoreKind kind,
                                                                                std::intptr_t handle) {
  LANEWAY_TRY_ASSIGN(const bool can, can_import(kind));
  if (!can) return cannot_import(device_, "semaphores", kind);
  OrtExternalSemaphoreDescriptor descriptor{};
  descriptor.version = ORT_API_VERSION;
  descriptor.type = static_cast<OrtExternalSemaphoreType>(kind);
  descriptor.native_handle = native_handle(handle);
  const OrtExternalSemaphoreDescriptor* const described = &descriptor;
  LANEWAY_TRY_ASSIGN(const Table functions, interop(device_));
  LANEWAY_TRY_ASSIGN(auto made,
                     ort::make<OrtExternalSemaphoreHandle>(functions, LANEWAY_ORT_FN(ImportSemaphore), native(), described));
  return std::shared_ptr<ExternalSemaphore>(new ExternalSemaphore(shared_from_this(), std::move(made)));
}

Expected<Value> ExternalMemory::tensor(DType dtype, const Shape& shape, std::size_t offset) {
  LANEWAY_TRY_ASSIGN(const std::size_t bytes, byte_count(dtype, shape));
  if (offset > bytes_ || bytes > bytes_ - offset) {
    return Error(ErrorCode::invalid_argument, "external memory: too few bytes: expected " + std::to_string(bytes) + " from " +
                                                  std::to_string(offset) + ", got " + std::to_string(bytes_));
  }
  OrtExternalTensorDescriptor descriptor{};
  descriptor.version = ORT_API_VERSION;
  descriptor.element_type = to_native(dtype);
  descriptor.shape = shape.extents().data();
  descriptor.rank = shape.rank();
  descriptor.offset_bytes = offset;
  const OrtExternalTensorDescriptor* const described = &descriptor;
  const OrtExternalMemoryHandle* const memory = handle_.get();
  LANEWAY_TRY_ASSIGN(const Table functions, interop(importer_->device()));
  LANEWAY_TRY_ASSIGN(
      auto value, ort::make<OrtValue>(functions, LANEWAY_ORT_FN(CreateTensorFromMemory), importer_->native(), memory, described));
  return Value(std::move(value), shared_from_this());
}

Expected<> ExternalSemaphore::wait(const Stream& stream, std::uint64_t value) {
  LANEWAY_TRY_ASSIGN(const Table functions, interop(importer_->device()));
  return call(functions, LANEWAY_ORT_FN(WaitSemaphore), importer_->native(), handle_.get(), stream.native(), value);
}

Expected<> ExternalSemaphore::signal(const Stream& stream, std::uint64_t value) {
  LANEWAY_TRY_ASSIGN(const Table functions, interop(importer_->device()));
  return call(functions, LANEWAY_ORT_FN(SignalSemaphore), importer_->native(), handle_.get(), stream.native(), value);
}

Expected<std::shared_ptr<const GraphicsInterop>> GraphicsInterop::begin(const Device& device, GraphicsApi api,
                                                                        void* command_queue, const KeyValues& options) {
  LANEWAY_TRY(validate_key_values("graphics options", options));
  LANEWAY_TRY_ASSIGN(const auto pairs, make_key_values(device.environment()->library(), options));
  OrtGraphicsInteropConfig config{};
  config.version = ORT_API_VERSION;
  config.graphics_api = static_cast<OrtGraphicsApi>(api);
  config.command_queue = command_queue;
  config.additional_options = options.empty() ? nullptr : pairs.get();
  const OrtGraphicsInteropConfig* const given = &config;
  const OrtEpDevice* const native = device.native();
  LANEWAY_TRY_ASSIGN(const Table functions, interop(device));
  const std::shared_ptr<GraphicsInterop> made(new GraphicsInterop(device));
  auto begun = call(functions, LANEWAY_ORT_FN(InitGraphicsInteropForEpDevice), native, given);
  if (!begun) return std::move(begun).error().with_context("graphics on " + device.provider());
  made->begun_ = true;
  return std::shared_ptr<const GraphicsInterop>(made);
}

GraphicsInterop::~GraphicsInterop() {
  if (!begun_) return;
  const OrtEpDevice* const native = device_.native();
  if (const auto functions = interop(device_)) {
    (void)call(*functions, LANEWAY_ORT_FN(DeinitGraphicsInteropForEpDevice), native);
  }
}

}  // namespace laneway::ort
