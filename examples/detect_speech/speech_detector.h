#pragma once
#include <cstddef>
#include <filesystem>
#include <span>
#include <utility>
#include <vector>

#include "laneway/laneway.h"

/// Speech from sample `from` up to, but not including, `to`.
struct Segment {
  std::size_t from, to;
};

/// Finds speech with the model of the `silero-vad` wheel, 32 ms at a time. Between two chunks the model carries a state: an output
/// of one run that is an input of the next, without a copy.
class SpeechDetector {
 public:
  static laneway::Expected<SpeechDetector> open(const std::filesystem::path& model);

  /// How likely each chunk of 512 samples is speech. The last chunk is filled up with silence.
  laneway::Expected<std::vector<float>> probabilities(std::span<const float> sound);

  laneway::Expected<std::vector<Segment>> detect(std::span<const float> sound);

 private:
  explicit SpeechDetector(laneway::Runtime runtime) : runtime_(std::move(runtime)) {}

  laneway::Runtime runtime_;
};

/// Probabilities of chunks made segments: speech begins where one reaches 0.5 and ends where they stay below 0.35 for 100 ms; what
/// is not longer than 250 ms is dropped, and the rest widened by 30 ms on both sides.
std::vector<Segment> segments_of(std::span<const float> probabilities, std::size_t samples);
