// classify_files [--model FOLDER] [FILE | FOLDER]...
//
// Names the content type of files, over four lanes of one runtime: four threads, each with a lane of its own. Folders are looked
// into; without any file or folder, the one it is called from is. FOLDER of the model: the one that scripts/setup brought unless told.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "file_classifier.h"

namespace fs = std::filesystem;
using laneway::Error;
using laneway::ErrorCode;
using laneway::Expected;

namespace {

constexpr int lane_count = 4;

struct Row {
  std::string path;
  FileType type = {};
  std::string problem = {};
};

/// Files below a folder, but for hidden ones and what is built.
void add_files(const fs::path& folder, std::vector<Row>& rows) {
  std::error_code problem;
  for (fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied, problem), end; at != end;
       at.increment(problem)) {
    const std::string name = at->path().filename();
    if (name.starts_with('.') || name == "build") {
      at.disable_recursion_pending();
    } else if (at->is_regular_file(problem)) {
      rows.push_back({at->path().lexically_normal()});
    }
  }
}

void print(const std::vector<Row>& rows) {
  std::size_t width = 4;
  for (const Row& row : rows) width = std::max(width, row.path.size());
  std::printf("%-*s  %-14s  score\n", static_cast<int>(width), "file", "type");
  for (const Row& row : rows) {
    if (row.problem.empty()) {
      std::printf("%-*s  %-14s  %.4f\n", static_cast<int>(width), row.path.c_str(), row.type.label.c_str(),
                  static_cast<double>(row.type.score));
    }
  }
}

/// Each thread takes the next file until there are none.
void classify_all(const FileClassifier& classifier, const laneway::Runtime& runtime, std::vector<Row>& rows) {
  std::atomic<std::size_t> next = 0;
  std::vector<std::jthread> threads;
  for (const auto& lane : runtime.lanes()) {
    threads.emplace_back([&, lane] {
      for (std::size_t i = next++; i < rows.size(); i = next++) {
        auto type = classifier.classify(*lane, rows[i].path);
        if (type) {
          rows[i].type = *std::move(type);
        } else {
          rows[i].problem = type.error().message();
        }
      }
    });
  }
}

Expected<> run(const fs::path& model, const std::vector<std::string>& arguments) {
  std::vector<Row> rows;
  for (const std::string& argument : arguments) {
    if (fs::is_directory(argument)) {
      add_files(argument, rows);
    } else {
      rows.push_back({argument});
    }
  }
  std::ranges::sort(rows, {}, &Row::path);
  LANEWAY_TRY_ASSIGN(const auto classifier, FileClassifier::load(model));
  LANEWAY_TRY_ASSIGN(const auto runtime, classifier.open(lane_count));
  classify_all(classifier, runtime, rows);
  print(rows);

  std::size_t problems = 0;
  for (const Row& row : rows) {
    if (!row.problem.empty()) std::fprintf(stderr, "classify_files: %s\n", row.problem.c_str());
    problems += row.problem.empty() ? 0 : 1;
  }
  if (problems == 0) return {};
  return Error(ErrorCode::not_found, "files that could not be read: " + std::to_string(problems));
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  fs::path model = MODELS_DIR "/magika";
  if (arguments.size() >= 2 && arguments[0] == "--model") {
    model = arguments[1];
    arguments.erase(arguments.begin(), arguments.begin() + 2);
  }
  if (arguments.empty()) arguments = {"."};
  if (arguments[0].starts_with("--")) {
    std::fprintf(stderr, "usage: classify_files [--model FOLDER] [FILE | FOLDER]...\n");
    return 2;
  }
  const auto result = run(model, arguments);
  if (!result) std::fprintf(stderr, "classify_files: %s\n", std::string(result.error().message()).c_str());
  return result ? 0 : 1;
}
