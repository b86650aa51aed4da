// Any text is an error or a spec, and a spec that was read can be written and read again, as the same text.
#include <cstdint>
#include <string_view>

#include "laneway/ort/session_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace laneway::ort;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto spec = from_json(text, {.model = ModelPath{}});
  if (!spec) return 0;
  const auto written = to_json(*spec);
  if (!written) __builtin_trap();
  const auto again = from_json(*written, {.model = ModelPath{}});
  if (!again || *to_json(*again) != *written) __builtin_trap();
  return 0;
}
