#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/core/port.h"
#include "laneway/ort/attribute.h"
#include "laneway/ort/library.h"
#include "laneway/ort/native.h"

namespace laneway LANEWAY_PUBLIC {
namespace ort {

/// A node of a custom operator whose output shapes are asked for while a model is opened.
///
/// Lifetime: one call of infer().
class ShapeInference {
 public:
  ShapeInference(const std::shared_ptr<const Library>& library, OrtShapeInferContext* native) noexcept
      : library_(library), native_(native) {}

  Expected<std::size_t> input_count() const;
  /// Dtype and shape, without a name. ONNX Runtime cannot tell a scalar from a tensor whose rank nobody knows.
  /// Errors: out_of_range.
  Expected<Port> input(std::size_t index) const;
  /// As KernelInfo::attribute().
  template <class T>
  Expected<T> attribute(const std::string& name) const {
    LANEWAY_TRY_ASSIGN(Attribute found, attribute(name));
    return attribute_as<T>(std::move(found));
  }
  /// Errors: not_found.
  Expected<Attribute> attribute(const std::string& name) const;

  /// A dimension without extent and symbol is one that only a run shows.
  Expected<> set_output(std::size_t index, const std::vector<Dimension>& shape) const;

 private:
  const std::shared_ptr<const Library>& library_;
  OrtShapeInferContext* native_;
};

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
