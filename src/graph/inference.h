#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "laneway/graph/graph.h"

namespace laneway::graph {

/// A node as its operator's rule for dtypes and shapes sees it: what the inputs are known to be, and what it says of the outputs.
class Inference {
 public:
  Inference(Graph& graph, const Node& node) noexcept : graph_(graph), node_(node) {}

  std::size_t input_count() const noexcept { return node_.inputs.size(); }
  bool has_input(std::size_t index) const noexcept { return index < node_.inputs.size() && node_.inputs[index] != left_out; }
  std::size_t output_count() const noexcept { return node_.outputs.size(); }
  bool has_output(std::size_t index) const noexcept { return index < node_.outputs.size() && node_.outputs[index] != left_out; }

  const Value& input(std::size_t index) const noexcept { return graph_[node_.inputs[index]]; }
  DType dtype(std::size_t index) const noexcept { return input(index).type.dtype; }
  /// nullopt: not even the rank is known, nor is it then of what depends on it.
  const std::optional<Sizes>& shape(std::size_t index) const noexcept { return input(index).type.shape; }
  /// What a tensor of whole numbers holds: constants, and what was computed of shapes. nullopt: not known before a run.
  std::optional<Sizes> contents(std::size_t index) const;

  void output(std::size_t index, DType dtype, std::optional<Sizes> shape, std::optional<Sizes> contents = std::nullopt);
  /// An extent that only a run shows.
  Size unknown(std::size_t output, std::size_t axis);

  // Words for rules. `axis` may count from the end.
  Expected<std::size_t> axis(std::int64_t axis, std::size_t rank) const;
  Expected<> same_dtype(std::size_t a, std::size_t b) const;
  Expected<> one_of(std::size_t index, std::initializer_list<DType> dtypes) const;
  Expected<> rank(std::size_t index, std::size_t expected) const;
  Expected<Sizes> broadcast(const Sizes& a, const Sizes& b) const;
  static Error wrong(std::string what);

 private:
  Graph& graph_;
  const Node& node_;
};

}  // namespace laneway::graph
