// The skeleton of an engine. To add one:
//
//   1. Copy this folder and include/laneway/engines/null.h; call them as the engine.
//   2. Name the module in LANEWAY_MODULES (CMakeLists.txt) and the engine in src/laneway/engines.def.
//   3. Register it with tests/conformance and make the suite green, function by function, in the order below. What the engine
//      cannot do goes into its list there, with the reason.
//
// What is promised stands in include/laneway/engine/engine.h; the comments here say how to go about it. docs/adding_an_engine.md
// is the long version.
#include "laneway/engines/null.h"

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "laneway/engine/check.h"
#include "laneway/engine/engine.h"

namespace laneway {
namespace {

// Every refusal says who refuses. `unimplemented` lets "auto" go on to the next engine; any other code ends the search.
Error unimplemented(std::string what) { return Error(ErrorCode::unimplemented, "engine null: " + std::move(what)); }

// ---- binding: one lane's buffers joined to a plan --------------------------------------------------------------------------

// Raw references are right here: whoever holds a binding holds its plan and engine. Whatever a run needs is allocated by the
// constructor, so that run, resize and rebind never do.
class NullBinding final : public Binding {
 public:
  explicit NullBinding(const Plan& plan) : plan_(plan) {}

  // Poll stop.requested() at the start and between nodes, and end with Error::cancelled(), which costs no allocation. An engine
  // that calls into a library that cannot poll overrides interrupt() too. Read the inputs afresh at every run: the caller has
  // written new ones. Compute outputs nobody wants for nobody.
  Expected<> run(const StopSignal&) noexcept override { return unimplemented("run"); }

  // check_resize() first; keep the shapes only after every step has succeeded, so that an error leaves the previous ones.
  Expected<> resize(std::span<const Shape>) noexcept override { return unimplemented("resize"); }

  // check_memory() first. Nothing may be cached by address.
  Expected<> rebind_input(std::size_t, const Memory&) noexcept override { return unimplemented("rebind_input"); }
  Expected<> rebind_output(std::size_t, const Memory&) noexcept override { return unimplemented("rebind_output"); }

  // The shape comes from resize(), or from the last run where it depends on data; never from what the model declares.
  Expected<OutputView> output(std::size_t) const noexcept override { return unimplemented("output"); }

 private:
  [[maybe_unused]] const Plan& plan_;
};

// ---- plan: the engine made ready for shapes up to a capacity ------------------------------------------------------------------

class NullPlan final : public Plan {
 public:
  // One entry per port of the engine. An output whose shape neither symbols, nor a proof, give (shape_of_output()) has no
  // capacity: then the engine finds memory for it at each run.
  std::span<const PlannedPort> inputs() const noexcept override { return inputs_; }
  std::span<const PlannedPort> outputs() const noexcept override { return outputs_; }

  // Known when specialise() returns, allocated by the first bind(): a cache makes room in between.
  PlanBytes bytes() const noexcept override { return {}; }

  // check_bind_spec() first: it knows sizes, alignment and kinds. After an error nothing is bound.
  Expected<std::unique_ptr<Binding>> bind(const BindSpec&) const override {
    return std::unique_ptr<Binding>(std::make_unique<NullBinding>(*this));
  }

 private:
  std::vector<PlannedPort> inputs_, outputs_;
};

// ---- engine: one model, loaded once ----------------------------------------------------------------------------------------

// Immutable once open: specialise() is called from several threads at once.
class NullEngine final : public Engine {
 public:
  // Reads the model: fills inputs_ and outputs_, refuses what can be seen without shapes (operators, attributes, dtypes),
  // naming the node; applies spec.weights; keeps the owner of the model's bytes; then calls fix_dimensions().
  Expected<> load(const OpenSpec&) {
    return unimplemented("it computes nothing: expected another engine (\"ort\", or \"auto\")");
  }

  std::string_view name() const noexcept override { return "null"; }
  EngineTraits traits() const noexcept override { return {}; }
  std::span<const Port> inputs() const noexcept override { return inputs_; }
  std::span<const Port> outputs() const noexcept override { return outputs_; }
  std::size_t weight_bytes() const noexcept override { return 0; }

  // check_plan_spec() first; then refuse what only shapes show.
  Expected<std::shared_ptr<const Plan>> specialise(const PlanSpec& spec) const override {
    LANEWAY_TRY(check_plan_spec(inputs_, outputs_, spec));
    return std::shared_ptr<const Plan>(std::make_shared<NullPlan>());
  }

 private:
  std::vector<Port> inputs_, outputs_;
};

}  // namespace

Expected<OpenEngine> NullEngineSpec::open(const OpenSpec& spec) const {
  LANEWAY_TRY(validate(spec.threads));
  auto engine = std::make_shared<NullEngine>();
  LANEWAY_TRY(engine->load(spec));
  return OpenEngine(std::move(engine));
}

}  // namespace laneway
