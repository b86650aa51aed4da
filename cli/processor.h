#pragma once
#include <string>
#include <vector>

namespace laneway::cli {

struct Processor {
  std::string name;                   ///< As /proc/cpuinfo has it; empty where it does not tell.
  std::vector<std::string> features;  ///< Those that kernels care about: "avx2", "fma", "avx512f", "amx_tile".
};
Processor this_processor();

}  // namespace laneway::cli
