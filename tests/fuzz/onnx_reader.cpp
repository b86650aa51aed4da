// Any bytes are an error or a model, and of a model everything can be asked.
#include <cstdint>
#include <variant>

#include "laneway/graph/onnx/summary.h"
#include "laneway/graph/onnx/tensor_reader.h"

namespace {

using namespace laneway;

void use(const onnx::TensorView& tensor) {
  onnx::TensorReader reader;
  if (const auto bytes = reader.bytes(tensor)) {
    const auto expected = byte_count(tensor.dtype, tensor.shape);
    if (!expected || bytes->bytes.size() != *expected) __builtin_trap();
  }
  if (const auto texts = onnx::strings(tensor)) {
    const auto expected = element_count(tensor.shape);
    if (!expected || texts->size() != *expected) __builtin_trap();
  }
}

void use(const onnx::GraphView& graph) {
  for (const onnx::TensorView& tensor : graph.initializers) use(tensor);
  for (const onnx::NodeView& node : graph.nodes) {
    for (const onnx::AttributeView& attribute : node.attributes) {
      if (const auto* tensors = std::get_if<std::vector<onnx::TensorView>>(&attribute.value)) {
        for (const onnx::TensorView& tensor : *tensors) use(tensor);
      }
      if (const auto* graphs = std::get_if<std::vector<onnx::GraphView>>(&attribute.value)) {
        for (const onnx::GraphView& inner : *graphs) use(inner);
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto model = onnx::parse(std::as_bytes(std::span(data, size)));
  if (!model) return 0;
  use(model->graph);
  (void)onnx::input_ports(*model);
  (void)onnx::output_ports(*model);
  (void)onnx::count_operators(*model);
  (void)onnx::weight_bytes(*model);
  return 0;
}
