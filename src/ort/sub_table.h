#pragma once
#include "ort/call.h"

/// How functions of the C API's sub-tables are called, as those of the table in call.h:
///
///     LANEWAY_TRY_ASSIGN(const auto editor, model_editor(library));
///     LANEWAY_TRY(call(editor, LANEWAY_ORT_FN(AddNodeToGraph), graph, node));
namespace laneway::ort {

template <class Table>
struct SubTable {
  std::shared_ptr<const Library> library;
  const Table* table;
  std::size_t entries;  ///< How many this library has, as far as we know.
};

/// Errors: unimplemented (a library built without it).
Expected<SubTable<OrtModelEditorApi>> model_editor(const std::shared_ptr<const Library>& library);
Expected<SubTable<OrtCompileApi>> compiler(const std::shared_ptr<const Library>& library);

template <class Table, class Find, class... Args>
Expected<> call(const SubTable<Table>& from, const Entry<Find>& function, Args... args) {
  const auto slot = function.find(from.table);
  if constexpr (std::same_as<decltype(slot), const NotInHeaders>) {
    return not_in_headers(function.name);
  } else {
    const auto offset = reinterpret_cast<const char*>(slot) - reinterpret_cast<const char*>(from.table);
    if (static_cast<std::size_t>(offset) >= from.entries * sizeof(void*)) {
      return Error(ErrorCode::unimplemented, std::string("ONNX Runtime: ") + function.name +
                                                 ": not in this library: got version " + from.library->version());
    }
    if (OrtStatus* status = (*slot)(args...)) return to_error(*from.library, status);
    return {};
  }
}

template <class Native, class Table, class Find, class... Args>
Expected<Handle<Native>> make(const SubTable<Table>& from, const Entry<Find>& function, Args... args) {
  Native* native = nullptr;
  LANEWAY_TRY(call(from, function, args..., &native));
  return Handle<Native>(native, Release<Native>{from.library});
}

}  // namespace laneway::ort
