#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "laneway/core/expected.h"
#include "laneway/ort/device.h"

/// Whether a model that was compiled for a provider fits the devices of this machine, and whether these fit the provider:
/// asked before anything is opened.
///
/// Threads: any. Cost: reading a model's information parses the whole model.
namespace laneway LANEWAY_PUBLIC {
namespace ort {

enum class Compatibility : std::uint8_t { not_applicable, optimal, prefer_recompilation, unsupported };

/// What a compiled model says of the provider it was compiled with. nullopt: nothing, as models do that are not compiled.
/// Errors: those of opening a file; invalid_argument (no model, a name that is empty or holds a NUL); unimplemented (a library
///         before level 24).
Expected<std::optional<std::string>> compatibility_info(const std::shared_ptr<const Environment>& environment,
                                                        const std::filesystem::path& model, const std::string& provider);
Expected<std::optional<std::string>> compatibility_info(const std::shared_ptr<const Environment>& environment,
                                                        std::span<const std::byte> model, const std::string& provider);

/// How a model that says so fits these devices. Errors: invalid_argument (no device, devices of several providers, a NUL).
Expected<Compatibility> compatibility(std::span<const Device> devices, const std::string& info);

/// Why a provider cannot use a processor; nothing known against it: all false.
struct Incompatibility {
  bool driver = false;      ///< Too old, or missing.
  bool hardware = false;    ///< The processor itself.
  bool dependency = false;  ///< A library that is missing.
  bool unknown = false;
  std::string notes;
  std::int32_t error_code = 0;  ///< The provider's own.
};
/// `processor`: its position in hardware().
/// Errors: out_of_range; not_found (no such provider); unimplemented (a library before level 24).
Expected<Incompatibility> incompatibility(const std::shared_ptr<const Environment>& environment, const std::string& provider,
                                          std::size_t processor);

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
