#pragma once
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "toy_engine/toy_engine.h"

/// Ready scripts. Each computes at the exact shapes of a run.
namespace laneway::toys {

/// A dimension in words: 4, or "batch"; -1 is neither extent nor symbol.
struct Extent : Dimension {
  Extent(int value) : Dimension{value < 0 ? std::nullopt : std::optional<std::int64_t>(value), {}} {}
  Extent(const char* name) : Dimension{std::nullopt, name} {}
};
Port tensor(std::string name, std::initializer_list<Extent> shape, DType dtype = DType::f32);

/// y = scale * x + offset, any numeric dtype but packed and 16-bit floating ones.
ToyModel affine(double scale = 2, double offset = 1, const Port& x = tensor("x", {"batch", 4}));
/// Outputs are the inputs, named with `_out` behind: dense ones by their bytes, Values as they are.
ToyModel copies(std::vector<Port> inputs);

// Twins of the models in tests/models/models.h: the same ports, and the same answers but for rounding.

ToyModel identity(Port x);  ///< x -> y, of any kind.
ToyModel mixed_dtypes();
ToyModel default_input();
ToyModel two_inputs();
ToyModel two_outputs();
ToyModel nonzero();
ToyModel declares_100();
ToyModel resize_like();
ToyModel mean_pool();  ///< Takes no sequence of length 0.
ToyModel softmax_over_sequence();
ToyModel normalise_over_sequence();
ToyModel attention();
ToyModel masked_attention();
ToyModel sequence_in_the_middle();
ToyModel two_symbols();
ToyModel long_running();  ///< y = x, after some 20 us for each iteration; stops between any two.
ToyModel counter(bool open_shape = false);
ToyModel growing_state();

}  // namespace laneway::toys
