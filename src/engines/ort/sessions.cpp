#include "engines/ort/sessions.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/guard.h"
#include "engines/ort/weights.h"
#include "laneway/core/float_state.h"

namespace laneway::engines_ort {
namespace {

constexpr std::string_view full_cpu = "CPUExecutionProvider";
constexpr std::size_t automatic_bytes_max = std::size_t{64} << 20;

struct Decision {
  bool per_lane;
  std::string reason;
};

// What keeps sessions from sharing weights that are ours to lay out; empty: nothing.
std::string_view not_to_be_shared(const ort::SessionSpec& spec) {
  if (!spec.providers.empty() || spec.device_selection.index() != 0) return "providers keep weights of their own";
  const bool weights = !spec.shared_initializers.empty() || !spec.external_initializers.empty() || !spec.external_files.empty();
  return weights || spec.prepacked ? "the caller says how weights are shared" : "";
}

Decision decide(const OrtEngineSpec& options, const ort::SessionSpec& spec, const Model& model) {
  const ThreadSpec& threads = spec.threads;
  if (options.sessions != OrtSessions::automatic) return {options.sessions == OrtSessions::per_lane, "asked for"};
  if (const auto why = not_to_be_shared(spec); !why.empty()) return {false, std::string(why)};
  if (threads.count == 1) return {false, "runs have no workers"};
  if (spec.global_pool) return {false, "the workers are the process's"};
  if (!model.view()) return {false, "its weights cannot be told from the rest of the model"};
  if (model.weight_bytes() > automatic_bytes_max) return {false, "the weights are over 64 MiB"};
  return {true, "runs have workers, and the weights are at most 64 MiB"};
}

// A file in memory that ONNX Runtime can be given the path of.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(memfd_create("laneway-model", MFD_CLOEXEC)) {}
  ~MemoryFile() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  Expected<std::filesystem::path> path() const {
    if (descriptor_ >= 0) return std::filesystem::path("/proc/self/fd/" + std::to_string(descriptor_));
    return Error(ErrorCode::resource_exhausted,
                 std::string("model: no file in memory to optimise it into: ") + std::strerror(errno));
  }

 private:
  int descriptor_;
};

// Strings are no bytes, and what a run may override is not the sessions' to share.
bool can_be_shared(const onnx::GraphView& graph, const onnx::TensorView& weight) {
  return is_numeric(weight.dtype) && std::ranges::find(graph.inputs, weight.name, &onnx::ValueView::name) == graph.inputs.end();
}

// Changes `spec` for sessions that hold the weights of `model` once between them; `model` becomes the optimised one.
Expected<> share_weights(ort::SessionSpec& spec, Model& model) {
  const MemoryFile file;
  LANEWAY_TRY_ASSIGN(const std::filesystem::path path, file.path());
  ort::SessionSpec once = spec;
  once.optimised_model = path;
  once.profile_prefix = std::nullopt;
  once.log_severity = Severity::error;  // it would warn that the file is for this machine only
  once.threads = {};
  once.global_pool = false;
  LANEWAY_TRY(ort::Session::open(once));
  LANEWAY_TRY_ASSIGN(const MappedFile optimised, MappedFile::open(path));
  LANEWAY_TRY_ASSIGN(const onnx::ModelView view, onnx::parse(optimised.data()));

  onnx::TensorReader reader = model.folder() ? onnx::TensorReader(*model.folder()) : onnx::TensorReader();
  std::vector<onnx::TensorBytes> read;
  WeightData data;
  for (const onnx::TensorView& weight : view.graph.initializers) {
    if (!can_be_shared(view.graph, weight)) continue;
    LANEWAY_TRY_ASSIGN(onnx::TensorBytes bytes, reader.bytes(weight));
    data.emplace(weight.name, bytes.bytes);
    read.push_back(std::move(bytes));
  }
  LANEWAY_TRY_ASSIGN(const LaidOutModel laid_out, lay_out(optimised.data(), data));

  std::vector<ort::Initializer> initializers;
  for (const onnx::TensorView& weight : view.graph.initializers) {
    const auto found = laid_out.data.find(weight.name);
    if (found == laid_out.data.end()) continue;
    auto* const at = const_cast<std::byte*>(found->second.data());  // ONNX Runtime only reads it
    auto value = ort::Value::borrow(spec.environment->host_memory(), at, found->second.size(), weight.dtype, weight.shape);
    if (!value) continue;  // a dtype that values cannot have: each session reads its own
    initializers.push_back({std::string(weight.name), std::make_shared<const ort::Value>(*std::move(value))});
  }
  LANEWAY_TRY_ASSIGN(spec.prepacked, ort::PrepackedWeights::make(spec.environment->library()));
  spec.shared_initializers = std::move(initializers);
  spec.optimisation = ort::Optimisation::none;
  spec.dimensions = spec.dimensions_by_denotation = {};  // in the model by now
  LANEWAY_TRY_ASSIGN(model, Model::of(laid_out.bytes, laid_out.owner, std::nullopt));
  spec.model = ort::ModelBytes{laid_out.bytes, laid_out.owner};  // the initializers lie in it
  return {};
}

}  // namespace

Expected<std::unique_ptr<Sessions>> Sessions::open(const OrtEngineSpec& options, ort::SessionSpec base, Model model) {
  auto [per_lane, reason] = decide(options, base, model);
  if (const auto why = not_to_be_shared(base); per_lane && !why.empty()) {
    return Error(ErrorCode::unimplemented, "sessions: per_lane: " + std::string(why) + ": expected shared");
  }
  if (per_lane) {
    ort::SessionSpec sharing = base;
    auto shared = share_weights(sharing, model);
    if (!shared && options.sessions == OrtSessions::per_lane) return std::move(shared).error();
    if (shared) {
      base = std::move(sharing);
    } else {
      per_lane = false;
      reason = "one for each lane cannot share its weights: " + std::string(shared.error().message());
    }
  }
  std::unique_ptr<Sessions> sessions(new Sessions(std::move(base), per_lane, std::move(reason)));
  LANEWAY_TRY_ASSIGN(sessions->spread_, spread_of(sessions->spec_));
  LANEWAY_TRY_ASSIGN(auto first, sessions->open_one({}));
  sessions->sessions_.emplace(SessionKey{}, std::move(first));
  ort::SessionSpec& spec = sessions->spec_;
  spec.optimised_model = std::nullopt;              // written
  if (!per_lane) spec.model = ort::ModelBytes{{}};  // files may go now, and bytes that are not ours
  // Weights that the caller puts in place of those in other files would not be in what we hold.
  const bool whole = spec.external_initializers.empty() && spec.external_files.empty();
  const bool opened_again = model.outputs().size() > 1 || (model.view() && sessions->spread_.devices.size() > 1);
  if (opened_again && whole && model.hold()) sessions->model_ = std::move(model);
  return sessions;
}

Expected<Sessions::Spread> Sessions::spread_of(const ort::SessionSpec& spec) {
  for (std::size_t i = 0; i < spec.providers.size(); ++i) {
    const ort::Provider& provider = spec.providers[i];
    if (!provider.devices.empty()) return Spread{i, provider.devices};
    LANEWAY_TRY_ASSIGN(std::vector<ort::Device> own, ort::devices(spec.environment));
    std::erase_if(own, [&, full_name = ort::full_provider_name(provider.name)](const ort::Device& device) {
      return device.provider() != full_name && device.provider() != provider.name;
    });
    if (!own.empty() && full_cpu != own.front().provider()) return Spread{i, std::move(own)};
  }
  return Spread();
}

Expected<Sessions::Opened> Sessions::open_one(const SessionKey& key) const {
  const FloatStateGuard standard_state;  // what is folded while a session opens must not depend on the caller's
  ort::SessionSpec spec = spec_;
  if (!key.cores.empty()) spec.threads.cores = key.cores;
  if (key.device) spec.providers[spread_.provider].devices = {spread_.devices[static_cast<std::size_t>(*key.device)]};
  LaidOutModel part;  // goes when the session stands
  if (model_ && !(per_lane_ && key.outputs.empty())) {
    std::vector<std::string_view> wanted;
    for (std::size_t i = 0; i < model_->outputs().size(); ++i) {
      if (key.outputs.empty() || key.outputs[i]) wanted.push_back(model_->outputs()[i].name);
    }
    LANEWAY_TRY_ASSIGN(part, model_->only(wanted));
    spec.model = ort::ModelBytes{part.bytes};
  }
  Opened opened;
  LANEWAY_TRY_ASSIGN(opened.session, ort::Session::open(spec));
  const auto arena = opened.session->host_allocator();
  const auto statistics = arena ? arena->statistics() : arena.error();
  if (statistics) opened.weight_bytes = statistics->bytes_in_use;
  return opened;
}

Expected<> Sessions::check_cores(const std::vector<int>& cores) const {
  if (cores.empty() || (per_lane_ && !spec_.global_pool)) return {};
  return Error(ErrorCode::failed_precondition,
               "cores: lanes share their workers (" + reason_ +
                   "): expected OrtEngineSpec{.sessions = OrtSessions::per_lane} without a global pool");
}

Expected<> Sessions::check_device(std::optional<int> device) const {
  const int count = std::max(1, static_cast<int>(spread_.devices.size()));
  if (device && (*device < 0 || *device >= count)) {
    return Error(ErrorCode::invalid_argument,
                 "device: no such device: expected " + (count == 1 ? std::string("0") : "0 to " + std::to_string(count - 1)) +
                     (spread_.devices.empty() ? " (the processor)" : "") + ", got " + std::to_string(*device));
  }
  if (device && count > 1 && !model_) {
    return Error(ErrorCode::unimplemented,
                 "device: the model cannot be opened again for another device: expected one in ONNX's format, without "
                 "external_initializers and external_files");
  }
  return {};
}

Expected<std::shared_ptr<const ort::Session>> Sessions::of(SessionKey key) {
  LANEWAY_TRY(check_device(key.device));
  if (spread_.devices.size() < 2) key.device.reset();
  if (spec_.threads.count == 1) key.cores.clear();  // there are no workers to place
  LANEWAY_TRY(check_cores(key.cores));
  if (!per_lane_) key.lane = 0;
  const auto wanted = std::ranges::count(key.outputs, true);
  if (!model_ || wanted == 0 || wanted == std::ssize(key.outputs)) key.outputs.clear();
  std::unique_lock lock(mutex_);
  opened_.wait(lock, [&] { return !opening_.contains(key); });
  if (const auto found = sessions_.find(key); found != sessions_.end()) {
    used_ = true;
    return found->second.session;
  }
  // Seconds, perhaps: nobody but those who want the same one waits.
  opening_.insert(key);
  lock.unlock();
  auto opened = guarded([&] { return open_one(key); });
  lock.lock();
  opening_.erase(key);
  opened_.notify_all();
  LANEWAY_TRY(opened ? Expected<>() : std::move(opened).error());
  const std::shared_ptr<const ort::Session> session = opened->session;
  // Of the one that opening the engine made nobody has had use; should that change, it can be made again.
  if (!used_) sessions_.clear();
  used_ = true;
  sessions_.insert_or_assign(std::move(key), *std::move(opened));
  return session;
}

Expected<Places> Sessions::places_of(const ort::Session& session) const {
  const bool on_host = spec_.providers.empty() && spec_.device_selection.index() == 0;
  return on_host ? all_on_host(session) : engines_ort::places_of(session, devices());
}

std::shared_ptr<const ort::Session> Sessions::any() const {
  const std::lock_guard lock(mutex_);
  return sessions_.begin()->second.session;
}

// What several sessions hold more than once, as far as their arenas tell.
std::string Sessions::not_shared() const {
  std::int64_t sum = 0, most = 0;
  for (const auto& [key, opened] : sessions_) {
    if (!opened.weight_bytes && sessions_.size() > 1) return "unknown (sessions have no arena)";
    sum += opened.weight_bytes.value_or(0);
    most = std::max(most, opened.weight_bytes.value_or(0));
  }
  return std::to_string(sum - most);
}

std::vector<EngineNote> Sessions::notes() const {
  const std::lock_guard lock(mutex_);
  std::vector<EngineNote> notes = {{"sessions", std::string(per_lane_ ? "per_lane" : "shared") + " (" + reason_ + ")"},
                                   {"sessions_open", std::to_string(sessions_.size())},
                                   {"weight_bytes_not_shared", not_shared()}};
  std::int64_t in_use = 0, reserved = 0;
  for (const auto& [key, opened] : sessions_) {
    const auto arena = opened.session->host_allocator();
    const auto statistics = arena ? arena->statistics() : arena.error();
    if (!statistics || !statistics->bytes_reserved) return notes;  // no arena
    in_use += statistics->bytes_in_use.value_or(0);
    reserved += *statistics->bytes_reserved;
  }
  notes.push_back({"arena_bytes_in_use", std::to_string(in_use)});
  notes.push_back({"arena_bytes_reserved", std::to_string(reserved)});
  return notes;
}

}  // namespace laneway::engines_ort
