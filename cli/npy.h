#pragma once
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "laneway/core/dtype.h"
#include "laneway/core/expected.h"
#include "laneway/core/shape.h"

/// NumPy's file format for one array (.npy).
namespace laneway::cli {

/// Dense, row-major, in this machine's byte order.
struct NpyArray {
  DType dtype = DType::f32;
  Shape shape = {};
  std::vector<std::byte> bytes = {};  ///< byte_count(dtype, shape) of them.
};

/// Reads versions 1.0 to 3.0. Other byte orders are swapped, Fortran order is transposed, booleans become 0 or 1.
/// Errors: invalid_argument (what is no such file, a header that lies about its length or the data's, an element type that is
///         no number: text, objects, dates, structures), unimplemented (a rank over Shape::rank_max). Of load_npy(), whose
///         messages begin with the path, also what opening a file may meet.
Expected<NpyArray> read_npy(std::span<const std::byte> bytes);
Expected<NpyArray> load_npy(const std::filesystem::path& path);

/// Version 1.0. Errors: unimplemented (a dtype that NumPy has not: bf16, strings, packed ones...), permission_denied,
/// not_found (no such folder), resource_exhausted (disk full).
Expected<> save_npy(const std::filesystem::path& path, DType dtype, const Shape& shape, std::span<const std::byte> bytes);

}  // namespace laneway::cli
