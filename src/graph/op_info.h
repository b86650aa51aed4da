#pragma once
#include <span>
#include <string_view>

#include "graph/evaluation.h"
#include "graph/inference.h"
#include "graph/node_reader.h"
#include "laneway/graph/graph.h"

namespace laneway::graph {

/// An operator of ONNX by name, with the versions of its definition that we read: each holds until the next one.
struct OnnxOperator {
  std::string_view domain, name;
  int since = 1;  ///< The first of them.
};

/// What belongs to an operator of ours. Each file of src/graph/ops/ defines those of its structs.
struct OpInfo {
  std::string_view name;                    ///< In text.
  std::span<const OnnxOperator> onnx = {};  ///< Those that become it.
  std::size_t inputs_min = 0, inputs_max = 0, outputs_max = 1;
  Expected<Op> (*read)(NodeReader& node) = nullptr;
  Expected<> (*infer)(const Op& op, Inference& node) = nullptr;
  Expected<> (*evaluate)(const Op& op, Evaluation& node) = nullptr;  ///< The reference kernel.
};

/// Specialised for each struct of ops.def by the file that has it.
template <class Struct>
const OpInfo& info_of();

#define LANEWAY_OP(Struct) \
  template <>              \
  const OpInfo& info_of<Struct>();
#define LANEWAY_NEXT
#include "laneway/graph/ops.def"

const OpInfo& info_of(const Op& op);
/// Null: no operator of ours.
const OpInfo* info_of(std::string_view domain, std::string_view name);

inline constexpr std::size_t any_number = static_cast<std::size_t>(-1);

/// For tables: a function of one struct as one of any Op.
template <class Struct, Expected<> (*infer)(const Struct&, Inference&)>
Expected<> infer_as(const Op& op, Inference& node) {
  return infer(std::get<Struct>(op), node);
}

template <class Struct, Expected<> (*evaluate)(const Struct&, Evaluation&)>
Expected<> evaluate_as(const Op& op, Evaluation& node) {
  return evaluate(std::get<Struct>(op), node);
}

}  // namespace laneway::graph
