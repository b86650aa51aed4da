#include "laneway/ort/stream.h"

#include <utility>

#include "ort/call.h"
#include "ort/key_values.h"

namespace laneway::ort {

Expected<std::shared_ptr<const Stream>> Stream::make(const Device& device, const KeyValues& options) {
  LANEWAY_TRY(validate_key_values("stream options", options));
  const std::shared_ptr<const Library>& library = device.environment()->library();
  LANEWAY_TRY_ASSIGN(const auto pairs, make_key_values(library, options));
  const OrtEpDevice* const native = device.native();
  const OrtKeyValuePairs* const given = options.empty() ? nullptr : pairs.get();
  auto handle = ort::make<OrtSyncStream>(library, LANEWAY_ORT_FN(CreateSyncStreamForEpDevice), native, given);
  if (!handle) return std::move(handle).error().with_context("stream on " + device.provider());
  return std::shared_ptr<const Stream>(new Stream(device, *std::move(handle)));
}

void* Stream::handle() const noexcept { return device_.environment()->library()->api()->SyncStream_GetHandle(native()); }

}  // namespace laneway::ort
