#pragma once
#include <CLI/App.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/inputs.h"
#include "laneway/core/expected.h"

namespace laneway::cli {

/// What the command line asked for; main() calls it once all of it is understood.
/// Throws UsageError; other failures are its result, which decides the exit status.
using Command = std::function<Expected<>()>;

/// Each declares its subcommand and its flags, and sets `chosen` where the user asks for it.
void add_run(CLI::App& app, Command& chosen);
void add_inspect(CLI::App& app, Command& chosen);
void add_bench(CLI::App& app, Command& chosen);
void add_convert(CLI::App& app, Command& chosen);
void add_doctor(CLI::App& app, Command& chosen);

/// --input, --dim and --shape.
void add_input_flags(CLI::App& command, InputFlags& flags);

/// Throws UsageError for a name that is neither an engine of this build, nor "auto", nor one of `others`.
void check_engines(std::string_view flag, const std::vector<std::string>& names, const std::vector<std::string>& others);

/// Says which dimensions are 1 because nobody set them.
void print_defaulted(std::string_view command, const GivenInputs& given);

}  // namespace laneway::cli
