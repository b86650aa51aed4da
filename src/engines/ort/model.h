#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "laneway/engine/open_spec.h"
#include "laneway/graph/onnx/model_view.h"
#include "laneway/graph/onnx/tensor_reader.h"
#include "laneway/memory/mapped_file.h"
#include "laneway/ort/session.h"

namespace laneway::engines_ort {

/// The model as our own reader sees it, while it is opened. ONNX Runtime takes more than that reader does, its own format for
/// one: then only view() and what follows from it are missing.
class Model {
 public:
  /// Errors: those of the file; invalid_argument (an engine that is open already).
  static Expected<Model> read(const ModelSource& source);

  /// What ONNX Runtime is to open.
  ort::ModelSource source() const;
  std::span<const std::byte> bytes() const noexcept { return bytes_; }
  /// Where weights in other files are; nullopt: nowhere.
  const std::optional<std::filesystem::path>& folder() const noexcept { return folder_; }

  const onnx::ModelView* view() const noexcept { return view_ ? &*view_ : nullptr; }
  std::span<const Port> inputs() const noexcept { return inputs_; }
  std::span<const Port> outputs() const noexcept { return outputs_; }
  std::size_t weight_bytes() const noexcept { return weight_bytes_; }

 private:
  void look_inside();

  ort::ModelSource source_;
  MappedFile file_;
  std::span<const std::byte> bytes_;
  std::optional<std::filesystem::path> folder_;
  std::optional<onnx::ModelView> view_;
  std::vector<Port> inputs_, outputs_;
  std::size_t weight_bytes_ = 0;

  explicit Model(ort::ModelSource source) : source_(std::move(source)) {}
};

}  // namespace laneway::engines_ort
