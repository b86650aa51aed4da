#include "ort/metadata.h"

#include <utility>

#include "ort/call.h"
#include "ort/text.h"

namespace laneway::ort {
namespace {

struct MetadataReader {
  const Library& library;
  const Allocator& allocator;
  const OrtModelMetadata* native;

  // ONNX Runtime gives "" for what is not there.
  template <class Find>
  Expected<std::optional<std::string>> text(const Entry<Find>& function) const {
    char* text = nullptr;
    LANEWAY_TRY(call(library, function, native, allocator.native(), &text));
    std::string taken = take_text(allocator, text);
    return taken.empty() ? std::nullopt : std::optional(std::move(taken));
  }

  Expected<std::vector<std::pair<std::string, std::string>>> custom() const {
    char** keys = nullptr;
    std::int64_t count = 0;
    LANEWAY_TRY(call(library, LANEWAY_ORT_FN(ModelMetadataGetCustomMetadataMapKeys), native, allocator.native(), &keys, &count));
    std::vector<std::pair<std::string, std::string>> entries;
    for (const std::string& key : take_texts(allocator, keys, static_cast<std::size_t>(count))) {
      char* text = nullptr;
      LANEWAY_TRY(
          call(library, LANEWAY_ORT_FN(ModelMetadataLookupCustomMetadataMap), native, allocator.native(), key.c_str(), &text));
      entries.emplace_back(key, take_text(allocator, text));
    }
    return entries;
  }
};

}  // namespace

Expected<Metadata> read_metadata(const Library& library, const Allocator& allocator, const OrtModelMetadata* native) {
  const MetadataReader reader{library, allocator, native};
  Metadata metadata;
  LANEWAY_TRY_ASSIGN(metadata.producer, reader.text(LANEWAY_ORT_FN(ModelMetadataGetProducerName)));
  LANEWAY_TRY_ASSIGN(metadata.graph, reader.text(LANEWAY_ORT_FN(ModelMetadataGetGraphName)));
  LANEWAY_TRY_ASSIGN(metadata.graph_description, reader.text(LANEWAY_ORT_FN(ModelMetadataGetGraphDescription)));
  LANEWAY_TRY_ASSIGN(metadata.domain, reader.text(LANEWAY_ORT_FN(ModelMetadataGetDomain)));
  LANEWAY_TRY_ASSIGN(metadata.description, reader.text(LANEWAY_ORT_FN(ModelMetadataGetDescription)));
  LANEWAY_TRY(call(library, LANEWAY_ORT_FN(ModelMetadataGetVersion), native, &metadata.version));
  LANEWAY_TRY_ASSIGN(metadata.custom, reader.custom());
  return metadata;
}

}  // namespace laneway::ort
