#include <algorithm>
#include <utility>

#include "laneway/ort/session.h"
#include "ort/call.h"
#include "ort/device_list.h"
#include "ort/key_values.h"
#include "ort/memory_spec.h"
#include "ort/newer_types.h"
#include "ort/text.h"

namespace laneway::ort {
namespace {

// Lists that are asked for with their length.
using Memories = std::vector<const OrtMemoryInfo*>;
using Natives = std::vector<const OrtEpDevice*>;

Expected<AssignedNode> read_node(const Library& library, const OrtEpAssignedNode* native) {
  const char* name = nullptr;
  const char* domain = nullptr;
  const char* type = nullptr;
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(EpAssignedNode_GetName), native, &name));
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(EpAssignedNode_GetDomain), native, &domain));
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(EpAssignedNode_GetOperatorType), native, &type));
  return AssignedNode{.name = name, .domain = domain, .type = type};
}

}  // namespace

Expected<int> Session::opset(const std::string& domain) const {
  LANEWAY_TRY(no_nul("domain", domain));
  const OrtModelEditorApi* const editor = library()->api()->GetModelEditorApi();
  int version = 0;
  if (OrtStatus* status = editor->SessionGetOpsetForDomain(native(), domain.c_str(), &version)) {
    return Error(ErrorCode::not_found, "opset: not in the model: domain \"" + domain + "\" (" +
                                           std::string(to_error(*library(), status).message()) + ")");
  }
  return version;
}

Expected<PortPlacement> Session::placement(const OrtMemoryInfo* memory, const OrtEpDevice* device) const {
  PortPlacement placement;
  LANEWAY_TRY_ASSIGN(placement.memory, read_memory(*library(), memory));
  OrtEpDevice* const native_device = const_cast<OrtEpDevice*>(device);
  if (device) placement.device = known_devices(environment_, {&native_device, 1}).front();
  return placement;
}

Expected<std::vector<PortPlacement>> Session::input_placements() const {
  const auto required = std::ranges::count(inputs_, false, &Port::optional);
  const OrtSession* const session = native();
  Memories memories(static_cast<std::size_t>(required));
  Natives devices(memories.size());
  LANEWAY_TRY(call(*library(), LANEWAY_ORT_FN(SessionGetMemoryInfoForInputs), session, memories.data(), memories.size()));
  LANEWAY_TRY(call(*library(), LANEWAY_ORT_FN(SessionGetEpDeviceForInputs), session, devices.data(), devices.size()));
  std::vector<PortPlacement> placements;
  for (std::size_t i = 0; i < memories.size(); ++i) {
    LANEWAY_TRY_ASSIGN(placements.emplace_back(), placement(memories[i], devices[i]));
  }
  return placements;
}

Expected<std::vector<PortPlacement>> Session::output_placements() const {
  const OrtSession* const session = native();
  Memories memories(outputs_.size());
  Natives devices(outputs_.size());
  LANEWAY_TRY(call(*library(), LANEWAY_ORT_FN(SessionGetMemoryInfoForOutputs), session, memories.data(), memories.size()));
  // A library before level 25 tells the memory only.
  if (const auto told = call(*library(), LANEWAY_ORT_FN(SessionGetEpDeviceForOutputs), session, devices.data(), devices.size());
      !told && told.error().code() != ErrorCode::unimplemented) {
    return told.error();
  }
  std::vector<PortPlacement> placements;
  for (std::size_t i = 0; i < memories.size(); ++i) {
    LANEWAY_TRY_ASSIGN(placements.emplace_back(), placement(memories[i], devices[i]));
  }
  return placements;
}

Expected<std::vector<Assignment>> Session::assignments() const {
  const OrtSession* const session = native();
  const OrtEpAssignedSubgraph* const* parts = nullptr;
  std::size_t count = 0;
  auto listed = call(*library(), LANEWAY_ORT_FN(Session_GetEpGraphAssignmentInfo), session, &parts, &count);
  if (!listed && listed.error().code() != ErrorCode::internal) return std::move(listed).error();
  if (!listed) {  // a plain failure is its word for that it was not asked to record
    return Error(ErrorCode::failed_precondition, "session: assignments: not recorded: expected SessionSpec::record_placement");
  }
  std::vector<Assignment> assignments;
  for (const OrtEpAssignedSubgraph* part : std::span(parts, count)) {
    const char* provider = nullptr;
    const OrtEpAssignedNode* const* nodes = nullptr;
    std::size_t node_count = 0;
    LANEWAY_TRY(call(*library(), LANEWAY_ORT_FN(EpAssignedSubgraph_GetEpName), part, &provider));
    LANEWAY_TRY(call(*library(), LANEWAY_ORT_FN(EpAssignedSubgraph_GetNodes), part, &nodes, &node_count));
    Assignment& assignment = assignments.emplace_back(Assignment{.provider = provider, .nodes = {}});
    for (const OrtEpAssignedNode* node : std::span(nodes, node_count)) {
      LANEWAY_TRY_ASSIGN(assignment.nodes.emplace_back(), read_node(*library(), node));
    }
  }
  return assignments;
}

Expected<> Session::set_provider_options(const KeyValues& options) const {
  LANEWAY_TRY(validate_key_values("provider options", options));
  const KeyValueTexts texts(options);
  return call(*library(), LANEWAY_ORT_FN(SetEpDynamicOptions), native(), texts.names.data(), texts.values.data(),
              texts.names.size());
}

Expected<> Session::release_captured_graph(int id) const {
  return call(*library(), LANEWAY_ORT_FN(SessionReleaseCapturedGraph), native(), id);
}

}  // namespace laneway::ort
