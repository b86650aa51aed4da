// What another project writes first.
#include <cstdio>

#include "laneway/laneway.h"

int main() {
  const auto runtime = laneway::open({.model = laneway::ModelFile{"missing.onnx"}, .engine = "auto"});
  if (runtime) return 1;
  std::printf("%s\n", std::string(runtime.error().message()).c_str());
  return runtime.error().code() == laneway::ErrorCode::not_found ? 0 : 1;
}
