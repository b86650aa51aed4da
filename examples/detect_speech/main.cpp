// detect_speech [--model FILE] [WAV]
//
// Prints where somebody speaks. Without a WAV file it makes a sound of its own, speech by espeak-ng between silence and noise, and
// says where it put the speech. FILE: the model that scripts/setup brought unless told.
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "audio.h"
#include "speech_detector.h"

namespace fs = std::filesystem;
using laneway::Expected;

namespace {

void print(const char* what, std::size_t from, std::size_t to) {
  const auto seconds = [](std::size_t samples) { return static_cast<double>(samples) / static_cast<double>(samples_per_second); };
  std::printf("%-10s %7.2f s  to %7.2f s\n", what, seconds(from), seconds(to));
}

/// Silence, a sentence, noise, a sentence over noise, silence.
Expected<Sound> make_sound() {
  Sound sound(2 * samples_per_second);
  LANEWAY_TRY_ASSIGN(const Sound first, speak("A lane is owned by one thread at a time."));
  print("spoken", sound.size(), sound.size() + first.size());
  append(sound, first);
  append(sound, noise(3 * samples_per_second, 0.01f));
  LANEWAY_TRY_ASSIGN(Sound second, speak("Nothing is copied, and nothing is locked."));
  print("spoken", sound.size(), sound.size() + second.size());
  mix(second, 0, noise(second.size(), 0.01f));
  append(sound, second);
  append(sound, Sound(2 * samples_per_second));
  return sound;
}

Expected<> run(const fs::path& model, const std::string& wav) {
  LANEWAY_TRY_ASSIGN(auto detector, SpeechDetector::open(model));
  LANEWAY_TRY_ASSIGN(const Sound sound, wav.empty() ? make_sound() : read_wav(wav));
  LANEWAY_TRY_ASSIGN(const auto segments, detector.detect(sound));
  for (const Segment& segment : segments) print("speech", segment.from, segment.to);
  if (segments.empty()) std::printf("no speech\n");
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  fs::path model = MODELS_DIR "/silero_vad/silero_vad.onnx";
  if (arguments.size() >= 2 && arguments[0] == "--model") {
    model = arguments[1];
    arguments.erase(arguments.begin(), arguments.begin() + 2);
  }
  if (arguments.size() > 1 || (!arguments.empty() && arguments[0].starts_with("--"))) {
    std::fprintf(stderr, "usage: detect_speech [--model FILE] [WAV]\n");
    return 2;
  }
  const auto result = run(model, arguments.empty() ? "" : arguments[0]);
  if (!result) std::fprintf(stderr, "detect_speech: %s\n", std::string(result.error().message()).c_str());
  return result ? 0 : 1;
}
