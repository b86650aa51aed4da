#include "laneway/ort/job.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "core/guard.h"
#include "laneway/diag/log.h"
#include "ort/port_check.h"
#include "ort/running.h"

namespace laneway::ort {

struct Job::State {
  State(std::shared_ptr<const Session> of, RunOptions with, JobSpec what);
  ~State();

  Expected<> start();
  Expected<> wait();
  Expected<> finish(OrtStatus* status) noexcept;

  static void on_done(void* state, OrtValue** outputs, std::size_t count, OrtStatusPtr status) noexcept;

  std::shared_ptr<const Session> session;
  RunOptions options;
  JobSpec spec;
  std::vector<const char*> input_names, output_names;
  std::vector<const OrtValue*> input_values;
  std::vector<OrtValue*> output_values;
  bool running = false;  // by the thread that has the job

  mutable std::mutex mutex;
  std::condition_variable over;
  std::optional<Expected<>> result;  // once it is over
};

Job::State::State(std::shared_ptr<const Session> of, RunOptions with, JobSpec what)
    : session(std::move(of)), options(std::move(with)), spec(std::move(what)) {
  for (const auto& [position, value] : spec.inputs) {
    input_names.push_back(session->inputs()[position].name.c_str());
    input_values.push_back(value->native());
  }
  for (const RunOutput& output : spec.outputs) {
    output_names.push_back(session->outputs()[output.position].name.c_str());
    output_values.push_back(output.value ? output.value->native() : nullptr);
  }
}

Job::State::~State() {
  if (running) static_cast<void>(wait());
}

Expected<> Job::State::start() {
  constexpr RunAsyncCallbackFn done = on_done;
  void* const context = this;
  auto started = call(*session->library(), LANEWAY_ORT_FN(RunAsync), session->native(),
                      static_cast<const OrtRunOptions*>(options.native()), input_names.data(), input_values.data(),
                      input_values.size(), output_names.data(), output_values.size(), output_values.data(), done, context);
  running = static_cast<bool>(started);
  if (started || started.error().message().find("intra op thread pool") == std::string_view::npos) return started;
  return Error(ErrorCode::failed_precondition,
               "job: session: expected one with threads.count of 2 or more, got one without a thread of its own");
}

Expected<> Job::State::wait() {
  std::unique_lock lock(mutex);
  over.wait(lock, [this] { return result.has_value(); });
  return *result;
}

// Values of the run become the job's whatever came of it.
Expected<> Job::State::finish(OrtStatus* status) noexcept {
  for (std::size_t i = 0; i < output_values.size(); ++i) {
    if (!spec.outputs[i].value && output_values[i]) spec.outputs[i].value = Runner::value(*session, output_values[i]);
  }
  if (status) return run_failed(*session->library(), status, options);
  return {};
}

// Nothing of the state is touched once the lock is given back: whoever waited may destroy it.
void Job::State::on_done(void* state, OrtValue**, std::size_t, OrtStatusPtr status) noexcept {
  State& job = *static_cast<State*>(state);
  const Expected<> result = job.finish(status);
  if (job.spec.on_done) {
    Expected<> told = guarded([&]() -> Expected<> {
      job.spec.on_done(result);
      return {};
    });
    if (!told) log::write(Severity::error, "ort", std::move(told).error().with_context("job: on_done").message());
  }
  const std::lock_guard lock(job.mutex);
  job.result = result;
  job.over.notify_all();
}

Job::Job(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
Job::Job(Job&&) noexcept = default;
Job& Job::operator=(Job&&) noexcept = default;
Job::~Job() = default;

Expected<Job> Job::start(std::shared_ptr<const Session> session, RunOptions options, JobSpec spec) {
  if (!session) return Error(ErrorCode::invalid_argument, "job: session: null: expected one that is open");
  LANEWAY_TRY(check_options(options));
  LANEWAY_TRY(check_no_adapters(options));
  std::vector<RunInput> inputs;
  for (const auto& [position, value] : spec.inputs) inputs.push_back({position, value.get()});
  LANEWAY_TRY(check_ports(*session, inputs, spec.outputs));
  LANEWAY_TRY(check_required(*session, inputs));
  auto state = std::make_unique<State>(std::move(session), std::move(options), std::move(spec));
  LANEWAY_TRY(state->start());
  return Job(std::move(state));
}

bool Job::done() const noexcept {
  if (!state_) return true;
  const std::lock_guard lock(state_->mutex);
  return state_->result.has_value();
}

Expected<> Job::wait() {
  if (!state_) return Error(ErrorCode::failed_precondition, "job: moved away: expected one that was not");
  return state_->wait();
}

void Job::cancel() noexcept {
  if (state_) state_->options.terminate();
}

Expected<Value*> Job::output(std::size_t output) {
  LANEWAY_TRY(wait());
  LANEWAY_TRY(check_position(*state_->session, Direction::output, output));
  std::vector<RunOutput>& outputs = state_->spec.outputs;
  const auto found = std::ranges::find(outputs, output, &RunOutput::position);
  if (found != outputs.end()) return &*found->value;
  return Error(ErrorCode::failed_precondition,
               "output " + state_->session->outputs()[output].name + ": expected one that was asked for");
}

}  // namespace laneway::ort
