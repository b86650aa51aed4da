#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "laneway/engine/engine.h"
#include "laneway/runtime/spec.h"
#include "runtime/dimensions.h"
#include "runtime/job_threads.h"
#include "runtime/problems.h"
#include "runtime/run_metrics.h"
#include "runtime/turn.h"
#include "runtime/watcher.h"

namespace laneway {

/// What all lanes of a runtime have in common: the spec, checked against the ports of an engine. Immutable.
struct Blueprint {
  struct LinkedPorts {
    std::size_t output, input;
    std::vector<std::byte> initial;
  };
  /// Where one port of one lane gets its memory.
  struct PortMemory {
    std::optional<Memory> caller = std::nullopt;
    MemoryOwner owner = MemoryOwner::laneway;
    Placement placement = Placement::host;
    PagePolicy pages = {};
  };

  /// What can be said of a spec before any model is read.
  static void validate(const RuntimeSpec& spec, Problems& problems);
  /// Whether there is anything to open.
  static bool readable(const ModelSource& source);
  /// Checks the rest against the engine's ports. Only without problems is what comes back whole.
  static std::shared_ptr<Blueprint> make(RuntimeSpec spec, const Engine& engine, Problems& problems);

  /// The engine of a bucket with a model of its own, or of all, as lanes of this blueprint can use it: its ports are those the
  /// blueprint was made from, and it is padded where the spec says so and it cannot resize. Buffers are sized by its plans and
  /// seen through the blueprint's ports: that is why both must agree.
  /// Errors: invalid_argument naming the port, and those of pad_engine().
  Expected<OpenEngine> fitting(OpenEngine engine) const;

  PlanSpec plan_spec(const Extents& capacity) const;
  PortMemory memory_of(std::size_t lane, std::size_t port, bool input) const;
  const LinkedPorts* link_into(std::size_t input) const noexcept;
  const LinkedPorts* link_out_of(std::size_t output) const noexcept;

  RuntimeSpec spec;
  std::vector<Port> inputs, outputs;  // with fixed dimensions shown so
  std::vector<bool> given;            // per input
  std::vector<bool> wanted;           // per output
  std::vector<LinkedPorts> links;
  std::vector<ProvenOutput> proven;
  Dimensions dimensions;  // those that vary; none without buckets

  std::shared_ptr<Watcher> watcher;
  std::shared_ptr<JobThreads> job_threads;
  std::shared_ptr<RunMetrics> metrics;  // null: off
};

/// Index of the port of this name. Errors: not_found listing the names there are.
Expected<std::size_t> find_port(std::span<const Port> ports, std::string_view name, std::string_view what);

}  // namespace laneway
