#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/graph/graph.h"
#include "laneway/graph/onnx/model_view.h"

namespace laneway LANEWAY_PUBLIC {
namespace graph {

struct ImportSpec {
  std::optional<std::filesystem::path> folder = std::nullopt;  ///< Where files of weights lie. nullopt: external data is refused.
  std::vector<NamedExtent> dimensions = {};                    ///< Fixed for good, by the symbols' names.
  std::shared_ptr<const void> owner = nullptr;                 ///< Keeps the bytes that the model was read from.
};

/// Makes a graph of a model: names are resolved, operators looked up in their version, dtypes and shapes inferred, the result
/// verified. Weights stay where they are.
///
/// Versions: IR 3 to 13, operator sets ai.onnx 7 to 26.
/// Errors:   unimplemented naming what is not known (a version, an operator, an attribute, a kind of value); invalid_argument
///           naming the node (names that nobody makes, or two make; a cycle; dtypes and shapes that do not fit); those of
///           onnx::TensorReader.
Expected<Graph> from_onnx(const onnx::ModelView& model, const ImportSpec& spec = {});

}  // namespace graph
}  // namespace LANEWAY_PUBLIC
