#pragma once
#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engines/ort/bound_set.h"
#include "engines/ort/node_trace.h"
#include "engines/ort/plan.h"
#include "laneway/ort/run_options.h"

namespace laneway::engines_ort {

class alignas(64) OrtBinding final : public Binding {
 public:
  static Expected<std::unique_ptr<Binding>> make(const OrtPlan& plan, const BindSpec& spec,
                                                 std::shared_ptr<const ort::Session> session);

  Expected<> run(const StopSignal& stop) noexcept override;
  void interrupt() noexcept override;
  Expected<> resize(std::span<const Shape> inputs) noexcept override;
  Expected<> rebind_input(std::size_t index, const Memory& memory) noexcept override;
  Expected<> rebind_output(std::size_t index, const Memory& memory) noexcept override;
  Expected<OutputView> output(std::size_t index) const noexcept override;
  std::optional<PortUse> input_use(std::size_t index) const noexcept override;
  std::optional<PortUse> output_use(std::size_t index) const noexcept override;

  const std::shared_ptr<const ort::Session>& session() const noexcept { return session_; }

 private:
  struct Input {
    Attachment attachment;
    std::optional<ort::Value> value = std::nullopt;  // what a Value was handed over as: lives until the next run
    bool moved = false;                              // on the host, and copied to a device by binding it: at each run
  };
  struct Output {
    Attachment attachment;
    std::optional<Shape> expected = std::nullopt;  // as far as the input shapes tell
    bool known = false;                            // whether the next two are: before a run where memory is bound, else after
    Shape shape = {};
    const void* result = nullptr;
    bool on_host = true;  // where the result is; else where the attachment is
  };

  OrtBinding(const OrtPlan& plan, const BindSpec& spec, std::shared_ptr<const ort::Session> session, Places places,
             ort::RunOptions options);

  Expected<> check_places() const;
  const Place& input_place(std::size_t index) const noexcept { return places_.inputs[index]; }
  const Place& output_place(std::size_t index) const noexcept { return places_.outputs[slots_[index]]; }
  Expected<> check_place(std::string_view what, const Port& port, const Place& place, const Memory& memory) const;
  Expected<> select(std::span<const Shape> shapes);
  Expected<> join(BoundSet& set);
  void keep(std::unique_ptr<BoundSet> set);
  void expect_outputs() noexcept;
  void note_use() noexcept;
  static void expect_in_memory(Output& output) noexcept;

  Expected<> run_once();
  Expected<> repeat(Error first);
  Expected<> hand_over_values();
  Expected<> move_inputs();
  Expected<> copy_result(std::size_t index, const ort::Value& value, const ort::TensorView& view);
  Expected<> take_results();
  Expected<> take_result(std::size_t index);

  const Port& input_port(std::size_t index) const noexcept { return plan_.engine().inputs()[index]; }
  const Port& output_port(std::size_t index) const noexcept { return plan_.engine().outputs()[index]; }

  // All that a run reads here stands first: after ONNX Runtime's work little else of ours is still in the cache.
  BoundSet* current_ = nullptr;
  std::atomic<bool> interrupted_{false};
  bool failed_ = false;      // the last run
  bool any_value_ = false;   // among the inputs
  bool any_result_ = false;  // among the outputs one that must be taken after a run
  bool any_moved_ = false;   // among the inputs
  ort::RunOptions options_;
  NodeTrace nodes_;
  const OrtPlan& plan_;  // whoever holds the binding holds the plan
  std::shared_ptr<const ort::Session> session_;
  Places places_;  // of the session's ports
  std::vector<Input> inputs_;
  std::vector<Output> outputs_;
  std::vector<std::size_t> slots_;  // where the session has each output
  std::vector<Shape> shapes_;
  std::vector<std::unique_ptr<BoundSet>> sets_;
  std::uint64_t clock_ = 0;
  std::vector<std::atomic<const void*>> input_at_, output_at_;  // for audits, which come from any thread
};

}  // namespace laneway::engines_ort
