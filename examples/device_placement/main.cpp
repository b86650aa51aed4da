#include <algorithm>
#include <iostream>
#include <vector>

#include "laneway/engine/check.h"
#include "laneway/engines/ort.h"
#include "laneway/laneway.h"

// Lists the devices that ONNX Runtime can compute on, and shows where a model lies and who computes it on the first one that has
// memory of its own. FILE: a provider library to look into too.
using namespace laneway;

// What it computes in; empty: the host's memory.
Expected<std::string> memory_of(const ort::Device& device) {
  LANEWAY_TRY_ASSIGN(const auto memory, device.memory());
  return memory ? memory->name : std::string();
}

Expected<> show_placement(const char* model, const ort::Device& device) {
  const OrtEngineSpec engine = {.providers = {{.name = device.provider(), .devices = {device}}},
                                .edit_session = [](ort::SessionSpec& spec) { spec.record_placement = true; }};
  LANEWAY_TRY_ASSIGN(const OpenEngine opened, open_engine({.model = ModelFile{model}}, engine));
  RuntimeSpec spec = {.model = opened};
  for (const auto ports : {opened->inputs(), opened->outputs()}) {
    for (const std::string& name : open_dimensions(ports)) {
      if (std::ranges::find(spec.dimensions, name, &NamedExtent::symbol) == spec.dimensions.end())
        spec.dimensions.push_back({name, 1});
    }
  }
  LANEWAY_TRY_ASSIGN(const Runtime runtime, open(spec));
  Lane& lane = *runtime.lanes()[0];
  LANEWAY_TRY(lane.run());
  std::cout << lane.audit().text();
  LANEWAY_TRY_ASSIGN(const auto parts, ort_session(lane.binding())->assignments());
  for (const ort::Assignment& part : parts) {
    for (const ort::AssignedNode& node : part.nodes) std::cout << node.name << " -> " << part.provider << '\n';
  }
  return {};
}

Expected<> run(const char* model, const char* file) {
  LANEWAY_TRY_ASSIGN(const auto environment, ort::Environment::get());
  std::shared_ptr<const ort::ProviderLibrary> library;
  if (file) { LANEWAY_TRY_ASSIGN(library, ort::ProviderLibrary::load(environment, file, file)); }
  LANEWAY_TRY_ASSIGN(const std::vector<ort::Device> devices, ort::devices(environment));
  const ort::Device* chosen = nullptr;
  for (const ort::Device& device : devices) {
    LANEWAY_TRY_ASSIGN(const std::string memory, memory_of(device));
    std::cout << device.provider() << ": " << name(device.hardware().kind) << ", "
              << (memory.empty() ? "the host's memory" : memory) << '\n';
    if (!chosen && !memory.empty()) chosen = &device;
  }
  if (chosen) return show_placement(model, *chosen);
  std::cout << "no placement to show: none of these devices has memory of its own\n";
  return {};
}

int main(int argc, char** argv) {
  const auto result = argc > 1 ? run(argv[1], argc > 2 ? argv[2] : nullptr)
                               : Error(ErrorCode::invalid_argument, "usage: device_placement MODEL [FILE]");
  if (!result) std::cerr << result.error().message() << '\n';
  return result ? 0 : 1;
}
