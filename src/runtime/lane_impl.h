#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "laneway/memory/buffer.h"
#include "laneway/runtime/lane.h"
#include "runtime/blueprint.h"
#include "runtime/dimensions.h"
#include "runtime/job_slot.h"
#include "runtime/observed.h"

namespace laneway {

/// The way from a lane to its room, for the runtime's other rooms.
class LANEWAY_PRIVATE LaneAccess {
 public:
  static Lane::Impl& impl(Lane& lane) noexcept { return *lane.impl_; }
};

/// What a lane is made of, given by whoever makes it.
struct LaneParts {
  std::shared_ptr<const Blueprint> blueprint;
  std::shared_ptr<const void> reservation;  ///< Of its bytes in a budget; null: none.
  OpenEngine engine;
  std::shared_ptr<const Plan> plan;
  Extents capacity;
  std::size_t number = 0;  ///< Among the lanes of its runtime or bucket.
  std::string name;        ///< "lane 0", "bucket {sequence=32} lane 1".
};

/// The room of one lane. Members stand in the order in which they must outlive one another.
class LANEWAY_PRIVATE Lane::Impl {
 public:
  /// Errors: those of Buffer, Engine::allocate and Plan::bind, with the lane's and port's names.
  static Expected<std::unique_ptr<Impl>> make(LaneParts parts);
  /// Bytes of one lane over this plan: its buffers, as far as they are ours, and its bindings.
  static std::size_t bytes_of(const Blueprint& blueprint, const Plan& plan, std::size_t number);

  explicit Impl(LaneParts parts);

  const Blueprint& blueprint() const noexcept { return *parts_.blueprint; }
  const std::string& name() const noexcept { return parts_.name; }
  const Binding& binding() const noexcept { return *bindings_[0]; }

  // What may fail with words of its own may run out of memory for them: those without noexcept are called guarded.
  Expected<std::size_t> input_index(const PortKey& key) const;
  Expected<std::size_t> output_index(const PortKey& key) const;
  Expected<Memory> input_memory(std::size_t index);
  Expected<Value*> input_value(std::size_t index);
  const Shape& input_shape(std::size_t index) const noexcept { return shapes_[index]; }
  Expected<OutputView> output(std::size_t index) const;
  Expected<const Value*> output_value(std::size_t index) const;

  Expected<> resize(const ShapeKey& dimensions);
  Expected<> resize(const Extents& extents);
  Expected<> rebind(std::size_t index, const Memory& memory, bool input);
  using Timeout = std::optional<std::chrono::nanoseconds>;
  Expected<> run(Timeout timeout) noexcept;
  /// run() in parts, for a job. What start_job() began is over when its slot's done() is told so, and ends with end(); run_entered()
  /// is for whoever got it from the job threads. Where it fails nothing was begun.
  Expected<> start_job(Timeout timeout, std::optional<Observed>& observed);
  Expected<> run_entered() noexcept;
  Expected<> end(Expected<> result, bool timed, Observed& observed) noexcept;
  JobSlot& job() noexcept { return job_; }
  Expected<> reset() noexcept;
  void cancel() noexcept { stop_.request(StopCause::cancelled); }

  /// Runs on whatever the inputs hold, uncounted, at `extents` where they are given; failures that come from the values are left
  /// to the log. The state of links, and whether the last run failed, are afterwards as they were. A lane that somebody is
  /// inside of, or that has an empty Value for an input, is left alone.
  Expected<> warm_up(int runs, const Extents* extents = nullptr);

  void audit(Audit& audit) const;  ///< From any thread.

 private:
  struct PortState {
    Attachment attachment = Absent{};
    Buffer buffer = {};                      // ours, at the capacity
    std::shared_ptr<void> from_engine = {};  // the engine's allocator's
    std::string_view owner = {};
  };

  Expected<> furnish();
  Expected<> furnish_input(std::size_t index);
  Expected<> furnish_output(std::size_t index);
  Expected<> furnish_dense(PortState& port, std::size_t index, const PlannedPort& planned, bool input);
  Expected<> bind();
  Expected<std::unique_ptr<Binding>> bind_crossed(bool crossed);
  std::optional<int> device() const noexcept;  // that the spec asks for
  Expected<> resize_entered(const Extents& extents);
  Expected<> begin(Timeout timeout) noexcept;
  Expected<> run_repeatedly(int runs);
  Expected<> finish(Expected<> result, StopCause cause) noexcept;
  void restore_links() noexcept;
  std::span<std::byte> state_of(const Blueprint::LinkedPorts& link) noexcept;  // what the next run reads
  PortState& link_partner(std::size_t input) noexcept { return outputs_[blueprint().link_into(input)->output]; }

  LaneParts parts_;
  std::vector<PortState> inputs_, outputs_;
  mutable std::mutex rebinding_;  // of the attachments and owners, which rebind() writes and audit() reads from any thread
  std::vector<Value> input_values_, output_values_;
  std::vector<Shape> shapes_, scratch_;  // of inputs: now; and a place to work out the next
  Extents extents_;
  SharedExtents shown_extents_;  // the same, for a lease, which may find them right without entering
  std::shared_ptr<Turn> shared_turn_;
  // What every run reads and writes stands in one cache line: after an engine's work little of ours is still near.
  // Two bindings where there are links: they differ in which of a link's two buffers is read and which written.
  alignas(64) std::unique_ptr<Binding> bindings_[2];
  StopSignal stop_;
  Turn* turn_;                        // null: the engine runs bindings at once
  RunMetrics* metrics_;               // null: off
  std::uint8_t next_ = 0, last_ = 0;  // binding of the next run, of the last one
  bool failed_ = false;               // the last run
  std::optional<Watcher::Slot> deadline_;
  JobSlot job_{*this};
};

}  // namespace laneway
