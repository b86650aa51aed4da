#pragma once
#include <cstdint>
#include <filesystem>

#include "laneway/diag/trace.h"
#include "laneway/ort/run_options.h"

namespace laneway::engines_ort {

/// Shows the nodes of a binding's runs in the process's trace while one is on, by ONNX Runtime's profile of single runs: a file
/// per run, which is read and removed. Without effect where the library has none (before level 25) or no file can be written.
/// Cost: one load where no trace is on.
class NodeTrace {
 public:
  NodeTrace() = default;
  NodeTrace(const NodeTrace&) = delete;
  NodeTrace& operator=(const NodeTrace&) = delete;
  ~NodeTrace();

  /// Whether end() is to be called after the run.
  bool begin(ort::RunOptions& options) { return trace::enabled() && profile(options); }
  void end(ort::RunOptions& options);

 private:
  bool profile(ort::RunOptions& options);
  bool make_folder();
  void give_up(const Error& why);

  bool possible_ = true;
  std::filesystem::path folder_;  // empty: none was needed
  std::int64_t begin_ns_ = 0;
};

}  // namespace laneway::engines_ort
