// generate_models FOLDER DEPS: writes the models that benches and examples open as files into FOLDER; the real ones are copied
// from DEPS, where scripts/setup unpacked them. A file that is right already is left alone.
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "models/models.h"

namespace {

namespace fs = std::filesystem;

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// By renaming: builds of several presets may write at once, and programs may have the old file mapped.
void save(const fs::path& path, const std::string& content) {
  if (content_of(path) == content) return;
  const fs::path unfinished = path.string() + ".unfinished-" + std::to_string(getpid());
  std::ofstream file(unfinished, std::ios::binary);
  file << content;
  if (!file.flush()) throw std::runtime_error(unfinished.string() + ": cannot be written");
  fs::rename(unfinished, path);
}

void copy_model(const fs::path& from, const fs::path& to) {
  const std::string content = content_of(from);
  if (content.empty()) throw std::runtime_error(from.string() + ": missing (run scripts/setup)");
  save(to, content);
}

}  // namespace

int main(int count, char** arguments) try {
  if (count != 3) throw std::runtime_error("usage: generate_models FOLDER DEPS");
  const fs::path folder = arguments[1], deps = arguments[2];
  fs::create_directories(folder);
  save(folder / "identity.onnx", laneway::test_models::identity());
  save(folder / "mlp.onnx", laneway::test_models::mlp());
  save(folder / "mnist.onnx", laneway::test_models::mnist());
  save(folder / "encoder.onnx", laneway::test_models::encoder());
  copy_model(deps / "magika" / "model.onnx", folder / "magika.onnx");
  copy_model(deps / "silero_vad" / "silero_vad.onnx", folder / "silero_vad.onnx");
  return 0;
} catch (const std::exception& failure) {
  std::fprintf(stderr, "generate_models: %s\n", failure.what());
  return 1;
}
