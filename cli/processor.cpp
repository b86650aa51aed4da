#include "cli/processor.h"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace laneway::cli {
namespace {

// By the kernel's names: it lists only what it lets programs use.
bool matters(const std::string& flag) {
  static const std::vector<std::string> known = {"sse4_2", "avx", "f16c", "fma",  "avx2", "avx_vnni",
                                                 "asimd",  "sve", "sve2", "i8mm", "bf16"};
  return flag.starts_with("avx512") || flag.starts_with("amx") || std::ranges::find(known, flag) != known.end();
}

}  // namespace

Processor this_processor() {
  Processor processor;
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line) && !line.empty();) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || colon + 2 > line.size()) continue;
    const std::string text = line.substr(colon + 2);
    if (line.starts_with("model name")) processor.name = text;
    if (!line.starts_with("flags") && !line.starts_with("Features")) continue;
    std::istringstream words(text);
    for (std::string flag; words >> flag;) {
      if (matters(flag)) processor.features.push_back(flag);
    }
  }
  return processor;
}

}  // namespace laneway::cli
