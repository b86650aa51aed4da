#pragma once
#include <string_view>
#include <variant>

#include "laneway/core/visibility.h"
#include "laneway/graph/ops/convolution.h"
#include "laneway/graph/ops/elementwise.h"
#include "laneway/graph/ops/matrix.h"
#include "laneway/graph/ops/movement.h"
#include "laneway/graph/ops/pooling.h"
#include "laneway/graph/ops/reduction.h"

namespace laneway LANEWAY_PUBLIC {
namespace graph {

/// What a node computes: one of the attribute structs of ops/. They are versionless: what ONNX's versions say differently, the
/// importer has said already. docs/adding_an_op.md shows how to add one.
using Op = std::variant<
#define LANEWAY_OP(Struct) Struct
#define LANEWAY_NEXT ,
#include "laneway/graph/ops.def"
    >;

/// "Conv", "Relu": ONNX's name where it has one.
std::string_view name(const Op& op);

}  // namespace graph
}  // namespace LANEWAY_PUBLIC
