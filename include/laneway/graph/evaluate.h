#pragma once
#include <span>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/graph/graph.h"

namespace laneway LANEWAY_PUBLIC {
namespace graph {

/// Runs a graph by obvious loops, each operator as ONNX words it: the oracle that faster ways are compared with. Sums are made in
/// f64 where the elements are f32 or f64.
///
/// `inputs`: one for each of the graph's, in their order. Gives its outputs.
/// Errors: invalid_argument (as many inputs, their dtypes, their ranks and fixed extents; values that an operator cannot take),
///         unimplemented (a dtype that a kernel lacks); each names the node.
/// Cost:   memory for every value at once.
Expected<std::vector<Tensor>> evaluate(const Graph& graph, std::span<const Tensor> inputs);

}  // namespace graph
}  // namespace LANEWAY_PUBLIC
