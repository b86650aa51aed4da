#pragma once
#include <onnxruntime_c_api.h>

#include <algorithm>
#include <array>
#include <cstddef>

/// How much of the table of functions each level has. A library hands out one table, as long as it knew functions when it was
/// made, and a newer one only appends: so a function exists where its slot lies within the level agreed on.
namespace laneway::ort {

struct Level {
  int level;
  std::size_t entries;
};
inline constexpr std::array<Level, 5> levels = {{{23, 390}, {24, 415}, {25, 419}, {26, 419}, {27, 422}}};
inline constexpr int level_min = levels.front().level;
/// What this build can call: what its headers and the table above both have.
inline constexpr int level_max = std::min(levels.back().level, ORT_API_VERSION);

constexpr std::size_t bytes_of_level(int level) noexcept {
  return levels[static_cast<std::size_t>(level - level_min)].entries * sizeof(void*);
}

/// The level that brought the slot at this offset.
constexpr int level_of_offset(std::size_t offset) noexcept {
  for (const Level& entry : levels) {
    if (offset < entry.entries * sizeof(void*)) return entry.level;
  }
  return levels.back().level + 1;
}

static_assert(ORT_API_VERSION >= level_min, "headers of ONNX Runtime: expected 1.23 or later");
static_assert(offsetof(OrtApi, CreateExternalInitializerInfo) + sizeof(void*) == bytes_of_level(level_min));
static_assert(ORT_API_VERSION > levels.back().level ? sizeof(OrtApi) > bytes_of_level(level_max)
                                                    : sizeof(OrtApi) == bytes_of_level(level_max));

}  // namespace laneway::ort
