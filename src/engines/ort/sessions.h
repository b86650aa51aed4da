#pragma once
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "engines/ort/model.h"
#include "laneway/engine/engine.h"
#include "laneway/engines/ort.h"
#include "laneway/ort/session.h"

namespace laneway::engines_ort {

/// The sessions of an engine: one for all lanes, or one for each, which then hold their weights once between them.
///
/// A session of its own for each lane means a copy of all weights to ONNX Runtime, which moreover packs them for its kernels.
/// AddInitializer shares what it has not packed and a container of packed weights the rest, but both by name, and the names
/// must mean what they meant when the sessions optimise the model, which changes weights under their names. So the model is
/// optimised once, written to memory, and opened from there by each session without another optimisation.
/// Threads: any.
class Sessions {
 public:
  /// `base` is what all sessions have in common. Errors: those of Session::open(); unimplemented (a session for each lane asked
  /// for, and the model does not allow it).
  static Expected<std::unique_ptr<Sessions>> open(const OrtEngineSpec& options, ort::SessionSpec base, const Model& model);

  /// For the lane of this number in its plan. Opened when first asked for.
  /// Errors: failed_precondition (cores, where lanes have no workers of their own); those of Session::open().
  Expected<std::shared_ptr<const ort::Session>> of(std::size_t lane, const std::vector<int>& cores);

  const ort::Session& first() const noexcept { return *first_; }
  std::vector<EngineNote> notes() const;

 private:
  Sessions(ort::SessionSpec spec, bool per_lane, std::string reason)
      : spec_(std::move(spec)), per_lane_(per_lane), reason_(std::move(reason)) {}
  Expected<std::shared_ptr<const ort::Session>> open_one(const std::vector<int>& cores);

  using Key = std::pair<std::vector<int>, std::size_t>;  // cores, lane

  ort::SessionSpec spec_;
  bool per_lane_;
  std::string reason_;
  std::shared_ptr<const ort::Session> first_;
  mutable std::mutex mutex_;
  std::map<Key, std::shared_ptr<const ort::Session>> sessions_;
  std::size_t not_shared_bytes_ = 0;
};

}  // namespace laneway::engines_ort
