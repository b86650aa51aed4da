#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/core/port.h"
#include "laneway/ort/attribute.h"
#include "laneway/ort/external_place.h"
#include "laneway/ort/library.h"
#include "laneway/ort/model_graph.h"
#include "laneway/ort/native.h"
#include "laneway/ort/session.h"

namespace laneway LANEWAY_PUBLIC {
namespace ort {

/// A graph that ONNX Runtime has, read in place: what a provider is shown when it is asked what it computes. (A graph of the
/// caller's own is a ModelGraph, and data.)
///
/// Errors:   unimplemented where the native graph cannot tell: one of the model editor knows its name and counts only.
/// Threads:  as the native graph: while nobody changes it.
/// Lifetime: views are good as long as the native graph is, for a provider the call that it was shown in.
class GraphView;
class NodeView;
class ValueView;

/// A node's input or output that a value is. An implicit input, which only a body of the node reads, has no index.
struct NodeUse;

/// What a value is in its graph.
struct ValueRoles {
  bool required_input = false;
  bool optional_input = false;  ///< One with a default.
  bool output = false;
  bool constant = false;      ///< A weight that no input overrides.
  bool from_outside = false;  ///< Of a graph around this one.
};

class ValueView {
 public:
  ValueView(std::shared_ptr<const Library> library, const OrtValueInfo* native) noexcept
      : library_(std::move(library)), native_(native) {}

  Expected<std::string> name() const;
  Expected<Port> port() const;  ///< Name, kind, dtype and shape.
  Expected<ValueRoles> roles() const;
  /// The node that makes it, and as which output. Nothing for inputs and weights.
  Expected<std::optional<NodeUse>> producer() const;
  Expected<std::vector<NodeUse>> consumers() const;
  /// The elements of a weight, in ONNX Runtime's memory; files are mapped. Nothing for other values.
  Expected<std::optional<Tensor>> initializer() const;
  /// Nothing for weights within the model, too.
  Expected<std::optional<ExternalPlace>> external_place() const;

  const OrtValueInfo* native() const noexcept { return native_; }

 private:
  std::shared_ptr<const Library> library_;
  const OrtValueInfo* native_;
};

class NodeView {
 public:
  NodeView(std::shared_ptr<const Library> library, const OrtNode* native) noexcept
      : library_(std::move(library)), native_(native) {}

  Expected<std::size_t> id() const;  ///< Unique in its graph.
  Expected<std::string> name() const;
  Expected<std::string> type() const;
  Expected<std::string> domain() const;
  Expected<int> since_version() const;
  Expected<std::optional<std::string>> provider() const;  ///< Nothing before one has been chosen.

  using Values = std::vector<std::optional<ValueView>>;  ///< Nothing for those that are left out.
  Expected<Values> inputs() const;
  Expected<Values> outputs() const;
  Expected<Values> implicit_inputs() const;  ///< What bodies read of the graphs around them.

  /// All that have a value, defaults included, but for graphs, which are subgraphs().
  Expected<std::vector<Attribute>> attributes() const;
  /// Nothing for an optional one without value. Errors: not_found (the operator has none of that name).
  Expected<std::optional<Attribute>> attribute(const std::string& name) const;
  /// The bodies of an If, a Loop, a Scan, by the name of the attribute.
  Expected<std::vector<std::pair<std::string, GraphView>>> subgraphs() const;
  Expected<std::optional<GraphView>> graph() const;  ///< The one it stands in.

  const OrtNode* native() const noexcept { return native_; }

 private:
  std::shared_ptr<const Library> library_;
  const OrtNode* native_;
};

struct NodeUse {
  NodeView node;
  std::optional<std::size_t> index;
};

class GraphView {
 public:
  GraphView(std::shared_ptr<const Library> library, const OrtGraph* native) noexcept
      : library_(std::move(library)), native_(std::shared_ptr<const void>(), native) {}  // not ours

  Expected<std::string> name() const;
  Expected<std::filesystem::path> model_path() const;  ///< Empty where the model came from memory.
  Expected<std::int64_t> ir_version() const;
  Expected<std::vector<OperatorSet>> operator_sets() const;
  Expected<Metadata> metadata() const;

  Expected<std::size_t> input_count() const;
  Expected<std::size_t> output_count() const;
  Expected<std::size_t> initializer_count() const;
  Expected<std::size_t> node_count() const;
  Expected<std::vector<ValueView>> inputs() const;  ///< Those with a default, too.
  Expected<std::vector<ValueView>> outputs() const;
  Expected<std::vector<ValueView>> initializers() const;
  Expected<std::vector<NodeView>> nodes() const;  ///< Each after those that it needs.

  Expected<std::optional<NodeView>> parent() const;  ///< Whose body this is; nothing for a model's own graph.
  /// Some of the nodes as a graph, whose outputs are theirs. It must not outlive this one.
  Expected<GraphView> part(std::span<const NodeView> nodes) const;

  const OrtGraph* native() const noexcept { return native_.get(); }

 private:
  std::shared_ptr<const Library> library_;
  std::shared_ptr<const OrtGraph> native_;
};

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
