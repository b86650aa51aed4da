// The engine's side: the seam, as a real engine implements it, but that the work is a script's.
#include "toy_engine/toy_engine.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "laneway/core/float_state.h"
#include "laneway/engine/check.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace laneway {
namespace {

constexpr int garbage = 0xa5;

Error refused(ErrorCode code, std::string problem) { return Error(code, "engine toy: " + std::move(problem)); }

bool standard_float_state() noexcept {
#if defined(__x86_64__)
  return (_mm_getcsr() & 0xffc0u) == 0x1f80u;
#else
  return true;
#endif
}

// Host memory at an alignment of its own. Never resized: an address that was given out stays.
struct Block {
  explicit Block(std::size_t size) : bytes(size), data(static_cast<std::byte*>(std::aligned_alloc(64, (size / 64 + 1) * 64))) {}
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() { std::free(data); }

  std::size_t bytes;
  std::byte* data;
};

// How many children an object has. Shared with them, so that those who outlive it against the rules can still say that they go.
using Living = std::shared_ptr<std::atomic<int>>;

// ---- engine --------------------------------------------------------------------------------------------------------------

class ToyEngine final : public Engine {
 public:
  ToyEngine(std::shared_ptr<Toy> toy, const OpenSpec& spec) : toy_(std::move(toy)), source_(spec.model) {
    inputs_ = toy_->model.inputs;
    outputs_ = toy_->model.outputs;
    toy_->counters.engines.add();
  }
  ~ToyEngine() override {
    if (plans_->load() != 0) toy_->violation("engine destroyed before its plans");
    toy_->counters.engines.add(-1);
  }

  Expected<> fix(std::span<const NamedExtent> dimensions) { return fix_dimensions(inputs_, outputs_, dimensions); }

  std::string_view name() const noexcept override { return "toy"; }
  EngineTraits traits() const noexcept override { return toy_->model.traits; }
  std::span<const Port> inputs() const noexcept override { return inputs_; }
  std::span<const Port> outputs() const noexcept override { return outputs_; }
  std::size_t weight_bytes() const noexcept override { return toy_->model.weight_bytes; }
  std::vector<EngineNote> notes() const override { return {{"script", std::to_string(inputs_.size()) + " inputs"}}; }
  Expected<std::shared_ptr<const Plan>> specialise(const PlanSpec& spec) const override;
  Expected<Allocation> allocate(std::size_t bytes, Placement placement, int device) const override;

  const std::shared_ptr<Toy>& toy() const noexcept { return toy_; }

  mutable std::atomic<bool> busy{false};  // a binding of an engine that runs one at a time runs
  const Living& plans() const noexcept { return plans_; }

 private:
  std::shared_ptr<Toy> toy_;
  ModelSource source_;  // with the owner of its bytes
  std::vector<Port> inputs_, outputs_;
  Living plans_ = std::make_shared<std::atomic<int>>(0);
};

// ---- plan ----------------------------------------------------------------------------------------------------------------

class ToyPlan final : public Plan {
 public:
  ToyPlan(const ToyEngine& engine, const PlanSpec& spec);
  ~ToyPlan() override;

  std::span<const PlannedPort> inputs() const noexcept override { return inputs_; }
  std::span<const PlannedPort> outputs() const noexcept override { return outputs_; }
  PlanBytes bytes() const noexcept override { return bytes_; }
  Expected<std::unique_ptr<Binding>> bind(const BindSpec& spec) const override;

  const ProvenOutput* proven(std::size_t output) const noexcept {
    const auto found = std::ranges::find(spec_.proven, output, &ProvenOutput::output);
    return found == spec_.proven.end() ? nullptr : &*found;
  }
  std::optional<Shape> shape_of(std::size_t output, std::span<const Shape> shapes) const {
    if (!wanted(output)) return std::nullopt;
    return shape_of_output(engine_.inputs(), shapes, engine_.outputs()[output], proven(output));
  }
  bool wanted(std::size_t output) const {
    return spec_.outputs.empty() || std::ranges::find(spec_.outputs, output) != spec_.outputs.end();
  }
  const PlanSpec& spec() const noexcept { return spec_; }
  const std::vector<bool>& given() const noexcept { return given_; }
  const ToyEngine& engine() const noexcept { return engine_; }
  const std::shared_ptr<Toy>& shared_toy() const noexcept { return toy_; }
  Toy& toy() const noexcept { return *toy_; }

  const Living& bindings() const noexcept { return bindings_; }

 private:
  const ToyEngine& engine_;  // whoever holds the plan holds the engine
  std::shared_ptr<Toy> toy_;
  Living siblings_, bindings_ = std::make_shared<std::atomic<int>>(0);
  PlanSpec spec_;
  std::vector<bool> given_;
  std::vector<PlannedPort> inputs_, outputs_;
  PlanBytes bytes_;
  mutable std::atomic<bool> shared_held_{false};
};

ToyPlan::ToyPlan(const ToyEngine& engine, const PlanSpec& spec)
    : engine_(engine), toy_(engine.toy()), siblings_(engine.plans()), spec_(spec) {
  const ToyModel& model = toy().model;
  PlannedPort blank;
  blank.alignment_bytes = model.alignment_bytes;
  blank.placement = model.placement;
  blank.copied = model.copied;
  for (std::size_t i = 0; i < engine.inputs().size(); ++i) {
    const Port& port = engine.inputs()[i];
    given_.push_back(spec.given.empty() ? !port.optional : spec.given[i]);
    inputs_.push_back(blank);
    if (!port.dense() || !given_[i]) continue;
    inputs_[i].capacity = spec.inputs[i];
    inputs_[i].bytes = *byte_count(port.dtype, spec.inputs[i]);
  }
  for (std::size_t i = 0; i < engine.outputs().size(); ++i) {
    const Port& port = engine.outputs()[i];
    outputs_.push_back(blank);
    if (!port.dense()) continue;
    outputs_[i].capacity = shape_of(i, spec.inputs);
    if (outputs_[i].capacity) outputs_[i].bytes = *byte_count(port.dtype, *outputs_[i].capacity);
  }
  if (model.bytes) bytes_ = model.bytes(spec.inputs);
  siblings_->fetch_add(1);
  toy().counters.plans.add();
}

ToyPlan::~ToyPlan() {
  if (bindings_->load() != 0) toy().violation("plan destroyed before its bindings");
  if (shared_held_.load()) {
    toy().counters.shared_bytes.add(-static_cast<std::int64_t>(bytes_.shared));
    toy().counters.plan_bytes.add(-static_cast<std::int64_t>(bytes_.shared));
  }
  toy().counters.plans.add(-1);
  siblings_->fetch_sub(1);
}

Expected<std::shared_ptr<const Plan>> ToyEngine::specialise(const PlanSpec& spec) const {
  toy_->note(ToyPlanRecord{spec, std::this_thread::get_id()});
  toy_->counters.building.add();
  Expected<> entered = toy_->phase(ToyPhase::specialise).enter(spec.inputs);
  toy_->counters.building.add(-1);
  LANEWAY_TRY(std::move(entered));
  LANEWAY_TRY(check_plan_spec(inputs_, outputs_, spec));
  if (toy_->model.check) LANEWAY_TRY(toy_->model.check(spec.inputs));
  return std::shared_ptr<const Plan>(std::make_shared<ToyPlan>(*this, spec));
}

Expected<Engine::Allocation> ToyEngine::allocate(std::size_t bytes, Placement placement, int device) const {
  const Placement own = toy_->model.placement;
  if (placement != Placement::host && placement != own) return Engine::allocate(bytes, placement, device);
  auto block = std::make_shared<Block>(bytes);
  if (!block->data) return refused(ErrorCode::resource_exhausted, "no memory: expected " + std::to_string(bytes) + " bytes");
  toy_->counters.allocations.add();
  const Memory memory{block->data, bytes, placement, device};
  return Allocation{memory,
                    std::shared_ptr<void>(block->data, [block, toy = toy_](void*) { toy->counters.allocations.add(-1); })};
}

// ---- binding -------------------------------------------------------------------------------------------------------------

// An output that the engine owns: two blocks in turn, so that the address changes at every run and whoever keeps an old one
// reads garbage.
struct OwnedOutput {
  std::array<std::unique_ptr<Block>, 2> blocks;
  std::size_t turn = 0;

  std::byte* next(std::size_t bytes) {
    if (blocks[turn]) std::memset(blocks[turn]->data, garbage, blocks[turn]->bytes);
    turn = 1 - turn;
    if (!blocks[turn] || blocks[turn]->bytes < bytes) blocks[turn] = std::make_unique<Block>(bytes);
    return blocks[turn]->data;
  }
};

struct BoundOutput {
  Attachment attachment;
  std::unique_ptr<Block> staging;  // where the engine computes if the memory is elsewhere
  OwnedOutput owned;
  std::atomic<bool> engine_owned = false;  // audits read it from any thread
  std::optional<Shape> expected;           // as far as the input shapes tell
  Shape shape;                             // of the result, or expected
  bool valid = false;                      // there is a result
  std::byte* result = nullptr;
};

class ToyBinding final : public Binding, private ToyRun {
 public:
  ToyBinding(const ToyPlan& plan, const BindSpec& spec);
  ~ToyBinding() override;

  Expected<> run(const StopSignal& stop) noexcept override;
  bool start(const StopSignal& stop, Completion& completion) noexcept override;
  void interrupt() noexcept override { toy().counters.interrupts.add(); }
  Expected<> resize(std::span<const Shape> inputs) noexcept override;
  Expected<> rebind_input(std::size_t index, const Memory& memory) noexcept override;
  Expected<> rebind_output(std::size_t index, const Memory& memory) noexcept override;
  Expected<OutputView> output(std::size_t index) const noexcept override;
  std::optional<PortUse> output_use(std::size_t index) const noexcept override {
    const bool found_at_the_run = index < outputs_.size() && outputs_[index].engine_owned;
    return found_at_the_run ? std::optional(PortUse{}) : std::nullopt;
  }

 private:
  // Marks the binding, and the engine where it takes one at a time, as used by one thread.
  class Use {
   public:
    Use(const ToyBinding& binding, const char* what, bool engine_too) noexcept;
    ~Use();

   private:
    const ToyBinding& binding_;
    bool engine_too_;
  };

  ToyTensor input(std::size_t index) const override;
  const Value& input_value(std::size_t index) const override;
  std::byte* output(std::size_t index, const Shape& shape) override;
  bool stopped() const override { return stop_->requested(); }
  Value* output_value(std::size_t index) override {
    const auto* value = std::get_if<ValueRef>(&outputs_[index].attachment);
    return value ? value->value : nullptr;
  }

  Toy& toy() const noexcept { return *toy_; }
  bool copied(const Memory& memory) const noexcept {
    return memory.placement != toy().model.placement || !toy().model.copied.empty();
  }
  std::size_t input_bytes(std::size_t index) const { return *byte_count(plan_.engine().inputs()[index].dtype, shapes_[index]); }
  void expect_outputs() noexcept;
  void join_runner() noexcept;
  Expected<> check_values() const;
  Expected<> step_through();
  Expected<> compute();
  void copy_in();
  void copy_out();
  void spoil_outputs() noexcept;

  const ToyPlan& plan_;  // whoever holds the binding holds the plan
  std::shared_ptr<Toy> toy_;
  Living siblings_;
  std::int64_t bytes_;
  std::vector<Attachment> inputs_;
  std::vector<std::unique_ptr<Block>> input_staging_;
  std::vector<BoundOutput> outputs_;
  std::vector<Shape> shapes_;
  bool failed_ = false;               // the last run
  const StopSignal* stop_ = nullptr;  // of the run in progress
  std::thread runner_;                // of what start() began
  std::optional<Error> mismatch_;     // an output that came out in another shape than proven
  mutable std::atomic<bool> busy_{false};
};

Expected<std::unique_ptr<Binding>> ToyPlan::bind(const BindSpec& spec) const {
  toy().note(ToyBindRecord{
      spec.cores, spec.device, {spec.inputs.begin(), spec.inputs.end()}, {spec.outputs.begin(), spec.outputs.end()}});
  if (toy().phase(ToyPhase::bind).out_of_memory.exchange(false)) throw std::bad_alloc();
  LANEWAY_TRY(toy().phase(ToyPhase::bind).enter(spec_.inputs));
  LANEWAY_TRY(check_bind_spec(engine_.inputs(), engine_.outputs(), *this, spec));
  if (spec.device && (*spec.device < 0 || *spec.device >= toy().model.devices)) {
    return refused(ErrorCode::invalid_argument, "no such device: expected below " + std::to_string(toy().model.devices) +
                                                    ", got " + std::to_string(*spec.device));
  }
  if (!shared_held_.exchange(true)) {
    toy().counters.shared_bytes.add(static_cast<std::int64_t>(bytes_.shared));
    toy().counters.plan_bytes.add(static_cast<std::int64_t>(bytes_.shared));
  }
  return std::unique_ptr<Binding>(std::make_unique<ToyBinding>(*this, spec));
}

ToyBinding::ToyBinding(const ToyPlan& plan, const BindSpec& spec)
    : plan_(plan),
      toy_(plan.shared_toy()),
      siblings_(plan.bindings()),
      bytes_(static_cast<std::int64_t>(plan.bytes().per_binding)),
      inputs_(spec.inputs.begin(), spec.inputs.end()),
      outputs_(spec.outputs.size()),
      shapes_(plan.spec().inputs) {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const auto* memory = std::get_if<Memory>(&inputs_[i]);
    input_staging_.push_back(memory && copied(*memory) ? std::make_unique<Block>(plan.inputs()[i].bytes) : nullptr);
  }
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    outputs_[i].attachment = spec.outputs[i];
    outputs_[i].engine_owned = std::holds_alternative<EngineOwned>(spec.outputs[i]);
    const auto* memory = std::get_if<Memory>(&spec.outputs[i]);
    if (memory && copied(*memory)) outputs_[i].staging = std::make_unique<Block>(plan.outputs()[i].bytes);
  }
  expect_outputs();
  siblings_->fetch_add(1);
  toy().counters.bindings.add();
  toy().counters.plan_bytes.add(bytes_);
}

ToyBinding::~ToyBinding() {
  join_runner();
  if (busy_.load()) toy().violation("binding destroyed while in use");
  // Buffers outlive their binding: a sanitizer complains here where they do not.
  const auto touch = [](const Attachment& attachment) {
    const auto* memory = std::get_if<Memory>(&attachment);
    if (memory && memory->bytes > 0) static_cast<void>(*static_cast<const volatile std::byte*>(memory->data));
  };
  for (const Attachment& input : inputs_) touch(input);
  for (const BoundOutput& output : outputs_) touch(output.attachment);
  toy().counters.bindings.add(-1);
  toy().counters.plan_bytes.add(-bytes_);
  siblings_->fetch_sub(1);
}

ToyBinding::Use::Use(const ToyBinding& binding, const char* what, bool engine_too) noexcept
    : binding_(binding), engine_too_(engine_too && !binding.toy().model.traits.concurrent_bindings) {
  // Relaxed: the toy must not put in order what the runtime forgot to.
  if (binding.busy_.exchange(true, std::memory_order_relaxed)) {
    binding.toy().violation(std::string(what) + ": another thread is in this binding");
  }
  if (engine_too_ && binding.plan_.engine().busy.exchange(true, std::memory_order_relaxed)) {
    binding.toy().violation(std::string(what) + ": another binding of an engine that takes one at a time runs");
  }
}

ToyBinding::Use::~Use() {
  if (engine_too_) binding_.plan_.engine().busy.store(false, std::memory_order_relaxed);
  binding_.busy_.store(false, std::memory_order_relaxed);
}

Expected<> ToyBinding::run(const StopSignal& stop) noexcept {
  const Use use(*this, "run", true);
  if (!standard_float_state()) toy().violation("run: not in the standard floating-point state");
  stop_ = &stop;
  Expected<> done = step_through();
  if (done) done = compute();
  failed_ = !done;
  if (!done) {
    if (done.error().code() == ErrorCode::cancelled) toy().counters.runs_cancelled.add();
    spoil_outputs();
    return done;
  }
  toy().finish.pass(nullptr);
  toy().counters.runs_done.add();
  return {};
}

bool ToyBinding::start(const StopSignal& stop, Completion& completion) noexcept {
  if (!toy().model.starts) return false;
  toy().counters.starts.add();
  join_runner();  // its run is over
  runner_ = std::thread([this, &stop, &completion] {
    Expected<> result = [&] {
      const FloatStateGuard standard_state;
      return run(stop);
    }();
    completion.done(std::move(result));  // after which the binding may be gone
  });
  return true;
}

// The end of a run may destroy its binding, on its own thread.
void ToyBinding::join_runner() noexcept {
  if (!runner_.joinable()) return;
  if (runner_.get_id() == std::this_thread::get_id()) runner_.detach();
  else runner_.join();
}

Expected<> ToyBinding::step_through() {
  LANEWAY_TRY(toy().phase(ToyPhase::run).enter(shapes_, [this] { return stopped(); }));
  LANEWAY_TRY(check_values());
  const int nodes = toy().nodes.load(std::memory_order_relaxed);
  for (int node = 0; node < nodes; ++node) {
    if (stopped()) return Error::cancelled();
    if (const auto time = toy().node_ns.load(std::memory_order_relaxed); time > 0) {
      std::this_thread::sleep_for(std::chrono::nanoseconds(time));
    }
  }
  return {};
}

Expected<> ToyBinding::check_values() const {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const auto* value = std::get_if<ValueRef>(&inputs_[i]);
    if (value) LANEWAY_TRY(validate(*value->value, plan_.engine().inputs()[i]));
  }
  return {};
}

Expected<> ToyBinding::compute() {
  mismatch_.reset();
  copy_in();
  for (BoundOutput& output : outputs_) output.valid = false;
  LANEWAY_TRY(toy().model.compute(*this));
  if (mismatch_) return *std::exchange(mismatch_, std::nullopt);
  copy_out();
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (std::holds_alternative<Memory>(inputs_[i])) {
      toy().counters.elements.add(static_cast<std::int64_t>(*element_count(shapes_[i])));
    }
  }
  return {};
}

void ToyBinding::copy_in() {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (!input_staging_[i]) continue;
    std::memcpy(input_staging_[i]->data, std::get<Memory>(inputs_[i]).data, input_bytes(i));
    toy().counters.copies.add();
  }
}

void ToyBinding::copy_out() {
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    BoundOutput& output = outputs_[i];
    if (!output.staging || output.engine_owned) continue;
    std::memcpy(std::get<Memory>(output.attachment).data, output.staging->data,
                *byte_count(plan_.engine().outputs()[i].dtype, output.shape));
    toy().counters.copies.add();
  }
}

// A run that ended early may have written anything within its outputs: so it does.
void ToyBinding::spoil_outputs() noexcept {
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    BoundOutput& output = outputs_[i];
    output.valid = false;
    const auto* memory = std::get_if<Memory>(&output.attachment);
    if (!memory || !output.expected || output.engine_owned) continue;
    std::memset(memory->data, garbage, *byte_count(plan_.engine().outputs()[i].dtype, *output.expected));
  }
}

void ToyBinding::expect_outputs() noexcept {
  failed_ = false;
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    outputs_[i].expected = plan_.shape_of(i, shapes_);
    outputs_[i].valid = false;
    if (outputs_[i].expected) outputs_[i].shape = *outputs_[i].expected;
  }
}

Expected<> ToyBinding::resize(std::span<const Shape> inputs) noexcept {
  const Use use(*this, "resize", false);
  LANEWAY_TRY(toy().phase(ToyPhase::resize).enter(inputs));
  LANEWAY_TRY(check_resize(plan_.engine().inputs(), plan_, inputs, plan_.given()));
  if (!toy().model.traits.resizable && !std::ranges::equal(inputs, plan_.spec().inputs)) {
    return refused(ErrorCode::unimplemented, "not resizable: told so by the script");
  }
  if (toy().model.check) LANEWAY_TRY(toy().model.check(inputs));
  std::ranges::copy(inputs, shapes_.begin());
  expect_outputs();
  return {};
}

Expected<> ToyBinding::rebind_input(std::size_t index, const Memory& memory) noexcept {
  const Use use(*this, "rebind_input", false);
  LANEWAY_TRY(toy().phase(ToyPhase::rebind).enter(shapes_));
  if (index >= inputs_.size()) return refused(ErrorCode::out_of_range, "no such input: " + std::to_string(index));
  auto* bound = std::get_if<Memory>(&inputs_[index]);
  if (!bound) return refused(ErrorCode::failed_precondition, "input " + std::to_string(index) + " is not joined to memory");
  LANEWAY_TRY(check_memory("input", plan_.engine().inputs()[index], plan_.inputs()[index], memory));
  if (copied(memory) != copied(*bound)) return refused(ErrorCode::invalid_argument, "another placement than at bind");
  *bound = memory;
  return {};
}

Expected<> ToyBinding::rebind_output(std::size_t index, const Memory& memory) noexcept {
  const Use use(*this, "rebind_output", false);
  LANEWAY_TRY(toy().phase(ToyPhase::rebind).enter(shapes_));
  if (index >= outputs_.size()) return refused(ErrorCode::out_of_range, "no such output: " + std::to_string(index));
  auto* bound = std::get_if<Memory>(&outputs_[index].attachment);
  if (!bound) return refused(ErrorCode::failed_precondition, "output " + std::to_string(index) + " is not joined to memory");
  LANEWAY_TRY(check_memory("output", plan_.engine().outputs()[index], plan_.outputs()[index], memory));
  if (copied(memory) != copied(*bound)) return refused(ErrorCode::invalid_argument, "another placement than at bind");
  *bound = memory;
  outputs_[index].valid = false;
  return {};
}

ToyTensor ToyBinding::input(std::size_t index) const {
  ToyTensor tensor{plan_.engine().inputs()[index].dtype, shapes_[index], nullptr};
  if (const auto* memory = std::get_if<Memory>(&inputs_[index])) {
    tensor.data = input_staging_[index] ? input_staging_[index]->data : static_cast<const std::byte*>(memory->data);
  }
  return tensor;
}

const Value& ToyBinding::input_value(std::size_t index) const {
  static const Value nothing;
  const auto* value = std::get_if<ValueRef>(&inputs_[index]);
  return value ? *value->value : nothing;
}

std::byte* ToyBinding::output(std::size_t index, const Shape& shape) {
  BoundOutput& output = outputs_[index];
  const Port& port = plan_.engine().outputs()[index];
  if (std::holds_alternative<Absent>(output.attachment)) return nullptr;
  const bool unexpected = output.expected && *output.expected != shape;
  if (unexpected && plan_.proven(index)) {
    mismatch_ = refused(ErrorCode::failed_precondition, "output " + port.name + ": wrong shape: proven " +
                                                            to_string(*output.expected) + ", got " + to_string(shape));
  } else if (unexpected) {
    output.engine_owned = true;
  }
  output.shape = shape;
  output.valid = true;
  if (output.engine_owned || mismatch_) {
    output.result = output.owned.next(*byte_count(port.dtype, shape));
  } else {
    auto* bound = static_cast<std::byte*>(std::get<Memory>(output.attachment).data);
    output.result = output.staging ? output.staging->data : bound;
  }
  return output.result;
}

Expected<OutputView> ToyBinding::output(std::size_t index) const noexcept {
  if (busy_.load(std::memory_order_relaxed)) toy().violation("output: another thread is in this binding");
  if (index >= outputs_.size()) return refused(ErrorCode::out_of_range, "no such output: " + std::to_string(index));
  const BoundOutput& output = outputs_[index];
  const Port& port = plan_.engine().outputs()[index];
  const auto* memory = std::get_if<Memory>(&output.attachment);
  if (!memory && !std::holds_alternative<EngineOwned>(output.attachment)) {
    return refused(ErrorCode::failed_precondition, "output " + port.name + ": not wanted, or not dense numbers");
  }
  // Before a run only memory that is bound is known; the engine's own is found by the run.
  const bool in_place = memory && !output.engine_owned;
  if (failed_ || !(output.valid || (in_place && output.expected))) {
    return refused(ErrorCode::failed_precondition, "output " + port.name + ": no result: expected a run that succeeds first");
  }
  OutputView view{.bytes = *byte_count(port.dtype, output.shape), .dtype = port.dtype, .shape = output.shape.extents()};
  view.data = in_place ? memory->data : output.result;
  view.placement = in_place ? memory->placement : toy().model.placement;
  view.device = in_place ? memory->device : 0;
  return view;
}

}  // namespace

// ---- opening -------------------------------------------------------------------------------------------------------------

Expected<OpenEngine> ToyEngineSpec::open(const OpenSpec& spec) const {
  toy->note(ToyOpenRecord{spec.dimensions, spec.threads});
  LANEWAY_TRY(toy->phase(ToyPhase::open).enter({}));
  LANEWAY_TRY(validate(spec.threads));
  if (!spec.weights.empty()) return refused(ErrorCode::not_found, "weight " + spec.weights.front().name + ": a toy has none");
  auto engine = std::make_shared<ToyEngine>(toy, spec);
  LANEWAY_TRY(engine->fix(spec.dimensions));
  return OpenEngine(std::move(engine));
}

ModelSource toy_source() {
  static constexpr std::byte bytes[] = {std::byte{'t'}, std::byte{'o'}, std::byte{'y'}};
  return ModelBytes{bytes};
}

OpenEngine make_toy(std::shared_ptr<Toy> toy) {
  auto engine = ToyEngineSpec{std::move(toy)}.open({.model = toy_source()});
  return engine ? *std::move(engine) : nullptr;
}

OpenEngine make_toy(ToyModel model) { return make_toy(std::make_shared<Toy>(std::move(model))); }

}  // namespace laneway
