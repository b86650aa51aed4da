#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "laneway/laneway.h"

/// What a file was found to be.
struct FileType {
  std::string label;
  float score = 1;  ///< How sure the model is; 1 where a rule decides, without the model.
};

/// Names the content type of files with the model of the `magika` wheel. What the model reads of a file, and how its answer is to
/// be taken, is what the configuration beside the model says.
/// Threads: immutable once loaded; each thread brings a lane of its own.
class FileClassifier {
 public:
  /// `folder` holds model.onnx, config.min.json and content_types_kb.min.json.
  static laneway::Expected<FileClassifier> load(const std::filesystem::path& folder);

  /// A runtime whose lanes classify() takes.
  laneway::Expected<laneway::Runtime> open(int lanes) const;

  laneway::Expected<FileType> classify(laneway::Lane& lane, const std::filesystem::path& file) const;

 private:
  /// What an output of the model stands for.
  struct Answer {
    std::string label;   ///< As it is shown.
    std::string unsure;  ///< What is shown instead where the score is below the threshold.
    double threshold;
  };

  bool write_tokens(std::span<const std::uint8_t> first, std::span<const std::uint8_t> last,
                    std::span<std::int32_t> tokens) const;

  std::filesystem::path model_;
  std::size_t first_size_ = 0, last_size_ = 0;  // tokens from the beginning and the end of a file
  std::size_t block_bytes_ = 0;                 // read from either end, before white space is stripped
  std::size_t meaningful_min_ = 0;              // bytes below which the model is not asked
  std::int32_t padding_ = 0;
  std::vector<Answer> answers_;
};
