#include "bench/measure/rounds.h"

#include <algorithm>
#include <barrier>
#include <limits>
#include <mutex>
#include <numeric>
#include <random>
#include <thread>

#include "bench/measure/clock.h"

namespace laneway::bench {
namespace {

constexpr std::chrono::nanoseconds block_time = std::chrono::milliseconds(5);
constexpr std::uint64_t long_run_share = 8;  // a run of this part of a block or more counts even where it is the first

// A contestant's turn, as all drivers see it.
struct Block {
  Timed* timed = nullptr;  // null: the drivers end
  std::size_t contestant = 0;
  std::uint32_t round = 0;
  std::uint64_t length_ticks = 0;
  bool counts = false;
};

class Drivers {
 public:
  Drivers(std::size_t contestants, const RoundsSpec& spec)
      : spec_(spec),
        barrier_(static_cast<std::ptrdiff_t>(spec.lanes) + 1),
        samples_(spec.lanes, std::vector<std::vector<Sample>>(contestants)),
        fastest_(contestants, std::numeric_limits<std::uint64_t>::max()),
        runs_(contestants),
        ticks_(contestants),
        errors_(contestants) {
    for (std::size_t lane = 0; lane < spec.lanes; ++lane) threads_.emplace_back([this, lane] { drive(lane); });
  }
  ~Drivers() {
    run({});
    for (std::thread& thread : threads_) thread.join();
  }

  // Has every lane run the block, and returns when all are through.
  void run(const Block& block) {
    block_ = block;
    begin_ = std::numeric_limits<std::uint64_t>::max();
    end_ = 0;
    barrier_.arrive_and_wait();
    if (block.timed == nullptr) return;
    barrier_.arrive_and_wait();
    if (block.counts && begin_ < end_) ticks_[block.contestant] += end_ - begin_;
  }

  bool failed(std::size_t contestant) const { return errors_[contestant].has_value(); }

  Timing timing(std::size_t contestant) const {
    Timing timing{.runs = runs_[contestant], .ticks = ticks_[contestant], .error = errors_[contestant]};
    for (const auto& of_lane : samples_) {
      timing.samples.insert(timing.samples.end(), of_lane[contestant].begin(), of_lane[contestant].end());
    }
    std::sort(timing.samples.begin(), timing.samples.end(), [](const Sample& a, const Sample& b) { return a.ticks < b.ticks; });
    return timing;
  }

 private:
  void drive(std::size_t lane) {
    std::uint64_t turn = 0;
    while (true) {
      barrier_.arrive_and_wait();
      const Block block = block_;
      if (block.timed == nullptr) return;
      run_block(block, lane, turn);
      barrier_.arrive_and_wait();
    }
  }

  void run_block(const Block& block, std::size_t lane, std::uint64_t& turn) {
    std::vector<Sample>& samples = samples_[lane][block.contestant];
    bool counts = block.counts && fastest_[block.contestant] * long_run_share >= block.length_ticks;
    const std::uint64_t start = Clock::begin();
    std::uint64_t end = start, fastest = std::numeric_limits<std::uint64_t>::max(), runs = 0;
    do {
      spec_.prepare(lane, turn++);
      const std::uint64_t begin = Clock::begin();
      Expected<> done = block.timed->run(lane);
      end = Clock::end();
      if (!done) return fail(block.contestant, std::move(done).error());
      if (counts) samples.push_back({end - begin, block.round});
      counts = block.counts;
      ++runs;
      fastest = std::min(fastest, end - begin);
    } while (end - start < block.length_ticks && !stopped());
    const std::lock_guard lock(mutex_);
    if (block.counts) {
      runs_[block.contestant] += runs;
      begin_ = std::min(begin_, start);
      end_ = std::max(end_, end);
    } else {
      fastest_[block.contestant] = std::min(fastest_[block.contestant], fastest);
    }
  }

  bool stopped() const noexcept { return spec_.stop != nullptr && spec_.stop->load(std::memory_order_relaxed); }

  void fail(std::size_t contestant, Error error) {
    const std::lock_guard lock(mutex_);
    if (!errors_[contestant]) errors_[contestant] = std::move(error);
  }

  const RoundsSpec& spec_;
  std::barrier<> barrier_;
  Block block_;
  std::vector<std::vector<std::vector<Sample>>> samples_;  // [lane][contestant]
  std::vector<std::uint64_t> fastest_;                     // of the warm-up
  std::vector<std::uint64_t> runs_, ticks_;                // of the blocks that count
  std::uint64_t begin_ = 0, end_ = 0;                      // of this block
  std::vector<std::optional<Error>> errors_;
  std::mutex mutex_;
  std::vector<std::thread> threads_;
};

}  // namespace

Rounds run_rounds(std::span<Timed* const> contestants, const RoundsSpec& spec) {
  using Time = std::chrono::steady_clock;
  const auto ticks = [](std::chrono::nanoseconds time) {
    return static_cast<std::uint64_t>(static_cast<double>(time.count()) / Clock::ns_per_tick());
  };
  const auto stopped = [&] { return spec.stop != nullptr && spec.stop->load(); };
  Drivers drivers(contestants.size(), spec);
  for (std::size_t i = 0; i < contestants.size(); ++i) drivers.run({contestants[i], i, 0, ticks(spec.warmup), false});

  Rounds result;
  std::mt19937_64 random(spec.seed);
  std::vector<std::size_t> order(contestants.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto start = Time::now();
  const auto whole = spec.duration * contestants.size();
  std::uint32_t round = 0;
  for (auto elapsed = Time::duration{}; (elapsed < whole || round == 0) && !stopped(); elapsed = Time::now() - start) {
    std::shuffle(order.begin(), order.end(), random);
    for (const std::size_t i : order) {
      if (!drivers.failed(i)) drivers.run({contestants[i], i, round, ticks(block_time), true});
    }
    ++round;
    if (spec.progress) spec.progress(std::min(1.0, static_cast<double>(elapsed.count()) / static_cast<double>(whole.count())));
  }
  for (std::size_t i = 0; i < contestants.size(); ++i) result.timings.push_back(drivers.timing(i));
  result.sittings = {round};
  return result;
}

void Rounds::add(Rounds later) {
  const std::uint32_t before = std::accumulate(sittings.begin(), sittings.end(), std::uint32_t{0});
  timings.resize(std::max(timings.size(), later.timings.size()));
  for (std::size_t i = 0; i < later.timings.size(); ++i) {
    Timing& timing = timings[i];
    Timing& more = later.timings[i];
    for (Sample& sample : more.samples) sample.round += before;
    const auto middle = static_cast<std::ptrdiff_t>(timing.samples.size());
    timing.samples.insert(timing.samples.end(), more.samples.begin(), more.samples.end());
    std::ranges::inplace_merge(timing.samples, timing.samples.begin() + middle, {}, &Sample::ticks);
    timing.runs += more.runs;
    timing.ticks += more.ticks;
    if (!timing.error) timing.error = std::move(more.error);
  }
  sittings.insert(sittings.end(), later.sittings.begin(), later.sittings.end());
}

}  // namespace laneway::bench
