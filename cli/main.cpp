#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <new>

#include "cli/commands.h"
#include "cli/terminal.h"
#include "cli/usage.h"
#include "laneway/diag/log.h"
#include "laneway/laneway.h"

namespace laneway::cli {
namespace {

constexpr int wrong_usage = 2;

// The exit status of a failure is its code's own number (docs/errors.md). No code has the number 2.
int exit_status(ErrorCode code) { return static_cast<int>(code); }

void add_commands(CLI::App& app, Command& chosen) {
  app.require_subcommand(1);
  app.set_version_flag("--version", LANEWAY_VERSION);
  app.get_formatter()->column_width(32);
  app.get_formatter()->label("OPTIONS", "FLAGS");
  add_run(app, chosen);
  add_inspect(app, chosen);
  add_bench(app, chosen);
  add_convert(app, chosen);
  add_doctor(app, chosen);
  app.footer(
      "Examples:\n"
      "  laneway run mnist.onnx\n"
      "  laneway inspect model.onnx\n"
      "  laneway bench mlp.onnx --engines ort-raw,ort\n"
      "  laneway convert model.onnx fast.onnx\n"
      "  laneway doctor\n\n"
      "Exit status: 0; 2 for wrong usage; otherwise the number of the error's code (docs/errors.md).\n"
      "laneway COMMAND --help tells more.\n");
}

// What the user probably meant, where CLI11 only says what it did not expect.
void check_command(const CLI::App& app, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  if (word.starts_with("-") || std::ranges::find(names, word) != names.end()) return;
  throw UsageError(fmt::format("{}: no such command: {}", word, expected_one_of(names, word)));
}

std::vector<std::string> flags_of(const CLI::App& command) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : command.get_options()) {
    const bool shown = !option->get_group().empty();
    for (const std::string& name : option->get_lnames()) {
      if (shown) flags.push_back("--" + name);
    }
  }
  return flags;
}

std::string explain(const CLI::App& command, const CLI::ParseError& error) {
  const std::vector<std::string> rest = command.remaining();
  const auto unknown = std::ranges::find_if(rest, [](const std::string& word) { return word.starts_with("-"); });
  if (unknown != rest.end()) {
    const std::string flag = unknown->substr(0, unknown->find('='));
    const auto near = near_match(flag, flags_of(command));
    return fmt::format("{}: no such flag{}", flag, near ? fmt::format(" (did you mean {}?)", *near) : "");
  }
  if (!rest.empty()) return fmt::format("{}: not expected here", rest.front());
  const std::string told = error.what();
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) == nullptr) return told;
  const bool again = told.find("At Most") != std::string::npos;
  return told.substr(0, told.find(':')) + (again ? ": given more than once" : ": expected a value, got none");
}

int fail_usage(std::string_view command, std::string_view message) {
  print_error(command, message);
  write_text(fmt::format("laneway{}{} --help tells more.\n", command.empty() ? "" : " ", command), stderr);
  return wrong_usage;
}

int fail(std::string_view command, const Error& error) {
  print_error(command, error.message());
  return exit_status(error.code());
}

// Errors of ONNX Runtime are left out: it returns them too, and then they are told with what they belong to.
LogSink log_for_people() {
  return [to_stderr = log::to_stderr()](const LogRecord& record) {
    if (record.category != "ort" || record.severity != Severity::error) to_stderr(record);
  };
}

int program(int argc, char** argv) {
  open_streams();
  log::set_sink(log_for_people());
  CLI::App app("Runs ONNX models through lanes: inputs and outputs bound once, run again and again.", "laneway");
  Command chosen;
  add_commands(app, chosen);
  const auto command = [&]() -> std::string {
    return app.get_subcommands().empty() ? "" : app.get_subcommands().front()->get_name();
  };
  try {
    if (argc == 1) throw UsageError("no command: expected one of run, inspect, bench, convert, doctor");
    check_command(app, argv[1]);
    app.parse(argc, argv);
    Expected<> done = chosen();
    if (done) done = close_output();
    return done ? 0 : fail(command(), done.error());
  } catch (const UsageError& error) { return fail_usage(command(), error.what()); } catch (const CLI::ParseError& error) {
    const CLI::App& told = app.get_subcommands().empty() ? app : *app.get_subcommands().front();
    if (error.get_exit_code() != 0) return fail_usage(command(), explain(told, error));
    app.exit(error);  // --help, --version
    const Expected<> done = close_output();
    return done ? 0 : fail(command(), done.error());
  } catch (const std::bad_alloc&) { return fail(command(), Error::out_of_memory()); } catch (const std::exception& error) {
    return fail(command(), Error(ErrorCode::resource_exhausted, fmt::format("the system refuses: {}", error.what())));
  }
}

}  // namespace

void add_input_flags(CLI::App& command, InputFlags& flags) {
  command.add_option("--input", flags.inputs, "What an input holds; VALUE fills it, text where it takes strings")
      ->type_name("NAME=FILE.npy|random|random:LO..HI|VALUE")
      ->allow_extra_args(false);
  command.add_option("--dim", flags.dims, "Extent of an open dimension")->type_name("SYMBOL=N")->allow_extra_args(false);
  command.add_option("--shape", flags.shapes, "Shape of an input: 1x3x224x224; nothing for a scalar")
      ->type_name("NAME=SHAPE")
      ->allow_extra_args(false);
}

void check_engines(std::string_view flag, const std::vector<std::string>& names, const std::vector<std::string>& others) {
  std::vector<std::string> known;
  for (const EngineEntry& engine : engines()) known.emplace_back(engine.name);
  known.insert(known.end(), others.begin(), others.end());
  known.emplace_back("auto");
  for (const std::string& name : names) {
    if (std::ranges::find(known, name) == known.end()) {
      throw UsageError(fmt::format("{} {}: no such engine: {}", flag, name, expected_one_of(known, name)));
    }
  }
}

void print_defaulted(std::string_view command, const GivenInputs& given) {
  const std::vector<std::string>& names = given.defaulted;
  if (names.empty()) return;
  const bool plain = names.front().find_first_of(" \t\n'\"\\$`!*?[](){}<>|&;#~") == std::string::npos;
  print_note(command, fmt::format("not set, so 1: {} (--dim {}{}=N{})", fmt::join(names, ", "), plain ? "" : "'", names.front(),
                                  plain ? "" : "'"));
}

}  // namespace laneway::cli

int main(int argc, char** argv) { return laneway::cli::program(argc, argv); }
