#include "cli/model_file.h"

#include "laneway/graph/onnx/summary.h"

namespace laneway::cli {
namespace {

Expected<ModelDescription> describe(MappedFile file) {
  LANEWAY_TRY_ASSIGN(auto view, onnx::parse(file.data()));
  LANEWAY_TRY_ASSIGN(auto inputs, onnx::input_ports(view));
  LANEWAY_TRY_ASSIGN(auto outputs, onnx::output_ports(view));
  return ModelDescription{std::move(file), std::move(view), std::move(inputs), std::move(outputs)};
}

}  // namespace

Expected<ModelDescription> read_model(const std::filesystem::path& path) {
  LANEWAY_TRY_ASSIGN(MappedFile file, MappedFile::open(path));
  auto description = describe(std::move(file));
  if (!description) return std::move(description).error().with_context(path.native());
  return description;
}

}  // namespace laneway::cli
