#pragma once
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "laneway/core/expected.h"

/// Sound is one channel of floats in [-1, 1] at this rate.
inline constexpr std::size_t samples_per_second = 16'000;
using Sound = std::vector<float>;

/// A WAV file of 16-bit PCM, its channels mixed to one, resampled where it has another rate.
laneway::Expected<Sound> read_wav(const std::filesystem::path& path);
laneway::Expected<> write_wav(const std::filesystem::path& path, std::span<const float> sound);

/// What espeak-ng makes of a text. The text may hold letters, spaces and punctuation other than quotes.
laneway::Expected<Sound> speak(const std::string& text);

/// The same noise at each call.
Sound noise(std::size_t samples, float amplitude);

/// Sound that goes on: what is added follows what is there, or is mixed into it.
void append(Sound& sound, std::span<const float> what);
void mix(Sound& sound, std::size_t at, std::span<const float> what);
