#include <iostream>

#include "laneway/laneway.h"

// Runs a model once, on 0, 1, 2, ... and prints its first output.
laneway::Expected<> run(const char* model) {
  LANEWAY_TRY_ASSIGN(auto runtime, laneway::open({.model = laneway::ModelFile{model}}));
  laneway::Lane& lane = *runtime.lanes()[0];

  LANEWAY_TRY_ASSIGN(auto input, lane.input<float>(0));  // the very memory the engine reads
  for (std::size_t i = 0; i < input.size(); ++i) input[i] = static_cast<float>(i);
  LANEWAY_TRY(lane.run());

  LANEWAY_TRY_ASSIGN(auto output, lane.output<float>(0));
  for (const float value : output.data) std::cout << value << '\n';
  return {};
}

int main(int argc, char** argv) {
  const auto result = run(argc > 1 ? argv[1] : "build/models/mlp.onnx");
  if (!result) std::cerr << result.error().message() << '\n';
  return result ? 0 : 1;
}
