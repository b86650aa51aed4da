#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "cli/npy.h"
#include "laneway/core/expected.h"
#include "laneway/core/port.h"

namespace laneway::cli {

/// The flags that say what a model is run on, as given.
struct InputFlags {
  std::vector<std::string> inputs = {};  ///< NAME=FILE.npy|random|random:LO..HI|VALUE
  std::vector<std::string> dims = {};    ///< SYMBOL=N
  std::vector<std::string> shapes = {};  ///< NAME=1x3x224x224
  std::uint64_t seed = 0;
};

/// Where an input's elements come from.
struct RandomElements {
  double low = -1, high = 1;  ///< Of floating ones; the bounds belong to integers too.
};
using InputSource = std::variant<RandomElements, double, std::int64_t, std::uint64_t, std::string, NpyArray>;

/// An input that runs are given.
struct GivenInput {
  Port port;
  Shape shape;
  InputSource source;

  /// Writes the elements of a dense port: byte_count(dtype, shape) of them. Random ones differ with `variation`, the seed and the
  /// port's name; the others are always the same.
  void fill(void* data, std::uint64_t seed, std::uint64_t variation) const;
};

/// What the flags mean for a model.
struct GivenInputs {
  std::vector<GivenInput> inputs;       ///< Required ones, and optional ones named by a flag; in the model's order.
  std::vector<NamedExtent> dimensions;  ///< Every dimension of these that the model leaves open.
  std::vector<std::string> defaulted;   ///< Those of them that nobody set: they are 1.
};

/// Those of the flags that name an input or a dimension which these ports have, where several models are given one set of flags.
InputFlags flags_for(const std::vector<Port>& inputs, const InputFlags& flags);

/// Throws UsageError where a flag does not fit the model: unknown names, wrong ranks, disagreement between flags.
/// Errors: those of load_npy(); invalid_argument (a file of another dtype or shape than the model's input; an input that needs a
///         shape or a text and has none), unimplemented (an input that cannot be given on a command line).
Expected<GivenInputs> resolve_inputs(const std::vector<Port>& inputs, const InputFlags& flags);

}  // namespace laneway::cli
