#include "engines/ort/model.h"

#include <utility>

#include "laneway/graph/onnx/summary.h"

namespace laneway::engines_ort {

Expected<Model> Model::read(const ModelSource& source) {
  if (const auto* file = std::get_if<ModelFile>(&source.get())) {
    Model model(ort::ModelPath{file->path});
    auto mapped = MappedFile::open(file->path);
    if (!mapped) return std::move(mapped).error().with_context("model");
    model.file_ = *std::move(mapped);
    model.bytes_ = model.file_.data();
    model.folder_ = file->path.has_parent_path() ? file->path.parent_path() : ".";
    model.look_inside();
    return model;
  }
  if (const auto* given = std::get_if<ModelBytes>(&source.get())) {
    Model model(ort::ModelBytes{given->bytes, given->owner});
    model.bytes_ = given->bytes;
    model.look_inside();
    return model;
  }
  return Error(ErrorCode::invalid_argument, "model: an engine that is open already: expected a file or bytes");
}

void Model::look_inside() {
  auto view = onnx::parse(bytes_);
  if (!view) return;
  auto inputs = onnx::input_ports(*view);
  auto outputs = onnx::output_ports(*view);
  if (!inputs || !outputs) return;
  inputs_ = *std::move(inputs);
  outputs_ = *std::move(outputs);
  weight_bytes_ = onnx::weight_bytes(*view);
  view_ = *std::move(view);
}

ort::ModelSource Model::source() const { return source_; }

}  // namespace laneway::engines_ort
