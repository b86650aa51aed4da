#include "laneway/memory/buffer.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "laneway/core/checked.h"

namespace laneway {
namespace {

Error no_memory(std::size_t bytes) {
  return Error(ErrorCode::resource_exhausted, "buffer: the system has no " + std::to_string(bytes) + " bytes of memory left");
}

std::string limit_text(rlim_t limit) { return limit == RLIM_INFINITY ? "unlimited" : std::to_string(limit) + " bytes"; }

std::size_t overlap(std::uintptr_t a_begin, std::uintptr_t a_end, std::uintptr_t b_begin, std::uintptr_t b_end) noexcept {
  const auto begin = std::max(a_begin, b_begin);
  const auto end = std::min(a_end, b_end);
  return begin < end ? end - begin : 0;
}

}  // namespace

Expected<Buffer> Buffer::allocate(std::size_t bytes, const PagePolicy& policy) {
  Buffer buffer;
  LANEWAY_TRY_ASSIGN(buffer.policy_, resolve(policy, bytes));
  buffer.bytes_ = bytes;
  // Locks and advice are properties of whole pages, which a buffer from the heap shares with its neighbours.
  const bool own_pages =
      bytes >= own_pages_from_bytes || *buffer.policy_.huge_pages || policy.lock || *buffer.policy_.alignment_bytes > page_bytes;
  LANEWAY_TRY(own_pages ? buffer.allocate_mapped() : buffer.allocate_from_heap());
  return buffer;
}

Buffer::~Buffer() {
  if (mapped_bytes_ != 0) {
    munmap(data_, mapped_bytes_);
  } else {
    std::free(data_);
  }
}

Expected<> Buffer::allocate_from_heap() {
  void* data = nullptr;
  if (posix_memalign(&data, *policy_.alignment_bytes, std::max<std::size_t>(bytes_, 1)) != 0) return no_memory(bytes_);
  data_ = static_cast<std::byte*>(data);
  std::memset(data_, 0, bytes_);
  return {};
}

Expected<> Buffer::allocate_mapped() {
  const auto rounded = checked_round_up(std::max<std::size_t>(bytes_, 1), page_bytes);
  if (!rounded) return no_memory(bytes_);
  LANEWAY_TRY(map_aligned(*rounded));
  // A kernel without huge pages refuses the advice; that is no failure.
  (void)madvise(data_, mapped_bytes_, *policy_.huge_pages ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  if (policy_.lock && mlock(data_, mapped_bytes_) != 0) return lock_refused(errno);
  return *policy_.prefault && !policy_.lock ? make_resident() : Expected<>();
}

// Maps more than is needed and gives back what lies before and behind the aligned part.
Expected<> Buffer::map_aligned(std::size_t bytes) {
  const std::size_t alignment = std::max(*policy_.alignment_bytes, page_bytes);
  const auto reserved = checked_add(bytes, alignment - page_bytes);
  if (!reserved) return no_memory(bytes_);
  void* const start = mmap(nullptr, *reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) return no_memory(bytes_);
  auto* const base = static_cast<std::byte*>(start);
  const std::size_t misaligned = reinterpret_cast<std::uintptr_t>(base) % alignment;
  const std::size_t head = misaligned == 0 ? 0 : alignment - misaligned;
  const std::size_t tail = *reserved - head - bytes;
  if (head != 0) munmap(base, head);
  if (tail != 0) munmap(base + head + bytes, tail);
  data_ = base + head;
  mapped_bytes_ = bytes;
  return {};
}

Expected<> Buffer::make_resident() {
  if (madvise(data_, mapped_bytes_, MADV_POPULATE_WRITE) == 0) return {};
  if (errno != EINVAL) return no_memory(bytes_);
  // Linux before 5.14: a write into each page does the same, but is killed where the other one fails.
  for (std::size_t at = 0; at < mapped_bytes_; at += page_bytes) *static_cast<volatile std::byte*>(data_ + at) = std::byte{0};
  return {};
}

Error Buffer::lock_refused(int why) const {
  rlimit limit{};
  getrlimit(RLIMIT_MEMLOCK, &limit);
  return Error(ErrorCode::resource_exhausted,
               "buffer: lock refused (" + std::string(std::strerror(why)) + "): expected at most " + limit_text(limit.rlim_cur) +
                   " locked in the whole process (RLIMIT_MEMLOCK), got another " + std::to_string(mapped_bytes_) +
                   " bytes (raise the limit with `ulimit -l`, or give the process CAP_IPC_LOCK)");
}

std::size_t Buffer::resident_bytes() const noexcept {
  const auto begin = reinterpret_cast<std::uintptr_t>(data_);
  const std::uintptr_t end = begin + bytes_;
  std::array<unsigned char, 1024> flags;
  std::size_t resident = 0;
  for (std::uintptr_t at = begin / page_bytes * page_bytes; at < end; at += flags.size() * page_bytes) {
    const std::size_t pages = std::min<std::size_t>((end - at + page_bytes - 1) / page_bytes, flags.size());
    if (mincore(reinterpret_cast<void*>(at), pages * page_bytes, flags.data()) != 0) continue;
    for (std::size_t page = 0; page < pages; ++page) {
      const std::uintptr_t page_begin = at + page * page_bytes;
      if ((flags[page] & 1u) != 0) resident += overlap(page_begin, page_begin + page_bytes, begin, end);
    }
  }
  return resident;
}

std::size_t Buffer::huge_bytes() const {
  const std::unique_ptr<FILE, int (*)(FILE*)> smaps(std::fopen("/proc/self/smaps", "re"), std::fclose);
  if (!smaps) return 0;
  const auto begin = reinterpret_cast<std::uintptr_t>(data_);
  std::array<char, 512> line;
  std::size_t shared = 0;  // bytes that the mapping being read has in common with the buffer
  std::size_t huge = 0;
  while (std::fgets(line.data(), static_cast<int>(line.size()), smaps.get()) != nullptr) {
    unsigned long first = 0, last = 0, kib = 0;
    if (std::sscanf(line.data(), "%lx-%lx ", &first, &last) == 2) {
      shared = overlap(first, last, begin, begin + bytes_);
    } else if (std::sscanf(line.data(), "AnonHugePages: %lu kB", &kib) == 1) {
      huge += std::min<std::size_t>(kib * 1024, shared);
    }
  }
  return huge;
}

void Buffer::swap(Buffer& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  std::swap(mapped_bytes_, other.mapped_bytes_);
  std::swap(policy_, other.policy_);
}

}  // namespace laneway
