#pragma once
#include <filesystem>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/core/port.h"
#include "laneway/graph/onnx/model_view.h"
#include "laneway/memory/mapped_file.h"

namespace laneway::cli {

/// A model file as our own reader sees it, without any engine.
struct ModelDescription {
  MappedFile file;  ///< What the view refers to.
  onnx::ModelView view;
  std::vector<Port> inputs;  ///< Required ones in the model's order, then those with a default.
  std::vector<Port> outputs;
};
/// Errors: as MappedFile::open(), onnx::parse(), onnx::input_ports().
Expected<ModelDescription> read_model(const std::filesystem::path& path);

}  // namespace laneway::cli
