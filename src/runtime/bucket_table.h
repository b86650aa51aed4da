#pragma once
#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "runtime/bucket.h"

namespace laneway {

/// The buckets that stand, by capacity: changed by one thread at a time, read by any without a lock.
///
/// A reader may miss a bucket while the table changes, and may get one that has become another's: the word of a bucket decides
/// (Bucket::try_take), and whoever found nothing asks again under the cache's mutex. So places are changed one by one, under
/// readers' eyes; those of a table that became too small go with the table.
class BucketTable {
 public:
  BucketTable();

  Bucket* find(const Extents& capacity) const noexcept;

  /// In the order of their coming. The rest is the one writer's.
  std::span<Bucket* const> all() const noexcept { return standing_; }
  /// Makes sure that so many fit: insert() then needs no memory.
  void make_room(std::size_t count);
  void insert(Bucket& bucket) noexcept;
  void erase(Bucket& bucket) noexcept;

 private:
  struct Places {  // open addressing, half of them empty at least
    explicit Places(std::size_t count) : mask(count - 1), buckets(count) {}
    std::size_t mask;
    std::vector<std::atomic<Bucket*>> buckets;
  };

  static void place(Places& places, Bucket& bucket) noexcept;

  std::vector<Bucket*> standing_;
  std::vector<std::unique_ptr<Places>> tables_;  // each twice as large as the one before; the last is read
  std::atomic<const Places*> current_;
};

}  // namespace laneway
