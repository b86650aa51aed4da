#include "ort/native_type.h"

#include <vector>

#include "ort/call.h"
#include "ort/dtype.h"
#include "ort/text.h"

namespace laneway::ort {

Expected<Handle<OrtTensorTypeAndShapeInfo>> tensor_info(const std::shared_ptr<const Library>& library, const Port& port) {
  LANEWAY_TRY_ASSIGN(auto info, make<OrtTensorTypeAndShapeInfo>(library, LANEWAY_ORT_FN(CreateTensorTypeAndShapeInfo)));
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(SetTensorElementType), info.get(), to_native(port.dtype)));
  if (!port.rank_known) return info;
  std::vector<std::int64_t> extents;
  std::vector<const char*> symbols;
  for (const Dimension& dimension : port.shape) {
    LANEWAY_TRY(no_nul("port " + port.name + ": dimension", dimension.symbol));
    extents.push_back(dimension.extent.value_or(-1));
    symbols.push_back(dimension.symbol.c_str());
  }
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(SetDimensions), info.get(), extents.data(), extents.size()));
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(SetSymbolicDimensions), info.get(), symbols.data(), symbols.size()));
  return info;
}

}  // namespace laneway::ort
