#include "engines/ort/engine.h"

#include <algorithm>
#include <utility>

#include "core/guard.h"
#include "engines/ort/binding.h"
#include "engines/ort/plan.h"
#include "engines/ort/weights.h"
#include "laneway/engine/check.h"

namespace laneway {
namespace engines_ort {
namespace {

Expected<> validate(const OrtEngineSpec& options) {
  const int level = options.optimisation_level;
  if ((level < 0 || level > 3) && level != 99) {
    return Error(ErrorCode::invalid_argument, "optimisation_level: expected 0 to 3 or 99, got " + std::to_string(level));
  }
  if (options.shapes_max == 0) return Error(ErrorCode::invalid_argument, "shapes_max: expected 1 or more, got 0");
  return {};
}

Expected<std::shared_ptr<const ort::Environment>> environment_for(const OrtEngineSpec& options, const ThreadSpec& threads) {
  ort::EnvironmentSpec asked{.library = {.path = options.library}};
  if (options.global_pool) asked.global_pool = ort::GlobalPool{.intra = threads, .denormals_as_zero = options.denormals_as_zero};
  return ort::Environment::get(asked);
}

// What the caller has the last word on.
Expected<> edit(const OrtEngineSpec& options, ort::SessionSpec& spec) {
  if (!options.edit_session) return {};
  const ort::SessionSpec before = spec;
  options.edit_session(spec);
  const auto same_model = [&] {
    if (before.model.get().index() != spec.model.get().index()) return false;
    if (const auto* file = std::get_if<ort::ModelPath>(&before.model.get()))
      return file->path == std::get<ort::ModelPath>(spec.model.get()).path;
    return std::get<ort::ModelBytes>(before.model.get()).bytes.data() == std::get<ort::ModelBytes>(spec.model.get()).bytes.data();
  };
  const char* const changed = !same_model()                            ? "model"
                              : before.environment != spec.environment ? "environment (OrtEngineSpec::library, global_pool)"
                              : before.dimensions != spec.dimensions   ? "dimensions"
                              : !(before.threads == spec.threads)      ? "threads"
                                                                       : nullptr;
  if (!changed) return {};
  return Error(ErrorCode::invalid_argument,
               std::string("edit_session: changes ") + changed + ": expected it where the engine is told of it");
}

// Of a model in memory ONNX Runtime must be told where the weights are that it keeps in other files.
void add_folder(const Model& model, ort::SessionSpec& spec) {
  if (!model.folder() || !std::holds_alternative<ort::ModelBytes>(spec.model.get())) return;
  spec.config.emplace_back("session.model_external_initializers_file_folder_path", model.folder()->string());
}

// A model in ONNX Runtime's own format is used where it lies as long as somebody keeps it there.
void use_in_place(const OpenSpec& spec, const Model& model, ort::SessionSpec& session) {
  const auto* bytes = std::get_if<ModelBytes>(&spec.model.get());
  if (!bytes || !bytes->owner || model.view()) return;
  for (const char* key : {"session.use_ort_model_bytes_directly", "session.use_ort_model_bytes_for_initializers"}) {
    const bool said = std::ranges::any_of(session.config, [&](const auto& entry) { return entry.first == key; });
    if (!said) session.config.emplace_back(key, "1");
  }
}

bool same_names(std::span<const Port> a, std::span<const Port> b) {
  return std::ranges::equal(a, b, {}, &Port::name, &Port::name);
}

// Those that some port still leaves open.
std::vector<NamedExtent> open_among(std::span<const NamedExtent> dimensions, std::span<const Port> inputs,
                                    std::span<const Port> outputs) {
  std::vector<std::string> names = open_dimensions(inputs);
  std::ranges::move(open_dimensions(outputs), std::back_inserter(names));
  std::vector<NamedExtent> open;
  std::ranges::copy_if(dimensions, std::back_inserter(open),
                       [&](const NamedExtent& dimension) { return std::ranges::find(names, dimension.symbol) != names.end(); });
  return open;
}

}  // namespace

Expected<OpenEngine> OrtEngine::open(const OrtEngineSpec& options, const OpenSpec& spec) {
  LANEWAY_TRY(laneway::validate(spec.threads));
  LANEWAY_TRY(validate(options));
  const std::shared_ptr<OrtEngine> engine(new OrtEngine(options));
  LANEWAY_TRY(engine->load(spec));
  return OpenEngine(engine);
}

Expected<> OrtEngine::load(const OpenSpec& spec) {
  LANEWAY_TRY_ASSIGN(Model model, Model::read(spec.model));
  if (!spec.weights.empty()) { LANEWAY_TRY_ASSIGN(model, model.with(spec.weights)); }
  if (model.view()) LANEWAY_TRY(take_ports(model.inputs(), model.outputs(), spec.dimensions));
  ort::SessionSpec base{.model = model.source(),
                        .providers = options_.providers,
                        .dimensions = model.view() ? spec.dimensions : std::vector<NamedExtent>{},
                        .config = options_.config,
                        .deterministic = options_.deterministic,
                        .denormals_as_zero = options_.denormals_as_zero,
                        .profile_prefix = options_.profile_prefix,
                        .optimisation = static_cast<ort::Optimisation>(options_.optimisation_level),
                        .threads = spec.threads,
                        .global_pool = options_.global_pool,
                        .arena = options_.arena,
                        .memory_pattern = options_.memory_pattern};
  add_folder(model, base);
  use_in_place(spec, model, base);
  LANEWAY_TRY_ASSIGN(base.environment, environment_for(options_, spec.threads));
  LANEWAY_TRY(edit(options_, base));
  const bool by_denotation = !base.dimensions_by_denotation.empty();
  weight_bytes_ = model.weight_bytes();
  const bool read = model.view() != nullptr;
  LANEWAY_TRY_ASSIGN(sessions_, Sessions::open(options_, std::move(base), std::move(model)));
  const auto session = sessions_->any();
  LANEWAY_TRY_ASSIGN(places_, sessions_->places_of(*session));
  const bool read_alike = same_names(inputs_, session->inputs()) && same_names(outputs_, session->outputs());
  if (read_alike && !by_denotation) return {};
  // A model that we cannot read, or not as ONNX Runtime does; or dimensions that only it has fixed.
  return take_ports(session->inputs(), session->outputs(),
                    read ? open_among(spec.dimensions, session->inputs(), session->outputs()) : spec.dimensions);
}

Expected<> OrtEngine::take_ports(std::span<const Port> inputs, std::span<const Port> outputs,
                                 std::span<const NamedExtent> dimensions) {
  inputs_.assign(inputs.begin(), inputs.end());
  outputs_.assign(outputs.begin(), outputs.end());
  return fix_dimensions(inputs_, outputs_, dimensions);
}

std::vector<EngineNote> OrtEngine::notes() const {
  const ort::Library& library = *sessions_->any()->library();
  std::vector<EngineNote> notes = {{"library", library.path().string()},
                                   {"library_version", library.version()},
                                   {"library_found_by", library.found_by()},
                                   {"api_level", std::to_string(library.level())}};
  std::ranges::move(sessions_->notes(), std::back_inserter(notes));
  return notes;
}

Expected<std::shared_ptr<const Plan>> OrtEngine::specialise(const PlanSpec& spec) const {
  return guarded([&]() -> Expected<std::shared_ptr<const Plan>> {
    LANEWAY_TRY(check_plan_spec(inputs_, outputs_, spec));
    return std::shared_ptr<const Plan>(std::make_shared<OrtPlan>(*this, spec));
  });
}

Expected<Engine::Allocation> OrtEngine::allocate(std::size_t bytes, Placement placement, int device) const {
  if (placement != Placement::host) return allocate_there(bytes, placement, device);
  LANEWAY_TRY_ASSIGN(const ort::Allocator allocator, sessions_->any()->host_allocator());
  LANEWAY_TRY_ASSIGN(ort::Allocation allocation, allocator.allocate(bytes));
  return Allocation{.memory = allocation.memory, .owner = std::move(allocation.owner)};
}

Expected<Engine::Allocation> OrtEngine::allocate_there(std::size_t bytes, Placement placement, int device) const {
  const auto devices = sessions_->devices();
  if (device < 0 || static_cast<std::size_t>(device) >= devices.size()) return Engine::allocate(bytes, placement, device);
  auto allocator = devices[static_cast<std::size_t>(device)].allocator(placement == Placement::pinned_host);
  if (!allocator && allocator.error().code() == ErrorCode::not_found) {
    return Error(ErrorCode::unimplemented, std::string(allocator.error().message()));
  }
  LANEWAY_TRY(allocator ? Expected<>() : std::move(allocator).error());
  LANEWAY_TRY_ASSIGN(ort::Allocation allocation, allocator->allocate(bytes));
  const Memory memory{.data = allocation.memory.data, .bytes = bytes, .placement = placement, .device = device};
  return Allocation{.memory = memory, .owner = std::move(allocation.owner)};
}

}  // namespace engines_ort

std::shared_ptr<const ort::Session> ort_session(const Engine& engine) noexcept {
  const auto* own = dynamic_cast<const engines_ort::OrtEngine*>(&engine);
  return own ? own->sessions().any() : nullptr;
}

std::shared_ptr<const ort::Session> ort_session(const Binding& binding) noexcept {
  const auto* own = dynamic_cast<const engines_ort::OrtBinding*>(&binding);
  return own ? own->session() : nullptr;
}

Expected<ModelBytes> model_bytes(const ort::ModelGraph& graph) {
  LANEWAY_TRY_ASSIGN(const ort::ModelBytes bytes, ort::to_bytes(graph));
  return ModelBytes{bytes.bytes, bytes.owner};
}

Expected<OpenEngine> OrtEngineSpec::open(const OpenSpec& spec) const {
  return guarded([&] { return engines_ort::OrtEngine::open(*this, spec); });
}

}  // namespace laneway
