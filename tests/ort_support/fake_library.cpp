// A library that says it is the ONNX Runtime of LANEWAY_FAKE_VERSION and hands out tables up to LANEWAY_FAKE_LEVEL, complaining
// on stderr, as the real one does, where it is asked for more.
#include <cstdint>
#include <cstdio>

namespace {

const void* table[512];  // nobody calls what is in it

struct Base {
  const void* (*get_api)(std::uint32_t) noexcept;
  const char* (*get_version)() noexcept;
};

const void* get_api(std::uint32_t level) noexcept {
  if (level <= LANEWAY_FAKE_LEVEL) return table;
  std::fprintf(stderr, "The requested API version [%u] is not available\n", level);
  return nullptr;
}
const char* get_version() noexcept { return LANEWAY_FAKE_VERSION; }

const Base base = {get_api, get_version};

}  // namespace

extern "C" __attribute__((visibility("default"))) const Base* OrtGetApiBase() noexcept { return &base; }
