#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "laneway/core/expected.h"
#include "laneway/ort/run_options.h"
#include "laneway/ort/session.h"
#include "laneway/ort/value.h"

namespace laneway LANEWAY_PUBLIC {
namespace ort {

/// A value for an input, by its position in Session::inputs().
struct RunInput {
  std::size_t position;
  const Value* value;
};
/// An output that is wanted, by its position in Session::outputs(). The run writes to `value`, whose shape must be the one that
/// comes out; where there is none it puts a new one there.
struct RunOutput {
  std::size_t position;
  std::optional<Value> value = std::nullopt;
};
/// The same by names.
struct NamedInput {
  std::string_view name;
  const Value* value;
};

/// Runs once. Values on a device elsewhere are copied where the run needs them, at each run.
///
/// Errors:   out_of_range, not_found (no such port); invalid_argument naming port, expected, got (kind, dtype, shape, null, a
///           port given twice, no output); failed_precondition (a required input left out); cancelled (RunOptions::terminate);
///           and ONNX Runtime's. Outputs are then as they were.
/// Threads:  any number on one session, each with options of its own.
/// Lifetime: outputs keep the session.
/// Cost:     by position what Run of the C API costs, and a look at each value; it allocates nothing beyond what Run does, up to
///           32 ports of dense tensors and a library of level 24 or later.
Expected<> run(const Session& session, RunOptions& options, std::span<const RunInput> inputs,
               std::span<RunOutput> outputs) noexcept;
/// Outputs in the order they are asked for.
Expected<std::vector<Value>> run(const Session& session, RunOptions& options, std::span<const NamedInput> inputs,
                                 std::span<const std::string_view> outputs);

/// A run whose ports are checked once and whose inputs may change between runs. Unlike a Binding it takes its inputs to the
/// device at each run.
///
/// Threads:  one at a time; different ones of a session may run at once.
/// Lifetime: keeps the session and its inputs.
/// Cost:     run() adds nothing to Run of the C API.
class PreparedRun {
 public:
  /// `outputs`: the positions of those that are wanted, each once. Errors: invalid_argument (null, none, one twice), out_of_range.
  static Expected<PreparedRun> make(std::shared_ptr<const Session> session, std::span<const std::size_t> outputs);

  /// Null: leaves it out again. Errors: as run().
  Expected<> set_input(std::size_t input, std::shared_ptr<const Value> value);

  /// Lets the outputs of the run before go first, so that their memory serves this one.
  /// Errors: as run(); there are no outputs then. Usable again after each.
  Expected<> run(RunOptions& options) noexcept;

  /// What the last run left; valid until the next one or until it is moved away.
  /// Errors: out_of_range; failed_precondition (not asked for, no run since, the last one failed, moved away).
  Expected<Value*> output(std::size_t output);

 private:
  PreparedRun(std::shared_ptr<const Session> session, std::span<const std::size_t> outputs);
  void lay_out_inputs();

  std::shared_ptr<const Session> session_;
  std::vector<std::shared_ptr<const Value>> inputs_;  // by position
  std::vector<RunOutput> outputs_;
  std::vector<const char*> input_names_, output_names_;
  std::vector<const OrtValue*> input_values_;
  std::vector<OrtValue*> output_values_;
  bool ready_ = false;  // whether all required inputs are there
};

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
