#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "laneway/core/dtype.h"
#include "laneway/core/shape.h"

namespace laneway LANEWAY_PUBLIC {
namespace ort {

/// How a sparse tensor says where its elements stand.
enum class SparseFormat : std::uint8_t { coo, csr, block_sparse };
std::string_view name(SparseFormat format) noexcept;

/// A sparse tensor in coordinate form, on the host.
struct CooTensor {
  Shape dense_shape;
  DType dtype = DType::f32;
  std::vector<std::byte> values = {};      ///< Of the elements that are not zero, one after the other.
  std::vector<std::int64_t> indices = {};  ///< [elements, rank]: row i is where element i stands.
};

/// A sparse matrix row by row, on the host.
struct CsrTensor {
  Shape dense_shape;  ///< [rows, columns]
  DType dtype = DType::f32;
  std::vector<std::byte> values = {};         ///< Of the elements that are not zero, row by row.
  std::vector<std::int64_t> columns = {};     ///< [elements]: the column of each.
  std::vector<std::int64_t> row_starts = {};  ///< [rows + 1]: elements row_starts[i] to row_starts[i + 1] are those of row i.
};

/// A sparse matrix of blocks of one size, on the host. No operator that ONNX Runtime brings for processors reads one.
struct BlockSparseTensor {
  Shape dense_shape;  ///< [rows, columns]: multiples of a block's.
  DType dtype = DType::f32;
  Shape values_shape;                      ///< [rows of a block, columns of a block, blocks]
  std::vector<std::byte> values = {};      ///< Of the blocks that are not zero.
  std::vector<std::int32_t> indices = {};  ///< [2, blocks]: the row of each, then the column of each, in blocks.
};

}  // namespace ort
}  // namespace LANEWAY_PUBLIC
