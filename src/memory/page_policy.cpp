#include "laneway/memory/page_policy.h"

#include <algorithm>
#include <bit>

namespace laneway {
namespace {

constexpr std::size_t alignment_min_bytes = 64;  // a cache line, and the widest vector

std::size_t alignment_for(std::size_t bytes, bool huge_pages) noexcept {
  if (huge_pages || bytes >= huge_page_bytes) return huge_page_bytes;
  return bytes >= own_pages_from_bytes ? page_bytes : alignment_min_bytes;
}

std::string describe(std::optional<bool> choice) { return !choice ? "by size" : *choice ? "yes" : "no"; }

}  // namespace

Expected<PagePolicy> resolve(const PagePolicy& policy, std::size_t bytes) {
  if (policy.alignment_bytes && !std::has_single_bit(*policy.alignment_bytes)) {
    return Error(ErrorCode::invalid_argument, "pages.alignment_bytes: not a power of two: expected 64, 4096 or the like, got " +
                                                  std::to_string(*policy.alignment_bytes));
  }
  const bool huge_pages = policy.huge_pages.value_or(bytes >= huge_page_bytes);
  const std::size_t alignment = policy.alignment_bytes.value_or(alignment_for(bytes, huge_pages));
  return PagePolicy{.alignment_bytes = std::max(alignment, alignment_min_bytes),
                    .huge_pages = huge_pages,
                    .prefault = policy.lock || policy.prefault.value_or(bytes >= own_pages_from_bytes),
                    .lock = policy.lock};
}

std::string to_string(const PagePolicy& policy) {
  const std::string alignment = policy.alignment_bytes ? std::to_string(*policy.alignment_bytes) : "by size";
  return "{alignment_bytes=" + alignment + ", huge_pages=" + describe(policy.huge_pages) +
         ", prefault=" + describe(policy.prefault) + ", lock=" + (policy.lock ? "yes" : "no") + "}";
}

}  // namespace laneway
