#pragma once
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/graph/onnx/model_view.h"

namespace laneway::graph {

/// A node of a file as an operator reads it: its name, the version of its operator set, and its attributes, each asked for by the
/// kind it must be of. What nobody asked for is an error of finish().
/// Errors of all: invalid_argument naming the attribute (another kind, missing).
class NodeReader {
 public:
  NodeReader(const onnx::NodeView& node, std::int64_t version) noexcept : node_(node), version_(version) {}

  std::string_view type() const noexcept { return node_.op_type; }
  /// Of the operator set that the node is from.
  std::int64_t version() const noexcept { return version_; }
  bool has_input(std::size_t index) const noexcept { return index < node_.inputs.size() && !node_.inputs[index].empty(); }
  std::size_t output_count() const noexcept { return node_.outputs.size(); }

  /// nullopt: the node does not have it.
  Expected<std::optional<std::int64_t>> integer(std::string_view name);
  Expected<std::optional<float>> number(std::string_view name);
  Expected<std::optional<std::string>> text(std::string_view name);
  Expected<std::optional<std::vector<std::int64_t>>> integers(std::string_view name);
  Expected<std::optional<std::vector<float>>> numbers(std::string_view name);

  Expected<std::int64_t> integer(std::string_view name, std::int64_t otherwise);
  Expected<bool> flag(std::string_view name, bool otherwise);
  Expected<float> number(std::string_view name, float otherwise);
  Expected<std::string> text(std::string_view name, std::string_view otherwise);
  Expected<std::vector<std::int64_t>> integers(std::string_view name, std::vector<std::int64_t> otherwise);

  /// Errors: unimplemented (attributes that were not asked for, named).
  Expected<> finish() const;

 private:
  const onnx::AttributeView* find(std::string_view name);
  template <class T>
  Expected<std::optional<T>> get(std::string_view name, std::string_view kind);

  const onnx::NodeView& node_;
  std::int64_t version_;
  std::set<std::string_view> asked_;
};

}  // namespace laneway::graph
