#include "engines/ort/model.h"

#include <utility>

#include "laneway/graph/onnx/summary.h"

namespace laneway::engines_ort {

Expected<Model> Model::read(const ModelSource& source) {
  if (const auto* given = std::get_if<ModelBytes>(&source.get())) return of(given->bytes, given->owner, std::nullopt);
  const auto* file = std::get_if<ModelFile>(&source.get());
  if (!file) return Error(ErrorCode::invalid_argument, "model: an engine that is open already: expected a file or bytes");
  auto mapped = MappedFile::open(file->path);
  if (!mapped) return std::move(mapped).error().with_context("model");
  const auto owner = std::make_shared<const MappedFile>(*std::move(mapped));
  Model model(ort::ModelPath{file->path});
  model.owner_ = owner;
  model.bytes_ = owner->data();
  model.folder_ = file->path.has_parent_path() ? file->path.parent_path() : ".";
  LANEWAY_TRY(model.look_inside());
  return model;
}

Expected<Model> Model::of(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                          std::optional<std::filesystem::path> folder) {
  Model model(ort::ModelBytes{bytes});  // of a model in ONNX's format ONNX Runtime copies the weights
  model.owner_ = std::move(owner);
  model.bytes_ = bytes;
  model.folder_ = std::move(folder);
  LANEWAY_TRY(model.look_inside());
  if (!model.view_) model.source_ = ort::ModelBytes{bytes, model.owner_};
  return model;
}

// What cannot be read is for ONNX Runtime to judge; but that memory ran out says nothing about the model.
Expected<> Model::look_inside() {
  const auto judged_elsewhere = [](Error error) -> Expected<> {
    if (error.code() == ErrorCode::resource_exhausted) return error;
    return {};
  };
  auto view = onnx::parse(bytes_);
  if (!view) return judged_elsewhere(std::move(view).error());
  auto inputs = onnx::input_ports(*view);
  if (!inputs) return judged_elsewhere(std::move(inputs).error());
  auto outputs = onnx::output_ports(*view);
  if (!outputs) return judged_elsewhere(std::move(outputs).error());
  inputs_ = *std::move(inputs);
  outputs_ = *std::move(outputs);
  weight_bytes_ = onnx::weight_bytes(*view);
  view_ = *std::move(view);
  return {};
}

Expected<Model> Model::with(std::span<const WeightOverride> weights) const {
  if (!view_) {
    return Error(ErrorCode::unimplemented,
                 "weights: a model that is not in ONNX's format: expected one whose weights have names");
  }
  LANEWAY_TRY(check_weights(*view_, weights));
  WeightData data;
  for (const WeightOverride& weight : weights) {
    data.emplace(weight.name, std::span(static_cast<const std::byte*>(weight.memory.data), weight.memory.bytes));
  }
  LANEWAY_TRY_ASSIGN(const LaidOutModel laid_out, lay_out(bytes_, data));
  return of(laid_out.bytes, laid_out.owner, folder_);
}

Expected<> Model::hold() {
  if (!owner_) {
    const auto copy = std::make_shared<const std::vector<std::byte>>(bytes_.begin(), bytes_.end());
    LANEWAY_TRY_ASSIGN(*this, of(*copy, copy, folder_));
  }
  if (!view_) return {};
  onnx::TensorReader reader = folder_ ? onnx::TensorReader(*folder_) : onnx::TensorReader();
  for (const onnx::TensorView& weight : view_->graph.initializers) {
    if (!std::holds_alternative<onnx::ExternalData>(weight.data)) continue;
    LANEWAY_TRY_ASSIGN(held_.emplace_back(), reader.bytes(weight));
    held_data_.emplace(weight.name, held_.back().bytes);
  }
  return {};
}

Expected<LaidOutModel> Model::only(std::span<const std::string_view> outputs) const {
  const Selection needed = select(view_->graph, outputs);
  return lay_out(bytes_, held_data_, &needed);
}

}  // namespace laneway::engines_ort
