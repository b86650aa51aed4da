#include <atomic>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "laneway/ort/environment.h"
#include "laneway/ort/memory.h"
#include "ort/call.h"

namespace laneway::ort {
namespace {

// The caller's source as ONNX Runtime's allocator. ONNX Runtime writes to what it is given without looking: where the source has
// none the system's memory serves instead.
class Source : public OrtAllocator {
 public:
  Source(HostMemorySource source, const OrtMemoryInfo* memory) : OrtAllocator{}, source_(std::move(source)), memory_(memory) {
    version = ORT_API_VERSION;
    Alloc = [](OrtAllocator* self, std::size_t bytes) { return static_cast<Source*>(self)->allocate(bytes); };
    Reserve = Alloc;
    Free = [](OrtAllocator* self, void* address) { static_cast<Source*>(self)->free(address); };
    Info = [](const OrtAllocator* self) { return static_cast<const Source*>(self)->memory_; };
  }

 private:
  void* allocate(std::size_t bytes) noexcept {
    void* const address = source_.allocate(bytes);
    if (address || bytes == 0) return address;
    constexpr std::size_t alignment = 64;
    void* const from_system = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    const std::scoped_lock lock(mutex_);
    from_system_.insert(from_system);
    any_from_system_.store(true, std::memory_order_release);
    return from_system;
  }
  void free(void* address) noexcept {
    if (!address) return;
    if (any_from_system_.load(std::memory_order_acquire)) {
      const std::scoped_lock lock(mutex_);
      if (from_system_.erase(address) != 0) return std::free(address);
    }
    source_.free(address);
  }

  HostMemorySource source_;
  const OrtMemoryInfo* memory_;
  std::mutex mutex_;
  std::set<void*> from_system_;
  std::atomic<bool> any_from_system_{false};
};

struct ArenaField {
  const char* name;
  std::optional<std::size_t> value;
};

Expected<Handle<OrtArenaCfg>> make_config(const std::shared_ptr<const Library>& library, const ArenaSpec& spec) {
  const ArenaField fields[] = {{"max_mem", spec.bytes_max},
                               {"arena_extend_strategy", spec.exact ? 1 : 0},
                               {"initial_chunk_size_bytes", spec.first_chunk_bytes},
                               {"initial_growth_chunk_size_bytes", spec.second_chunk_bytes},
                               {"max_power_of_two_extend_bytes", spec.extend_bytes_max},
                               {"max_dead_bytes_per_chunk", spec.dead_bytes_max}};
  std::vector<const char*> names;
  std::vector<std::size_t> values;
  for (const ArenaField& field : fields) {
    if (!field.value) continue;
    names.push_back(field.name);
    values.push_back(*field.value);
  }
  return make<OrtArenaCfg>(library, LANEWAY_ORT_FN(CreateArenaCfgV2), names.data(), values.data(), names.size());
}

// A second one would take the place of the first under the sessions that use it, without a word from ONNX Runtime. There is one
// environment per process, and so one of these.
std::atomic<bool> any_registered{false};

}  // namespace

struct LANEWAY_PRIVATE SharedAllocator::Native {
  explicit Native(MemoryInfo where) : memory(std::move(where)) {}
  MemoryInfo memory;
  std::optional<Source> source = std::nullopt;
  bool registered = false;  // and to be given up

  Expected<> enlist(const Library& library, auto&& function, auto... args) {
    if (any_registered.exchange(true)) {
      return Error(ErrorCode::failed_precondition,
                   "shared allocator: another lives: expected none (its holders are sessions too)");
    }
    registered = true;
    auto done = call(library, function, args...);
    if (!done) any_registered.store(registered = false);
    return done;
  }
};

SharedAllocator::SharedAllocator(std::shared_ptr<const Environment> environment, std::unique_ptr<Native> native) noexcept
    : environment_(std::move(environment)), native_(std::move(native)) {}

SharedAllocator::~SharedAllocator() {
  if (!native_->registered) return;
  (void)call(*environment_->library(), LANEWAY_ORT_FN(UnregisterAllocator), environment_->native(), native_->memory.native());
  any_registered.store(false);
}

Expected<std::shared_ptr<const SharedAllocator>> SharedAllocator::arena(const std::shared_ptr<const Environment>& environment,
                                                                        const ArenaSpec& spec) {
  const std::shared_ptr<const Library>& library = environment->library();
  LANEWAY_TRY_ASSIGN(const auto config, make_config(library, spec));
  LANEWAY_TRY_ASSIGN(MemoryInfo memory, MemoryInfo::host(library));
  auto native = std::make_unique<Native>(std::move(memory));
  const char* const* const none = nullptr;
  const std::shared_ptr<const SharedAllocator> made(new SharedAllocator(environment, std::move(native)));
  LANEWAY_TRY(made->native_->enlist(*library, LANEWAY_ORT_FN(CreateAndRegisterAllocatorV2), environment->native(),
                                    "CPUExecutionProvider", made->native_->memory.native(), config.get(), none, none,
                                    std::size_t{0}));
  return made;
}

Expected<std::shared_ptr<const SharedAllocator>> SharedAllocator::own(const std::shared_ptr<const Environment>& environment,
                                                                      HostMemorySource source) {
  if (!source.allocate || !source.free) {
    return Error(ErrorCode::invalid_argument,
                 std::string("shared allocator: ") + (source.allocate ? "free" : "allocate") + ": empty: expected a function");
  }
  const std::shared_ptr<const Library>& library = environment->library();
  LANEWAY_TRY_ASSIGN(MemoryInfo memory, MemoryInfo::make(library, {.name = "Cpu"}));
  auto native = std::make_unique<Native>(std::move(memory));
  native->source.emplace(std::move(source), native->memory.native());
  OrtAllocator* const allocator = &*native->source;
  const std::shared_ptr<const SharedAllocator> made(new SharedAllocator(environment, std::move(native)));
  LANEWAY_TRY(made->native_->enlist(*library, LANEWAY_ORT_FN(RegisterAllocator), environment->native(), allocator));
  return made;
}

}  // namespace laneway::ort
