#include "laneway/ort/kernel_context.h"

#include <atomic>
#include <exception>
#include <mutex>
#include <new>

#include "core/guard.h"
#include "ort/attribute.h"
#include "ort/call.h"
#include "ort/kernel.h"
#include "ort/text.h"

namespace laneway::ort {
namespace {

// What the iterations of one parallel_for share.
struct Iterations {
  Expected<> (*work)(void*, std::size_t);
  void* callable;
  std::atomic<bool> failed = false;
  std::mutex mutex = {};
  Expected<> first = {};

  static void run(void* iterations, std::size_t i) noexcept {
    auto& self = *static_cast<Iterations*>(iterations);
    if (self.failed.load(std::memory_order_relaxed)) return;
    auto done = guarded([&] { return self.work(self.callable, i); });
    if (done || self.failed.exchange(true)) return;
    const std::scoped_lock lock(self.mutex);
    self.first = std::move(done);
  }
};

}  // namespace

Error detail::missing_input(std::size_t index) {
  return Error(ErrorCode::invalid_argument, "input " + std::to_string(index) + ": left out: expected one");
}

Expected<Allocation> allocate_from(const std::shared_ptr<OrtAllocator>& allocator, std::size_t bytes) {
  void* const data = allocator->Alloc(allocator.get(), bytes);
  if (!data && bytes != 0) {
    return Error(ErrorCode::resource_exhausted, "kernel: no memory: expected " + std::to_string(bytes) + " bytes");
  }
  return Allocation{.memory = {.data = data, .bytes = bytes}, .owner = std::shared_ptr<void>(data, [allocator](void* address) {
                                                                allocator->Free(allocator.get(), address);
                                                              })};
}

std::size_t KernelContext::input_count() const noexcept { return kernel_.inputs; }
std::size_t KernelContext::output_count() const noexcept { return kernel_.outputs.size(); }

Expected<std::optional<Operand>> KernelContext::input(std::size_t index) const {
  const OrtValue* value = nullptr;
  if (index < input_count()) LANEWAY_TRY(call(*library(), LANEWAY_ORT_FN(KernelContext_GetInput), native_, index, &value));
  if (!value) return std::optional<Operand>();
  LANEWAY_TRY_ASSIGN(const TensorView view, view_of_tensor(library(), value));
  return std::optional(Operand{view, const_cast<OrtValue*>(value)});
}

bool KernelContext::has_output(std::size_t index) const noexcept {
  return index < kernel_.outputs.size() && kernel_.outputs[index];
}

Expected<Operand> KernelContext::output(std::size_t index, const Shape& shape) const {
  if (!has_output(index)) {
    return Error(ErrorCode::failed_precondition,
                 "output " + std::to_string(index) + ": left out: expected one that the node has");
  }
  const std::span extents = shape.extents();
  OrtValue* value = nullptr;
  LANEWAY_TRY(call(*library(), LANEWAY_ORT_FN(KernelContext_GetOutput), native_, index, extents.data(), extents.size(), &value));
  LANEWAY_TRY_ASSIGN(const TensorView view, view_of_tensor(library(), value));
  return Operand{view, value};
}

Expected<std::vector<std::string>> KernelContext::strings(const Operand& operand) const {
  return strings_of(library(), operand.native);
}

Expected<> KernelContext::fill_strings(const Operand& operand, std::span<const std::string> elements) const {
  std::vector<const char*> texts;
  for (const std::string& element : elements) {
    LANEWAY_TRY(no_nul("output: string " + std::to_string(texts.size()), element));
    texts.push_back(element.c_str());
  }
  return call(*library(), LANEWAY_ORT_FN(FillStringTensor), operand.native, texts.data(), texts.size());
}

Expected<Allocation> KernelContext::scratch(std::size_t bytes) const {
  LANEWAY_TRY_ASSIGN(auto made,
                     make<OrtAllocator>(library(), LANEWAY_ORT_FN(KernelContext_GetAllocator), native_, kernel_.where));
  const std::shared_ptr<OrtAllocator> allocator = std::move(made);
  void* data = nullptr;
  LANEWAY_TRY(call(*library(), LANEWAY_ORT_FN(KernelContext_GetScratchBuffer), native_, kernel_.where, bytes, &data));
  return Allocation{.memory = {.data = data, .bytes = bytes}, .owner = std::shared_ptr<void>(data, [allocator](void* address) {
                                                                allocator->Free(allocator.get(), address);
                                                              })};
}

Expected<> KernelContext::parallel(std::size_t count, std::size_t batches, Expected<> (*work)(void*, std::size_t),
                                   void* callable) const {
  Iterations iterations{.work = work, .callable = callable};
  void* const shared = &iterations;
  LANEWAY_TRY(call(*library(), LANEWAY_ORT_FN(KernelContext_ParallelFor), native_, Iterations::run, count, batches, shared));
  return std::move(iterations.first);
}

void KernelContext::log(Severity severity, const std::string& message, const char* file, int line) const noexcept {
  const OrtLogger* logger = nullptr;
  if (call(*library(), LANEWAY_ORT_FN(KernelContext_GetLogger), native_, &logger)) {
    log_to(*library(), logger, severity, message, file, line);
  }
}

Severity KernelContext::log_severity() const noexcept {
  const OrtLogger* logger = nullptr;
  OrtLoggingLevel least = ORT_LOGGING_LEVEL_FATAL;
  if (call(*library(), LANEWAY_ORT_FN(KernelContext_GetLogger), native_, &logger)) {
    static_cast<void>(call(*library(), LANEWAY_ORT_FN(Logger_GetLoggingSeverityLevel), logger, &least));
  }
  return static_cast<Severity>(least);
}

void* KernelContext::stream() const noexcept {
  void* stream = nullptr;
  const auto asked = call(*library(), LANEWAY_ORT_FN(KernelContext_GetGPUComputeStream), native_, &stream);
  return asked ? stream : nullptr;
}

Expected<void*> KernelContext::resource(int version, int id) const {
  void* resource = nullptr;
  LANEWAY_TRY(call(*library(), LANEWAY_ORT_FN(KernelContext_GetResource), native_, version, id, &resource));
  return resource;
}

const std::shared_ptr<const Library>& KernelContext::library() const noexcept { return kernel_.library; }

}  // namespace laneway::ort
