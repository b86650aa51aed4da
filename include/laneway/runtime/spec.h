#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "laneway/core/port.h"
#include "laneway/core/threads.h"
#include "laneway/engine/open_spec.h"
#include "laneway/memory/page_policy.h"

namespace laneway LANEWAY_PUBLIC {

class ByteBudget;
class Metrics;

/// Who allocates the memory of a port for which the caller gives none.
enum class MemoryOwner : std::uint8_t { laneway, engine };

/// What is special about one port. A port not named here gets the defaults. Naming an optional input joins it to memory;
/// otherwise it is left out and the model's default holds.
struct PortSpec {
  std::string name;
  std::optional<DType> dtype = std::nullopt;          ///< What the caller means to give; refused where the model wants another.
  std::optional<Shape> shape = std::nullopt;          ///< nullopt: from the model and RuntimeSpec::dimensions.
  std::optional<Memory> memory = std::nullopt;        ///< The caller's, of the port's bytes at least. Must outlive the lanes.
  std::optional<PagePolicy> pages = std::nullopt;     ///< nullopt: the direction's, then RuntimeSpec::pages.
  std::optional<Placement> placement = std::nullopt;  ///< nullopt: host.
  MemoryOwner owner = MemoryOwner::laneway;
};

/// An output fed back as an input of the next run without a copy: state carried by the lane.
struct Link {
  std::string output;
  std::string input;
  std::vector<std::byte> initial = {};  ///< What reset() restores, of the input's bytes; empty: zeros.
};

/// What is special about one lane, by its number. Where there are buckets: about the lane of that number in each of them.
struct LaneSpec {
  std::vector<int> cores = {};                     ///< Of the engine's workers for this lane.
  std::optional<int> device = std::nullopt;        ///< Of an engine that has several.
  std::optional<PagePolicy> pages = std::nullopt;  ///< For all its ports that are not named in `ports`.
  /// Only memory, pages, placement, owner: shapes are the same in all lanes, and so is which optional inputs are given. An
  /// output's memory is of one lane only, so there is none for it where there are buckets (Lane::rebind_output()).
  std::vector<PortSpec> ports = {};
};

/// Capacities of one varying dimension: the powers of two that cover `from` to `to`. (10, 64): 16, 32, 64; (8, 20): 8, 16, 32.
struct Ladder {
  std::string dimension;  ///< By name: "sequence", or "input.0" for one without.
  std::int64_t from = 8;
  std::int64_t to = 512;
  bool cap = false;  ///< The last capacity is `to` even where it is no power of two: (8, 20): 8, 16, 20.
};

/// Extents `from` up to, but not including, `to` share a plan of capacity `to` - 1.
struct Range {
  std::int64_t from;
  std::int64_t to;
};
/// Capacities of one varying dimension, in words. Disjoint, in any order.
struct Ranges {
  std::string dimension;
  std::vector<Range> ranges;
};

/// For engines that cannot resize: whether a smaller request may be padded to the capacity, and how.
struct PaddingSpec {
  /// Rows do not see each other, so that padded ones change nothing. Checked once when a bucket is built.
  bool rows_independent = false;
  /// Or: this input tells the model which rows count. Its padding is 0; what it says of real rows is the caller's.
  std::string mask_input = {};
  struct PortPadding {
    std::string port;
    std::optional<std::size_t> axis = std::nullopt;  ///< nullopt: every axis that varies.
    double fill = 0;
  };
  std::vector<PortPadding> ports = {};
};

enum class Eviction : std::uint8_t { lru, fifo };
/// What a shape past the last capacity gets: out_of_range, or a plan of exactly that shape.
enum class Beyond : std::uint8_t { error, exact };

/// Plans kept for shapes seen. Without one, shapes are fixed when the runtime opens.
struct BucketSpec {
  // Behaviour.
  std::vector<Ladder> ladders = {};  ///< One per dimension; a capacity is the tuple. One in neither list is its own capacity.
  std::vector<Ranges> ranges = {};
  Beyond beyond = Beyond::error;
  std::optional<PaddingSpec> padding = std::nullopt;
  /// The model of a bucket as a function of its capacity: a file per size, say. Called once per bucket, on a build thread. It
  /// has the ports of RuntimeSpec::model: order, names, kinds, dtypes, ranks, and extents but for what varies; else the build is
  /// invalid_argument. Null: RuntimeSpec::model serves all.
  std::function<Expected<ModelSource>(std::span<const NamedExtent> capacity)> model_for = nullptr;

  // Performance.
  std::optional<std::size_t> count_max = 16;            ///< nullopt: no limit.
  std::optional<std::size_t> bytes_max = std::nullopt;  ///< Of plans, bindings and buffers; the engine's weights never count.
  std::shared_ptr<ByteBudget> budget = nullptr;         ///< Shared with other runtimes, in place of bytes_max.
  Eviction eviction = Eviction::lru;
  int build_threads = 2;
};

/// Everything a runtime is made from. A plain value: copy it, edit a preset's. What a field says is heeded or refused: with an
/// engine that is open as the model, `engine`, `weights` and `threads` speak of the models of BucketSpec::model_for only.
struct RuntimeSpec {
  // Behaviour.
  ModelSource model;
  EngineChoice engine = "auto";
  std::vector<NamedExtent> dimensions = {};  ///< Fixed when the runtime opens, by name: {{"batch", 1}}.
  std::vector<PortSpec> ports = {};
  std::vector<std::string> outputs = {};  ///< Wanted ones; the others are not computed. Empty: all.
  std::vector<Link> links = {};
  std::vector<WeightOverride> weights = {};
  std::optional<BucketSpec> buckets = std::nullopt;
  int lanes = 1;                        ///< Per bucket, where there are buckets.
  std::vector<LaneSpec> per_lane = {};  ///< Lane i takes entry i; lanes beyond the list take none.

  // Performance. The defaults are good; measure before changing one.
  ThreadSpec threads = {};  ///< Of one run.
  PagePolicy pages = {};    ///< Of every port's memory that is ours.
  std::optional<PagePolicy> input_pages = std::nullopt;
  std::optional<PagePolicy> output_pages = std::nullopt;
  std::optional<int> job_threads = std::nullopt;  ///< That run jobs (job.h). nullopt: one per core this process may use.
  int warm_up_runs = 1;  ///< Of each lane made by open(), so that the first run of the user is like the others.
  std::shared_ptr<Metrics> metrics = nullptr;  ///< Null: nothing is counted but what report() and counters() tell.
};

}  // namespace laneway
