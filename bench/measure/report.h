#pragma once
#include <cstddef>
#include <span>
#include <string>

#include "bench/measure/rounds.h"

namespace laneway::bench {

/// Prints what each contestant takes, and how that differs from the first one: ns, of one visit where a run makes several.
void print_report(std::span<const std::string> names, const Rounds& rounds, std::size_t visits_per_run = 1);

}  // namespace laneway::bench
