#pragma once
#include <onnxruntime_c_api.h>

#include "laneway/ort/model_graph.h"
#include "laneway/ort/session.h"

namespace laneway::ort {

/// Whether the model editor can make all that the graph has: tensors of known rank alone, no tensors or graphs among attributes.
bool editor_takes(const ModelGraph& graph) noexcept;

/// A model whose large tensors are used where they lie: the graph must outlive what is made of it.
Expected<Handle<OrtModel>> make_model(const std::shared_ptr<const Library>& library, const ModelGraph& graph);

Expected<Handle<OrtSession>> make_session(const Environment& environment, const ModelGraph& graph, OrtSessionOptions* options);
Expected<Handle<OrtSession>> make_session(const Environment& environment, const EditedModel& model, OrtSessionOptions* options,
                                          OrtPrepackedWeightsContainer* prepacked);

}  // namespace laneway::ort
