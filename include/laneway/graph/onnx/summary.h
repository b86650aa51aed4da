#pragma once
#include <cstddef>
#include <string_view>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/core/port.h"
#include "laneway/graph/onnx/model_view.h"

namespace laneway LANEWAY_PUBLIC {
namespace onnx {

/// What a caller of the model sees. Inputs that must be given come first, then those with a default (`optional`), each in the
/// file's order: an initializer of the same name is an input's default. In files before IR version 4 it is a constant, and the
/// input no port.
/// Errors: invalid_argument (a port without a type, one name twice), unimplemented (an opaque type).
Expected<std::vector<Port>> input_ports(const ModelView& model);
Expected<std::vector<Port>> output_ports(const ModelView& model);

struct OperatorCount {
  std::string_view domain, op_type;  ///< Views into the model's bytes. ONNX's own domain is "".
  std::size_t count = 0;
};

/// The nodes of all graphs, inner ones and bodies of functions included, sorted by domain and type.
std::vector<OperatorCount> count_operators(const ModelView& model);

/// Bytes of all constants: initializers, sparse ones (values and indices), and the tensors of nodes' attributes, in inner graphs
/// and functions too. Dense bytes at their dtypes, wherever the file stores them; of strings their text.
std::size_t weight_bytes(const ModelView& model);

}  // namespace onnx
}  // namespace laneway
