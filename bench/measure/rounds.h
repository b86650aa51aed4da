#pragma once
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "bench/measure/statistics.h"
#include "laneway/core/expected.h"

namespace laneway::bench {

/// Something that is timed. Each lane is driven by a thread of its own.
class Timed {
 public:
  virtual ~Timed() = default;
  virtual Expected<> run(std::size_t lane) noexcept = 0;
};

/// How contestants take turns: in rounds, each of which gives every contestant one block of 5 ms (one run at least), in an order
/// that is drawn anew. The first run of a block finds cold caches and does not count, unless runs are so long that it matters little.
struct RoundsSpec {
  std::size_t lanes = 1;                                             ///< Run at once, by as many threads.
  std::chrono::nanoseconds duration = std::chrono::seconds(4);       ///< Of the blocks of one contestant together.
  std::chrono::nanoseconds warmup = std::chrono::milliseconds(500);  ///< Of each contestant, before the first round.
  std::uint64_t seed = 0;
  std::function<void(std::size_t lane, std::uint64_t turn)> prepare;  ///< Before every run, outside of what is timed.
  std::function<void(double done)> progress = nullptr;                ///< After each round: from 0 to 1.
  const std::atomic<bool>* stop = nullptr;                            ///< Ends all with what there is so far.
};

struct Timing {
  std::vector<Sample> samples = {};  ///< Sorted by ticks.
  std::uint64_t runs = 0;            ///< In its blocks, on all lanes.
  std::uint64_t ticks = 0;           ///< Of its blocks, from the first lane's begin to the last one's end.
  std::optional<Error> error;        ///< Of the first run that failed; after it the contestant was left out.
};

struct Rounds {
  std::vector<Timing> timings;               ///< One per contestant.
  std::vector<std::uint32_t> sittings = {};  ///< The rounds of each.

  /// Takes a later sitting of the same contestants, opened anew, to these. An error of either stays.
  void add(Rounds later);
};

/// One sitting.
Rounds run_rounds(std::span<Timed* const> contestants, const RoundsSpec& spec);

}  // namespace laneway::bench
