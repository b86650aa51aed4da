#pragma once
#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "laneway/engine/open_spec.h"
#include "laneway/graph/onnx/model_view.h"
#include "laneway/memory/buffer.h"

namespace laneway::engines_ort {

/// Errors: not_found (a name that no weight has, listing some), invalid_argument (dtype, shape, bytes, a weight given twice).
Expected<> check_weights(const onnx::ModelView& model, std::span<const WeightOverride> weights);

/// Elements of weights by name: dense, row-major, of the dtype and shape that the model says.
using WeightData = std::map<std::string_view, std::span<const std::byte>>;

/// A model in ONNX's format and where in it the data lie that were laid out anew.
struct LaidOutModel {
  std::shared_ptr<const Buffer> owner;
  std::span<const std::byte> bytes;
  WeightData data;  ///< Each at a multiple of 64 bytes. The names are the caller's.
};

/// Which parts of a graph stay, by their order in the file.
struct Selection {
  std::vector<bool> nodes, initializers, outputs;
};

/// What these outputs need: ONNX Runtime computes every node of a model, wanted or not.
Selection select(const onnx::GraphView& graph, std::span<const std::string_view> outputs);

/// The same model with these data for these of its initializers, wherever it kept them before, and of its graph only what is
/// selected (null: all). `model` must have been parsed.
/// Errors: unimplemented (2 GiB and more, which is too much for the format), resource_exhausted.
/// Cost: a copy of the model.
Expected<LaidOutModel> lay_out(std::span<const std::byte> model, const WeightData& data, const Selection* selection = nullptr);

}  // namespace laneway::engines_ort
