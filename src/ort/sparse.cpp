#include <algorithm>
#include <utility>

#include "laneway/ort/value.h"
#include "ort/call.h"
#include "ort/dtype.h"
#include "ort/type_info.h"
#include "ort/value_parts.h"

namespace laneway::ort {

std::string_view name(SparseFormat format) noexcept {
  switch (format) {
    case SparseFormat::coo: return "coo";
    case SparseFormat::csr: return "csr";
    case SparseFormat::block_sparse: return "block_sparse";
  }
  return "unknown";
}

namespace {

Error wrong(const std::string& what) { return Error(ErrorCode::invalid_argument, "value: sparse: " + what); }

Error wrong_count(std::string_view what, std::size_t expected, std::size_t got) {
  return wrong(std::string(what) + ": expected " + std::to_string(expected) + ", got " + std::to_string(got));
}

// ---- what the C API would take and crash on, or compute nonsense with -----------------------------------------------------

Expected<> check_values(const Shape& dense_shape, DType dtype, const std::vector<std::byte>& values, const Shape& shape) {
  LANEWAY_TRY(element_count(dense_shape));
  if (!is_numeric(dtype)) return Error(ErrorCode::unimplemented, "value: sparse: of strings: expected numbers");
  LANEWAY_TRY_ASSIGN(const std::size_t bytes, byte_count(dtype, shape));
  if (values.size() != bytes) return wrong_count("values: bytes", bytes, values.size());
  return {};
}

Expected<> check_index(std::int64_t index, std::int64_t count, std::string_view what) {
  if (index >= 0 && index < count) return {};
  return wrong("index out of range: expected 0 to " + std::to_string(count - 1) + " for " + std::string(what) + ", got " +
               std::to_string(index));
}

Expected<> check_matrix(const Shape& dense_shape) {
  if (dense_shape.rank() == 2) return {};
  return wrong("dense shape: expected [rows, columns], got " + to_string(dense_shape));
}

Expected<> check(const CooTensor& tensor) {
  const std::size_t rank = tensor.dense_shape.rank();
  if (rank == 0 || tensor.indices.size() % rank != 0) {
    return wrong("expected indices [elements, " + std::to_string(rank) + "], got " + std::to_string(tensor.indices.size()) +
                 " numbers");
  }
  LANEWAY_TRY(check_values(tensor.dense_shape, tensor.dtype, tensor.values, Shape{tensor.indices.size() / rank}));
  for (std::size_t i = 0; i < tensor.indices.size(); ++i) {
    LANEWAY_TRY(check_index(tensor.indices[i], tensor.dense_shape[i % rank], "axis " + std::to_string(i % rank)));
  }
  return {};
}

Expected<> check(const CsrTensor& tensor) {
  LANEWAY_TRY(check_matrix(tensor.dense_shape));
  const std::size_t elements = tensor.columns.size();
  LANEWAY_TRY(check_values(tensor.dense_shape, tensor.dtype, tensor.values, Shape{elements}));
  const auto rows = static_cast<std::size_t>(tensor.dense_shape[0]);
  const std::vector<std::int64_t>& starts = tensor.row_starts;
  if (starts.size() != rows + 1) return wrong_count("row starts", rows + 1, starts.size());
  if (starts.front() != 0 || starts.back() != static_cast<std::int64_t>(elements) || !std::ranges::is_sorted(starts)) {
    return wrong("row starts: expected them to rise from 0 to the number of elements, " + std::to_string(elements));
  }
  for (const std::int64_t column : tensor.columns) LANEWAY_TRY(check_index(column, tensor.dense_shape[1], "columns"));
  return {};
}

Expected<> check(const BlockSparseTensor& tensor) {
  LANEWAY_TRY(check_matrix(tensor.dense_shape));
  if (tensor.values_shape.rank() != 3) {
    return wrong("values: expected [rows, columns, blocks], got " + to_string(tensor.values_shape));
  }
  LANEWAY_TRY(check_values(tensor.dense_shape, tensor.dtype, tensor.values, tensor.values_shape));
  const auto blocks = static_cast<std::size_t>(tensor.values_shape[2]);
  if (tensor.indices.size() != 2 * blocks) return wrong_count("indices", 2 * blocks, tensor.indices.size());
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t extent = tensor.dense_shape[axis], block = tensor.values_shape[axis];
    if (block == 0 || extent % block != 0) {
      return wrong("dense shape " + to_string(tensor.dense_shape) + ": expected multiples of a block, " +
                   to_string(tensor.values_shape));
    }
    for (std::size_t i = 0; i < blocks; ++i) {
      LANEWAY_TRY(check_index(tensor.indices[axis * blocks + i], extent / block, "blocks along axis " + std::to_string(axis)));
    }
  }
  return {};
}

// ---- indices --------------------------------------------------------------------------------------------------------------

// The C API knows [elements, 2] for matrices; the elements of other ranks it counts from 0.
std::vector<std::int64_t> linear_indices(const CooTensor& tensor) {
  const std::size_t rank = tensor.dense_shape.rank();
  std::vector<std::int64_t> linear;
  for (std::size_t i = 0; i < tensor.indices.size(); i += rank) {
    std::int64_t position = 0;
    for (std::size_t axis = 0; axis < rank; ++axis) position = position * tensor.dense_shape[axis] + tensor.indices[i + axis];
    linear.push_back(position);
  }
  return linear;
}

// The inverse. ONNX Runtime's own values may have either form, whatever their rank.
std::vector<std::int64_t> coordinates(std::span<const std::int64_t> indices, std::size_t elements, const Shape& dense_shape) {
  const std::size_t rank = dense_shape.rank();
  if (indices.size() == elements * rank) return {indices.begin(), indices.end()};
  std::vector<std::int64_t> rows(elements * rank);
  for (std::size_t i = 0; i < elements; ++i) {
    std::int64_t position = indices[i];
    for (std::size_t axis = rank; axis-- > 0;) {
      rows[i * rank + axis] = position % dense_shape[axis];
      position /= dense_shape[axis];
    }
  }
  return rows;
}

template <class Index>
Expected<std::vector<Index>> read_indices(const Value& value, OrtSparseIndicesFormat format) {
  const std::shared_ptr<const Library>& library = value.library();
  LANEWAY_TRY_ASSIGN(const auto info, make<OrtTensorTypeAndShapeInfo>(library, LANEWAY_ORT_FN(GetSparseTensorIndicesTypeShape),
                                                                      value.native(), format));
  LANEWAY_TRY_ASSIGN(const auto held, elements_and_shape(*library, *info));
  LANEWAY_TRY_ASSIGN(const std::size_t bytes, byte_count(held.dtype, held.shape));
  if (held.dtype != dtype_of<Index>::value) return wrong("indices: expected another dtype, got " + std::string(name(held.dtype)));
  const void* data = nullptr;
  std::size_t count = 0;
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(GetSparseTensorIndices), value.native(), format, &count, &data));
  const auto* first = static_cast<const Index*>(data);
  return std::vector<Index>(first, first + bytes / sizeof(Index));
}

struct Elements {
  Shape dense_shape;
  DType dtype;
  Shape shape;
  std::vector<std::byte> bytes;
};

Expected<Elements> read_elements(const Value& value) {
  const std::shared_ptr<const Library>& library = value.library();
  LANEWAY_TRY_ASSIGN(const auto type, tensor_type(library, value.native()));
  LANEWAY_TRY_ASSIGN(const auto info,
                     make<OrtTensorTypeAndShapeInfo>(library, LANEWAY_ORT_FN(GetSparseTensorValuesTypeAndShape), value.native()));
  LANEWAY_TRY_ASSIGN(const auto held, elements_and_shape(*library, *info));
  LANEWAY_TRY_ASSIGN(const std::size_t bytes, byte_count(held.dtype, held.shape));
  const void* values = nullptr;
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(GetSparseTensorValues), value.native(), &values));
  const auto* first = static_cast<const std::byte*>(values);
  return Elements{type.shape, held.dtype, held.shape, std::vector<std::byte>(first, first + bytes)};
}

// ---- making ---------------------------------------------------------------------------------------------------------------

template <class Tensor>
Expected<Handle<OrtValue>> make_empty(const Allocator& allocator, const Tensor& tensor) {
  const std::span dense = tensor.dense_shape.extents();
  return make<OrtValue>(allocator.library(), LANEWAY_ORT_FN(CreateSparseTensorAsOrtValue), allocator.native(), dense.data(),
                        dense.size(), to_native(tensor.dtype));
}

template <class Tensor>
Expected<Handle<OrtValue>> make_over(const std::shared_ptr<const Library>& library, const Tensor& tensor, const Shape& shape) {
  LANEWAY_TRY_ASSIGN(const MemoryInfo host, MemoryInfo::host(library));
  const std::span dense = tensor.dense_shape.extents(), extents = shape.extents();
  void* const values = const_cast<std::byte*>(tensor.values.data());  // ONNX Runtime only reads it
  return make<OrtValue>(library, LANEWAY_ORT_FN(CreateSparseTensorWithValuesAsOrtValue), host.native(), values, dense.data(),
                        dense.size(), extents.data(), extents.size(), to_native(tensor.dtype));
}

template <class Tensor>
Expected<> check_given(const std::shared_ptr<const Tensor>& tensor) {
  if (!tensor) return wrong("null: expected a tensor");
  return check(*tensor);
}

Shape shape_of(const CooTensor& tensor) { return {tensor.indices.size() / tensor.dense_shape.rank()}; }
Shape shape_of(const CsrTensor& tensor) { return {tensor.columns.size()}; }

// Without an element the C API wants no rows either, without a block no shape.
std::size_t starts_of(const CsrTensor& tensor) { return tensor.columns.empty() ? 0 : tensor.row_starts.size(); }
Shape shape_of(const BlockSparseTensor& tensor) { return tensor.indices.empty() ? Shape{0} : tensor.values_shape; }
Shape index_shape_of(const BlockSparseTensor& tensor) {
  return tensor.indices.empty() ? Shape{0} : Shape{2, tensor.indices.size() / 2};
}

}  // namespace

Expected<Value> Value::sparse(const Allocator& allocator, const CooTensor& tensor) {
  LANEWAY_TRY(check(tensor));
  const auto indices = tensor.dense_shape.rank() == 2 ? tensor.indices : linear_indices(tensor);
  const Shape shape = shape_of(tensor);
  LANEWAY_TRY_ASSIGN(const MemoryInfo host, MemoryInfo::host(allocator.library()));
  LANEWAY_TRY_ASSIGN(auto handle, make_empty(allocator, tensor));
  const void* const values = tensor.values.data();
  LANEWAY_TRY(call(*allocator.library(), LANEWAY_ORT_FN(FillSparseTensorCoo), handle.get(), host.native(), shape.extents().data(),
                   shape.rank(), values, indices.data(), indices.size()));
  return Value(std::move(handle), allocator.native_);
}

Expected<Value> Value::sparse(const Allocator& allocator, const CsrTensor& tensor) {
  LANEWAY_TRY(check(tensor));
  const Shape shape = shape_of(tensor);
  LANEWAY_TRY_ASSIGN(const MemoryInfo host, MemoryInfo::host(allocator.library()));
  LANEWAY_TRY_ASSIGN(auto handle, make_empty(allocator, tensor));
  const void* const values = tensor.values.data();
  LANEWAY_TRY(call(*allocator.library(), LANEWAY_ORT_FN(FillSparseTensorCsr), handle.get(), host.native(), shape.extents().data(),
                   shape.rank(), values, tensor.columns.data(), tensor.columns.size(), tensor.row_starts.data(),
                   starts_of(tensor)));
  return Value(std::move(handle), allocator.native_);
}

Expected<Value> Value::sparse(const Allocator& allocator, const BlockSparseTensor& tensor) {
  LANEWAY_TRY(check(tensor));
  const Shape shape = shape_of(tensor), indices = index_shape_of(tensor);
  LANEWAY_TRY_ASSIGN(const MemoryInfo host, MemoryInfo::host(allocator.library()));
  LANEWAY_TRY_ASSIGN(auto handle, make_empty(allocator, tensor));
  const void* const values = tensor.values.data();
  LANEWAY_TRY(call(*allocator.library(), LANEWAY_ORT_FN(FillSparseTensorBlockSparse), handle.get(), host.native(),
                   shape.extents().data(), shape.rank(), values, indices.extents().data(), indices.rank(),
                   tensor.indices.data()));
  return Value(std::move(handle), allocator.native_);
}

Expected<Value> Value::sparse(const std::shared_ptr<const Library>& library, std::shared_ptr<const CooTensor> tensor) {
  LANEWAY_TRY(check_given(tensor));
  struct Kept {
    std::shared_ptr<const CooTensor> tensor;
    std::vector<std::int64_t> linear;
  };
  const auto kept = std::make_shared<Kept>(Kept{tensor, {}});
  if (tensor->dense_shape.rank() != 2) kept->linear = linear_indices(*tensor);
  const auto& indices = tensor->dense_shape.rank() == 2 ? tensor->indices : kept->linear;
  LANEWAY_TRY_ASSIGN(auto handle, make_over(library, *tensor, shape_of(*tensor)));
  LANEWAY_TRY(
      call(*library, LANEWAY_ORT_FN(UseCooIndices), handle.get(), const_cast<std::int64_t*>(indices.data()), indices.size()));
  return Value(std::move(handle), kept);
}

Expected<Value> Value::sparse(const std::shared_ptr<const Library>& library, std::shared_ptr<const CsrTensor> tensor) {
  LANEWAY_TRY(check_given(tensor));
  LANEWAY_TRY_ASSIGN(auto handle, make_over(library, *tensor, shape_of(*tensor)));
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(UseCsrIndices), handle.get(), const_cast<std::int64_t*>(tensor->columns.data()),
                   tensor->columns.size(), const_cast<std::int64_t*>(tensor->row_starts.data()), starts_of(*tensor)));
  return Value(std::move(handle), std::move(tensor));
}

Expected<Value> Value::sparse(const std::shared_ptr<const Library>& library, std::shared_ptr<const BlockSparseTensor> tensor) {
  LANEWAY_TRY(check_given(tensor));
  const Shape indices = index_shape_of(*tensor);
  LANEWAY_TRY_ASSIGN(auto handle, make_over(library, *tensor, shape_of(*tensor)));
  LANEWAY_TRY(call(*library, LANEWAY_ORT_FN(UseBlockSparseIndices), handle.get(), indices.extents().data(), indices.rank(),
                   const_cast<std::int32_t*>(tensor->indices.data())));
  return Value(std::move(handle), std::move(tensor));
}

// ---- reading --------------------------------------------------------------------------------------------------------------

Expected<SparseFormat> Value::sparse_format() const {
  LANEWAY_TRY(expect(PortKind::sparse_tensor));
  OrtSparseFormat format{};
  LANEWAY_TRY(call(*library(), LANEWAY_ORT_FN(GetSparseTensorFormat), native(), &format));
  switch (format) {
    case ORT_SPARSE_COO: return SparseFormat::coo;
    case ORT_SPARSE_CSRC: return SparseFormat::csr;
    case ORT_SPARSE_BLOCK_SPARSE: return SparseFormat::block_sparse;
    default: break;
  }
  return wrong("expected a format this build knows, got ONNX Runtime's number " + std::to_string(format));
}

Expected<> Value::expect(SparseFormat expected) const {
  LANEWAY_TRY_ASSIGN(const SparseFormat format, sparse_format());
  if (format == expected) return {};
  return wrong("expected " + std::string(ort::name(expected)) + ", got " + std::string(ort::name(format)));
}

Expected<CooTensor> Value::coo() const {
  LANEWAY_TRY(expect(SparseFormat::coo));
  LANEWAY_TRY_ASSIGN(Elements elements, read_elements(*this));
  LANEWAY_TRY_ASSIGN(const std::size_t count, element_count(elements.shape));
  LANEWAY_TRY_ASSIGN(const auto indices, read_indices<std::int64_t>(*this, ORT_SPARSE_COO_INDICES));
  return CooTensor{.dense_shape = elements.dense_shape,
                   .dtype = elements.dtype,
                   .values = std::move(elements.bytes),
                   .indices = coordinates(indices, count, elements.dense_shape)};
}

Expected<CsrTensor> Value::csr() const {
  LANEWAY_TRY(expect(SparseFormat::csr));
  LANEWAY_TRY_ASSIGN(Elements elements, read_elements(*this));
  LANEWAY_TRY_ASSIGN(auto columns, read_indices<std::int64_t>(*this, ORT_SPARSE_CSR_INNER_INDICES));
  LANEWAY_TRY_ASSIGN(auto row_starts, read_indices<std::int64_t>(*this, ORT_SPARSE_CSR_OUTER_INDICES));
  if (columns.empty()) row_starts.assign(static_cast<std::size_t>(elements.dense_shape[0]) + 1, 0);
  return CsrTensor{.dense_shape = elements.dense_shape,
                   .dtype = elements.dtype,
                   .values = std::move(elements.bytes),
                   .columns = std::move(columns),
                   .row_starts = std::move(row_starts)};
}

Expected<BlockSparseTensor> Value::block_sparse() const {
  LANEWAY_TRY(expect(SparseFormat::block_sparse));
  LANEWAY_TRY_ASSIGN(Elements elements, read_elements(*this));
  LANEWAY_TRY_ASSIGN(auto indices, read_indices<std::int32_t>(*this, ORT_SPARSE_BLOCK_SPARSE_INDICES));
  return BlockSparseTensor{.dense_shape = elements.dense_shape,
                           .dtype = elements.dtype,
                           .values_shape = elements.shape,
                           .values = std::move(elements.bytes),
                           .indices = std::move(indices)};
}

}  // namespace laneway::ort
