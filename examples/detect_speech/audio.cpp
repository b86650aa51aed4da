#include "audio.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string_view>

using laneway::Error;
using laneway::ErrorCode;
using laneway::Expected;

namespace {

/// Little-endian numbers at a place in a file that was read.
template <class T>
T number_at(std::string_view bytes, std::size_t at) {
  T value{};
  if (at + sizeof(T) <= bytes.size()) std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

template <class T>
void put(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

/// Linear interpolation: good enough for a detector, not for ears.
Sound resample(const Sound& sound, std::size_t rate) {
  if (rate == samples_per_second || sound.empty()) return sound;
  const double step = static_cast<double>(rate) / samples_per_second;
  Sound result(static_cast<std::size_t>(static_cast<double>(sound.size()) / step));
  for (std::size_t i = 0; i < result.size(); ++i) {
    const double place = static_cast<double>(i) * step;
    const auto left = static_cast<std::size_t>(place);
    const std::size_t right = std::min(left + 1, sound.size() - 1);
    result[i] = std::lerp(sound[left], sound[right], static_cast<float>(place - std::floor(place)));
  }
  return result;
}

/// A RIFF file is chunks of {name, size, bytes}. A program that writes to a pipe cannot know the size: what is there counts.
Expected<Sound> decode_wav(std::string_view file, const std::string& name) {
  const auto wrong = [&](const std::string& what) { return Error(ErrorCode::invalid_argument, name + ": " + what); };
  if (!file.starts_with("RIFF") || file.size() < 12 || file.substr(8, 4) != "WAVE") return wrong("not a WAV file");
  std::string_view format, data;
  for (std::size_t at = 12; at + 8 <= file.size();) {
    const std::string_view body = file.substr(at + 8, number_at<std::uint32_t>(file, at + 4));
    if (file.substr(at, 4) == "fmt ") format = body;
    if (file.substr(at, 4) == "data") data = body;
    at += 8 + body.size() + body.size() % 2;
  }
  const auto encoding = number_at<std::uint16_t>(format, 0);
  const auto channels = number_at<std::uint16_t>(format, 2);
  const auto rate = number_at<std::uint32_t>(format, 4);
  const auto bits = number_at<std::uint16_t>(format, 14);
  if (encoding != 1 || bits != 16 || channels == 0 || rate == 0) return wrong("expected 16-bit PCM");
  Sound sound(data.size() / 2 / channels);
  for (std::size_t i = 0; i < sound.size(); ++i) {
    for (std::size_t channel = 0; channel < channels; ++channel) {
      sound[i] += static_cast<float>(number_at<std::int16_t>(data, 2 * (i * channels + channel))) / 32768.0f /
                  static_cast<float>(channels);
    }
  }
  return resample(sound, rate);
}

}  // namespace

Expected<Sound> read_wav(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error(ErrorCode::not_found, path.string() + ": cannot be opened");
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  return decode_wav(bytes, path.string());
}

Expected<> write_wav(const std::filesystem::path& path, std::span<const float> sound) {
  const auto data_bytes = static_cast<std::uint32_t>(2 * sound.size());
  std::string file = "RIFF";
  put<std::uint32_t>(file, 36 + data_bytes);
  file += "WAVEfmt ";
  put<std::uint32_t>(file, 16);
  put<std::uint16_t>(file, 1);  // PCM
  put<std::uint16_t>(file, 1);  // channels
  put<std::uint32_t>(file, samples_per_second);
  put<std::uint32_t>(file, 2 * samples_per_second);  // bytes per second
  put<std::uint16_t>(file, 2);                       // bytes per sample
  put<std::uint16_t>(file, 16);                      // bits per sample
  file += "data";
  put<std::uint32_t>(file, data_bytes);
  for (const float sample : sound)
    put<std::int16_t>(file, static_cast<std::int16_t>(std::lround(std::clamp(sample, -1.0f, 1.0f) * 32767.0f)));
  if (!std::ofstream(path, std::ios::binary).write(file.data(), static_cast<std::streamsize>(file.size()))) {
    return Error(ErrorCode::internal, path.string() + ": cannot be written");
  }
  return {};
}

Expected<Sound> speak(const std::string& text) {
  const std::string command = "espeak-ng -v en --stdout \"" + text + "\"";
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(command.c_str(), "r"), &pclose);
  if (!pipe) return Error(ErrorCode::unavailable, "espeak-ng: cannot be started");
  std::string bytes;
  char part[4096];
  while (const std::size_t count = std::fread(part, 1, sizeof(part), pipe.get())) bytes.append(part, count);
  if (bytes.empty()) return Error(ErrorCode::unavailable, "espeak-ng: made no sound (is it installed? scripts/setup brings it)");
  return decode_wav(bytes, "espeak-ng");
}

Sound noise(std::size_t samples, float amplitude) {
  std::mt19937 random(7);
  Sound sound(samples);
  for (float& sample : sound) sample = amplitude * (static_cast<float>(random()) / 2147483648.0f - 1.0f);
  return sound;
}

void append(Sound& sound, std::span<const float> what) { sound.insert(sound.end(), what.begin(), what.end()); }

void mix(Sound& sound, std::size_t at, std::span<const float> what) {
  sound.resize(std::max(sound.size(), at + what.size()));
  for (std::size_t i = 0; i < what.size(); ++i) sound[at + i] += what[i];
}
