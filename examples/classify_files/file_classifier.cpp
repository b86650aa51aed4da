#include "file_classifier.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

using laneway::Error;
using laneway::ErrorCode;
using laneway::Expected;
using Bytes = std::vector<std::uint8_t>;

namespace {

/// What white space is to the model: Python's bytes.strip().
bool is_space(std::uint8_t byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

/// Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF, no sequence cut short.
bool is_utf8(std::span<const std::uint8_t> text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::uint8_t lead = text[i++];
    if (lead < 0x80) continue;
    if (lead < 0xc2 || lead > 0xf4) return false;
    const std::size_t following = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if (text.size() - i < following) return false;
    const std::uint8_t least = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    const std::uint8_t most = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (text[i] < least || text[i] > most) return false;
    const auto rest = text.subspan(i + 1, following - 1);
    if (!std::ranges::all_of(rest, [](std::uint8_t byte) { return byte >= 0x80 && byte <= 0xbf; })) return false;
    i += following;
  }
  return true;
}

Expected<nlohmann::json> read_json(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) return Error(ErrorCode::not_found, path.string() + ": cannot be read (run scripts/setup, or name another folder)");
  auto json = nlohmann::json::parse(file, nullptr, false);
  if (!json.is_object()) return Error(ErrorCode::invalid_argument, path.string() + ": not a JSON object");
  return json;
}

/// The first and the last bytes of a file, which overlap where it is small.
struct Ends {
  std::uintmax_t file_bytes = 0;
  Bytes first, last;
};

Expected<Ends> read_ends(const std::filesystem::path& path, std::size_t block_bytes) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return Error(ErrorCode::permission_denied, path.string() + ": cannot be opened");
  Ends ends;
  ends.file_bytes = static_cast<std::uintmax_t>(file.tellg());
  const auto bytes = static_cast<std::size_t>(std::min<std::uintmax_t>(ends.file_bytes, block_bytes));
  ends.first.resize(bytes);
  ends.last.resize(bytes);
  file.seekg(0).read(reinterpret_cast<char*>(ends.first.data()), static_cast<std::streamsize>(bytes));
  file.seekg(-static_cast<std::streamoff>(bytes), std::ios::end)
      .read(reinterpret_cast<char*>(ends.last.data()), static_cast<std::streamsize>(bytes));
  if (!file) return Error(ErrorCode::internal, path.string() + ": cannot be read");
  return ends;
}

}  // namespace

Expected<FileClassifier> FileClassifier::load(const std::filesystem::path& folder) try {
  LANEWAY_TRY_ASSIGN(const auto config, read_json(folder / "config.min.json"));
  LANEWAY_TRY_ASSIGN(const auto types, read_json(folder / "content_types_kb.min.json"));
  if (config.at("mid_size") != 0 || config.at("use_inputs_at_offsets") != false) {
    return Error(ErrorCode::unimplemented, folder.string() + ": the model wants more than the two ends of a file");
  }
  FileClassifier result;
  result.model_ = folder / "model.onnx";
  config.at("beg_size").get_to(result.first_size_);
  config.at("end_size").get_to(result.last_size_);
  config.at("block_size").get_to(result.block_bytes_);
  config.at("min_file_size_for_dl").get_to(result.meaningful_min_);
  config.at("padding_token").get_to(result.padding_);
  for (const std::string label : config.at("target_labels_space")) {
    const std::string shown = config.at("overwrite_map").value(label, label);
    const bool text = types.at(shown).at("is_text");
    const double threshold = config.at("thresholds").value(label, config.at("medium_confidence_threshold").get<double>());
    result.answers_.push_back({.label = shown, .unsure = text ? "txt" : "unknown", .threshold = threshold});
  }
  return result;
} catch (const nlohmann::json::exception& failure) {
  return Error(ErrorCode::invalid_argument, folder.string() + ": not the configuration of a file type model: " + failure.what());
}

Expected<laneway::Runtime> FileClassifier::open(int lanes) const {
  return laneway::open({
      .model = laneway::ModelFile{model_},
      .dimensions = {{"unk__214", 1}, {"unk__215", 1}},  // the model's own names for the batch, of its input and of its output
      .lanes = lanes,
  });
}

/// Stripped, cut or padded to what the model reads. False: too little is left to ask it.
bool FileClassifier::write_tokens(std::span<const std::uint8_t> first, std::span<const std::uint8_t> last,
                                  std::span<std::int32_t> tokens) const {
  while (!first.empty() && is_space(first.front())) first = first.subspan(1);
  while (!last.empty() && is_space(last.back())) last = last.first(last.size() - 1);
  if (first.size() < meaningful_min_) return false;
  first = first.first(std::min(first.size(), first_size_));
  last = last.last(std::min(last.size(), last_size_));
  std::ranges::fill(tokens, padding_);
  std::ranges::copy(first, tokens.begin());
  std::ranges::copy(last, tokens.end() - static_cast<std::ptrdiff_t>(last.size()));
  return true;
}

Expected<FileType> FileClassifier::classify(laneway::Lane& lane, const std::filesystem::path& file) const {
  std::error_code ignored;
  const auto status = std::filesystem::status(file, ignored);
  if (!std::filesystem::exists(status)) return Error(ErrorCode::not_found, file.string() + ": no such file");
  if (!std::filesystem::is_regular_file(status))
    return Error(ErrorCode::invalid_argument, file.string() + ": not a regular file");
  LANEWAY_TRY_ASSIGN(const Ends ends, read_ends(file, block_bytes_));
  if (ends.file_bytes == 0) return FileType{"empty"};

  LANEWAY_TRY_ASSIGN(const auto tokens, lane.input<std::int32_t>("bytes"));  // written where the engine reads them
  if (!write_tokens(ends.first, ends.last, tokens)) return FileType{is_utf8(ends.first) ? "txt" : "unknown"};
  LANEWAY_TRY(lane.run());
  LANEWAY_TRY_ASSIGN(const auto scores, lane.output<float>("target_label"));

  const auto best = std::ranges::max_element(scores.data);
  const Answer& answer = answers_[static_cast<std::size_t>(best - scores.data.begin())];
  return FileType{static_cast<double>(*best) >= answer.threshold ? answer.label : answer.unsure, *best};
}
