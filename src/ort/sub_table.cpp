#include "ort/sub_table.h"

namespace laneway::ort {
namespace {

Error not_built_in(const Library& library, const char* what) {
  return Error(ErrorCode::unimplemented,
               std::string("ONNX Runtime ") + library.version() + ": built without " + what + ": expected a full build");
}

}  // namespace

Expected<SubTable<OrtModelEditorApi>> model_editor(const std::shared_ptr<const Library>& library) {
  constexpr std::size_t entries = 20;  // of level 22, and none has come since
  const OrtModelEditorApi* const table = library->api()->GetModelEditorApi();
  if (!table) return not_built_in(*library, "its model editor");
  return SubTable<OrtModelEditorApi>{library, table, entries};
}

Expected<SubTable<OrtCompileApi>> compiler(const std::shared_ptr<const Library>& library) {
  constexpr int level_of_input_model = 24;  // brought the last one
  const std::size_t entries = library->level() >= level_of_input_model ? 15 : 14;
  const OrtCompileApi* const table = library->api()->GetCompileApi();
  if (!table) return not_built_in(*library, "model compilation");
  return SubTable<OrtCompileApi>{library, table, entries};
}

}  // namespace laneway::ort
