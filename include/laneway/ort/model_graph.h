#pragma once
#include <string>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/core/port.h"
#include "laneway/ort/attribute.h"

namespace laneway LANEWAY_PUBLIC {
namespace ort {

struct ModelBytes;

/// One operation. An empty name among inputs or outputs leaves that one out.
struct Node {
  std::string type;  ///< "Add".
  std::vector<std::string> inputs, outputs;
  std::vector<Attribute> attributes = {};
  std::string domain = {};  ///< Empty: ONNX's own.
  std::string name = {};
};

/// A weight, or the default of an input of the same name.
struct NamedTensor {
  std::string name;
  Tensor tensor;
};

/// Which version of a domain's operators nodes are of.
struct OperatorSet {
  std::string domain;
  int version;
};

/// A model made in memory, as data:
///
///  const ModelGraph sum = {.inputs = {{.name = "a"}, {.name = "b"}}, .outputs = {{.name = "c"}},
///                          .nodes = {{.type = "Add", .inputs = {"a", "b"}, .outputs = {"c"}}}};
///  LANEWAY_TRY_ASSIGN(const auto session, Session::open({.model = sum}));
///
/// The same type is the body of an If or a Loop (an attribute that is a graph; its operator sets are the model's), and what is
/// changed in another model (EditedModel, in session.h).
/// Errors:   nothing is checked until it is used; then invalid_argument, with ONNX Runtime's reason.
/// Lifetime: a session keeps the tensors' owners, and uses tensors of 128 bytes or more where they lie; unless the graph has
///         subgraphs, tensors among attributes, strings among tensors, or ports that are not tensors of known rank: then it copies.
struct ModelGraph {
  std::vector<Port> inputs = {};
  std::vector<Port> outputs = {};
  std::vector<NamedTensor> initializers = {};
  std::vector<Node> nodes = {};
  std::vector<OperatorSet> operator_sets = {{"", 17}};
  std::string name = "graph";
};

/// The model in ONNX's format. The bytes have an owner.
/// Errors: invalid_argument (a tensor that is not as large as its shape says, an operator set without version);
///       unimplemented (a port that is a map; more than 2 GiB, which the format cannot hold).
Expected<ModelBytes> to_bytes(const ModelGraph& graph);

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
