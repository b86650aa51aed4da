#pragma once
#include <onnxruntime_c_api.h>

#include <memory>
#include <string>

#include "laneway/core/port.h"
#include "laneway/ort/handle.h"
#include "laneway/ort/type.h"

namespace laneway::ort {

/// Errors: unimplemented (opaque types).
Expected<PortKind> kind_of(ONNXType type);

/// Errors: unimplemented (opaque types, dtypes that came after this build).
Expected<Type> type_of(const std::shared_ptr<const Library>& library, const OrtTypeInfo& info);

/// A port as the model declares it. Errors: as type_of().
Expected<Port> port_of(const std::shared_ptr<const Library>& library, std::string name, const OrtTypeInfo& type);

/// Dtype and shape of a tensor into a port.
Expected<> read_tensor(const Library& library, const OrtTensorTypeAndShapeInfo& info, Port& port);

struct ElementsAndShape {
  DType dtype;
  Shape shape;
};
/// Of a tensor, or of a part of a sparse one. Errors: unimplemented (rank over Shape::rank_max).
Expected<ElementsAndShape> elements_and_shape(const Library& library, const OrtTensorTypeAndShapeInfo& info);
/// Of a tensor, sparse or not. Cost: no allocation where the library can show its own array of extents (level 24).
Expected<ElementsAndShape> tensor_type(const std::shared_ptr<const Library>& library, const OrtValue* value);

}  // namespace laneway::ort
