#pragma once
#include "laneway/ort/external_place.h"
#include "ort/call.h"

namespace laneway::ort {

inline ExternalPlace to_place(const Library& library, const OrtExternalInitializerInfo* info) {
  const OrtApi& api = *library.api();
  return {.file = api.ExternalInitializerInfo_GetFilePath(info),
          .offset = api.ExternalInitializerInfo_GetFileOffset(info),
          .bytes = api.ExternalInitializerInfo_GetByteSize(info)};
}

}  // namespace laneway::ort
