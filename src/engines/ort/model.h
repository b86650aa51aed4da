#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engines/ort/weights.h"
#include "laneway/engine/open_spec.h"
#include "laneway/graph/onnx/model_view.h"
#include "laneway/graph/onnx/tensor_reader.h"
#include "laneway/memory/mapped_file.h"
#include "laneway/ort/session.h"

namespace laneway::engines_ort {

/// A model file as our own reader sees it. ONNX Runtime takes more than that reader does, its own format for one: then only
/// view() and what follows from it are missing.
class Model {
 public:
  /// Errors: those of the file; invalid_argument (an engine that is open already).
  static Expected<Model> read(const ModelSource& source);
  /// Of bytes with an owner. `folder`: where weights in other files are.
  static Expected<Model> of(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                            std::optional<std::filesystem::path> folder);

  /// What ONNX Runtime is to open.
  ort::ModelSource source() const { return source_; }
  const std::optional<std::filesystem::path>& folder() const noexcept { return folder_; }

  const onnx::ModelView* view() const noexcept { return view_ ? &*view_ : nullptr; }
  std::span<const Port> inputs() const noexcept { return inputs_; }
  std::span<const Port> outputs() const noexcept { return outputs_; }
  std::size_t weight_bytes() const noexcept { return weight_bytes_; }

  /// The same with other values for these weights.
  /// Errors: those of check_weights(); unimplemented (not in ONNX's format, 2 GiB and more).
  Expected<Model> with(std::span<const WeightOverride> weights) const;

  /// From here on neither files nor bytes of the caller's without an owner are needed. Errors: those of TensorReader::bytes().
  Expected<> hold();
  /// Only what these outputs need. For a model that is held and has a view. Errors: those of lay_out().
  Expected<LaidOutModel> only(std::span<const std::string_view> outputs) const;

 private:
  explicit Model(ort::ModelSource source) : source_(std::move(source)) {}
  Expected<> look_inside();

  ort::ModelSource source_;
  std::shared_ptr<const void> owner_;  // of the bytes
  std::span<const std::byte> bytes_;
  std::optional<std::filesystem::path> folder_;
  std::optional<onnx::ModelView> view_;
  std::vector<Port> inputs_, outputs_;
  std::size_t weight_bytes_ = 0;
  std::vector<onnx::TensorBytes> held_;  // weights in other files
  WeightData held_data_;
};

}  // namespace laneway::engines_ort
