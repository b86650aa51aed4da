// Counts the malloc family of a process: preload this library, or link it before the C library. Each function is replaced by one
// that counts and goes on to glibc's own, reached by the names it exports for that, so that nothing is looked up on the way.
// Operators new come here through malloc and aligned_alloc. Not for sanitizer builds, which replace the same functions.
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include <atomic>

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void* __libc_valloc(std::size_t);
void* __libc_pvalloc(std::size_t);
}

namespace {

std::atomic<std::uint64_t> total_count{0};
std::atomic<std::uint64_t> total_bytes{0};

void* counted(void* memory, std::size_t bytes) noexcept {
  if (memory != nullptr) {
    total_count.fetch_add(1, std::memory_order_relaxed);
    total_bytes.fetch_add(bytes, std::memory_order_relaxed);
  }
  return memory;
}

bool power_of_two(std::size_t value) noexcept { return value != 0 && (value & (value - 1)) == 0; }

}  // namespace

#define EXPORTED extern "C" __attribute__((visibility("default")))

EXPORTED std::uint64_t laneway_malloc_count() { return total_count.load(std::memory_order_relaxed); }
EXPORTED std::uint64_t laneway_malloc_bytes() { return total_bytes.load(std::memory_order_relaxed); }

EXPORTED void* malloc(std::size_t bytes) { return counted(__libc_malloc(bytes), bytes); }
EXPORTED void* calloc(std::size_t items, std::size_t bytes) { return counted(__libc_calloc(items, bytes), items * bytes); }
EXPORTED void* realloc(void* memory, std::size_t bytes) { return counted(__libc_realloc(memory, bytes), bytes); }
EXPORTED void* memalign(std::size_t alignment, std::size_t bytes) { return counted(__libc_memalign(alignment, bytes), bytes); }
EXPORTED void* valloc(std::size_t bytes) { return counted(__libc_valloc(bytes), bytes); }
EXPORTED void* pvalloc(std::size_t bytes) { return counted(__libc_pvalloc(bytes), bytes); }
EXPORTED void* aligned_alloc(std::size_t alignment, std::size_t bytes) { return memalign(alignment, bytes); }

EXPORTED void* reallocarray(void* memory, std::size_t items, std::size_t bytes) {
  std::size_t product = 0;
  if (__builtin_mul_overflow(items, bytes, &product)) {
    errno = ENOMEM;
    return nullptr;
  }
  return realloc(memory, product);
}

EXPORTED int posix_memalign(void** memory, std::size_t alignment, std::size_t bytes) {
  if (!power_of_two(alignment) || alignment % sizeof(void*) != 0) return EINVAL;
  const int before = errno;  // it tells by its result, and leaves errno alone
  void* const made = memalign(alignment, bytes);
  errno = before;
  if (made == nullptr) return ENOMEM;
  *memory = made;
  return 0;
}
