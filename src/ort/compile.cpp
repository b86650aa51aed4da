#include "laneway/ort/compile.h"

#include <utility>

#include "core/guard.h"
#include "laneway/core/float_state.h"
#include "ort/attribute.h"
#include "ort/external_place.h"
#include "ort/model_editor.h"
#include "ort/session_options.h"
#include "ort/sub_table.h"
#include "ort/text.h"

namespace laneway::ort {
namespace {

using Compiler = SubTable<OrtCompileApi>;

Expected<> validate(const CompileSpec& spec) {
  LANEWAY_TRY(validate(spec.session));
  LANEWAY_TRY(no_nul("context_folder", spec.context_folder.native()));
  LANEWAY_TRY(no_nul("context_name", spec.context_name));
  LANEWAY_TRY(no_nul("weights_file", spec.weights_file.native()));
  if (!spec.weights_file.empty() && spec.place_weight) {
    return Error(ErrorCode::invalid_argument, "place_weight: expected none beside weights_file");
  }
  if (spec.context_folder.empty() != spec.context_name.empty()) {
    return Error(ErrorCode::invalid_argument, "context_name: expected one with context_folder, and none without");
  }
  return {};
}

/// One compilation: what the native options refer to, and they.
class Compilation {
 public:
  Compilation(const CompileSpec& spec, std::shared_ptr<const Environment> environment, Compiler compiler)
      : spec_(spec), environment_(std::move(environment)), compiler_(std::move(compiler)), used_(spec.session, environment_) {}
  Compilation(const Compilation&) = delete;
  Compilation& operator=(const Compilation&) = delete;

  /// Everything but where the model goes.
  Expected<> prepare() {
    LANEWAY_TRY_ASSIGN(session_options_, make_options(environment_, spec_.session, used_));
    const OrtEnv* const env = environment_->native();
    const OrtSessionOptions* const chosen = session_options_.get();
    LANEWAY_TRY_ASSIGN(options_, make<OrtModelCompilationOptions>(
                                     compiler_, LANEWAY_ORT_FN(CreateModelCompilationOptionsFromSessionOptions), env, chosen));
    LANEWAY_TRY(std::visit([this](const auto& model) { return set_input(model); }, spec_.session.model.get()));
    return set_behaviour();
  }
  template <class Find, class... Args>
  Expected<> set(const Entry<Find>& function, Args... args) {
    return call(compiler_, function, options_.get(), args...);
  }
  Expected<> run() {
    const FloatStateGuard guard;
    const OrtEnv* const env = environment_->native();
    const OrtModelCompilationOptions* const options = options_.get();
    auto done = call(compiler_, LANEWAY_ORT_FN(CompileModel), env, options);
    if (done) return done;
    if (auto failure = used_.failure()) return *std::move(failure);
    return done;
  }
  const std::shared_ptr<const Library>& library() const noexcept { return environment_->library(); }
  const Allocator& allocator() const noexcept { return environment_->host_allocator(); }

  static OrtStatus* ORT_API_CALL write(void* writer, const void* data, std::size_t bytes) noexcept {
    const auto& [self, sink] = *static_cast<const std::pair<Compilation*, const ModelWriter*>*>(writer);
    const std::span part(static_cast<const std::byte*>(data), bytes);
    return to_status(*self->library()->api(), guarded([&] { return (*sink)(part); }));
  }

 private:
  Expected<> set_input(const ModelPath& model) {
    return set(LANEWAY_ORT_FN(ModelCompilationOptions_SetInputModelPath), model.path.c_str());
  }
  Expected<> set_input(const ModelBytes& model) {
    bytes_ = model;
    const void* const data = bytes_.bytes.data();
    return set(LANEWAY_ORT_FN(ModelCompilationOptions_SetInputModelFromBuffer), data, bytes_.bytes.size());
  }
  Expected<> set_input(const std::shared_ptr<const ModelGraph>& graph) {
    if (editor_takes(*graph)) {
      LANEWAY_TRY_ASSIGN(model_, make_model(library(), *graph));
      const OrtModel* const native = model_.get();
      auto done = set(LANEWAY_ORT_FN(ModelCompilationOptions_SetInputModel), native);
      if (done || done.error().code() != ErrorCode::unimplemented) return done;
    }
    LANEWAY_TRY_ASSIGN(const ModelBytes bytes, to_bytes(*graph));
    return set_input(bytes);
  }
  Expected<> set_input(const EditedModel&) {
    return Error(ErrorCode::unimplemented,
                 "model: edited: expected a file, bytes or a graph (one that is edited can only be opened)");
  }

  Expected<> set_behaviour() {
    std::uint32_t flags = OrtCompileApiFlags_NONE;
    if (spec_.must_compile) flags |= OrtCompileApiFlags_ERROR_IF_NO_NODES_COMPILED;
    if (!spec_.overwrite) flags |= OrtCompileApiFlags_ERROR_IF_OUTPUT_FILE_EXISTS;
    LANEWAY_TRY(set(LANEWAY_ORT_FN(ModelCompilationOptions_SetFlags), flags));
    const auto level = static_cast<GraphOptimizationLevel>(spec_.session.optimisation);
    LANEWAY_TRY(set(LANEWAY_ORT_FN(ModelCompilationOptions_SetGraphOptimizationLevel), level));
    LANEWAY_TRY(set(LANEWAY_ORT_FN(ModelCompilationOptions_SetEpContextEmbedMode), spec_.embed_context));
    if (!spec_.context_folder.empty()) {
      const std::filesystem::path folder = spec_.context_folder / "";  // it takes none without the last slash
      LANEWAY_TRY(
          set(LANEWAY_ORT_FN(ModelCompilationOptions_SetEpContextBinaryInformation), folder.c_str(), spec_.context_name.c_str()));
    }
    if (!spec_.weights_file.empty()) {
      LANEWAY_TRY(set(LANEWAY_ORT_FN(ModelCompilationOptions_SetOutputModelExternalInitializersFile), spec_.weights_file.c_str(),
                      spec_.weights_bytes_min));
    }
    if (!spec_.place_weight) return {};
    void* const self = this;
    return set(LANEWAY_ORT_FN(ModelCompilationOptions_SetOutputModelGetInitializerLocationFunc), place, self);
  }

  static OrtStatus* ORT_API_CALL place(void* compilation, const char* name, const OrtValue* value,
                                       const OrtExternalInitializerInfo* from, OrtExternalInitializerInfo** to) noexcept {
    const Compilation& self = *static_cast<const Compilation*>(compilation);
    *to = nullptr;
    return to_status(*self.library()->api(), guarded([&] { return self.place_weight(name, value, from, *to); }));
  }
  Expected<> place_weight(const char* name, const OrtValue* value, const OrtExternalInitializerInfo* native,
                          OrtExternalInitializerInfo*& to) const {
    LANEWAY_TRY_ASSIGN(const Tensor weight, to_tensor(library(), value, nullptr));
    std::optional<ExternalPlace> from;
    if (native) from = to_place(*library(), native);
    LANEWAY_TRY_ASSIGN(const std::optional<ExternalPlace> place, spec_.place_weight(name, weight, from));
    if (!place) return {};
    LANEWAY_TRY(no_nul("place_weight: file", place->file.native()));
    return call(*library(), LANEWAY_ORT_FN(CreateExternalInitializerInfo), place->file.c_str(), place->offset, place->bytes, &to);
  }

  const CompileSpec& spec_;
  std::shared_ptr<const Environment> environment_;
  Compiler compiler_;
  UsedBySession used_;
  ModelBytes bytes_ = {};
  Handle<OrtModel> model_;
  Handle<OrtSessionOptions> session_options_;
  Handle<OrtModelCompilationOptions> options_;
};

/// `finish` says where the model goes, and runs.
Expected<> compile_with(const CompileSpec& spec, const auto& finish) {
  LANEWAY_TRY(validate(spec));
  Expected<std::shared_ptr<const Environment>> environment = spec.session.environment;
  if (!spec.session.environment) environment = Environment::get();
  if (!environment) return std::move(environment).error();
  LANEWAY_TRY_ASSIGN(Compiler table, compiler((*environment)->library()));
  Compilation compilation(spec, *std::move(environment), std::move(table));
  LANEWAY_TRY(compilation.prepare());
  return finish(compilation);
}

}  // namespace

Expected<ModelBytes> compile(const CompileSpec& spec) {
  void* data = nullptr;
  std::size_t bytes = 0;
  std::shared_ptr<void> owner;
  auto done = compile_with(spec, [&](Compilation& compilation) -> Expected<> {
    OrtAllocator* const allocator = compilation.allocator().native();
    LANEWAY_TRY(compilation.set(LANEWAY_ORT_FN(ModelCompilationOptions_SetOutputModelBuffer), allocator, &data, &bytes));
    auto compiled = compilation.run();
    owner = std::shared_ptr<void>(data, [keep = compilation.allocator()](void* memory) {
      if (memory) keep.native()->Free(keep.native(), memory);
    });
    return compiled;
  });
  if (!done) return std::move(done).error();
  return ModelBytes{.bytes = {static_cast<const std::byte*>(data), bytes}, .owner = std::move(owner)};
}

Expected<> compile_to(const CompileSpec& spec, const std::filesystem::path& file) {
  LANEWAY_TRY(no_nul("file", file.native()));
  if (file.empty()) return Error(ErrorCode::invalid_argument, "file: path: empty: expected a file");
  return compile_with(spec, [&](Compilation& compilation) -> Expected<> {
    LANEWAY_TRY(compilation.set(LANEWAY_ORT_FN(ModelCompilationOptions_SetOutputModelPath), file.c_str()));
    return compilation.run();
  });
}

Expected<> compile_to(const CompileSpec& spec, const ModelWriter& write) {
  if (!write) return Error(ErrorCode::invalid_argument, "write: empty: expected a function");
  return compile_with(spec, [&](Compilation& compilation) -> Expected<> {
    std::pair<Compilation*, const ModelWriter*> writer{&compilation, &write};
    void* const state = &writer;
    LANEWAY_TRY(compilation.set(LANEWAY_ORT_FN(ModelCompilationOptions_SetOutputModelWriteFunc), Compilation::write, state));
    return compilation.run();
  });
}

}  // namespace laneway::ort
