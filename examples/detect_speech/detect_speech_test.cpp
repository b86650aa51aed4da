#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <vector>

#include "detect_speech/audio.h"
#include "laneway/laneway.h"
#include "run_program.h"

namespace {

using laneway::Shape;

struct Span {
  double from, to;  // seconds
};

/// Lines of the program's output that begin with `what`.
std::vector<Span> parse(const std::string& text, const std::string& what) {
  std::vector<Span> spans;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    Span span{};
    if (line.starts_with(what) && std::sscanf(line.c_str() + what.size(), " %lf s to %lf s", &span.from, &span.to) == 2)
      spans.push_back(span);
  }
  return spans;
}

double seconds(std::size_t samples) { return static_cast<double>(samples) / static_cast<double>(samples_per_second); }

/// espeak-ng is silent for a moment at both ends of what it says, and the detector hears in steps of 32 ms.
constexpr double tolerance_s = 0.35;

void expect_found(const std::vector<Span>& found, const std::vector<Span>& put) {
  ASSERT_FALSE(found.empty());
  for (const Span& segment : found) {  // nothing where nobody speaks
    const auto inside = [&](const Span& span) {
      return segment.from >= span.from - tolerance_s && segment.to <= span.to + tolerance_s;
    };
    EXPECT_TRUE(std::ranges::any_of(put, inside)) << segment.from << " to " << segment.to;
  }
  for (const Span& span : put) {  // and most of what is spoken
    double heard = 0;
    for (const Span& segment : found) heard += std::max(0.0, std::min(segment.to, span.to) - std::max(segment.from, span.from));
    EXPECT_GT(heard, 0.6 * (span.to - span.from)) << span.from << " to " << span.to;
  }
}

TEST(DetectSpeech, SegmentsLieWhereSpeechWasPut) {
  Sound sound(samples_per_second / 2);
  std::vector<Span> put;
  const auto say = [&](const char* text, float background) {
    auto spoken = speak(text);
    ASSERT_TRUE(spoken) << spoken.error().message();
    mix(*spoken, 0, noise(spoken->size(), background));
    put.push_back({seconds(sound.size()), seconds(sound.size() + spoken->size())});
    append(sound, *spoken);
  };
  append(sound, noise(3 * samples_per_second, 0.02f));
  say("Seventeen tokens are not thirty two.", 0.02f);
  append(sound, Sound(2 * samples_per_second));
  say("The quick brown fox jumps over the lazy dog.", 0.0f);
  append(sound, noise(4 * samples_per_second + 123, 0.005f));
  say("Every microsecond counts.", 0.005f);
  append(sound, Sound(samples_per_second));

  const ScratchFolder folder;
  ASSERT_TRUE(write_wav(folder.path("sound.wav"), sound));
  const Outcome outcome = run_program(EXAMPLE_PROGRAM, {folder.path("sound.wav")});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  expect_found(parse(outcome.out, "speech"), put);
}

TEST(DetectSpeech, FindsWhatItSpokeItself) {
  const Outcome outcome = run_program(EXAMPLE_PROGRAM, {});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const auto put = parse(outcome.out, "spoken");
  EXPECT_EQ(put.size(), 2u) << outcome.out;
  expect_found(parse(outcome.out, "speech"), put);
}

TEST(DetectSpeech, SilenceAndNoiseAreNoSpeech) {
  Sound sound(3 * samples_per_second);
  append(sound, noise(3 * samples_per_second, 0.02f));
  const ScratchFolder folder;
  ASSERT_TRUE(write_wav(folder.path("silence.wav"), sound));
  EXPECT_EQ(run_program(EXAMPLE_PROGRAM, {folder.path("silence.wav")}).out, "no speech\n");
}

TEST(DetectSpeech, WrongFilesAreSaid) {
  const ScratchFolder folder;
  const Outcome text = run_program(EXAMPLE_PROGRAM, {"LICENSE"});
  EXPECT_EQ(text.status, 1);
  EXPECT_NE(text.err.find("LICENSE: not a WAV file"), std::string::npos) << text.err;
  const Outcome missing = run_program(EXAMPLE_PROGRAM, {"nowhere.wav"});
  EXPECT_EQ(missing.status, 1);
  EXPECT_NE(missing.err.find("nowhere.wav"), std::string::npos) << missing.err;
}

// ---- the link that the example relies on ------------------------------------------------------------------------------------

class SileroState : public testing::TestWithParam<const char*> {
 protected:
  static laneway::RuntimeSpec spec() {
    return {.model = laneway::ModelFile{LANEWAY_TEST_DEPS_DIR "/models/silero_vad/silero_vad.onnx"},
            .engine = GetParam(),
            .ports = {{.name = "input", .shape = Shape(1, 576)}, {.name = "state", .shape = Shape(2, 1, 128)}}};
  }

  /// A chunk that differs from all others: speech-like, so that the state moves.
  static void write_chunk(laneway::Lane& lane, int number) {
    static const Sound sound = *speak("State is carried from one chunk to the next, for as long as somebody speaks to us.");
    const auto input = *lane.input<float>("input");
    for (std::size_t i = 0; i < input.size(); ++i) {
      input[i] = sound[(static_cast<std::size_t>(number) * 512 + i) % sound.size()] + 1e-4f * static_cast<float>(number);
    }
    (*lane.input<std::int64_t>("sr"))[0] = 16'000;
  }
};

TEST_P(SileroState, L41_300ChunksEqualExplicitCopyingBitForBit) {
  auto linked_spec = spec();
  linked_spec.links = {{.output = "stateN", .input = "state"}};
  const auto linked = laneway::open(linked_spec);
  ASSERT_TRUE(linked) << linked.error().message();
  const auto copied = laneway::open(spec());
  ASSERT_TRUE(copied) << copied.error().message();
  laneway::Lane& a = *linked->lanes()[0];
  laneway::Lane& b = *copied->lanes()[0];

  const auto state = *b.input<float>("state");
  std::ranges::fill(state, 0.0f);
  float least = 1, most = 0;
  for (int chunk = 0; chunk < 300; ++chunk) {
    write_chunk(a, chunk);
    write_chunk(b, chunk);
    ASSERT_TRUE(a.run());
    ASSERT_TRUE(b.run());
    const auto next = b.output<float>("stateN");
    ASSERT_TRUE(next) << next.error().message();
    const auto carried = a.output<float>("stateN");
    ASSERT_TRUE(carried) << carried.error().message();
    ASSERT_EQ(carried->data.size(), state.size());
    ASSERT_EQ(std::memcmp(carried->data.data(), next->data.data(), state.size_bytes()), 0) << "chunk " << chunk;
    const float here = a.output<float>("output")->data[0];
    ASSERT_EQ(here, b.output<float>("output")->data[0]) << "chunk " << chunk;
    std::ranges::copy(next->data, state.begin());
    least = std::min(least, here);
    most = std::max(most, here);
  }
  EXPECT_GT(most - least, 0.5f);  // the model did hear something
}

TEST_P(SileroState, L41_AnOutputOfOpenShapeIsPreallocatedWhenLinked) {
  auto linked_spec = spec();
  linked_spec.links = {{.output = "stateN", .input = "state"}};
  const auto linked = laneway::open(linked_spec);
  ASSERT_TRUE(linked) << linked.error().message();
  for (const auto& port : linked->audit().ports) {
    if (port.port == "stateN") {
      EXPECT_EQ(port.owner, "laneway");
      EXPECT_EQ(port.bytes, 2 * 128 * sizeof(float));
    }
  }
  EXPECT_TRUE(linked->audit().require_zero_copy());
}

TEST_P(SileroState, L41_ResetRestoresTheInitialState) {
  auto linked_spec = spec();
  linked_spec.links = {{.output = "stateN", .input = "state"}};
  const auto linked = laneway::open(linked_spec);
  ASSERT_TRUE(linked) << linked.error().message();
  laneway::Lane& lane = *linked->lanes()[0];
  const auto answers = [&] {
    std::vector<float> result;
    for (int chunk = 0; chunk < 7; ++chunk) {  // odd: the two bindings have swapped
      write_chunk(lane, chunk);
      EXPECT_TRUE(lane.run());
      result.push_back(lane.output<float>("output")->data[0]);
    }
    return result;
  };
  const auto first = answers();
  EXPECT_NE(answers(), first);  // the state goes on
  ASSERT_TRUE(lane.reset());
  EXPECT_EQ(answers(), first);
}

INSTANTIATE_TEST_SUITE_P(Engines, SileroState, testing::Values("ort"),
                         [](const auto& engine) { return std::string(engine.param); });

}  // namespace
