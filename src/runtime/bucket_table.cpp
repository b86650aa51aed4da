#include "runtime/bucket_table.h"

#include <algorithm>
#include <bit>

namespace laneway {
namespace {

std::size_t hash_of(const Extents& extents) noexcept {
  std::uint64_t hash = 0x9e3779b97f4a7c15u;
  for (std::size_t i = 0; i < extents.count; ++i) {
    hash = (hash ^ static_cast<std::uint64_t>(extents.values[i])) * 0xff51afd7ed558ccdu;  // Murmur3's finaliser, by parts
    hash ^= hash >> 32;
  }
  return static_cast<std::size_t>(hash);
}

}  // namespace

BucketTable::BucketTable() {
  tables_.push_back(std::make_unique<Places>(16));
  current_.store(tables_.back().get(), std::memory_order_release);
}

Bucket* BucketTable::find(const Extents& capacity) const noexcept {
  const Places& places = *current_.load(std::memory_order_acquire);
  std::size_t at = hash_of(capacity);
  for (std::size_t tries = 0; tries <= places.mask; ++tries, ++at) {  // while places change there may be no empty one
    Bucket* const bucket = places.buckets[at & places.mask].load(std::memory_order_acquire);
    if (!bucket || bucket->serves(capacity)) return bucket;
  }
  return nullptr;
}

void BucketTable::place(Places& places, Bucket& bucket) noexcept {
  std::size_t at = hash_of(bucket.capacity());
  while (places.buckets[at & places.mask].load(std::memory_order_relaxed)) ++at;
  places.buckets[at & places.mask].store(&bucket, std::memory_order_release);
}

void BucketTable::make_room(std::size_t count) {
  standing_.reserve(std::bit_ceil(count));
  if (2 * count <= tables_.back()->mask + 1) return;
  auto larger = std::make_unique<Places>(std::bit_ceil(2 * count));
  for (Bucket* const bucket : standing_) place(*larger, *bucket);
  tables_.push_back(std::move(larger));
  current_.store(tables_.back().get(), std::memory_order_release);
}

void BucketTable::insert(Bucket& bucket) noexcept {
  standing_.push_back(&bucket);
  place(*tables_.back(), bucket);
}

// What stands behind it may have been displaced by it: all are placed anew.
void BucketTable::erase(Bucket& bucket) noexcept {
  std::erase(standing_, &bucket);
  Places& places = *tables_.back();
  for (auto& place : places.buckets) place.store(nullptr, std::memory_order_relaxed);
  for (Bucket* const left : standing_) place(places, *left);
}

}  // namespace laneway
