#include "speech_detector.h"

#include <algorithm>

#include "audio.h"

using laneway::Expected;
using laneway::Shape;

namespace {

constexpr std::size_t chunk = 512;   // new samples per run
constexpr std::size_t context = 64;  // samples of the chunk before, which the model wants to see again

constexpr float speech_from = 0.5f, speech_until = 0.35f;
constexpr std::size_t silence_min = samples_per_second / 10;
constexpr std::size_t speech_min = samples_per_second / 4;
constexpr std::size_t margin = samples_per_second * 3 / 100;

/// Neighbours closer than two margins share what is between them.
std::vector<Segment> widened(const std::vector<Segment>& segments, std::size_t samples) {
  std::vector<Segment> result = segments;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const std::size_t before = i == 0 ? segments[i].from : (segments[i].from - segments[i - 1].to) / 2;
    const std::size_t after = i + 1 == segments.size() ? samples - segments[i].to : (segments[i + 1].from - segments[i].to) / 2;
    result[i].from -= std::min(margin, before);
    result[i].to += std::min(margin, after);
  }
  return result;
}

}  // namespace

Expected<SpeechDetector> SpeechDetector::open(const std::filesystem::path& model) {
  LANEWAY_TRY_ASSIGN(
      auto runtime,
      laneway::open({
          .model = laneway::ModelFile{model},
          .ports = {{.name = "input", .shape = Shape(1, context + chunk)}, {.name = "state", .shape = Shape(2, 1, 128)}},
          .links = {{.output = "stateN", .input = "state"}},
      }));
  return SpeechDetector(std::move(runtime));
}

Expected<std::vector<float>> SpeechDetector::probabilities(std::span<const float> sound) {
  laneway::Lane& lane = *runtime_.lanes()[0];
  LANEWAY_TRY(lane.reset());  // another sound: the state of the last one does not count
  LANEWAY_TRY_ASSIGN(const auto rate, lane.input<std::int64_t>("sr"));
  rate[0] = samples_per_second;
  LANEWAY_TRY_ASSIGN(const auto input, lane.input<float>("input"));
  std::ranges::fill(input, 0.0f);

  std::vector<float> result;
  for (std::size_t at = 0; at < sound.size(); at += chunk) {
    const auto fresh = sound.subspan(at, std::min(chunk, sound.size() - at));
    std::ranges::copy(input.last(context), input.begin());
    std::ranges::fill(input.last(chunk), 0.0f);
    std::ranges::copy(fresh, input.begin() + context);
    LANEWAY_TRY(lane.run());
    LANEWAY_TRY_ASSIGN(const auto probability, lane.output<float>("output"));
    result.push_back(probability.data[0]);
  }
  return result;
}

Expected<std::vector<Segment>> SpeechDetector::detect(std::span<const float> sound) {
  LANEWAY_TRY_ASSIGN(const auto likely, probabilities(sound));
  return segments_of(likely, sound.size());
}

std::vector<Segment> segments_of(std::span<const float> probabilities, std::size_t samples) {
  std::vector<Segment> segments;
  bool speaking = false, quiet = false;
  std::size_t begin = 0, quiet_since = 0;
  const auto keep_until = [&](std::size_t end) {
    if (end - begin > speech_min) segments.push_back({begin, end});
  };
  for (std::size_t i = 0; i < probabilities.size(); ++i) {
    const std::size_t at = i * chunk;
    if (probabilities[i] >= speech_from) {
      if (!speaking) begin = at;
      speaking = true;
      quiet = false;
    } else if (speaking && probabilities[i] < speech_until) {
      if (!quiet) quiet_since = at;
      quiet = true;
      if (at - quiet_since < silence_min) continue;
      keep_until(quiet_since);
      speaking = quiet = false;
    }
  }
  if (speaking) keep_until(samples);
  return widened(segments, samples);
}
