#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "laneway/core/dtype.h"
#include "laneway/core/expected.h"
#include "laneway/core/port.h"

namespace laneway LANEWAY_PUBLIC {
namespace ort {

class Session;

/// What a port or a value is made of, in full: a Port (core/port.h) says no more than what a sequence or map is.
struct Type {
  PortKind kind = PortKind::tensor;
  DType dtype = DType::f32;           ///< Of a tensor's elements, sparse or not.
  std::vector<Dimension> shape = {};  ///< Of a tensor; of a value all extents are known.
  bool rank_known = true;
  DType key = DType::i64;       ///< Of a map: i64 or string.
  std::vector<Type> held = {};  ///< One for a sequence, a map or an optional: what its elements or values are.
  std::string denotation = {};  ///< What the model's author calls it ("IMAGE"); empty: nothing.
};

/// "tensor(f32)", "sequence(map(i64, tensor(f32)))": without shapes.
std::string to_string(const Type& type);

/// Of a port by its position in the session's lists. Errors: out_of_range; unimplemented (dtypes that came after this build).
Expected<Type> input_type(const Session& session, std::size_t input);
Expected<Type> output_type(const Session& session, std::size_t output);

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
