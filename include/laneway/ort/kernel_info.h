#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/core/port.h"
#include "laneway/diag/log.h"
#include "laneway/ort/attribute.h"
#include "laneway/ort/library.h"
#include "laneway/ort/memory.h"

namespace laneway LANEWAY_PUBLIC {
namespace ort {

/// The node that a kernel of a custom operator is made for.
///
/// Errors:   unimplemented where the library is too old to tell (levels are noted).
/// Threads:  any.
/// Lifetime: what a kernel's constructor is given is valid while it runs; a copy() as long as the session.
class KernelInfo {
 public:
  KernelInfo(std::shared_ptr<const Library> library, const OrtKernelInfo* native) noexcept
      : library_(std::move(library)), native_(std::shared_ptr<const void>(), native) {}  // not ours

  /// Nothing where the node has no such attribute.
  Expected<std::optional<Attribute>> find_attribute(const std::string& name) const;
  /// T is an alternative of AttributeValue. Errors: not_found; invalid_argument (it is of another kind); unimplemented (a graph,
  /// a list of strings before level 27).
  template <class T>
  Expected<T> attribute(const std::string& name) const {
    LANEWAY_TRY_ASSIGN(auto found, find_attribute(name));
    if (!found) return no_attribute(name);
    return attribute_as<T>(*std::move(found));
  }
  template <class T>
  Expected<T> attribute_or(const std::string& name, T otherwise) const {
    LANEWAY_TRY_ASSIGN(auto found, find_attribute(name));
    if (!found) return otherwise;
    return attribute_as<T>(*std::move(found));
  }

  /// Ports of the node, by the names of its values; one that is left out has an empty name.
  Expected<std::vector<Port>> inputs() const;
  Expected<std::vector<Port>> outputs() const;
  /// The value of an input that is a weight of the model, valid as long as the session. Nothing where a run computes it.
  Expected<std::optional<Tensor>> constant_input(std::size_t input) const;

  Expected<std::string> node_name() const;
  Expected<std::string> operator_type() const;  ///< Level 24, as are the next three.
  Expected<std::string> operator_domain() const;
  Expected<int> operator_since_version() const;
  Expected<KeyValues> config() const;  ///< The session's config entries.

  /// Memory of the provider that runs the kernel, for as long as the owner lives. Errors: resource_exhausted.
  Expected<Allocation> allocate(std::size_t bytes) const;
  /// To the session's log.
  void log(Severity severity, const std::string& message, const char* file = __builtin_FILE(),
           int line = __builtin_LINE()) const noexcept;

  /// One that outlives the constructor.
  Expected<KernelInfo> copy() const;

  const std::shared_ptr<const Library>& library() const noexcept { return library_; }
  const OrtKernelInfo* native() const noexcept { return native_.get(); }

 private:
  static Error no_attribute(const std::string& name);

  std::shared_ptr<const Library> library_;
  std::shared_ptr<const OrtKernelInfo> native_;
};

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
