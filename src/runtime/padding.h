#pragma once
#include "laneway/engine/engine.h"
#include "laneway/engine/open_spec.h"
#include "laneway/runtime/spec.h"

namespace laneway {

/// An engine that cannot resize, made one that can: its plans run at their capacity on padded copies of the caller's tensors,
/// and what is asked of a smaller shape is sliced out of the results. Right only where rows are independent of one another,
/// which each plan checks once, when it is first bound, by a run at another shape, or where an input tells the model which rows count.
/// `inputs` and `outputs` are the engine's ports, what varies left open even where the model is of one size.
/// Errors: not_found (the mask input or a port of the spec), invalid_argument (neither promise given, or both).
Expected<OpenEngine> pad_engine(OpenEngine engine, const PaddingSpec& spec, std::vector<Port> inputs, std::vector<Port> outputs);

/// The engine below, or the engine itself where it is not padded.
const OpenEngine& unpadded(const OpenEngine& engine) noexcept;

}  // namespace laneway
