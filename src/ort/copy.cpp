#include "laneway/ort/copy.h"

#include <cstring>
#include <string>
#include <vector>

#include "ort/call.h"

namespace laneway::ort {
namespace {

Error mismatch(std::size_t index, std::string_view what, std::string_view expected, std::string_view got) {
  return Error(ErrorCode::invalid_argument, "copy: tensor " + std::to_string(index) + ": " + std::string(what) + ": expected " +
                                                std::string(expected) + " as in the source, got " + std::string(got));
}

Expected<> check_alike(std::size_t index, const Value* from, const Value* to) {
  if (!from || !to) return Error(ErrorCode::invalid_argument, "copy: tensor " + std::to_string(index) + ": null");
  for (const Value* value : {from, to}) {
    LANEWAY_TRY_ASSIGN(const PortKind kind, value->kind());
    if (kind != PortKind::tensor) {
      return Error(ErrorCode::invalid_argument,
                   "copy: tensor " + std::to_string(index) + ": kind: expected tensor, got " + std::string(name(kind)));
    }
  }
  LANEWAY_TRY_ASSIGN(const DType dtype, from->dtype());
  LANEWAY_TRY_ASSIGN(const DType into, to->dtype());
  LANEWAY_TRY_ASSIGN(const Shape shape, from->shape());
  LANEWAY_TRY_ASSIGN(const Shape place, to->shape());
  if (dtype != into) return mismatch(index, "dtype", name(dtype), name(into));
  if (shape != place) return mismatch(index, "shape", to_string(shape), to_string(place));
  return {};
}

Expected<> copy_strings(const Value& from, Value& to) {
  LANEWAY_TRY_ASSIGN(const auto texts, from.string_elements());
  for (std::size_t i = 0; i < texts.size(); ++i) LANEWAY_TRY(to.set_string(i, texts[i]));
  return {};
}

// False where one of them is a device's: then nothing is done.
Expected<bool> copied_on_host(const Value& from, Value& to) {
  LANEWAY_TRY_ASSIGN(const DType dtype, from.dtype());
  if (dtype == DType::string) {
    LANEWAY_TRY(copy_strings(from, to));
    return true;
  }
  LANEWAY_TRY_ASSIGN(const TensorView source, from.tensor());
  LANEWAY_TRY_ASSIGN(const TensorView target, to.tensor());
  if (source.placement == Placement::device || target.placement == Placement::device) return false;
  if (source.bytes != 0) std::memmove(target.data, source.data, source.bytes);
  return true;
}

}  // namespace

Expected<> copy_tensors(const Environment& environment, std::span<const Value* const> from, std::span<Value* const> to,
                        const Stream* stream) {
  if (from.size() != to.size()) {
    return Error(ErrorCode::invalid_argument, "copy: expected as many targets as sources, " + std::to_string(from.size()) +
                                                  ", got " + std::to_string(to.size()));
  }
  for (std::size_t i = 0; i < from.size(); ++i) LANEWAY_TRY(check_alike(i, from[i], to[i]));
  std::vector<const OrtValue*> sources;
  std::vector<OrtValue*> targets;
  for (std::size_t i = 0; i < from.size(); ++i) {
    LANEWAY_TRY_ASSIGN(const bool copied, copied_on_host(*from[i], *to[i]));
    if (copied) continue;
    sources.push_back(from[i]->native());
    targets.push_back(to[i]->native());
  }
  if (sources.empty()) return {};
  return call(*environment.library(), LANEWAY_ORT_FN(CopyTensors), static_cast<const OrtEnv*>(environment.native()),
              sources.data(), targets.data(), stream ? stream->native() : nullptr, sources.size());
}

Expected<> copy_tensor(const Environment& environment, const Value& from, Value& to, const Stream* stream) {
  const Value* const source = &from;
  Value* const target = &to;
  return copy_tensors(environment, {&source, 1}, {&target, 1}, stream);
}

}  // namespace laneway::ort
