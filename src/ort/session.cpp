#include "laneway/ort/session.h"

#include <algorithm>
#include <atomic>
#include <stop_token>
#include <utility>

#include "laneway/core/float_state.h"
#include "ort/call.h"
#include "ort/metadata.h"
#include "ort/model_editor.h"
#include "ort/session_options.h"
#include "ort/text.h"
#include "ort/type_info.h"

namespace laneway::ort {

struct LANEWAY_PRIVATE Session::Kept : UsedBySession {
  Kept(const SessionSpec& spec, const std::shared_ptr<const Environment>& environment)
      : UsedBySession(spec, environment), profiled(spec.profile_prefix.has_value()), profiling(profiled) {}

  const bool profiled;
  std::atomic<bool> profiling;  // still
};

namespace {

struct MakeNative {
  const Environment& environment;
  OrtPrepackedWeightsContainer* prepacked;
  OrtSessionOptions* options;

  using Made = Expected<Handle<OrtSession>>;
  Made operator()(const ModelPath& model) const {
    const std::shared_ptr<const Library>& library = environment.library();
    OrtEnv* const env = environment.native();
    const char* path = model.path.c_str();
    if (!prepacked) return make<OrtSession>(library, LANEWAY_ORT_FN(CreateSession), env, path, options);
    return make<OrtSession>(library, LANEWAY_ORT_FN(CreateSessionWithPrepackedWeightsContainer), env, path, options, prepacked);
  }
  Made operator()(const ModelBytes& model) const {
    const std::shared_ptr<const Library>& library = environment.library();
    OrtEnv* const env = environment.native();
    const void* const data = model.bytes.data();
    const std::size_t size = model.bytes.size();
    if (!prepacked) return make<OrtSession>(library, LANEWAY_ORT_FN(CreateSessionFromArray), env, data, size, options);
    return make<OrtSession>(library, LANEWAY_ORT_FN(CreateSessionFromArrayWithPrepackedWeightsContainer), env, data, size,
                            options, prepacked);
  }
  Made operator()(const std::shared_ptr<const ModelGraph>& graph) const {
    if (!prepacked && editor_takes(*graph)) return make_session(environment, *graph, options);
    LANEWAY_TRY_ASSIGN(const ModelBytes bytes, to_bytes(*graph));
    return (*this)(bytes);
  }
  Made operator()(const EditedModel& model) const { return make_session(environment, model, options, prepacked); }
};

Expected<Handle<OrtSession>> make_native(const Environment& environment, const SessionSpec& spec, OrtSessionOptions* options) {
  const std::stop_callback cancel(spec.load_cancellation, [&] {
    (void)call(*environment.library(), LANEWAY_ORT_FN(SessionOptionsSetLoadCancellationFlag), options, true);
  });
  return std::visit(MakeNative{environment, spec.prepacked ? spec.prepacked->native() : nullptr, options}, spec.model.get());
}

// What ONNX Runtime calls a plain failure while it reads and optimises a model is that model's fault.
Error blame_model(Error error) {
  if (error.code() != ErrorCode::internal) return error;
  return Error(ErrorCode::invalid_argument, std::string(error.message()));
}

std::string name_of(const ModelSource& model) {
  const auto* path = std::get_if<ModelPath>(&model.get());
  return path ? "model " + path->path.string() : "model";
}

Error no_port(std::string_view direction, std::string_view name, std::span<const Port> ports) {
  std::string names;
  for (const Port& port : ports) names += (names.empty() ? "" : ", ") + port.name;
  return Error(ErrorCode::not_found,
               std::string(direction) + " " + std::string(name) + ": no such port: expected one of " + names);
}

Expected<std::size_t> position(std::string_view direction, std::string_view name, std::span<const Port> ports) {
  const auto found = std::ranges::find(ports, name, &Port::name);
  if (found == ports.end()) return no_port(direction, name, ports);
  return static_cast<std::size_t>(found - ports.begin());
}

/// Appends the ports of one of ONNX Runtime's three lists.
template <class Count, class Name, class Type>
Expected<> append_ports(const Session& session, const Entry<Count>& count_of, const Entry<Name>& name_of,
                        const Entry<Type>& type_of, bool optional, std::vector<Port>& ports) {
  const std::shared_ptr<const Library>& library = session.library();
  const Allocator& allocator = session.environment()->host_allocator();
  std::size_t count = 0;
  LANEWAY_TRY(call(*library, count_of, session.native(), &count));
  for (std::size_t i = 0; i < count; ++i) {
    char* text = nullptr;
    LANEWAY_TRY(call(*library, name_of, session.native(), i, allocator.native(), &text));
    std::string name = take_text(allocator, text);
    LANEWAY_TRY_ASSIGN(const auto type, make<OrtTypeInfo>(library, type_of, session.native(), i));
    LANEWAY_TRY_ASSIGN(Port port, port_of(library, std::move(name), *type));
    port.optional = optional;
    ports.push_back(std::move(port));
  }
  return {};
}

}  // namespace

Session::Session(std::shared_ptr<const Environment> environment, std::unique_ptr<Kept> kept, Handle<OrtSession> handle,
                 bool denormals_as_zero) noexcept
    : environment_(std::move(environment)),
      kept_(std::move(kept)),
      handle_(std::move(handle)),
      denormals_as_zero_(denormals_as_zero) {}

Session::~Session() = default;

Expected<std::shared_ptr<const Session>> Session::open(const SessionSpec& spec) {
  LANEWAY_TRY(validate(spec));
  const FloatStateGuard guard;  // the first session of a process sets the opening thread's state for good
  Expected<std::shared_ptr<const Environment>> environment = spec.environment;
  if (!spec.environment) environment = Environment::get();
  if (!environment) return std::move(environment).error();
  if (spec.global_pool && !(*environment)->spec().global_pool) {
    return Error(
        ErrorCode::failed_precondition,
        "session: global_pool: expected an environment with a pool, got one without (ask for it before the first session opens)");
  }
  auto kept = std::make_unique<Kept>(spec, *environment);
  LANEWAY_TRY_ASSIGN(const auto options, make_options(*environment, spec, *kept));
  auto native = make_native(**environment, spec, options.get());
  if (!native) {
    if (auto failure = kept->failure()) return *std::move(failure);
    return blame_model(std::move(native).error()).with_context(name_of(spec.model));
  }
  const std::shared_ptr<Session> session(
      new Session(*std::move(environment), std::move(kept), *std::move(native), spec.denormals_as_zero));
  LANEWAY_TRY(session->read_ports());
  return std::shared_ptr<const Session>(session);
}

Expected<> Session::read_ports() {
  LANEWAY_TRY(append_ports(*this, LANEWAY_ORT_FN(SessionGetInputCount), LANEWAY_ORT_FN(SessionGetInputName),
                           LANEWAY_ORT_FN(SessionGetInputTypeInfo), false, inputs_));
  LANEWAY_TRY(append_ports(*this, LANEWAY_ORT_FN(SessionGetOverridableInitializerCount),
                           LANEWAY_ORT_FN(SessionGetOverridableInitializerName),
                           LANEWAY_ORT_FN(SessionGetOverridableInitializerTypeInfo), true, inputs_));
  return append_ports(*this, LANEWAY_ORT_FN(SessionGetOutputCount), LANEWAY_ORT_FN(SessionGetOutputName),
                      LANEWAY_ORT_FN(SessionGetOutputTypeInfo), false, outputs_);
}

Expected<std::size_t> Session::input_named(std::string_view name) const { return position("input", name, inputs_); }
Expected<std::size_t> Session::output_named(std::string_view name) const { return position("output", name, outputs_); }

Expected<Metadata> Session::metadata() const {
  LANEWAY_TRY_ASSIGN(const auto handle, make<OrtModelMetadata>(library(), LANEWAY_ORT_FN(SessionGetModelMetadata), native()));
  return read_metadata(*library(), environment_->host_allocator(), handle.get());
}

Expected<Allocator> Session::host_allocator() const {
  LANEWAY_TRY_ASSIGN(auto handle, make<OrtAllocator>(library(), LANEWAY_ORT_FN(CreateAllocator), native(),
                                                     environment_->host_memory().native()));
  struct Held {
    std::shared_ptr<const Session> session;
    Handle<OrtAllocator> handle;
  };
  const auto held = std::make_shared<Held>(Held{shared_from_this(), std::move(handle)});
  return Allocator(library(), std::shared_ptr<OrtAllocator>(held, held->handle.get()));
}

Expected<std::uint64_t> Session::profiling_start_ns() const {
  if (!kept_->profiled) {
    return Error(ErrorCode::failed_precondition, "session: profiling: expected one that was begun, got none");
  }
  std::uint64_t start_ns = 0;
  LANEWAY_TRY(
      call(*library(), LANEWAY_ORT_FN(SessionGetProfilingStartTimeNs), static_cast<const OrtSession*>(native()), &start_ns));
  return start_ns;
}

Expected<std::filesystem::path> Session::end_profiling() const {
  // A second end succeeds with an empty path as far as ONNX Runtime is concerned.
  if (!kept_->profiling.exchange(false)) {
    return Error(ErrorCode::failed_precondition,
                 "session: profiling: expected one that runs, got none (never begun, or ended before)");
  }
  const Allocator& allocator = environment_->host_allocator();
  char* path = nullptr;
  LANEWAY_TRY(call(*library(), LANEWAY_ORT_FN(SessionEndProfiling), native(), allocator.native(), &path));
  return std::filesystem::path(take_text(allocator, path));
}

}  // namespace laneway::ort
