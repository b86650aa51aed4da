#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "laneway/core/expected.h"

/// The program itself: where it lies, and fresh processes of it.
namespace laneway::cli {

std::filesystem::path this_program();

/// The library that counts allocations where it is preloaded: ../lib beside the program's folder. nullopt: not there.
std::optional<std::filesystem::path> malloc_counter_library();

/// Runs this program anew and returns what it wrote to stdout. Its stderr is passed on.
/// Errors: what it ended with, by its exit status; internal where a signal ended it; resource_exhausted.
Expected<std::string> run_this_program(const std::vector<std::string>& arguments,
                                       const std::optional<std::filesystem::path>& preload = std::nullopt);

}  // namespace laneway::cli
