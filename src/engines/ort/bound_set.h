#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engines/ort/places.h"
#include "laneway/core/port.h"
#include "laneway/ort/binding.h"

namespace laneway::engines_ort {

/// The ports of a binding, bound for one list of input shapes: ONNX Runtime keeps shapes in its values, so that another shape
/// means other values. Kept so that a shape that comes again finds everything bound.
class alignas(64) BoundSet {
 public:
  /// `slots`: where the session has each output of the engine; those of a part of the model have not all. `places`: of the
  /// session's ports. Both must stay.
  static Expected<std::unique_ptr<BoundSet>> make(const std::shared_ptr<const ort::Session>& session,
                                                  std::span<const std::size_t> slots, const Places& places,
                                                  std::span<const Shape> shapes);

  std::span<const Shape> shapes() const noexcept { return shapes_; }

  /// Joins a port to memory at this shape. Nothing happens where it is joined to that address already.
  Expected<> join_input(std::size_t index, const Memory& memory, const Shape& shape);
  Expected<> join_output(std::size_t index, const Memory& memory, const Shape& shape);
  /// From the next run on ONNX Runtime finds memory itself, on the host, for whatever shape comes out.
  Expected<> own_output(std::size_t index);
  /// Has what lies on the host, at the shape it was joined at, copied to the port's device.
  Expected<> copy_input(std::size_t index, const Memory& memory);
  /// A value over memory of a port, wherever that is.
  Expected<ort::Value> value_over(const Place& place, const Memory& memory, DType dtype, const Shape& shape) const;
  bool owns(std::size_t output) const noexcept { return output_at_[output] == owned; }
  /// What the binding was last joined to there; null: nothing, or memory of ONNX Runtime's own.
  const void* input_address(std::size_t input) const noexcept { return address(input_at_[input]); }
  const void* output_address(std::size_t output) const noexcept { return address(output_at_[output]); }

  /// What the last run left in an output of ONNX Runtime's own.
  Expected<ort::Value*> result(std::size_t output) { return binding_.output(slots_[output]); }
  /// Gives back what the last run left in outputs of ONNX Runtime's own.
  Expected<> release_results();

  ort::Binding& binding() noexcept { return binding_; }

  std::uint64_t used_at = 0;  ///< By the clock of whoever keeps it: the least goes first.

 private:
  BoundSet(ort::Binding binding, std::span<const std::size_t> slots, const Places& places, std::span<const Shape> shapes);

  static constexpr char marks[2] = {};
  static constexpr const void* nothing = &marks[0];
  static constexpr const void* owned = &marks[1];
  static const void* address(const void* at) noexcept { return at == nothing || at == owned ? nullptr : at; }

  ort::Binding binding_;  // stands first: what a run reads
  std::vector<Shape> shapes_;
  std::span<const std::size_t> slots_;
  const Places& places_;
  std::vector<const void*> input_at_, output_at_;  // address, `owned` or `nothing`
};

}  // namespace laneway::engines_ort
