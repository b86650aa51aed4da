#include "graph/op_info.h"

#include <array>

namespace laneway::graph {
namespace {

const std::array<const OpInfo*, std::variant_size_v<Op>>& all() {
  static const std::array<const OpInfo*, std::variant_size_v<Op>> infos = {
#define LANEWAY_OP(Struct) &info_of<Struct>()
#define LANEWAY_NEXT ,
#include "laneway/graph/ops.def"
  };
  return infos;
}

}  // namespace

const OpInfo& info_of(const Op& op) { return *all()[op.index()]; }

const OpInfo* info_of(std::string_view domain, std::string_view name) {
  for (const OpInfo* info : all()) {
    for (const OnnxOperator& known : info->onnx) {
      if (known.domain == domain && known.name == name) return info;
    }
  }
  return nullptr;
}

std::string_view name(const Op& op) { return info_of(op).name; }

}  // namespace laneway::graph
