#pragma once
#include <compare>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "engines/ort/model.h"
#include "engines/ort/places.h"
#include "laneway/engine/engine.h"
#include "laneway/engines/ort.h"
#include "laneway/ort/session.h"

namespace laneway::engines_ort {

/// What a lane needs a session for.
struct SessionKey {
  std::vector<bool> outputs = {};            ///< Those that are to be computed, by their number in the model. Empty: all.
  std::vector<int> cores = {};               ///< Of its workers; empty: not its own choice.
  std::optional<int> device = std::nullopt;  ///< By its number in Sessions::devices(); nullopt: the spec's own choice.
  std::size_t lane = 0;                      ///< BindSpec::lane.

  friend auto operator<=>(const SessionKey&, const SessionKey&) = default;
};

/// The sessions of an engine: one for all lanes, or one for each, which then hold their weights once between them; and others
/// for lanes that want some of the outputs only, since a session computes all it has.
///
/// A session of its own for each lane means a copy of all weights to ONNX Runtime, which moreover packs them for its kernels.
/// AddInitializer shares what it has not packed and a container of packed weights the rest, but both by name, and the names
/// must mean what they meant when the sessions optimise the model, which changes weights under their names. So the model is
/// optimised once, written to memory, and opened from there by each session without another optimisation.
/// Threads: any.
class Sessions {
 public:
  /// Opens one with all outputs. `base` is what all have in common.
  /// Errors: those of Session::open(); unimplemented (a session for each lane asked for, and the model or `base` do not allow it).
  static Expected<std::unique_ptr<Sessions>> open(const OrtEngineSpec& options, ort::SessionSpec base, Model model);

  /// Opened when first asked for, once for all who ask meanwhile; other sessions and notes() do not wait for that.
  /// Errors: failed_precondition (cores, where lanes have no workers of their own); invalid_argument (no such device);
  ///         unimplemented (a device, of a model that cannot be held to be opened again); those of Session::open().
  Expected<std::shared_ptr<const ort::Session>> of(SessionKey key);

  /// What lanes may be spread over: of the first provider that has any. Empty: nothing but the processor.
  std::span<const ort::Device> devices() const noexcept { return spread_.devices; }

  /// Where one of them has its ports.
  Expected<Places> places_of(const ort::Session& session) const;

  /// One that is open.
  std::shared_ptr<const ort::Session> any() const;
  std::vector<EngineNote> notes() const;

 private:
  Sessions(ort::SessionSpec spec, bool per_lane, std::string reason)
      : spec_(std::move(spec)), per_lane_(per_lane), reason_(std::move(reason)) {}
  struct Opened {
    std::shared_ptr<const ort::Session> session = nullptr;
    std::optional<std::int64_t> weight_bytes = std::nullopt;  // in its arena, when it stood
  };
  struct Spread {
    std::size_t provider = 0;  // by its number in the spec
    std::vector<ort::Device> devices = {};
  };
  static Expected<Spread> spread_of(const ort::SessionSpec& spec);
  Expected<> check_cores(const std::vector<int>& cores) const;
  Expected<> check_device(std::optional<int> device) const;
  Expected<Opened> open_one(const SessionKey& key) const;
  std::string not_shared() const;

  ort::SessionSpec spec_;
  bool per_lane_;
  std::string reason_;
  Spread spread_;
  std::optional<Model> model_;  // where lanes may want some of its outputs only, or another device
  mutable std::mutex mutex_;
  std::condition_variable opened_;  // or failed to
  std::set<SessionKey> opening_;
  std::map<SessionKey, Opened> sessions_;
  bool used_ = false;  // any of them
};

}  // namespace laneway::engines_ort
