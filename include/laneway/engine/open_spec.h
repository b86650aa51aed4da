#pragma once
#include <concepts>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/core/port.h"
#include "laneway/core/threads.h"

namespace laneway LANEWAY_PUBLIC {

class Engine;

/// A model file. It may be unlinked or replaced by renaming after open(), never rewritten in place.
struct ModelFile {
  std::filesystem::path path;
};
/// A model in memory. With an owner weights are used where they lie by an engine that can, and the owner goes with it at the latest:
/// one that copies or packs what it uses lets the owner go once nothing more lies there. Without one weights are copied, and the bytes
/// may be freed once open() returns.
struct ModelBytes {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner = nullptr;
};
/// An engine that is open already, shared by several runtimes.
using OpenEngine = std::shared_ptr<const Engine>;

/// Where the model comes from. No default: leaving it out does not compile.
class ModelSource {
 public:
  ModelSource(ModelFile file) : source_(std::move(file)) {}
  ModelSource(ModelBytes bytes) : source_(std::move(bytes)) {}
  ModelSource(OpenEngine engine) : source_(std::move(engine)) {}
  const std::variant<ModelFile, ModelBytes, OpenEngine>& get() const noexcept { return source_; }

 private:
  std::variant<ModelFile, ModelBytes, OpenEngine> source_;
};

/// Other values for a weight of the model, of the same dtype and shape, dense and row-major.
struct WeightOverride {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
  Memory memory;  ///< On the host.
  std::shared_ptr<const void> owner =
      nullptr;  ///< Let go with the engine, or as soon as it has copied. Null: `memory` must outlive the engine.
};

/// What every engine is told when it opens a model; its own options come beside it.
///
/// Errors:   found when an engine opens: not_found (the file; a dimension or a weight that the model has not), permission_denied,
///           invalid_argument (the model; a dtype or shape that differs from the weight's; threads), unimplemented (engine).
/// Threads:  a value.
/// Lifetime: what ModelBytes and WeightOverride point to, as they say; nothing else is kept by reference.
struct OpenSpec {
  ModelSource model;
  std::vector<NamedExtent> dimensions = {};  ///< Dimensions fixed for good, by name, for all ports at once.
  std::vector<WeightOverride> weights = {};
  ThreadSpec threads = {};  ///< Of one run. Sessions of ONNX Runtime share these workers among their lanes.
};

/// An engine's name, or its options: any plain struct with `name()` and `open(const OpenSpec&) const`, say
/// OrtEngineSpec{.arena = false} (include/laneway/engines/ort.h).
class EngineChoice {
 public:
  using Open = std::function<Expected<OpenEngine>(const OpenSpec&)>;

  EngineChoice(const char* name) : name_(name) {}
  EngineChoice(std::string name) : name_(std::move(name)) {}
  template <class Spec>
  requires requires(const Spec& spec, const OpenSpec& open) {
    { spec.name() } -> std::convertible_to<std::string>;
    { spec.open(open) } -> std::same_as<Expected<OpenEngine>>;
  }
  EngineChoice(Spec spec) : name_(spec.name()), open_([spec](const OpenSpec& open) { return spec.open(open); }) {}

  const std::string& name() const noexcept { return name_; }
  /// Empty where only a name was given: then the list of engines is asked.
  const Open& opener() const noexcept { return open_; }

 private:
  std::string name_;
  Open open_;
};

}  // namespace laneway
