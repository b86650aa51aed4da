#pragma once
#include <cstddef>
#include <utility>

#include "laneway/core/expected.h"
#include "laneway/core/port.h"
#include "laneway/memory/page_policy.h"

namespace laneway LANEWAY_PUBLIC {

/// Host memory that is owned, zero-filled when made, at an address that never changes.
///
/// Threads:  a value; who reads and writes the bytes is the users' affair.
/// Lifetime: data() and view() are valid until the buffer is destroyed; moving it keeps them.
/// Cost:     below 1 MiB, unless it is locked or wants pages of its own, a buffer comes from the heap at its exact size; others
///           are mapped, rounded up to 4 KiB. Prefaulting takes some 0.1 ms per MiB.
class Buffer {
 public:
  /// Zero bytes are fine: data() is then an address nobody else has.
  /// Errors: invalid_argument (alignment), resource_exhausted (memory; locking beyond the limit, which it names).
  static Expected<Buffer> allocate(std::size_t bytes, const PagePolicy& policy = {});

  Buffer() = default;
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    Buffer(std::move(other)).swap(*this);
    return *this;
  }
  ~Buffer();

  std::byte* data() noexcept { return data_; }
  const std::byte* data() const noexcept { return data_; }
  std::size_t bytes() const noexcept { return bytes_; }
  Memory view() noexcept { return {.data = data_, .bytes = bytes_}; }
  const PagePolicy& policy() const noexcept { return policy_; }  ///< As resolved: every field is set.

  /// What the kernel gave. Both ask it, in time proportional to the buffer: for audits and tests.
  std::size_t resident_bytes() const noexcept;
  /// 0 where the kernel does not tell. Mappings that lie side by side are told as one: then an upper bound.
  std::size_t huge_bytes() const;

 private:
  Expected<> allocate_from_heap();
  Expected<> allocate_mapped();
  Expected<> map_aligned(std::size_t bytes);
  Expected<> make_resident();
  Error lock_refused(int why) const;
  void swap(Buffer& other) noexcept;

  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
  std::size_t mapped_bytes_ = 0;  // 0: from the heap
  PagePolicy policy_;
};

}  // namespace laneway
