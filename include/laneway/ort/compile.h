#pragma once
#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "laneway/core/expected.h"
#include "laneway/ort/external_place.h"
#include "laneway/ort/session.h"

namespace laneway LANEWAY_PUBLIC {
namespace ort {

/// Asked for each weight that stays in a compiled model: where it is kept, after having put it there. nullopt: in the model.
/// `from`: where it lay before, if in a file.
using WeightPlacer = std::function<Expected<std::optional<ExternalPlace>>(const std::string& name, const Tensor& weight,
                                                                          const std::optional<ExternalPlace>& from)>;
/// Takes a part of a model; the parts come in order.
using ModelWriter = std::function<Expected<>(std::span<const std::byte> part)>;

/// What a model is compiled from, and for.
struct CompileSpec {
  // Behaviour.
  /// The model, the providers it is compiled for, and how far what they leave is optimised: beyond `basic` for this machine alone.
  SessionSpec session;
  bool must_compile = false;  ///< It is an error if no provider compiles anything.
  bool overwrite = true;      ///< A file of the same name. Else it is an error.

  // Where what a provider compiled, and weights, are put.
  bool embed_context = false;                 ///< Compiled parts into the model, not beside it.
  std::filesystem::path context_folder = {};  ///< Where they lie else; empty: beside the model, or where the provider likes.
  std::string context_name = {};              ///< What their files are named after, with a folder.
  std::filesystem::path weights_file = {};    ///< Of weights of `weights_bytes_min` and more; empty: they stay in the model.
  std::size_t weights_bytes_min = 1024;
  WeightPlacer place_weight = {};  ///< Instead of weights_file.
};

/// Compiles a model, so that opening it later takes less. The result is a model to be opened like any other.
///
/// Errors:  those of Session::open(), and internal with the providers' text; invalid_argument (weights_file and place_weight, a
///          folder without name); unimplemented (an edited model; a build without compilation).
/// Threads: any. What the caller's functions return or throw is the result, as text.
Expected<ModelBytes> compile(const CompileSpec& spec);
Expected<> compile_to(const CompileSpec& spec, const std::filesystem::path& file);
Expected<> compile_to(const CompileSpec& spec, const ModelWriter& write);

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
