#include <optional>
#include <utility>
#include <vector>

#include "laneway/ort/environment.h"
#include "laneway/ort/memory.h"
#include "ort/call.h"

namespace laneway::ort {
namespace {

// The caller's source as ONNX Runtime's allocator.
struct Source : OrtAllocator {
  Source(HostMemorySource from, const OrtMemoryInfo* memory) : OrtAllocator{}, source(std::move(from)), info(memory) {
    version = ORT_API_VERSION;
    Alloc = [](OrtAllocator* self, std::size_t bytes) { return static_cast<Source*>(self)->source.allocate(bytes); };
    Reserve = Alloc;
    Free = [](OrtAllocator* self, void* memory_) {
      if (memory_) static_cast<Source*>(self)->source.free(memory_);
    };
    Info = [](const OrtAllocator* self) { return static_cast<const Source*>(self)->info; };
  }

  HostMemorySource source;
  const OrtMemoryInfo* info;
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

// What ONNX Runtime says of a second one is that the first is there.
Error refused(Error error) {
  return Error(ErrorCode::failed_precondition, "shared allocator: not registered: " + std::string(error.message()));
}

}  // namespace

struct SharedAllocator::Native {
  MemoryInfo memory;
  std::optional<Source> source = std::nullopt;
};

SharedAllocator::SharedAllocator(std::shared_ptr<const Environment> environment, std::unique_ptr<Native> native) noexcept
    : environment_(std::move(environment)), native_(std::move(native)) {}

SharedAllocator::~SharedAllocator() {
  (void)call(*environment_->library(), LANEWAY_ORT_FN(UnregisterAllocator), environment_->native(), native_->memory.native());
}

Expected<std::shared_ptr<const SharedAllocator>> SharedAllocator::arena(const std::shared_ptr<const Environment>& environment,
                                                                        const ArenaSpec& spec) {
  const std::shared_ptr<const Library>& library = environment->library();
  LANEWAY_TRY_ASSIGN(const auto config, make_config(library, spec));
  LANEWAY_TRY_ASSIGN(MemoryInfo memory, MemoryInfo::host(library));
  auto native = std::make_unique<Native>(Native{std::move(memory)});
  const char* const* const none = nullptr;
  auto registered = call(*library, LANEWAY_ORT_FN(CreateAndRegisterAllocatorV2), environment->native(), "CPUExecutionProvider",
                         native->memory.native(), config.get(), none, none, std::size_t{0});
  if (!registered) return refused(std::move(registered).error());
  return std::shared_ptr<const SharedAllocator>(new SharedAllocator(environment, std::move(native)));
}

Expected<std::shared_ptr<const SharedAllocator>> SharedAllocator::own(const std::shared_ptr<const Environment>& environment,
                                                                      HostMemorySource source) {
  if (!source.allocate || !source.free) {
    return Error(ErrorCode::invalid_argument,
                 std::string("shared allocator: ") + (source.allocate ? "free" : "allocate") + ": empty: expected a function");
  }
  const std::shared_ptr<const Library>& library = environment->library();
  LANEWAY_TRY_ASSIGN(MemoryInfo memory, MemoryInfo::make(library, {.name = "Cpu"}));
  auto native = std::make_unique<Native>(Native{std::move(memory)});
  native->source.emplace(std::move(source), native->memory.native());
  OrtAllocator* const allocator = &*native->source;
  auto registered = call(*library, LANEWAY_ORT_FN(RegisterAllocator), environment->native(), allocator);
  if (!registered) return refused(std::move(registered).error());
  return std::shared_ptr<const SharedAllocator>(new SharedAllocator(environment, std::move(native)));
}

}  // namespace laneway::ort
