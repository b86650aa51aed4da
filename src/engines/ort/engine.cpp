#include "engines/ort/engine.h"

#include <utility>

#include "core/guard.h"
#include "engines/ort/plan.h"
#include "laneway/core/float_state.h"
#include "laneway/engine/check.h"

namespace laneway {
namespace engines_ort {
namespace {

Expected<ort::ModelSource> source_of(const OpenSpec& spec) {
  if (const auto* file = std::get_if<ModelFile>(&spec.model.get())) return ort::ModelSource(ort::ModelPath{file->path});
  if (const auto* model = std::get_if<ModelBytes>(&spec.model.get()))
    return ort::ModelSource(ort::ModelBytes{model->bytes, model->owner});
  return Error(ErrorCode::invalid_argument, "model: an engine that is open: expected a file or bytes");
}

Expected<std::shared_ptr<const ort::Environment>> environment_for(const OrtEngineSpec& options, const OpenSpec& spec) {
  ort::EnvironmentSpec asked{.library = {.path = options.library}};
  if (options.global_pool)
    asked.global_pool = ort::GlobalPool{.intra = spec.threads, .denormals_as_zero = options.denormals_as_zero};
  return ort::Environment::get(asked);
}

}  // namespace

OrtEngine::OrtEngine(OrtEngineSpec options, std::shared_ptr<const ort::Session> session)
    : options_(std::move(options)),
      session_(std::move(session)),
      inputs_(session_->inputs().begin(), session_->inputs().end()),
      outputs_(session_->outputs().begin(), session_->outputs().end()) {}

Expected<OpenEngine> OrtEngine::open(const OrtEngineSpec& options, const OpenSpec& spec) {
  LANEWAY_TRY(validate(spec.threads));
  LANEWAY_TRY_ASSIGN(ort::ModelSource model, source_of(spec));
  ort::SessionSpec session{.model = std::move(model),
                           .config = options.config,
                           .deterministic = options.deterministic,
                           .denormals_as_zero = options.denormals_as_zero,
                           .optimisation = static_cast<ort::Optimisation>(options.optimisation_level),
                           .threads = spec.threads,
                           .global_pool = options.global_pool,
                           .arena = options.arena,
                           .memory_pattern = options.memory_pattern};
  LANEWAY_TRY_ASSIGN(session.environment, environment_for(options, spec));
  LANEWAY_TRY_ASSIGN(auto opened, ort::Session::open(session));
  const std::shared_ptr<OrtEngine> engine(new OrtEngine(options, std::move(opened)));
  LANEWAY_TRY(fix_dimensions(engine->inputs_, engine->outputs_, spec.dimensions));
  return OpenEngine(engine);
}

std::vector<EngineNote> OrtEngine::notes() const {
  const ort::Library& library = *session_->library();
  return {{"library", library.path().string()},
          {"library_version", library.version()},
          {"api_level", std::to_string(library.level())}};
}

Expected<std::shared_ptr<const Plan>> OrtEngine::specialise(const PlanSpec& spec) const {
  return guarded([&]() -> Expected<std::shared_ptr<const Plan>> {
    LANEWAY_TRY(check_plan_spec(inputs_, outputs_, spec));
    return std::shared_ptr<const Plan>(std::make_shared<OrtPlan>(*this, spec));
  });
}

Expected<Engine::Allocation> OrtEngine::allocate(std::size_t bytes, Placement placement, int device) const {
  if (placement != Placement::host) return Engine::allocate(bytes, placement, device);
  LANEWAY_TRY_ASSIGN(const ort::Allocator allocator, session_->host_allocator());
  LANEWAY_TRY_ASSIGN(ort::Allocation allocation, allocator.allocate(bytes));
  return Allocation{.memory = allocation.memory, .owner = std::move(allocation.owner)};
}

Expected<std::shared_ptr<const ort::Session>> OrtEngine::session_for(const BindSpec&) const { return session_; }

}  // namespace engines_ort

Expected<OpenEngine> OrtEngineSpec::open(const OpenSpec& spec) const {
  const FloatStateGuard standard_state;  // what ONNX Runtime folds while it opens must not depend on the caller's
  return guarded([&] { return engines_ort::OrtEngine::open(*this, spec); });
}

}  // namespace laneway
