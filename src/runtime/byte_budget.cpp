#include "laneway/runtime/byte_budget.h"

#include "runtime/budget_impl.h"

namespace laneway {

ByteBudget::ByteBudget(std::optional<std::size_t> bytes_max) : impl_(std::make_unique<Impl>(bytes_max)) {}
ByteBudget::~ByteBudget() = default;

std::optional<std::size_t> ByteBudget::bytes_max() const noexcept { return impl_->bytes_max; }

std::size_t ByteBudget::bytes() const noexcept {
  const std::lock_guard lock(impl_->mutex);
  return impl_->bytes;
}

}  // namespace laneway
