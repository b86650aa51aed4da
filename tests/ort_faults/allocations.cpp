// Memory of our own that runs out: the program's operator new, of which ONNX Runtime's allocations are told apart by who calls.
#include <link.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include "ort_faults/shim.h"

extern "C" {
extern const char __executable_start, etext;
}

namespace laneway::faults {
namespace {

thread_local int aside = 0, inside = 0;
thread_local bool counting = false;
thread_local std::uint64_t allocations = 0, fail_at = 0;

// ONNX Runtime may have called us, and we call its allocators past its table: code tells, but that of the standard library.
bool ours(const void* caller) noexcept {
  if (caller >= &__executable_start && caller < &etext) return true;
  return inside == 0 && !Inside::library(caller);
}

void* allocate(std::size_t bytes, const void* caller) noexcept {
  if (counting && aside == 0 && ours(caller) && ++allocations == fail_at) return nullptr;
  return std::malloc(bytes == 0 ? 1 : bytes);
}
void* allocate_or_throw(std::size_t bytes, const void* caller) {
  void* const memory = allocate(bytes, caller);
  if (!memory) throw std::bad_alloc();
  return memory;
}

}  // namespace

Aside::Aside() noexcept { ++aside; }
Aside::~Aside() { --aside; }
Inside::Inside() noexcept { ++inside; }
Inside::~Inside() { --inside; }
bool Inside::any() noexcept { return inside != 0; }

bool Inside::library(const void* address) noexcept {
  struct Range {
    const char *first = nullptr, *last = nullptr;
  };
  static const Range range = [] {
    Range found;
    dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* out) {
          if (!std::strstr(info->dlpi_name, "libonnxruntime")) return 0;
          for (int i = 0; i < info->dlpi_phnum; ++i) {
            const auto& part = info->dlpi_phdr[i];
            if (part.p_type != PT_LOAD || (part.p_flags & PF_X) == 0) continue;
            const auto* const first = reinterpret_cast<const char*>(info->dlpi_addr + part.p_vaddr);
            *static_cast<Range*>(out) = {first, first + part.p_memsz};
          }
          return 1;
        },
        &found);
    return found;
  }();
  return address >= range.first && address < range.last;
}

void fail_allocation(std::uint64_t number) {
  allocations = 0;
  fail_at = number;
  counting = true;
}
std::uint64_t stop_failing_allocations() {
  counting = false;
  return allocations;
}

}  // namespace laneway::faults

using laneway::faults::allocate;
using laneway::faults::allocate_or_throw;

void* operator new(std::size_t bytes) { return allocate_or_throw(bytes, __builtin_return_address(0)); }
void* operator new[](std::size_t bytes) { return allocate_or_throw(bytes, __builtin_return_address(0)); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return allocate(bytes, __builtin_return_address(0)); }
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return allocate(bytes, __builtin_return_address(0)); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
