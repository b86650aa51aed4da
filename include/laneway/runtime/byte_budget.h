#pragma once
#include <cstddef>
#include <memory>
#include <optional>

#include "laneway/core/visibility.h"

namespace laneway LANEWAY_PUBLIC {

/// A bound on the bytes of buckets that several runtimes share: together they stay within it and evict each other's least
/// recently used. Give the same one to each in BucketSpec::budget.
/// Threads: any. Lifetime: kept by its runtimes.
class ByteBudget {
 public:
  explicit ByteBudget(std::optional<std::size_t> bytes_max);  ///< nullopt: no bound.
  ~ByteBudget();
  ByteBudget(const ByteBudget&) = delete;
  ByteBudget& operator=(const ByteBudget&) = delete;

  std::optional<std::size_t> bytes_max() const noexcept;
  std::size_t bytes() const noexcept;  ///< Buckets that stand and builds under way, of all its runtimes.

  class Impl;

 private:
  friend class Bucket;  // the runtime's rooms
  friend class BucketCache;
  friend class Reservation;
  Impl& impl() noexcept { return *impl_; }

  std::unique_ptr<Impl> impl_;
};

}  // namespace laneway
