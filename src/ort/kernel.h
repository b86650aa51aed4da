#pragma once
#include <onnxruntime_c_api.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "laneway/diag/log.h"
#include "laneway/ort/custom_operator.h"
#include "laneway/ort/handle.h"
#include "laneway/ort/kernel_context.h"
#include "ort/status.h"

namespace laneway::ort {

struct LANEWAY_PRIVATE KernelContext::Kernel {
  std::shared_ptr<const Library> library;
  const Operator& made_as;
  void* own = nullptr;                   // of the user's kernel type
  std::size_t inputs = 0;                // of the node
  std::vector<bool> outputs = {};        // which the node has
  Handle<OrtAllocator> allocator = {};   // of the provider that runs it
  const OrtMemoryInfo* where = nullptr;  // the allocator's
  std::mutex turn = {};                  // taken by compute() where calls wait for each other

  Kernel(std::shared_ptr<const Library> from, const Operator& op) noexcept : library(std::move(from)), made_as(op) {}
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;
  ~Kernel() {
    if (own) made_as.destroy(own);
  }
};

inline void log_to(const Library& library, const OrtLogger* logger, Severity severity, const std::string& message,
                   const char* file, int line) noexcept {
  OrtStatus* const status =
      library.api()->Logger_LogMessage(logger, static_cast<OrtLoggingLevel>(severity), message.c_str(), file, line, "");
  if (status) static_cast<void>(to_error(library, status));  // a message that cannot be logged has nowhere to go
}

/// Memory of the allocator, which the owner keeps. Errors: resource_exhausted.
Expected<Allocation> allocate_from(const std::shared_ptr<OrtAllocator>& allocator, std::size_t bytes);

}  // namespace laneway::ort
